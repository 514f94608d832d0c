"""Corrected copies of image headers, whose attributes objects copy.

Real headers lack a slice thickness, have ``***`` as a date of birth or an age without unit.  Archives
refuse objects with such values, or they cannot be made at all.  Identifiers of patient, study and
image are never changed, valid or not, because objects are filed by them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from pydicom import Dataset

from discmri.core.errors import ResultsError
from discmri.core.text import printable
from discmri.study.deidentify import PATIENT_AND_STUDY

IDENTIFYING = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID",
               "FrameOfReferenceUID")  # fmt: skip
"""Attributes that references need."""
_EMPTY_AT_LEAST = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate",
                   "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName")  # fmt: skip
_DATE = r"[12]\d{3}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"
_TIME = r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?"
_DECIMAL = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
_PATTERNS = {
    **dict.fromkeys(("PatientBirthDate", "StudyDate", "SeriesDate", "AcquisitionDate"), _DATE),
    **dict.fromkeys(("StudyTime", "SeriesTime", "AcquisitionTime"), _TIME),
    **dict.fromkeys(("PatientSize", "PatientWeight"), _DECIMAL),
    "PatientSex": r"[MFO]",
    "PatientAge": r"\d{3}[DWMY]",
    "BodyPartExamined": r"[A-Z0-9_ ]{1,16}",
    "RescaleType": r"OD|HU|US|MGML|Z_EFF|ED|EDW|HU_MOD|PCT",
}
_TEXTS = ("StudyDescription", "PatientComments", "EthnicGroup", "PositionReferenceIndicator")
_LONGEST_TEXT = 64
_LONGEST = {"EthnicGroup": 16}
_CHARACTER_SET = r"ISO_IR (13|100|101|109|110|126|127|138|144|148|166|192|203)"
_ENCODED_VRS = ("PN", "LO", "SH", "LT", "ST", "UT")
_WINDOW = ("WindowCenter", "WindowWidth", "WindowCenterWidthExplanation", "VOILUTFunction")


def conforming(headers: Sequence[Dataset]) -> tuple[Dataset, ...]:
    """Correct the headers of a series in place: remove or complete values that break the standard.

    Raises ``ResultsError`` if a UID is missing that references need.
    """
    for header in headers:
        missing = next((word for word in IDENTIFYING if not header.get(word)), None)
        if missing:
            raise ResultsError(
                f"DICOM objects cannot be made from these images: they have no {missing}; "
                "leave out --format dicom"
            )
        _mend(header)
    if not all(header.get("SliceThickness") for header in headers):
        distance_mm = _distance_mm(headers)
        for header in headers:
            header.SliceThickness = distance_mm
    return tuple(headers)


def _distance_mm(headers: Sequence[Dataset]) -> float | None:
    """Distance of neighbouring slices, used where the slice thickness is missing."""
    if any("ImagePositionPatient" not in header for header in headers):
        return None
    along_row, along_column = np.reshape(headers[0].ImageOrientationPatient, (2, 3)).astype(float)
    normal = np.cross(along_row, along_column)
    places = [np.array(one.ImagePositionPatient, float) @ normal for one in headers]
    steps = np.diff(np.unique(np.round(places, 3)))
    return round(float(np.median(steps)), 3) if len(steps) else None


def _mend(header: Dataset) -> None:
    _mend_characters(header)
    for keyword, pattern in _PATTERNS.items():
        if keyword in header and not re.fullmatch(pattern, _text(header, keyword)):
            del header[keyword]
    for keyword in _TEXTS:
        if keyword in header:
            text = printable(_text(header, keyword))[: _LONGEST.get(keyword, _LONGEST_TEXT)]
            setattr(header, keyword, text)
    for keyword in _EMPTY_AT_LEAST:
        if keyword not in header:
            setattr(header, keyword, "")
    _mend_window(header)
    if "BodyPartExamined" not in header:
        header.BodyPartExamined = "LSPINE"
    if "RescaleSlope" in header and "RescaleType" not in header:
        header.RescaleType = "US"


def _mend_characters(header: Dataset) -> None:
    """Keep a character set that highdicom supports; otherwise store names as UTF-8."""
    if "SpecificCharacterSet" not in header:
        return
    if re.fullmatch(_CHARACTER_SET, str(header.SpecificCharacterSet)):
        return
    for keyword in PATIENT_AND_STUDY:
        if keyword in header and header[keyword].VR in _ENCODED_VRS and header[keyword].VM == 1:
            setattr(header, keyword, str(header[keyword].value))
    header.SpecificCharacterSet = "ISO_IR 192"


def _mend_window(header: Dataset) -> None:
    """Remove a window that is not a pair of numbers, or whose width is not positive."""
    try:
        pairs = [_numbers(header, word) for word in _WINDOW[:2]]
        good = bool(pairs[0]) and len(pairs[0]) == len(pairs[1]) and min(pairs[1]) > 0
    except (TypeError, ValueError):
        good = False
    if not good:
        for keyword in _WINDOW:
            header.pop(keyword, None)


def _numbers(header: Dataset, keyword: str) -> list[float]:
    value = header.get(keyword)
    if value is None or value == "":
        return []
    return [float(value)] if isinstance(value, (int, float, str)) else [float(v) for v in value]


def _text(header: Dataset, keyword: str) -> str:
    """A value as text; empty if it cannot be converted."""
    try:
        return str(header[keyword].value or "")
    except (TypeError, ValueError):
        return ""
