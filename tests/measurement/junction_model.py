"""A sacrum and discs drawn as tilted rectangles: a junction whose signs are known exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from discmri.core.labels import FoundDisc, FoundSpine
from discmri.core.volume import Grid, SoftMask

GRID = Grid((5, 120, 260), np.diag([4.0, 1.0, 1.0, 1.0]))
LUMBAR_MM = (36.0, 10.0)  # depth and height of a lumbar disc
SPACING_MM = 36.0


@dataclass(frozen=True)
class Piece:
    """A disc seen from the side, and the bone above it up to the next disc."""

    depth_mm: float = LUMBAR_MM[0]
    height_mm: float = LUMBAR_MM[1]
    tilt_deg: float = 0.0
    spacing_mm: float = SPACING_MM
    bone_mm: tuple[float, float] = (36.0, 36.0)  # depth of the bone above: lower, upper end
    sacrum_above: float = float("nan")
    lean_deg: float = 0.0  # of the bone above: its lower end lies further back


LUMBAR = Piece()
RESIDUAL = Piece(16.0, 4.0, spacing_mm=30.0, bone_mm=(26.0, 34.0), sacrum_above=0.1, lean_deg=30.0)


def junction_spine(
    pieces: Sequence[Piece],
    sacrum: bool = True,
    slices: Sequence[int] = (1, 2, 3),
    sacrum_lean_deg: float = 30.0,
) -> FoundSpine:
    """A spine of these pieces, caudal to cranial; the sacrum below is as deep as the lowest bone."""
    centres = [(60.0, 45.0 + sum(piece.spacing_mm for piece in pieces))]
    for piece in reversed(pieces):
        centres.insert(0, _down(centres[0], piece.spacing_mm, piece.lean_deg))
    discs = [
        FoundDisc(_rectangle(centre, piece, slices), 0.9, sacrum_above=piece.sacrum_above)
        for centre, piece in zip(centres, pieces, strict=False)
    ]
    bodies = [
        _bone(low, high, piece, slices)
        for piece, (low, high) in zip(pieces, pairwise(centres), strict=True)
    ]
    tip = _down(centres[0], 40.0, sacrum_lean_deg)
    below = _bone(tip, centres[0], replace(pieces[0], bone_mm=(20.0, 34.0)), slices)
    return FoundSpine(
        grid=GRID,
        discs=tuple(reversed(discs)),
        bodies=tuple(reversed(bodies)),
        sacrum=below if sacrum else None,
        canal=_filled(_at()[0] < 38, slices),  # behind the discs: y up to 38 mm
    )


def _down(point: tuple[float, float], by_mm: float, lean_deg: float) -> tuple[float, float]:
    return point[0] - by_mm * float(np.tan(np.radians(lean_deg))), point[1] - by_mm


def _at() -> tuple[np.ndarray, np.ndarray]:
    return np.meshgrid(np.arange(GRID.shape[1]), np.arange(GRID.shape[2]), indexing="ij")


def _rectangle(centre: tuple[float, float], piece: Piece, slices: Sequence[int]) -> SoftMask:
    y, z = _at()
    tilt = np.radians(piece.tilt_deg)  # front lower
    forward = (y - centre[0]) * np.cos(tilt) - (z - centre[1]) * np.sin(tilt)
    up = (y - centre[0]) * np.sin(tilt) + (z - centre[1]) * np.cos(tilt)
    return _filled(
        (np.abs(forward) <= piece.depth_mm / 2) & (np.abs(up) <= piece.height_mm / 2), slices
    )


def _bone(
    low: tuple[float, float], high: tuple[float, float], piece: Piece, slices: Sequence[int]
) -> SoftMask:
    y, z = _at()
    share = (z - low[1]) / (high[1] - low[1])
    middle = low[0] + (high[0] - low[0]) * share
    depth = piece.bone_mm[0] + (piece.bone_mm[1] - piece.bone_mm[0]) * share
    return _filled((share > 0.02) & (share < 0.98) & (np.abs(y - middle) <= depth / 2), slices)


def _filled(where: np.ndarray, slices: Sequence[int]) -> SoftMask:
    full = np.zeros(GRID.shape, dtype=np.float32)
    full[list(slices)] = where
    return SoftMask.from_fractions(full, GRID.affine)
