"""Stored pixel values of frames, for all transfer syntaxes."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.encaps import generate_frames
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import (
    JPEG2000,
    UID,
    ExplicitVRBigEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from discmri.core.errors import DicomError
from discmri.study import jpeg
from discmri.study.frame import Frame, PixelPlace
from discmri.study.scan import lenient_pydicom
from discmri.study.source import clean_text

MAX_SERIES_BYTES = 4 * 2**30
# By default pydicom tries GDCM first, which ends the process on damaged streams of these kinds.
_PLUGINS = {JPEGLSLossless: "pyjpegls", JPEGLSNearLossless: "pyjpegls", RLELossless: "pydicom"}
_JPEG_2000 = (JPEG2000, JPEG2000Lossless)
# What the decoders raise on damaged data is not documented.
_DECODER_ERRORS = (
    AttributeError,
    LookupError,
    NotImplementedError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)
Pixels = NDArray[np.generic]


def stored_values(frames: Sequence[Frame], threads: int = 2) -> list[Pixels]:
    """Pixel values as stored, one (rows, columns) array per frame, in the given order.

    Compressed pixel data are decoded in ``threads`` threads.

    Raises
    ------
    DicomError
        If a frame cannot be decoded, or if all of them need more than 4 GiB.
    """
    size = sum(4 * frame.pixels.rows * frame.pixels.columns for frame in frames)
    if size > MAX_SERIES_BYTES:
        raise DicomError(
            f"the series has {size >> 20} MiB of pixel values by its headers, more than discmri "
            f"reads ({MAX_SERIES_BYTES >> 20} MiB); check its headers"
        )
    by_file: dict[PixelPlace, list[int]] = {}
    for number, frame in enumerate(frames):
        by_file.setdefault(frame.pixels, []).append(number)
    jobs = [
        (place, [frames[n].index for n in numbers])
        if place.picture is None
        else (_whole_picture(place), [0])
        for place, numbers in by_file.items()
    ]
    compressed = any(UID(place.syntax).is_encapsulated for place, _ in jobs)
    with lenient_pydicom():
        # Values beyond the last row mean that a length within the stream is damaged.
        warnings.filterwarnings("error", ".*non-conformant padding")
        if all(place.syntax in jpeg.SYNTAXES for place, _ in jobs):
            decoded = _isolated(jobs)
        elif compressed and threads > 1 and len(jobs) > 1:
            with ThreadPoolExecutor(threads) as pool:
                decoded = list(pool.map(lambda job: _file_frames(*job), jobs))
        else:
            decoded = [_file_frames(*job) for job in jobs]
    values: list[Pixels] = [np.empty(0)] * len(frames)
    for (place, numbers), arrays in zip(by_file.items(), decoded, strict=True):
        tiles = [_tile(arrays[0], place, frames[n].index) for n in numbers if place.picture]
        for number, array in zip(numbers, tiles or arrays, strict=True):
            values[number] = array
    return values


def _whole_picture(place: PixelPlace) -> PixelPlace:
    rows, columns = place.picture or (place.rows, place.columns)
    return replace(place, rows=rows, columns=columns, picture=None)


def _tile(picture: Pixels, place: PixelPlace, index: int) -> Pixels:
    """One slice of a mosaic; tiles are in reading order."""
    down, right = divmod(index, picture.shape[1] // place.columns)
    top, left = down * place.rows, right * place.columns
    return picture[top : top + place.rows, left : left + place.columns]


def _file_frames(place: PixelPlace, indices: list[int]) -> list[Pixels]:
    if place.syntax in jpeg.SYNTAXES:
        return _isolated([(place, indices)])[0]
    with _named_errors(place):
        if place.offset is None:
            return _from_dataset(place, indices)
        if place.length is None:
            return _compressed(place, indices)
        return _native(place, indices)


def _isolated(jobs: Sequence[tuple[PixelPlace, list[int]]]) -> list[list[Pixels]]:
    """All files of a series through one child process."""
    prepared = []
    for place, indices in jobs:
        with _named_errors(place):
            content = _checked_content(place)[0]
            prepared.append((content, place.syntax, indices, _options(place)))
    with _named_errors(jobs[0][0]):
        return jpeg.decode(prepared)


@contextmanager
def _named_errors(place: PixelPlace) -> Iterator[None]:
    """Convert errors of reading and decoding to one line with the file's name."""
    try:
        yield
    except (OSError, EOFError) as error:
        raise DicomError(f"{place.file.name} cannot be read again: {clean_text(error)}") from error
    except _DECODER_ERRORS as error:
        raise DicomError(
            f"the pixel values of {place.file.name} cannot be decoded "
            f"({UID(place.syntax).name}): {clean_text(error)[:160]}"
        ) from error


def _native(place: PixelPlace, indices: list[int]) -> list[Pixels]:
    order = ">" if place.syntax == ExplicitVRBigEndian else "<"
    kind = "f" if place.keyword != "PixelData" else "i" if place.signed else "u"
    dtype = np.dtype(f"{order}{kind}{place.bits_allocated // 8}")
    count = place.rows * place.columns
    arrays: list[Pixels] = []
    with place.file.path.open("rb") as stream:
        for index in indices:
            stream.seek((place.offset or 0) + index * count * dtype.itemsize)
            values = np.fromfile(stream, dtype, count)
            arrays.append(_sign_extended(values.reshape(place.rows, place.columns), place))
    return arrays


def _sign_extended(values: Pixels, place: PixelPlace) -> Pixels:
    """Values without the unused bits, which may hold an overlay."""
    unused = place.bits_allocated - place.bits_stored
    if place.keyword != "PixelData" or not 0 < unused < place.bits_allocated:
        return values
    native = values.astype(values.dtype.newbyteorder("="), copy=False)
    return np.asarray(np.right_shift(np.left_shift(native, place.spare_bits), unused))


def _checked_content(place: PixelPlace) -> tuple[bytes, list[bytes]]:
    """The whole pixel element, and the stream of each frame in it."""
    with place.file.path.open("rb") as stream:
        stream.seek(place.offset or 0)
        content = stream.read()
    frames = list(generate_frames(content, number_of_frames=place.frames))
    _refuse_other_size(frames, place)
    return content, frames


def _options(place: PixelPlace) -> dict[str, Any]:
    """Options of pydicom's decoders."""
    return {
        "rows": place.rows,
        "columns": place.columns,
        "number_of_frames": place.frames,
        "samples_per_pixel": place.samples,
        "bits_allocated": place.bits_allocated,
        "bits_stored": place.bits_stored,
        "pixel_representation": int(place.signed),
        "photometric_interpretation": place.photometric,
        "pixel_keyword": place.keyword,
    }


def _compressed(place: PixelPlace, indices: list[int]) -> list[Pixels]:
    content, frames = _checked_content(place)
    if place.syntax in _JPEG_2000:
        return [_jpeg_2000(frames[index], place) for index in indices]
    decoder = get_decoder(UID(place.syntax))
    options = _options(place) | {"decoding_plugin": _PLUGINS.get(UID(place.syntax), "")}
    return [decoder.as_array(content, index=index, **options)[0] for index in indices]


def _jpeg_2000(frame: bytes, place: PixelPlace) -> Pixels:
    from openjpeg.utils import decode

    values = np.asarray(decode(frame))
    if values.shape != (place.rows, place.columns):
        raise ValueError(f"the stream gives {values.shape} values")
    if place.signed and values.dtype.kind == "u":
        width = values.dtype.itemsize
        values = values.view(np.dtype(f"<i{width}"))
        return _sign_extended(values, replace(place, bits_allocated=8 * width, high_bit=-1))
    return values


def _from_dataset(place: PixelPlace, indices: list[int]) -> list[Pixels]:
    ds = pydicom.dcmread(place.file.path)
    whole = ds.pixel_array.reshape(place.frames, place.rows, place.columns)
    return [_sign_extended(whole[index], place) for index in indices]


def _refuse_other_size(frames: Sequence[bytes], place: PixelPlace) -> None:
    """Compare the size inside each JPEG stream with the header's before decoding."""
    if place.syntax == RLELossless:
        return
    for frame in frames:
        size = encoded_size(frame[: 2**16])
        if size is not None and size != (place.rows, place.columns):
            raise ValueError(
                f"the stream has {size[0]} x {size[1]} pixels, the header "
                f"{place.rows} x {place.columns}"
            )


def encoded_size(stream: bytes) -> tuple[int, int] | None:
    """Rows and columns that a JPEG, JPEG-LS or JPEG 2000 stream declares; ``None`` for others."""
    found = stream.find(b"\xff\x4f\xff\x51", 0, 256)
    if found >= 0 and len(stream) >= found + 24:
        width, height, left, top = struct.unpack_from(">4I", stream, found + 8)
        return height - top, width - left
    if stream[:2] != b"\xff\xd8":
        return None
    position = 2
    while position + 9 <= len(stream) and stream[position] == 0xFF:
        marker = stream[position + 1]
        (length,) = struct.unpack_from(">H", stream, position + 2)
        if marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)):
            height, width = struct.unpack_from(">2H", stream, position + 5)
            return height, width
        position += 2 + length
    return None
