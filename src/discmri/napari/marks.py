"""Mark of one disc on every picture: name, border, height lines and frame."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from discmri.core.volume import Array
from discmri.napari.images import DiscMark


@dataclass(frozen=True, eq=False)
class Mark:
    """Mark of one disc on every picture."""

    place: DiscMark  # position of the disc
    name: str
    colour: str
    number: int  # label of the disc
    lines: bool  # whether its height lines may be shown
    # (n, 2, 3) dashes that replace the border of a residual disc, shown millimetres; None for all
    # others
    dashes: Array | None = None
    # (n, 2, 3) ends of the segments of its border on every slice, shown millimetres
    border: Array = field(default_factory=lambda: np.empty((0, 2, 3)))


def frame(low_mm: Array, high_mm: Array, length_mm: float = 4.0) -> Array:
    """(8, 2, 2) corner lines of a box around a disc, row and column in shown millimetres.

    Examples
    --------
    >>> frame(np.zeros(2), np.ones(2) * 9)[0].tolist()
    [[0.0, 0.0], [4.0, 0.0]]
    """
    found = []
    for row, inwards_row in ((low_mm[0], 1), (high_mm[0], -1)):
        for column, inwards in ((low_mm[1], 1), (high_mm[1], -1)):
            found.append([(row, column), (row + inwards_row * length_mm, column)])
            found.append([(row, column), (row, column + inwards * length_mm)])
    return np.array(found, dtype=float)
