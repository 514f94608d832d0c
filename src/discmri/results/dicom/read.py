"""Read DICOM Segmentations of this or another program as label maps."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.datadict import keyword_for_tag

from discmri.core.errors import GeometryError, UsageError
from discmri.core.levels import CANAL_LABEL, DiscLevel, Vertebra
from discmri.core.text import one_line
from discmri.core.volume import Grid
from discmri.results.dicom.codes import CANAL, DISC, VERTEBRA

_SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
_BY_CODE = {
    **{(code.value, code.scheme): level.label_id for level, code in DISC.items()},
    **{(code.value, code.scheme): one.label_id for one, code in VERTEBRA.items()},
    (CANAL.value, CANAL.scheme): CANAL_LABEL,
}
_LEVEL_IN_LABEL = re.compile(
    r"(?<![A-Z0-9])((?:T1[0-2]|L[1-6])[ _/-]?(?:T1[12]|L[1-6]|S1|[1-6])|S1[ _/-]?S?2)(?![A-Z0-9])"
)
_BONE_IN_LABEL = re.compile(r"(?<![A-Z0-9])(T1[0-2]|L[1-6])(?![A-Z0-9])")


@dataclass(frozen=True, eq=False)
class ReadSegmentation:
    """Label map of a Segmentation."""

    labels: NDArray[np.int32]  # (i, j, k) label ids of levels if `named`, otherwise segment numbers
    grid: Grid
    named: bool  # whether discs were identified by codes or labels of the segments
    study_uid: str
    frame_of_reference_uid: str
    left_out: tuple[str, ...] = ()  # labels of segments that are no known structure, if `named`


def require_highdicom(why: str) -> None:
    """Check early that highdicom is installed; otherwise ``UsageError`` beginning with ``why``."""
    if find_spec("highdicom") is None:
        raise UsageError(f"{why}; install it with: pip install 'discmri[dicom]'")


def is_dicom(path: Path) -> bool:
    """Whether a file has the DICOM prefix."""
    with path.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"


def check_belongs(path: Path, study_uid: str, frame_of_reference_uid: str) -> None:
    """Refuse a Segmentation in another frame of reference with ``UsageError``.

    Other files are not checked.  UIDs of the images are empty if they have none.
    """
    if not path.is_file() or not is_dicom(path):
        return
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True)
    except (OSError, EOFError, ValueError, pydicom.errors.InvalidDicomError):
        return  # read_segmentation reports the error
    own_frame = str(header.get("FrameOfReferenceUID", ""))
    if not own_frame or not frame_of_reference_uid or own_frame == frame_of_reference_uid:
        return
    own_study = str(header.get("StudyInstanceUID", ""))
    if study_uid and own_study != study_uid:
        where = f"belongs to study {own_study}, not to {study_uid}"
    else:
        where = f"is in frame of reference {own_frame}, the images in {frame_of_reference_uid}"
    raise UsageError(f"{path}: this Segmentation {where}; use one made from these images")


def read_segmentation(path: Path) -> ReadSegmentation:
    """Read a Segmentation: BINARY, FRACTIONAL or LABELMAP.

    Segments are identified by their code, otherwise by their label, such as ``L4-L5``.  If no disc
    is identified, segment numbers are kept, to be translated by a mask scheme.

    Raises ``UsageError`` if it is no Segmentation, cannot be decoded, or highdicom is not
    installed, and ``GeometryError`` if its frames do not form a regular volume.
    """
    require_highdicom(f"{path}: a DICOM SEG needs highdicom")
    import highdicom as hd

    try:
        header = pydicom.dcmread(path)
        if header.get("SOPClassUID") not in _SEGMENTATIONS:
            raise UsageError(
                f"{path}: this DICOM file is not a Segmentation ({header.get('Modality', 'no modality')}); "
                "give a SEG or a NIfTI label map"
            )
        seg = hd.seg.Segmentation.from_dataset(header, copy=False)
        volume = seg.get_volume(rescale_fractional=True, allow_missing_positions=True,
                                combine_segments=False)  # fmt: skip
    except (AttributeError, KeyError, NotImplementedError, OSError, RuntimeError, TypeError,
            ValueError, EOFError, pydicom.errors.InvalidDicomError) as error:  # fmt: skip
        raise UsageError(f"{path}: not a readable DICOM SEG ({_in_words(error)})") from error
    numbers = {n: _label_id(seg.get_segment_description(n)) for n in seg.segment_numbers}
    discs = {level.label_id for level in DiscLevel}
    named = any(number in discs for number in numbers.values())
    _refuse_two_of_one_level(path, [number for number in numbers.values() if number in discs])
    if not named:
        numbers = {n: n for n in numbers}
    unknown = [n for n, number in numbers.items() if not number]
    return ReadSegmentation(
        _combined(volume.array, numbers),
        _grid(volume, path),
        named,
        str(header.get("StudyInstanceUID", "")),
        str(header.get("FrameOfReferenceUID", "")),
        tuple(str(seg.get_segment_description(n).segment_label) for n in unknown),
    )


def _refuse_two_of_one_level(path: Path, found: list[int]) -> None:
    """Raise if two segments are the same disc; they would be measured as one."""
    twice = next((number for number in found if found.count(number) > 1), None)
    if twice is not None:
        level = next(one for one in DiscLevel if one.label_id == twice)
        raise UsageError(
            f"{path}: {found.count(twice)} segments are coded or labelled {level.value}; "
            "use one segment per disc"
        )


def _in_words(error: Exception) -> str:
    """The error in one line; a missing element by its keyword."""
    missing = error.args[0] if isinstance(error, KeyError) and error.args else None
    word = keyword_for_tag(missing) if isinstance(missing, int) else ""
    return f"a frame or segment has no {word}" if word else one_line(error)


def _combined(segments: NDArray[Any], numbers: dict[int, int]) -> NDArray[np.int32]:
    """(i, j, k) label ids: of the segment that fills most of the voxel, if at least half.

    Segments with the id 0 are unknown structures and are ignored.
    """
    best = np.full(segments.shape[:3], 0.5, dtype=np.float32)
    labels = np.zeros(segments.shape[:3], dtype=np.int32)
    for n, number in enumerate(numbers.values()):
        share = np.asarray(segments[..., n], dtype=np.float32)
        wins = (share >= best) & (number > 0)
        labels[wins] = number
        best[wins] = share[wins]
    return labels.transpose(2, 1, 0)


def _grid(volume: Any, path: Path) -> Grid:
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ volume.affine[:, [2, 1, 0, 3]]
    shape = volume.spatial_shape
    try:
        return Grid((shape[2], shape[1], shape[0]), affine)
    except GeometryError as error:
        raise GeometryError(f"{path}: {error}") from error


def _label_id(segment: Dataset) -> int:
    """Label id of a segment by its code or label; 0 if unknown."""
    kind = segment.SegmentedPropertyTypeCodeSequence[0]
    found = _BY_CODE.get(
        (str(kind.get("CodeValue", "")), str(kind.get("CodingSchemeDesignator", "")))
    )
    return found if found is not None else _by_label(str(segment.get("SegmentLabel", "")))


def _by_label(label: str) -> int:
    """Label id of a segment by its label; 0 if unknown.

    >>> [_by_label(one) for one in ("L4-L5", "Disc L5/S1", "disc_L3_L4", "L3", "Sacrum", "Tumour")]
    [95, 100, 94, 43, 50, 0]
    """
    text = label.upper().replace("–", "-")
    disc = _LEVEL_IN_LABEL.search(text.replace("_", " ")) or _LEVEL_IN_LABEL.search(text)
    if disc is not None:
        name = re.sub(r"[ _/]", "-", disc[1])
        if "-" not in name:
            name = re.sub(r"^([TLS]\d{1,2}?)([TLS]\d.*)$", r"\1-\2", name)
        try:
            return DiscLevel.parse(name).label_id
        except UsageError:
            return 0
    bone = _BONE_IN_LABEL.search(text.replace("_", " "))
    if bone is not None:
        return Vertebra(bone[1]).label_id
    if "SACRUM" in text:
        return Vertebra.SACRUM.label_id
    return CANAL_LABEL if "CANAL" in text else 0
