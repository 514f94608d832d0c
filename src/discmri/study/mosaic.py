"""Positions of the slices in a mosaic: Siemens mosaic and UIH grid.

Siemens gives the position as if the whole mosaic were one slice, the direction of the slices in the
CSA image header, and the centre of every slice in the protocol.  UIH lists the position of every
tile.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from discmri.core.errors import DicomError
from discmri.study.bvalues.private import floats, private_value
from discmri.study.bvalues.siemens import parse_csa
from discmri.study.frame import Frame, Geometry

_CSA = "SIEMENS CSA HEADER"
_UIH = "Image Private Header"
_SLICE = re.compile(
    rb"sSliceArray\.asSlice\[(\d+)\]\.sPosition\.d(Sag|Cor|Tra)\s*=\s*(-?[\d.]+(?:e[-+]?\d+)?)"
)
_PARALLEL = 0.999  # cosine
_AT_MM = 1.0
Vectors = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Layout:
    """(n, 3) LPS positions of the first pixel of each tile, and the tiles' size."""

    positions: Vectors
    rows: int
    columns: int
    geometry: Geometry


def slices_of(ds: Dataset, frame: Frame) -> list[Frame]:
    """One frame per tile of a whole mosaic, whose ``tiles`` is the number of slices.

    Raises ``DicomError`` if the header lacks the positions of the tiles.
    """
    layout = _uih(ds, frame) if _uih_items(ds) else _siemens(ds, frame)
    pixels = replace(
        frame.pixels,
        rows=layout.rows,
        columns=layout.columns,
        picture=(frame.pixels.rows, frame.pixels.columns),
    )
    return [
        replace(
            frame,
            pixels=pixels,
            index=n,
            tiles=1,
            geometry=replace(layout.geometry, position=position),
            image_type=tuple(word for word in frame.image_type if word != "MOSAIC"),
        )
        for n, position in enumerate(layout.positions)
    ]


def _tile_size(frame: Frame, down: int, across: int) -> tuple[int, int]:
    rows, columns = frame.pixels.rows, frame.pixels.columns
    if rows % down or columns % across:
        raise DicomError(
            f"{frame.tiles} tiles do not divide an image of {rows} x {columns} pixels evenly"
        )
    return rows // down, columns // across


def _siemens(ds: Dataset, frame: Frame) -> _Layout:
    across = math.ceil(math.sqrt(frame.tiles))
    rows, columns = _tile_size(frame, across, across)
    whole = frame.geometry
    if whole is None:
        raise DicomError("its header lacks position, orientation or pixel spacing")
    down_mm, across_mm = whole.pixel_mm
    first = (
        whole.position
        + whole.along_row * across_mm * (frame.pixels.columns - columns) / 2
        + whole.along_column * down_mm * (frame.pixels.rows - rows) / 2
    )
    half = whole.along_row * across_mm * columns / 2 + whole.along_column * down_mm * rows / 2
    step = _siemens_step(ds, frame.tiles, whole, first + half)
    positions = first + np.arange(frame.tiles)[:, None] * step
    return _Layout(positions, rows, columns, whole)


def _siemens_step(ds: Dataset, tiles: int, whole: Geometry, middle: Vectors) -> Vectors:
    """Vector between slices, LPS mm: from the protocol, else from CSA normal and spacing."""
    middles = _protocol_middles(ds)
    if len(middles) == tiles and tiles > 1:
        step = (middles[-1] - middles[0]) / (tiles - 1)
        if abs(step @ whole.normal) > _PARALLEL * np.linalg.norm(step):
            at = [float(np.linalg.norm(middle - middles[end])) for end in (0, -1)]
            if min(at) < _AT_MM:
                return np.asarray(step if at[0] < at[1] else -step)
    raw = private_value(ds, 0x0029, _CSA, 0x10, "OB")
    csa = parse_csa(raw) if isinstance(raw, bytes) else {}
    normal = np.array(floats(csa.get("SliceNormalVector")))
    if normal.shape != (3,) or abs(normal @ whole.normal) < _PARALLEL:
        raise DicomError("its private header (CSA) lacks the direction of the slices")
    if any(number != 0 for number in floats(csa.get("ProtocolSliceNumber"))):
        raise DicomError(
            "its slices are numbered backwards and the protocol with their positions is missing"
        )
    if whole.between_mm is None:
        raise DicomError("its header lacks Spacing Between Slices")
    return np.asarray(whole.normal * math.copysign(whole.between_mm, normal @ whole.normal))


def _protocol_middles(ds: Dataset) -> Vectors:
    """(n, 3) centres of the slices, LPS mm, from the protocol in the CSA series header."""
    raw = private_value(ds, 0x0029, _CSA, 0x20, "OB")
    found = _SLICE.findall(raw) if isinstance(raw, bytes) else []
    if not found:
        return np.zeros((0, 3))
    count = max(int(n) for n, _, _ in found) + 1
    middles = np.zeros((min(count, 4096), 3))
    for n, axis, value in found:
        if int(n) < len(middles):
            middles[int(n), (b"Sag", b"Cor", b"Tra").index(axis)] = float(value)
    return middles


def _uih_items(ds: Dataset) -> list[Dataset]:
    return list(private_value(ds, 0x0065, _UIH, 0x51, "SQ") or [])


def _uih(ds: Dataset, frame: Frame) -> _Layout:
    across = math.ceil(math.sqrt(frame.tiles))
    rows, columns = _tile_size(frame, math.ceil(frame.tiles / across), across)
    positions = [floats(item.get("ImagePositionPatient")) for item in _uih_items(ds)]
    if len(positions) != frame.tiles or any(len(one) != 3 for one in positions):
        raise DicomError(f"it lists {len(positions)} positions for {frame.tiles} tiles")
    if frame.geometry is None:
        raise DicomError("its header lacks orientation or pixel spacing")
    return _Layout(np.array(positions), rows, columns, frame.geometry)
