"""DICOM headers -> frames, for classic and enhanced images."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar, cast

import numpy as np
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag, Tag

from discmri.core.errors import DicomError
from discmri.core.text import pseudonym
from discmri.study.bvalues import ge, read_b_value
from discmri.study.bvalues.private import floats, private_value
from discmri.study.frame import (
    ContrastParameters,
    Frame,
    Geometry,
    Origin,
    Owner,
    PixelPlace,
    Scaling,
)
from discmri.study.mosaic import slices_of
from discmri.study.roles import COMPUTED_B_WORDS
from discmri.study.source import clean_text

_UNSET_FROM = 1e30  # such numbers stand for none
_FAT_WORDS = ("FS", "FAT_SAT", "FATSAT", "SPIR", "SPAIR", "CHESS", "WATER_EXC")
# Root elements that a frame of an enhanced image needs beside its functional groups.
_ROOT_KEYWORDS = (
    "Manufacturer", "SoftwareVersions", "SeriesDescription", "ProtocolName", "PulseSequenceName",
    "EchoPulseSequence", "EchoPlanarPulseSequence", "MRAcquisitionType", "ImageType",
    "SpectrallySelectedSuppression", "AcquisitionDateTime", "ContentDate", "ContentTime",
    "PixelPaddingValue", "SeriesDate", "SeriesTime", "RepetitionTime", "SliceThickness",
    "ScanningSequence", "EchoTime", "AcquisitionNumber", "InstanceNumber", "SeriesInstanceUID",
)  # fmt: skip
_DIFFUSION_HINT = re.compile(r"dwi|dti|diff|adc|trace|b\d", re.IGNORECASE)

Fact = TypeVar("Fact")


class HeaderReader:
    """Reader of the headers of many files.

    Converted facts are cached by their raw bytes: most headers of a series are almost equal, and
    this is several times faster than converting the same elements for every slice.
    """

    def __init__(self) -> None:
        self._known: dict[Hashable, Any] = {}

    def frames_of(self, ds: Dataset, place: PixelPlace) -> list[Frame]:
        """Every frame that a header describes.

        Parameters
        ----------
        ds
            Header without pixel values.
        place
            Place of the pixel values.
        """
        owner = self.known(ds, _OWNER_TAGS, _owner)
        origin = self.known(ds, _ORIGIN_TAGS, _origin)
        uid = raw_text(ds, 0x00080018) or place.file.name
        frames = []
        for index, view in enumerate(_views(ds)):
            frame = self._frame(view, place, (owner, origin, uid, index))
            frames += [frame] if frame.tiles == 1 else _tiles_placed(view, frame)
        return frames

    def known(self, ds: Dataset, tags: Sequence[int], make: Callable[[Dataset], Fact]) -> Fact:
        """``make(ds)``, cached by the raw bytes of ``tags``."""
        key = _raw_key(ds, tags)
        if key is None:
            return make(ds)
        found = self._known.get((make, key))
        if found is None:
            found = self._known[(make, key)] = make(ds)
        return cast(Fact, found)

    def _frame(
        self, view: Dataset, place: PixelPlace, facts: tuple[Owner, Origin, str, int]
    ) -> Frame:
        owner, origin, uid, index = facts
        contrast = self.known(view, _CONTRAST_TAGS, _contrast)
        words = self.known(view, _TYPE_TAGS, _image_type)
        suspected = (
            bool(contrast.techniques & {"EP"})
            or "DIFFUSION" in words
            or not _B_VALUE_TAGS.isdisjoint(view.keys())
            or _DIFFUSION_HINT.search(f"{origin.description} {origin.protocol} {'|'.join(words)}")
        )
        b_value = read_b_value(view) if suspected else None
        if suspected and (computed := ge.map_name(view)):
            words = (*words, computed)
        if b_value is not None and b_value.value_s_per_mm2 > 0 and _is_computed(view, origin):
            words = (*words, "CALC_BVALUE")
        return Frame(
            pixels=place,
            index=index,
            sop_instance_uid=uid,
            owner=owner,
            origin=origin,
            contrast=contrast,
            scaling=_scaling(view, origin),
            geometry=_geometry(view),
            image_type=words,
            b_value=b_value,
            phase_along_row=self.known(view, _PHASE_TAGS, _phase_along_row),
            acquired=_acquired(view),
            averages=_averages(view),
            order=(
                int((raw_numbers(view, 0x00200012) or [0])[0]),
                int((raw_numbers(view, 0x00200013) or [index])[0]),
            ),
            tiles=self.known(view, _TILE_TAGS, _tiles),
        )


def tags(*keywords: str) -> tuple[BaseTag, ...]:
    """Tags of the elements with these keywords.

    Raises
    ------
    ValueError
        If the standard has no element of that keyword.
    """
    return tuple(Tag(keyword) for keyword in keywords)


_OWNER_TAGS = tags("SpecificCharacterSet", "PatientID", "StudyInstanceUID", "StudyDate")
_ORIGIN_TAGS = tags(
    "SpecificCharacterSet", "SeriesInstanceUID", "SeriesNumber", "SeriesDescription",
    "ProtocolName", "BodyPartExamined", "FrameOfReferenceUID", "Manufacturer",
    "ManufacturerModelName", "SoftwareVersions", "MagneticFieldStrength", "SOPClassUID",
    "DeviceSerialNumber", "ReceiveCoilName",
)  # fmt: skip
# The Series UID is included for private elements, which do not change within a series.
_CONTRAST_TAGS = tags(
    "SeriesInstanceUID", "ScanningSequence", "ScanOptions", "RepetitionTime", "EchoTime",
    "InversionTime", "EchoTrainLength", "EchoPulseSequence", "EchoPlanarPulseSequence",
    "InversionRecovery", "SpectrallySelectedSuppression", "InversionTimes", "EffectiveEchoTime",
    "RFEchoTrainLength",
)  # fmt: skip
_B_VALUE_TAGS = set(tags("DiffusionBValue", "MRDiffusionSequence"))
_TYPE_TAGS = tags("ImageType", "FrameType", "ComplexImageComponent", "AcquisitionContrast")
_TILE_TAGS = tags("SeriesInstanceUID", "ImageType", "FrameType")
_PHASE_TAGS = tags("InPlanePhaseEncodingDirection")


def _raw_key(ds: Dataset, tags: Sequence[int]) -> Hashable | None:
    """Values of elements, unconverted if possible; ``None`` if one is a sequence."""
    values: list[object] = []
    for tag in tags:
        element = ds.get_item(tag)
        if element is None:
            values.append(None)  # type: ignore[unreachable]  # not in the types of pydicom
            continue
        if element.VR == "SQ":
            return None
        raw = isinstance(element, RawDataElement)
        values.append(element.value if raw else str(element.value))
    return tuple(values)


def raw_text(ds: Dataset, tag: int) -> str:
    """Text of an element in plain ASCII (UIDs, dates, numbers), unconverted if possible."""
    if tag not in ds.keys():  # noqa: SIM118  (Dataset's own test is slow)
        return ""
    element = ds.get_item(tag)
    value = element.value
    if isinstance(value, bytes):
        return clean_text(value.decode("latin-1"))
    return clean_text("\\".join(map(str, value)) if isinstance(value, MultiValue) else value)


def raw_numbers(ds: Dataset, tag: int) -> list[float]:
    """Finite numbers of an element written as text (DS, IS); empty if it has none."""
    text = raw_text(ds, tag)
    try:
        values = [float(part) for part in text.split("\\")] if text else []
    except ValueError:
        return []
    return values if all(map(math.isfinite, values)) else []


def _owner(ds: Dataset) -> Owner:
    return Owner(
        _text(ds, "PatientID"),
        _text(ds, "StudyInstanceUID"),
        _date(ds),
    )


def _date(ds: Dataset) -> str:
    """``YYYYMMDD``; empty if the header has anything else (old files have dots)."""
    text = _text(ds, "StudyDate").replace(".", "")
    return text if re.fullmatch(r"[0-9]{8}", text) else ""


def _views(ds: Dataset) -> Iterator[Dataset]:
    """The dataset itself, or one flat dataset of functional groups per frame."""
    per_frame = ds.get("PerFrameFunctionalGroupsSequence")
    if not per_frame:
        yield ds
        return
    base = Dataset()
    for keyword in _ROOT_KEYWORDS:
        if keyword in ds:
            base[keyword] = ds[keyword]
    shared = ds.get("SharedFunctionalGroupsSequence") or []
    for item in shared:
        _flatten(item, base)
    for item in per_frame:
        view = Dataset()
        view.update(base)
        _flatten(item, view)
        yield view


def _flatten(item: Dataset, into: Dataset) -> None:
    for element in item:
        if element.VR == "SQ" and element.value:
            into[element.tag] = element
            private = element.tag.is_private
            for inner in element.value[0]:
                # The private groups of Philips repeat standard tags, sometimes unset.
                if not private or inner.tag not in into:
                    into[inner.tag] = inner


def _text(ds: Dataset, keyword: str) -> str:
    value = ds.get(keyword)
    if isinstance(value, MultiValue | list | tuple):
        value = "\\".join(str(part) for part in value)
    return clean_text(value)


def _words(ds: Dataset, keyword: str) -> tuple[str, ...]:
    return tuple(word.strip().upper() for word in _text(ds, keyword).split("\\") if word.strip())


def _number(ds: Dataset, *keywords: str) -> float | None:
    for keyword in keywords:
        values = floats(ds.get(keyword))
        if values and np.isfinite(values[0]) and abs(values[0]) < _UNSET_FROM:
            return values[0]
    return None


def _integer(ds: Dataset, *keywords: str) -> int | None:
    value = _number(ds, *keywords)
    return None if value is None else int(value)


def _origin(ds: Dataset) -> Origin:
    return Origin(
        series_uid=_text(ds, "SeriesInstanceUID"),
        number=_integer(ds, "SeriesNumber"),
        description=_text(ds, "SeriesDescription"),
        protocol=_text(ds, "ProtocolName"),
        body_part=_text(ds, "BodyPartExamined").upper(),
        frame_of_reference_uid=_text(ds, "FrameOfReferenceUID"),
        manufacturer=_text(ds, "Manufacturer"),
        model=_text(ds, "ManufacturerModelName"),
        software=tuple(_text(ds, "SoftwareVersions").split("\\")),
        field_t=_number(ds, "MagneticFieldStrength"),
        sop_class=_text(ds, "SOPClassUID"),
        station=pseudonym(_text(ds, "DeviceSerialNumber")),
        coil=_text(ds, "ReceiveCoilName"),
    )


def _contrast(ds: Dataset) -> ContrastParameters:
    techniques = set(_words(ds, "ScanningSequence")) & {"SE", "GR", "EP", "IR"}
    echo = _text(ds, "EchoPulseSequence").upper()
    techniques |= {"SPIN": {"SE"}, "GRADIENT": {"GR"}, "BOTH": {"SE", "GR"}}.get(echo, set())
    if _text(ds, "EchoPlanarPulseSequence").upper() == "YES":
        techniques.add("EP")
    inversion = _number(ds, "InversionTime", "InversionTimes")
    if _text(ds, "InversionRecovery").upper() == "YES":
        techniques.add("IR")
    return ContrastParameters(
        te_ms=_positive(_number(ds, "EchoTime", "EffectiveEchoTime")),
        tr_ms=_positive(_number(ds, "RepetitionTime")),
        ti_ms=_positive(inversion),
        echo_train=_integer(ds, "EchoTrainLength", "RFEchoTrainLength"),
        techniques=frozenset(techniques),
        fat_suppressed=_fat_suppressed(ds),
    )


def _fat_suppressed(ds: Dataset) -> str:
    for word in _words(ds, "ScanOptions"):
        if word in _FAT_WORDS:
            return f"ScanOptions {word}"
    if "FAT" in _text(ds, "SpectrallySelectedSuppression").upper():
        return "Spectrally Selected Suppression FAT"
    if str(private_value(ds, 0x2001, "Philips Imaging DD 001", 0x21, "CS") or "").upper() == "Y":
        return "Philips SPIR"
    return ""


def _positive(value: float | None) -> float | None:
    return value if value is not None and value > 0 else None


def _scaling(ds: Dataset, origin: Origin) -> Scaling:
    real = _real_world(ds)
    scale: list[float] = []
    if "PHILIPS" in origin.manufacturer.upper():
        scale = floats(private_value(ds, 0x2005, _PHILIPS_MR, 0x0E, "FL"))
    slope, wrong_slope = _rescale(ds, 0x00281053, "Rescale Slope", 1.0)
    intercept, wrong_intercept = _rescale(ds, 0x00281052, "Rescale Intercept", 0.0)
    padding = _integer(ds, "PixelPaddingValue") if 0x00280120 in ds else None
    found = Scaling(
        slope=slope,
        intercept=intercept,
        rescale_type=raw_text(ds, 0x00281054),
        philips_slope=scale[0] if scale and 0 < scale[0] < _UNSET_FROM else None,
        real_slope=real.real_slope,
        real_intercept=real.real_intercept,
        real_unit=real.real_unit,
        padding=padding,
        stated=bool(raw_text(ds, 0x00281053) and raw_text(ds, 0x00281052)),
        problem=", ".join(filter(None, (wrong_slope, wrong_intercept, real.problem))),
    )
    return _UNSCALED if found == _UNSCALED else found


def _rescale(ds: Dataset, tag: int, name: str, absent: float) -> tuple[float, str]:
    """One number of the modality rescale, and its text if it cannot be used."""
    text = raw_text(ds, tag)
    if not text:
        return absent, ""
    values = raw_numbers(ds, tag)
    if len(set(values)) == 1 and (values[0] != 0 or absent == 0):
        return values[0], ""
    return absent, f"{name} {text[:40]!r}"


def _real_world(ds: Dataset) -> Scaling:
    """The first real-world mapping with a unit."""
    mappings = ds.get(0x00409096)
    for item in mappings.value if mappings is not None else []:
        codes = item.get("MeasurementUnitsCodeSequence") or []
        if not codes:
            continue
        slope, intercept = _number(item, "RealWorldValueSlope"), _number(item, _REAL_INTERCEPT)
        stated = str(item.get("RealWorldValueSlope", ""))
        unit = _text(codes[0], "CodeValue")
        if "RealWorldValueSlope" not in item or stated in ("", "None"):
            continue  # a table of values instead
        if not slope or (intercept is None and item.get(_REAL_INTERCEPT) is not None):
            wrong = f"Real World Value mapping {stated} + {item.get(_REAL_INTERCEPT)}"
            return Scaling(problem=wrong[:80])
        return Scaling(real_slope=slope, real_intercept=intercept or 0.0, real_unit=unit)
    return _UNSCALED


_REAL_INTERCEPT = "RealWorldValueIntercept"
_PHILIPS_MR = "Philips MR Imaging DD 001"
_UNSCALED = Scaling()


def _geometry(ds: Dataset) -> Geometry | None:
    position = raw_numbers(ds, 0x00200032)
    cosines = raw_numbers(ds, 0x00200037)
    pixel = raw_numbers(ds, 0x00280030)
    if len(position) != 3 or len(cosines) != 6 or len(pixel) != 2:
        return None
    row, column = np.array(cosines[:3]), np.array(cosines[3:])
    lengths = math.hypot(*cosines[:3]), math.hypot(*cosines[3:])
    skew = abs(float(row @ column))
    square = max(abs(lengths[0] - 1), abs(lengths[1] - 1), skew) <= 0.02
    if not square or not 1e-3 < min(pixel) <= max(pixel) < 1e3:
        return None
    row = row / lengths[0]
    column = column - (row @ column) * row  # headers are rounded; make the axes orthogonal
    return Geometry(
        position=np.array(position),
        along_row=row,
        along_column=column / math.sqrt(column @ column),
        pixel_mm=(pixel[0], pixel[1]),
        thickness_mm=_positive(next(iter(raw_numbers(ds, 0x00180050)), None)),
        between_mm=_positive(next(iter(raw_numbers(ds, 0x00180088)), None)),
    )


def _image_type(ds: Dataset) -> tuple[str, ...]:
    words = _words(ds, "FrameType") or _words(ds, "ImageType")
    extra = [
        word
        for keyword in ("ComplexImageComponent", "AcquisitionContrast")
        if (word := _text(ds, keyword).upper()) in ("PHASE", "REAL", "IMAGINARY")
    ]
    return (*words, *extra)


def _is_computed(ds: Dataset, origin: Origin) -> bool:
    """Whether the description states that the b-value is synthetic (computed from others)."""
    text = f"{origin.description} {raw_text(ds, 0x00204000)}".lower().replace("_", " ")
    return "adc" not in text and bool(COMPUTED_B_WORDS.search(text.replace("-", " ")))


def _phase_along_row(ds: Dataset) -> bool | None:
    word = _text(ds, "InPlanePhaseEncodingDirection").upper()
    return {"ROW": True, "COL": False, "COLUMN": False}.get(word)


def _averages(ds: Dataset) -> float | None:
    values = raw_numbers(ds, 0x00180083)
    return values[0] if len(values) == 1 and values[0] >= 1 else None


def _acquired(ds: Dataset) -> str:
    for tag in (0x00189074, 0x0008002A):
        if text := raw_text(ds, tag):
            return text
    for date_tag, time_tag in (
        (0x00080022, 0x00080032),
        (0x00080021, 0x00080031),
        (0x00080023, 0x00080033),
    ):
        date, time = raw_text(ds, date_tag), raw_text(ds, time_tag)
        if date and time:
            return date + time
    return ""


def _tiles_placed(ds: Dataset, frame: Frame) -> list[Frame]:
    """The slices of a mosaic, or the unchanged frame with the reason why it cannot be split."""
    first = next((item for item in private_value(ds, *_UIH_ITEMS) or []), None)
    if frame.geometry is None and first is not None and "ImagePositionPatient" in first:
        view = Dataset()
        view.update(ds)
        view["ImagePositionPatient"] = first["ImagePositionPatient"]
        frame = replace(
            frame, geometry=_geometry(view), acquired=frame.acquired or _acquired(first)
        )
    if frame.pixels.frames > 1:
        return [replace(frame, unplaced="is part of an enhanced image")]
    try:
        return slices_of(ds, frame)
    except DicomError as error:
        return [replace(frame, unplaced=str(error))]


_UIH_ITEMS = (0x0065, "Image Private Header", 0x51, "SQ")


def _tiles(ds: Dataset) -> int:
    """Number of slices in one frame: Siemens mosaic and UIH grid."""
    mosaic = floats(private_value(ds, 0x0019, "SIEMENS MR HEADER", 0x0A, "US"))
    if mosaic:
        return int(mosaic[0])
    grid = floats(private_value(ds, 0x0065, "Image Private Header", 0x50, "DS"))
    if grid and private_value(ds, *_UIH_ITEMS):
        return int(grid[0])
    words = {*_words(ds, "ImageType"), *_words(ds, "FrameType")}
    return 2 if "MOSAIC" in words else 1
