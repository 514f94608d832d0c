"""How one disc is marked on every picture: its name, borders, lines and frame."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from discmri.core.volume import Array
from discmri.napari.images import DiscMark


@dataclass(frozen=True, eq=False)
class Mark:
    """One disc as it is marked on every picture.

    Parameters
    ----------
    place
        Where it is.
    name, colour
        What it is called, and its colour.
    number
        Its label.
    lines
        Whether its height lines may be seen.
    dashes
        (n, 2, 3) a residual disc is drawn by these instead of the border of its label, shown
        millimetres; ``None`` for all others.
    border
        (n, 2, 3) ends of the pieces of its border on every slice, shown millimetres.
    """

    place: DiscMark
    name: str
    colour: str
    number: int
    lines: bool
    dashes: Array | None = None
    border: Array = field(default_factory=lambda: np.empty((0, 2, 3)))


def frame(low_mm: Array, high_mm: Array, length_mm: float = 4.0) -> Array:
    """(8, 2, 2) the corners of a box around a disc, row and column in shown millimetres.

    Parameters
    ----------
    low_mm, high_mm
        (2,) row and column of two opposite corners.
    length_mm
        Of each of the lines.

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
