"""A spine of boxes: the least that numbering and label maps need."""

from __future__ import annotations

import numpy as np

from discmri.core.labels import FoundDisc, FoundSpine
from discmri.core.volume import Grid, SoftMask

GRID = Grid((7, 60, 320), np.diag([4.0, 1.0, 1.0, 1.0]))
PITCH = 36  # mm from disc to disc


def box(y: slice, z: slice) -> SoftMask:
    full = np.zeros(GRID.shape, dtype=np.float32)
    full[1:6, y, z] = 1.0
    return SoftMask.from_fractions(full, GRID.affine)


def disc_box(number: int, depth: int = 34) -> SoftMask:
    """The ``number``-th disc from below, 10 mm high."""
    return box(slice(12, 12 + depth), slice(40 + PITCH * number, 50 + PITCH * number))


def box_spine(
    discs: tuple[int, ...] = (0, 1, 2, 3, 4, 5),
    sacrum: bool = True,
    bodies: tuple[int, ...] = (0, 1, 2, 3, 4, 5),
    lowest_depth: int = 34,
) -> FoundSpine:
    """Discs and the bodies above them, numbered from below."""
    return FoundSpine(
        grid=GRID,
        discs=tuple(
            FoundDisc(disc_box(n, lowest_depth if n == 0 else 34), 0.9)
            for n in sorted(discs, reverse=True)
        ),
        bodies=tuple(
            box(slice(12, 46), slice(51 + PITCH * n, 75 + PITCH * n))
            for n in sorted(bodies, reverse=True)
        ),
        sacrum=box(slice(8, 44), slice(5, 39)) if sacrum else None,
        canal=box(slice(0, 8), slice(5, 300)),
    )
