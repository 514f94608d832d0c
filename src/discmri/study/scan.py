"""Files -> frames: every header is read once, pixel values are only located."""

from __future__ import annotations

import io
import logging
import re
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom import Dataset, config
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from discmri.core.errors import DicomError
from discmri.study.frame import Frame, PixelPlace
from discmri.study.header import HeaderReader, raw_text, tags
from discmri.study.source import InputFile, clean_text

logger = logging.getLogger(__name__)

MAX_SIDE = 8192
MAX_FRAMES_PER_FILE = 20_000
MAX_INFLATED_BYTES = 1 * 2**30
_PIXEL_ELEMENTS = {0x0010: "PixelData", 0x0008: "FloatPixelData", 0x0009: "DoubleFloatPixelData"}
_PIXEL_VRS = (b"OW", b"OB", b"OF", b"OD", b"UN")
_UNDEFINED = 0xFFFFFFFF
_ITEM, _DELIMITER = 0xE000FFFE, 0xE0DDFFFE
_PIXEL_TAGS = tags(
    "SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames", "Rows", "Columns",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
    "PerFrameFunctionalGroupsSequence",
)  # fmt: skip
_MR_IMAGES = frozenset(f"1.2.840.10008.5.1.4.1.1.{number}" for number in ("4", "4.1", "4.3", "4.4"))
# With the storage class of MR images, any modality but these is damaged or missing.
_OTHER_IMAGES = frozenset({"CR", "CT", "DX", "MG", "NM", "OT", "PT", "RF", "US", "XA", "XC"})
_NO_FILE = InputFile(Path(), "")
_SUFFIXES = (".dcm", ".dicom", ".ima")
_UID_ROOT = b"1.2.840.10008."
_NO_BEGINNING = "its beginning is damaged, so it cannot be read as DICOM"
# pydicom does not catch the errors that damaged headers cause.
DAMAGE = (
    pydicom.errors.BytesLengthException,
    pydicom.errors.InvalidDicomError,
    ArithmeticError,
    AttributeError,
    LookupError,
    NotImplementedError,
    RecursionError,
    struct.error,
    TypeError,
    ValueError,
    zlib.error,
)


@dataclass(frozen=True)
class Unreadable:
    """A DICOM image that cannot be used."""

    file: InputFile
    reason: str  # one clause
    series_uid: str = ""  # Series Instance UID; empty if the header cannot be read


@dataclass(frozen=True)
class HeaderIndex:
    """Content of the headers of all files."""

    frames: tuple[Frame, ...]  # MR images, in order of file names
    unreadable: tuple[Unreadable, ...]  # files left out
    foreign: int  # number of files that are not DICOM
    other_objects: dict[str, int]  # number of DICOM objects that are not MR images, by modality


@contextmanager
def lenient_pydicom() -> Iterator[None]:
    """Read values that violate the standard unchanged and without a warning."""
    with warnings.catch_warnings(), config.disable_value_validation():
        warnings.simplefilter("ignore")
        yield


def scan(files: Sequence[InputFile]) -> HeaderIndex:
    """Read every header once, in one thread, because parsing holds the interpreter's lock."""
    reader = HeaderReader()
    with lenient_pydicom():
        results = [_read(file, reader) for file in files]
    frames: list[Frame] = []
    unreadable: list[Unreadable] = []
    other: dict[str, int] = {}
    foreign = 0
    images = {_pattern(f) for f, one in zip(files, results, strict=True) if isinstance(one, list)}
    for file, result in zip(files, results, strict=True):
        named = _pattern(file) in images or file.name.lower().endswith(_SUFFIXES)
        if result is None and named:
            unreadable.append(
                Unreadable(file, f"its name is that of an image, but {_NO_BEGINNING}")
            )
        elif isinstance(result, Unreadable):
            unreadable.append(result)
            logger.info("%s left out: %s", result.file.name, result.reason)
        elif isinstance(result, str):
            other[result] = other.get(result, 0) + 1
        elif result is None:
            foreign += 1
        else:
            frames.extend(result)
    return HeaderIndex(tuple(frames), tuple(unreadable), foreign, other)


def whole_header(file: InputFile) -> Dataset:
    """Header of a DICOM file, without pixel values.

    Raises
    ------
    DicomError
        If the file is missing or damaged.
    """
    try:
        with lenient_pydicom():
            return pydicom.dcmread(file.path, stop_before_pixels=True, force=True)
    except (OSError, EOFError, *DAMAGE) as error:
        raise DicomError(f"{file.name} cannot be read again ({clean_text(error)})") from error


def _read(file: InputFile, reader: HeaderReader) -> list[Frame] | Unreadable | str | None:
    """Frames, or why there are none: the modality of another object, ``None`` if not DICOM."""
    try:
        with file.path.open("rb") as stream:
            start = stream.read(1024)
            if not looks_like_dicom(start):
                return Unreadable(file, _NO_BEGINNING) if _was_dicom(start) else None
            stream.seek(0)
            return _read_dicom(file, stream, start, reader)
    except DicomError as error:
        return Unreadable(file, str(error))
    except (OSError, EOFError) as error:
        return Unreadable(file, f"it cannot be read ({clean_text(error) or 'it is truncated'})")
    except DAMAGE as error:
        return Unreadable(file, f"its header is damaged ({type(error).__name__})")


def _read_dicom(
    file: InputFile, stream: BinaryIO, start: bytes, reader: HeaderReader
) -> list[Frame] | Unreadable | str:
    deflated = DeflatedExplicitVRLittleEndian.encode() in start
    if deflated:
        _refuse_inflating(stream)
    ds = pydicom.dcmread(stream, stop_before_pixels=not deflated, force=True)
    modality = raw_text(ds, 0x00080060).upper()
    if not modality and 0x00080016 not in ds and 0x00041220 not in ds:  # nor a DICOMDIR
        return Unreadable(file, "its header is truncated or damaged")
    classes = {raw_text(ds, 0x00080016), raw_text(ds.file_meta, 0x00020002)}
    says_mr = not classes.isdisjoint(_MR_IMAGES) and modality not in _OTHER_IMAGES
    if 0x00280010 not in ds and (says_mr or (modality == "MR" and 0x00280100 in ds)):
        return Unreadable(file, "its header is truncated or damaged", raw_text(ds, 0x0020000E))
    if not (says_mr or modality == "MR") or 0x00280010 not in ds:
        return modality or ("DICOMDIR" if 0x00041220 in ds else "unknown")
    try:
        if deflated:
            place = _inflated_place(ds, file)
        else:
            template = reader.known(ds, _PIXEL_TAGS, _pixel_module)
            place = _place(template, ds, stream, file)
        return reader.frames_of(ds, place)
    except DicomError as error:
        return Unreadable(file, str(error), raw_text(ds, 0x0020000E))


def _was_dicom(start: bytes) -> bool:
    """Whether a file without a readable beginning contains DICOM UIDs and is not a zip."""
    return b"\0" in start and _UID_ROOT in start and not start.startswith(b"PK")


def _pattern(file: InputFile) -> str:
    """A file's name with ``#`` for every number: equal for the files of one series."""
    return re.sub(r"[0-9]+", "#", file.name)


def looks_like_dicom(start: bytes) -> bool:
    """Whether a file starts with a preamble or, as old exports do, with group 0002 or 0008."""
    if start[128:132] == b"DICM":
        return True
    if len(start) < 16:
        return False
    group, element, length = struct.unpack_from("<HHI", start)
    plausible_vr = start[4:6].isalpha() and start[4:6].isupper()
    return group in (0x0002, 0x0008) and element < 0x20 and (plausible_vr or length < 0x100)


def _place(template: PixelPlace, ds: Dataset, stream: BinaryIO, file: InputFile) -> PixelPlace:
    """Place of the pixel values; the stream must be at the pixel element."""
    syntax = _syntax(ds)
    compressed = UID(syntax).is_encapsulated
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    head = stream.read(12)
    if len(head) < 8:
        raise DicomError("it has no pixel values, or is truncated before them")
    _, element = struct.unpack_from(order + "HH", head)
    explicit = not ds.original_encoding[0]
    if explicit and head[4:6] not in _PIXEL_VRS:
        raise DicomError("the beginning of its pixel values is damaged")
    (length,) = struct.unpack_from(order + "I", head.ljust(12, b"\0"), 8 if explicit else 4)
    offset = stream.tell() - len(head) + (12 if explicit else 8)
    place = replace(
        template,
        file=file,
        syntax=syntax,
        offset=offset,
        length=None if length == _UNDEFINED else length,
        keyword=_PIXEL_ELEMENTS.get(element, ""),
    )
    expected = _expected_bytes(place)
    if compressed and place.length is None:
        _refuse_broken_items(stream, offset, place.frames)
        return place
    size = stream.seek(0, io.SEEK_END)
    if compressed:
        raise DicomError("its pixel values are not compressed as its transfer syntax states")
    if length == _UNDEFINED or length < expected or offset + expected > size:
        held = max(min(length, size - offset), 0)
        raise DicomError(f"it holds {held} of {expected} bytes of pixel values, so it is truncated")
    row = expected // (place.rows * place.frames)
    if length - expected >= max(row, 2):  # less is padding
        raise DicomError(
            f"it holds {length} bytes of pixel values instead of {expected} as in its header, "
            "so one of them is damaged"
        )
    return place


def _refuse_broken_items(stream: BinaryIO, offset: int, frames: int) -> None:
    """Refuse compressed pixel values with missing items or without their delimiter."""
    size = stream.seek(0, io.SEEK_END)
    items = -1  # the first item is the table of offsets
    while offset + 0x8 <= size:
        stream.seek(offset)
        tag, length = struct.unpack("<II", stream.read(8))
        if tag == _DELIMITER:
            break
        if tag != _ITEM:
            raise DicomError("its compressed pixel values are damaged")
        items += 1
        offset += 8 + length
    else:
        raise DicomError("its compressed pixel values are truncated")
    if items < frames:
        raise DicomError(f"it holds {max(items, 0)} of {frames} compressed frames")


def _inflated_place(ds: Dataset, file: InputFile) -> PixelPlace:
    keyword = next((k for k in _PIXEL_ELEMENTS.values() if k in ds), "")
    if not keyword:
        raise DicomError("it holds no pixel values")
    place = replace(
        _pixel_module(ds), file=file, syntax=str(DeflatedExplicitVRLittleEndian), keyword=keyword
    )
    if len(ds[keyword].value) < _expected_bytes(place):
        raise DicomError("it holds fewer pixel values than its header states")
    return place


def _pixel_module(ds: Dataset) -> PixelPlace:
    """Shape and format of the pixel values; impossible ones are refused."""
    rows, columns = int(ds.get("Rows") or 0), int(ds.get("Columns") or 0)
    frames = int(ds.get("NumberOfFrames") or 1)
    samples = int(ds.get("SamplesPerPixel") or 1)
    bits = int(ds.get("BitsAllocated") or 16)
    if not (0 < rows <= MAX_SIDE and 0 < columns <= MAX_SIDE and 0 < frames <= MAX_FRAMES_PER_FILE):
        raise DicomError(
            f"its header states {rows} x {columns} pixels in {frames} frames, impossible for MR"
        )
    if bits not in (8, 16, 32, 64) or samples not in (1, 3, 4):
        raise DicomError(f"its header states {bits} bits and {samples} samples per pixel")
    groups = ds.get("PerFrameFunctionalGroupsSequence")
    if groups is not None and len(groups) != frames:
        raise DicomError(f"its header states {frames} frames but describes {len(groups)}")
    if groups is None and frames > 1:
        raise DicomError(f"it holds {frames} frames without their positions")
    return PixelPlace(
        file=_NO_FILE,
        offset=None,
        length=None,
        syntax="",
        rows=rows,
        columns=columns,
        frames=frames,
        samples=samples,
        bits_allocated=bits,
        bits_stored=int(ds.get("BitsStored") or bits),
        signed=bool(ds.get("PixelRepresentation") or 0),
        keyword="",
        photometric=clean_text(ds.get("PhotometricInterpretation")) or "MONOCHROME2",
        high_bit=-1 if ds.get("HighBit") is None else int(ds.HighBit),
    )


def _expected_bytes(place: PixelPlace) -> int:
    return place.rows * place.columns * place.frames * place.samples * place.bits_allocated // 8


def _syntax(ds: Dataset) -> str:
    if syntax := raw_text(ds.file_meta, 0x00020010):
        return syntax
    implicit, little = ds.original_encoding
    if not little:
        return str(ExplicitVRBigEndian)
    return str(ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian)


def _refuse_inflating(stream: BinaryIO) -> None:
    """Refuse a deflated dataset that would inflate to more than 1 GiB."""
    content = stream.read()
    stream.seek(0)
    (length,) = struct.unpack_from("<I", content, 140)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    total, pending = 0, content[144 + length :]
    while pending and not inflater.eof:
        total += len(inflater.decompress(pending, 2**20))
        pending = inflater.unconsumed_tail
        if total > MAX_INFLATED_BYTES:
            raise DicomError(f"it inflates to more than {MAX_INFLATED_BYTES >> 20} MiB")
