"""Distance of a structure from the edge of the image; padding does not belong to the image."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from discmri.core.volume import Array, Grid, SoftMask, Volume

STACK_SIDES = ("right", "left")
_SIDES = (STACK_SIDES, ("anterior", "posterior"), ("upper", "lower"))
_BLANK = 0.01
"""Largest range of values in padding, as a share of the range around the structure."""


EDGE_MM = 3.0
"""A soft border depends on the image up to 3 mm beyond it, so a structure nearer to the edge counts as
cut (18 of 1,506 discs, see ``qc``: thoracic ones without the endplate above)."""


def cut_sides(mask: SoftMask, image: Volume) -> list[str]:
    """In-plane sides on which the image cuts the structure or ends too near to it.

    A hard mask may end one voxel from the edge, but not at it.
    """
    return [
        side
        for side, distance_mm, step_mm in edge_distances(mask, image)
        if side not in STACK_SIDES and distance_mm < (step_mm / 2 if mask.is_hard else EDGE_MM)
    ]


def edge_distances(mask: SoftMask, image: Volume) -> Iterator[tuple[str, float, float]]:
    """Side, distance from that edge of the image, and step of voxels, mm, for a structure.

    The sides are ``upper``, ``lower``, ``anterior``, ``posterior``, ``left`` and ``right``.  The
    distance is from the structure's last voxel to the last voxel of the image; it is negative
    within padding: rows, columns or slices of constant value between the structure and the end of
    the array.
    """
    grid = image.grid
    filled = np.argwhere(mask.array >= 0.5)
    if not len(filled):
        return
    voxels = np.round(grid.to_index(mask.grid.to_world(filled))).astype(int)
    low, high = voxels.min(axis=0), voxels.max(axis=0)
    for axis in range(3):
        blank = _blank_planes(image.array, axis, low, high)
        step_mm = float(grid.spacing_mm[axis])
        names = _names(grid, axis)
        first = _leading(blank)
        last = len(blank) - 1 - _leading(blank[::-1])
        yield names[0], float(low[axis] - first) * step_mm, step_mm
        yield names[1], float(last - high[axis]) * step_mm, step_mm


def _blank_planes(array: Array, axis: int, low: Array, high: Array) -> NDArray[np.bool_]:
    """Whether each plane across an axis is constant within the extent of the structure."""
    box = [slice(max(int(a), 0), int(b) + 1) for a, b in zip(low, high, strict=True)]
    box[axis] = slice(None)
    planes = np.moveaxis(array[tuple(box)], axis, 0).reshape(array.shape[axis], -1)
    return np.asarray(np.ptp(planes, axis=1) <= _BLANK * float(np.ptp(planes)))


def _leading(blank: NDArray[np.bool_]) -> int:
    """Number of blank planes at the beginning."""
    return int(np.argmin(blank)) if not blank.all() else 0


def _names(grid: Grid, axis: int) -> tuple[str, str]:
    """The sides at the beginning and at the end of an axis."""
    direction = grid.directions[:, axis]
    world = int(np.argmax(np.abs(direction)))
    first = 1 if direction[world] > 0 else 0
    return _SIDES[world][first], _SIDES[world][1 - first]
