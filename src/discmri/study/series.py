"""Series of a study with their roles and the reasons for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from discmri.core.diffusion import BValue
from discmri.core.facts import Plane, Role, SeriesFacts
from discmri.core.findings import Finding
from discmri.core.volume import Grid
from discmri.study.frame import ContrastParameters, Scaling
from discmri.study.source import InputFile

_TIMING = ("te_ms", "tr_ms", "ti_ms", "echo_train")
_PLANE_WITHIN_DEG = 40.0  # of the normal of an anatomical plane; otherwise oblique
SAGITTAL_ROLES = (Role.SAG_T2, Role.SAG_FS, Role.SAG_T1, Role.SAG_OTHER)


class Image(Protocol):
    """One volume that can be read: a DICOM stack or a volume of a NIfTI file."""

    @property
    def grid(self) -> Grid:
        """Voxel grid, RAS+ millimetres."""

    @property
    def b_value(self) -> BValue | None:
        """Diffusion weighting; ``None`` if unknown."""

    @property
    def scalings(self) -> tuple[Scaling, ...]:
        """Value scaling of each slice along the last axis."""

    @property
    def averages(self) -> float | None:
        """Number of averaged acquisitions; ``None`` if unknown."""

    @property
    def instance_uids(self) -> tuple[str, ...]:
        """SOP Instance UIDs, or the file name for NIfTI."""

    @property
    def dicom_files(self) -> tuple[InputFile, ...]:
        """Its DICOM files; none for NIfTI."""

    def read(self, threads: int = 2) -> NDArray[np.float32]:
        """(i, j, k) rescaled values on the grid; :class:`DicomError` if they cannot be decoded."""


@dataclass(frozen=True, eq=False)
class Series:
    """Images of one kind within one series.

    A DICOM series that mixes kinds (directions and ADC, several echoes) becomes several of
    these with the same ``uid`` and different ``part``.

    Parameters
    ----------
    uid
        Series Instance UID; the file name for NIfTI.
    part
        Difference from other parts of the same series; usually empty.
    number, description, protocol, body_part
        As in the header; hints only.
    role, reasons
        Role, and the reasons for it as sentences.
    plane
        From the orientation of the slices.
    contrast
        Timing and technique.
    t2_weighted
        Whether the images are T2-weighted, so that disc signal can be measured.
    stated_b_values
        b-values of all diffusion-weighted images, used or not.
    images
        One volume, or one per b-value and direction of a diffusion series; empty if unusable.
    slices
        Number of slices found, used or not.
    manufacturer, model, field_t, station, software, coil
        The scanner, a hash of its serial number, its software, and the receive coil.
    thickness_mm
        Slice thickness in the header.
    frame_of_reference_uid
        Series with the same value share one patient space.
    phase_axis
        RAS+ unit vector of phase encoding (sign unknown), or ``None``.
    acquired
        ``YYYYMMDDHHMMSS.ffffff``, shorter or empty if not fully known.
    original
        Whether the images were acquired, not computed from others.
    problem
        Why it cannot be used; empty if it can.
    findings
        Findings about its geometry and headers.
    """

    uid: str
    part: str
    number: int | None
    description: str
    protocol: str
    body_part: str
    role: Role
    reasons: tuple[str, ...]
    plane: Plane
    contrast: ContrastParameters
    t2_weighted: bool = False
    stated_b_values: tuple[BValue, ...] = ()
    images: tuple[Image, ...] = field(default=(), repr=False)
    slices: int = 0
    manufacturer: str = ""
    model: str = ""
    field_t: float | None = None
    station: str = ""
    software: str = ""
    coil: str = ""
    thickness_mm: float | None = None
    frame_of_reference_uid: str = ""
    phase_axis: tuple[float, float, float] | None = None
    acquired: str = ""
    original: bool = True
    problem: str = ""
    findings: tuple[Finding, ...] = ()

    @property
    def grid(self) -> Grid | None:
        """Grid of the first volume; ``None`` if there is none."""
        return self.images[0].grid if self.images else None

    @property
    def shape(self) -> tuple[int, int, int] | None:
        """Voxels along i, j, k."""
        return None if self.grid is None else self.grid.shape

    @property
    def spacing_mm(self) -> tuple[float, float, float] | None:
        """Voxel size along i, j, k."""
        if self.grid is None:
            return None
        i, j, k = (float(step) for step in self.grid.spacing_mm)
        return (i, j, k)

    @property
    def fat_suppressed(self) -> bool:
        """Whether fat is suppressed, so that it cannot be a reference for signal."""
        return bool(self.contrast.fat_suppressed)

    @property
    def b_values_s_per_mm2(self) -> tuple[float, ...]:
        """Distinct b-values, ascending; empty for series without diffusion weighting."""
        stated = {b.value_s_per_mm2 for b in self.stated_b_values}
        used = {im.b_value.value_s_per_mm2 for im in self.images if im.b_value}
        return tuple(sorted(stated | used))

    @property
    def name(self) -> str:
        """Name for messages: number, description and part."""
        words = [str(self.number) if self.number is not None else "", self.description, self.part]
        return (" ".join(word for word in words if word) or self.uid)[:120]

    def describe(self) -> SeriesFacts:
        """Facts for ``discmri inspect`` and ``study.json``."""
        differing: dict[str, Any] = {
            "usable": not self.problem,
            "techniques": tuple(sorted(self.contrast.techniques)),
            "spacing_mm": None if self.spacing_mm is None else _rounded(self.spacing_mm),
            "b_value_sources": tuple(
                sorted(
                    {im.b_value.source for im in self.images if im.b_value}
                    | {b.source for b in self.stated_b_values}
                )
            ),
            "slice_normal": None if self.grid is None else _slice_normal(self.grid),
            "findings": tuple(replace(found, series_uid=None) for found in self.findings),
        }
        same = [field.name for field in fields(SeriesFacts) if field.name not in differing]
        origins = {name: self.contrast if name in _TIMING else self for name in same}
        return SeriesFacts(
            **differing, **{name: getattr(origin, name) for name, origin in origins.items()}
        )


def _rounded(vector: Sequence[float]) -> tuple[float, float, float]:
    i, j, k = (round(float(part), 5) + 0.0 for part in vector)
    return (i, j, k)


def _slice_normal(grid: Grid) -> tuple[float, float, float]:
    """RAS+ unit vector perpendicular to the slices, to the patient's right, front or head."""
    normal = grid.directions[:, grid.sagittal_axis]
    normal = normal * np.sign(normal[np.argmax(np.abs(normal))])
    return _rounded(normal)


def plane_of(normal: ArrayLike) -> Plane:
    """The anatomical plane whose normal is within 40 degrees of a RAS+ or LPS vector.

    >>> plane_of([0.95, 0.2, 0.24]), plane_of([0.6, 0.6, 0.5])
    (<Plane.SAGITTAL: 'sagittal'>, <Plane.OBLIQUE: 'oblique'>)
    """
    vector = np.abs(np.asarray(normal, dtype=float))
    axis = int(np.argmax(vector))
    if vector[axis] < np.cos(np.deg2rad(_PLANE_WITHIN_DEG)) * np.linalg.norm(vector):
        return Plane.OBLIQUE
    return (Plane.SAGITTAL, Plane.CORONAL, Plane.AXIAL)[axis]
