"""Facts about the series of a study, as plain data for records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from discmri.core.findings import Finding


class Plane(Enum):
    """Orientation of the slices in the patient."""

    SAGITTAL = "sagittal"
    AXIAL = "axial"
    CORONAL = "coronal"
    OBLIQUE = "oblique"
    UNKNOWN = "unknown"


class Role(Enum):
    """How discmri uses a series."""

    SAG_T2 = "sagittal T2"
    SAG_FS = "sagittal fat-suppressed"
    SAG_T1 = "sagittal T1"
    SAG_OTHER = "sagittal other"
    DWI = "DWI"
    ADC_MAP = "ADC map"
    LOCALIZER = "localizer"
    AXIAL = "axial"
    CORONAL = "coronal"
    DERIVED = "derived"
    SCREENSHOT = "screenshot"
    OTHER = "other"


@dataclass(frozen=True)
class SeriesFacts:
    """One series as ``discmri inspect --json`` and ``study.json`` describe it.

    Parameters
    ----------
    uid, part
        Series Instance UID (the file name for NIfTI), and the part of a mixed series.
    number, description
        As in the header.
    role, reasons
        Role, and the reasons for it as sentences.
    usable, problem
        Whether it can be used, and why not.
    plane
        From the orientation of the slices.
    te_ms, tr_ms, ti_ms, echo_train, techniques
        Timing and technique, if in the header.
    fat_suppressed, t2_weighted
        Contrast that follows from timing and technique.
    slices
        Number of slices found, used or not.
    shape, spacing_mm
        Voxels and voxel size along i, j, k; ``None`` if unusable.
    b_values_s_per_mm2, b_value_sources
        Distinct b-values, ascending, and the tags they came from.
    manufacturer, model, field_t, station, software, coil
        The scanner, a hash of its serial number, its software, and the receive coil.
    thickness_mm
        Slice thickness in the header.
    slice_normal
        RAS+ unit vector perpendicular to the slices.
    frame_of_reference_uid
        Series with the same value share one patient space.
    acquired
        ``YYYYMMDDHHMMSS.ffffff``, shorter or empty if not fully known.
    findings
        Findings about its geometry and headers.
    """

    uid: str
    part: str = ""
    number: int | None = None
    description: str = ""
    role: Role = Role.OTHER
    reasons: tuple[str, ...] = ()
    usable: bool = True
    problem: str = ""
    plane: Plane = Plane.UNKNOWN
    te_ms: float | None = None
    tr_ms: float | None = None
    ti_ms: float | None = None
    echo_train: int | None = None
    techniques: tuple[str, ...] = ()
    fat_suppressed: bool = False
    t2_weighted: bool = False
    slices: int = 0
    shape: tuple[int, int, int] | None = None
    spacing_mm: tuple[float, float, float] | None = None
    b_values_s_per_mm2: tuple[float, ...] = ()
    b_value_sources: tuple[str, ...] = ()
    manufacturer: str = ""
    model: str = ""
    field_t: float | None = None
    station: str = ""
    software: str = ""
    coil: str = ""
    thickness_mm: float | None = None
    slice_normal: tuple[float, float, float] | None = None
    frame_of_reference_uid: str = ""
    acquired: str = ""
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class SeriesInput:
    """Images that values were measured on.

    Parameters
    ----------
    role, series_uid
        Role and Series Instance UID.
    sop_instance_uids
        SOP Instance UIDs of the images, in slice order.
    pixels_sha256
        Hash of the float32 pixel values that were used.
    """

    role: Role
    series_uid: str
    sop_instance_uids: tuple[str, ...] = ()
    pixels_sha256: str = ""


@dataclass(frozen=True)
class Chosen:
    """UIDs of the series that are measured.

    Parameters
    ----------
    target
        The sagittal series that is segmented; ``None`` if there is none.
    diffusion
        Series whose images are fitted.
    adc_map
        The scanner's ADC map.
    """

    target: str | None = None
    diffusion: tuple[str, ...] = ()
    adc_map: str | None = None


@dataclass(frozen=True)
class StudyFacts:
    """A study as ``discmri inspect --json`` describes it.

    Parameters
    ----------
    path
        The input.
    subject_id, study_uid, study_date
        As in the input.
    series
        Every series, in order of their numbers.
    other_files
        Number of files without MR image, by modality.
    measured
        Series that would be measured.
    findings
        Findings about files and used series.
    copied_attributes
        Attributes of patient and examination that DICOM objects would copy from the headers.
    """

    path: str
    subject_id: str
    study_uid: str
    study_date: str
    series: tuple[SeriesFacts, ...] = ()
    other_files: Mapping[str, int] = field(default_factory=dict)
    measured: Chosen = Chosen()
    findings: tuple[Finding, ...] = ()
    copied_attributes: tuple[str, ...] = ()
