"""Findings: a closed vocabulary of codes, each with an explanation.

A measurement that failed is a finding, never a NaN.  A finding names the values that it affects.
A code of severity ``WARNING`` or ``ERROR`` that affects a main value of a disc goes into ``flags``
of the disc's row, one of the whole study into ``study_flags``.  ``INFO`` is for the record only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from discmri.core.errors import DiscmriError
from discmri.core.levels import DiscLevel


class Severity(Enum):
    """How much a finding affects the values."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Code(Enum):
    """Every finding code; :data:`MEANINGS` explains each one."""

    # reading
    NOTHING_TO_MEASURE = "nothing_to_measure"
    FILE_UNREADABLE = "file_unreadable"
    DEIDENTIFIED = "deidentified"
    DUPLICATE_INSTANCE = "duplicate_instance"
    UID_NOT_UNIQUE = "uid_not_unique"
    SERIES_JOINED = "series_joined"
    SLICE_ODD = "slice_odd"
    SERIES_SPLIT = "series_split"
    SLICE_MISSING = "slice_missing"
    SLICE_REPEATED = "slice_repeated"
    SPACING_IRREGULAR = "spacing_irregular"
    SINGLE_SLICE = "single_slice"
    HEADER_CONTRADICTS_GEOMETRY = "header_contradicts_geometry"
    RESCALE_UNUSABLE = "rescale_unusable"
    SERIES_CHOSEN = "series_chosen"
    SERIES_LEFT_OUT = "series_left_out"
    OTHER_STATION = "other_station"
    NOT_T2 = "not_t2"
    FAT_SUPPRESSED = "fat_suppressed"
    B_VALUE_FROM_TEXT = "b_value_from_text"
    B_VALUE_NEAR_ZERO = "b_value_near_zero"
    # segmenting and naming
    LABELS_UNKNOWN = "labels_unknown"
    NUMBERING_UNCERTAIN = "numbering_uncertain"
    SACRUM_MISSING = "sacrum_missing"
    SIX_LUMBAR_BODIES = "six_lumbar_bodies"
    TRANSITIONAL_SUSPECTED = "transitional_suspected"
    DISC_SKIPPED = "disc_skipped"
    RESIDUAL_S1_S2 = "residual_s1_s2"
    LOW_CONFIDENCE = "low_confidence"
    CUT_BY_FIELD_OF_VIEW = "cut_by_field_of_view"
    OFF_MIDLINE = "off_midline"
    SIZE_UNLIKE_SPINE = "size_unlike_spine"
    # heights and shape
    FEW_SLICES = "few_slices"
    HEIGHT_IMPLAUSIBLE = "height_implausible"
    WIDTH_IMPLAUSIBLE = "width_implausible"
    OUTLINE_FAILED = "outline_failed"
    BODY_MISSING = "body_missing"
    CORNERS_OFF_BORDER = "corners_off_border"
    BORDER_STEP = "border_step"
    T1_T2_HEIGHTS_DIFFER = "t1_t2_heights_differ"
    # signal and grade
    CSF_NOT_FOUND = "csf_not_found"
    CANAL_UNLIKE_NEIGHBOURS = "canal_unlike_neighbours"
    FAT_NOT_FOUND = "fat_not_found"
    SIGNAL_NOT_MEASURED = "signal_not_measured"
    GRADE_NOT_SUGGESTED = "grade_not_suggested"
    # diffusion
    NO_DIFFUSION = "no_diffusion"
    ADC_OTHER_FRAME = "adc_other_frame"
    ADC_MISALIGNED = "adc_misaligned"
    ADC_FEW_VOXELS = "adc_few_voxels"
    ADC_ABOVE_FREE_WATER = "adc_above_free_water"
    ADC_IMPLAUSIBLE = "adc_implausible"
    ADC_FROM_MAP = "adc_from_map"
    ADC_UNIT_UNKNOWN = "adc_unit_unknown"
    ADC_NOT_FITTED = "adc_not_fitted"
    ADC_LOW_SNR = "adc_low_snr"
    # writing
    DICOM_OBJECT_LEFT_OUT = "dicom_object_left_out"


MEANINGS: dict[Code, str] = {
    Code.NOTHING_TO_MEASURE: "The input holds nothing that can be measured.",
    Code.FILE_UNREADABLE: "A file that looks like an image could not be read and was left out.",
    Code.DEIDENTIFIED: "Names were replaced, and all dates of the patient shifted by the same time.",
    Code.DUPLICATE_INSTANCE: "The same image was found more than once; one copy was used.",
    Code.UID_NOT_UNIQUE: "Images with different pixel values have the same UID.",
    Code.SERIES_JOINED: "Slices of one acquisition had different Series UIDs and were joined.",
    Code.SLICE_ODD: "A slice differs from its stack in its header but fills a gap of it exactly.",
    Code.SERIES_SPLIT: "One series held several stacks; they were separated.",
    Code.SLICE_MISSING: "A slice position is missing from the stack.",
    Code.SLICE_REPEATED: "A slice position occurs more than once in the stack.",
    Code.SPACING_IRREGULAR: "The distances between slices differ.",
    Code.SINGLE_SLICE: "The series is a single slice; its thickness is used as the "
    "spacing of slices.",
    Code.HEADER_CONTRADICTS_GEOMETRY: "A header value contradicts the slice positions; "
    "the positions were used.",
    Code.RESCALE_UNUSABLE: "The rescale slope or intercept in the header cannot be used.",
    Code.SERIES_CHOSEN: "Several series qualified for one role; the best one was used.",
    Code.SERIES_LEFT_OUT: "A series could not be used.",
    Code.OTHER_STATION: "Another series of the same contrast shows another part of the spine.",
    Code.NOT_T2: "No sagittal T2 series: the discs were measured on another contrast, "
    "so signal and grade cannot be measured.",
    Code.FAT_SUPPRESSED: "The measured series is fat-suppressed, so there is no comparison with fat.",
    Code.B_VALUE_FROM_TEXT: "A b-value was read from free text because no tag held it.",
    Code.B_VALUE_NEAR_ZERO: "A b-value of less than 5 s/mm2 counts as zero.",
    Code.LABELS_UNKNOWN: "The label map holds numbers that its scheme does not define.",
    Code.NUMBERING_UNCERTAIN: "The level names are assumed; the image does not confirm them.",
    Code.SACRUM_MISSING: "The image shows no sacrum from which to count the levels.",
    Code.SIX_LUMBAR_BODIES: "Six lumbar-type bodies may be present.",
    Code.TRANSITIONAL_SUSPECTED: "The lumbosacral junction looks transitional.",
    Code.DISC_SKIPPED: "The distance between two discs suggests that one between was not found.",
    Code.RESIDUAL_S1_S2: "A residual S1-S2 disc lies inside the sacrum, which is normal anatomy "
    "(O'Driscoll type 2); it is shown and not measured.",
    Code.LOW_CONFIDENCE: "The segmenter's confidence in this disc's border is low.",
    Code.CUT_BY_FIELD_OF_VIEW: "The disc reaches the edge of the image.",
    Code.OFF_MIDLINE: "The slice does not show the middle of this disc: the spine curves out of "
    "the slice.",
    Code.SIZE_UNLIKE_SPINE: "The disc's size does not fit the other discs of this spine.",
    Code.FEW_SLICES: "Fewer than three slices cross the disc.",
    Code.HEIGHT_IMPLAUSIBLE: "A height lies outside 2 to 22 mm.",
    Code.WIDTH_IMPLAUSIBLE: "The anteroposterior width lies outside 22 to 48 mm.",
    Code.OUTLINE_FAILED: "The disc's border could not be traced.",
    Code.BODY_MISSING: "A vertebral body needed for this value was not found.",
    Code.CORNERS_OFF_BORDER: "A corner of the disc does not lie on its traced border.",
    Code.BORDER_STEP: "The traced border has a step that does not occur on an endplate.",
    Code.T1_T2_HEIGHTS_DIFFER: "The T1 and the T2 image give different heights.",
    Code.CANAL_UNLIKE_NEIGHBOURS: "The spinal canal behind this disc differs from that behind its "
    "neighbours, so its CSF is not used.",
    Code.CSF_NOT_FOUND: "No cerebrospinal fluid was found at this level.",
    Code.FAT_NOT_FOUND: "No fat was found, so fat does not separate grades 2 and 3.",
    Code.SIGNAL_NOT_MEASURED: "The disc's signal could not be measured.",
    Code.GRADE_NOT_SUGGESTED: "No grade is suggested because signal or height is missing.",
    Code.NO_DIFFUSION: "The study holds no diffusion series or ADC map that can be used.",
    Code.ADC_OTHER_FRAME: "The diffusion series lies in another frame of reference.",
    Code.ADC_MISALIGNED: "The diffusion series could not be aligned with the discs.",
    Code.ADC_FEW_VOXELS: "Too few diffusion voxels lie safely inside the disc.",
    Code.ADC_ABOVE_FREE_WATER: "Voxels with an ADC above that of free water were left out.",
    Code.ADC_IMPLAUSIBLE: "The ADC is not plausible for a disc.",
    Code.ADC_FROM_MAP: "The ADC comes from the scanner's map: the diffusion images "
    "could not be fitted.",
    Code.ADC_UNIT_UNKNOWN: "The unit of the scanner's ADC map is unknown.",
    Code.ADC_NOT_FITTED: "The diffusion images could not be fitted.",
    Code.ADC_LOW_SNR: "The diffusion signal is close to the noise.",
    Code.DICOM_OBJECT_LEFT_OUT: "A DICOM object could not be made from these images.",
}


_HEIGHT = ("height_", "dhi_")
_DIFFUSION = ("adc_",)
_SIGNAL = ("signal_", "suggested_")
REACH: Mapping[Code, tuple[str, ...]] = {
    Code.B_VALUE_FROM_TEXT: _DIFFUSION,
    Code.NO_DIFFUSION: _DIFFUSION,
    Code.ADC_OTHER_FRAME: _DIFFUSION,
    Code.ADC_MISALIGNED: _DIFFUSION,
    Code.ADC_FEW_VOXELS: _DIFFUSION,
    Code.ADC_ABOVE_FREE_WATER: _DIFFUSION,
    Code.ADC_IMPLAUSIBLE: _DIFFUSION,
    Code.ADC_FROM_MAP: _DIFFUSION,
    Code.ADC_UNIT_UNKNOWN: _DIFFUSION,
    Code.ADC_NOT_FITTED: _DIFFUSION,
    Code.ADC_LOW_SNR: _DIFFUSION,
    Code.CSF_NOT_FOUND: _SIGNAL,
    Code.CANAL_UNLIKE_NEIGHBOURS: _SIGNAL,
    Code.FAT_NOT_FOUND: _SIGNAL,
    Code.FAT_SUPPRESSED: _SIGNAL,
    Code.SIGNAL_NOT_MEASURED: _SIGNAL,
    Code.GRADE_NOT_SUGGESTED: ("suggested_",),
    Code.BODY_MISSING: ("dhi_vb", "listhesis_"),
    Code.HEIGHT_IMPLAUSIBLE: (*_HEIGHT, "suggested_"),
    Code.T1_T2_HEIGHTS_DIFFER: (*_HEIGHT, "suggested_"),
    Code.WIDTH_IMPLAUSIBLE: ("width_", *_HEIGHT, "area_"),
}
"""Values that a code affects unless its finding lists others: beginnings of parameter names.
A code that is not listed affects every value."""
MAIN_VALUES = ("height_mm", "signal_ratio_csf", "adc_disc_um2_ms", "suggested_grade")
"""A disc's row has the flags that affect one of these."""


@dataclass(frozen=True)
class Finding:
    """One event or doubt that a user should know.

    Parameters
    ----------
    code
        Its kind.
    severity
        ``INFO`` stays in ``study.json``; the others also become flags of the affected values.
        The values of a disc with an ``ERROR`` must not be used.
    text
        One sentence with the figures of this case.
    level
        The disc concerned; ``None`` for the whole study.
    series_uid
        The series concerned, if any.
    values
        Beginnings of the names of the affected parameters; ``None`` for those of :data:`REACH`.
    """

    code: Code
    severity: Severity
    text: str
    level: DiscLevel | None = None
    series_uid: str | None = None
    values: tuple[str, ...] | None = None

    def touches(self, *parameters: str) -> bool:
        """Whether the finding affects one of these parameters.

        >>> warning(Code.FEW_SLICES, "").touches("height_mm")
        True
        >>> warning(Code.FEW_SLICES, "", values=("volume_mm3",)).touches("height_mm")
        False
        """
        reach = REACH.get(self.code) if self.values is None else self.values
        return reach is None or any(one.startswith(reach) for one in parameters)

    @property
    def is_flag(self) -> bool:
        """Whether the finding becomes a flag."""
        return self.severity is not Severity.INFO


def info(
    code: Code, text: str, level: DiscLevel | None = None, series_uid: str | None = None
) -> Finding:
    """A finding for the record."""
    return Finding(code, Severity.INFO, text, level, series_uid)


def warning(
    code: Code,
    text: str,
    level: DiscLevel | None = None,
    series_uid: str | None = None,
    values: tuple[str, ...] | None = None,
) -> Finding:
    """A finding that affects values and becomes a flag."""
    return Finding(code, Severity.WARNING, text, level, series_uid, values)


def codes_of(findings: Iterable[Finding]) -> tuple[str, ...]:
    """The codes of findings, each once, sorted."""
    return tuple(sorted({finding.code.value for finding in findings}))


class MeasurementError(DiscmriError):
    """One value could not be measured; the pipeline turns this into a finding.

    Parameters
    ----------
    code
        Why the value is empty.
    text
        One sentence with the figures of this case.
    values
        As in :class:`Finding`.
    """

    def __init__(self, code: Code, text: str, values: tuple[str, ...] | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.values = values

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.code, self.text, self.values)
