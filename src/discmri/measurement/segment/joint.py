"""Separation of discs, or of vertebrae, that a label map holds as one class.

Neighbours may touch, through a bridging osteophyte, at the facet joints or because of low
resolution.  Discs are separated by the bone between them, bodies by the discs.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from discmri.core.volume import Array, Grid
from discmri.measurement.segment.parts import Mask

ISLAND_SHARE = 0.1
"""A part smaller than this share of the median part is left out."""
_BEHIND_DISCS_MM = 3.0  # end of a body behind the line through the posterior ends of its discs
_BONE_BETWEEN = 0.25  # share of the way between two discs that is bone


def split_discs(where: Mask, bone: Mask, grid: Grid) -> list[Mask]:
    """One mask per disc.

    Parameters
    ----------
    where
        (i, j, k) all discs.
    bone
        (i, j, k) all vertebrae.
    grid
        Their voxel grid.
    """
    found = [disc for part in _parts(where) for disc in _cut(part, bone, grid)]
    return _without_islands(found)


def split_bodies(where: Mask, discs: Sequence[Mask], grid: Grid) -> list[Mask]:
    """One mask per vertebral body, cranial to caudal, cut at the discs and behind the bodies.

    Parameters
    ----------
    where
        (i, j, k) all vertebrae, with or without their posterior elements.
    discs
        The discs on the same grid.
    grid
        Their voxel grid.
    """
    points = [grid.to_world(np.argwhere(disc)) for disc in discs]
    points.sort(key=lambda one: -one[:, 2].mean())
    index = np.argwhere(where)
    bone = grid.to_world(index)
    backs = np.array([one[one[:, 1].argmin(), 1:] for one in points])  # posterior, superior
    backs = backs[backs[:, 1].argsort()]
    body = bone[:, 1] > np.interp(bone[:, 2], backs[:, 1], backs[:, 0]) - _BEHIND_DISCS_MM
    below = _discs_above(bone, np.array([one.mean(axis=0) for one in points]))
    found = []
    for number in range(len(points) + 1):
        mask = np.zeros_like(where)
        mask[tuple(index[body & (below == number)].T)] = True
        found.append(_largest(mask))
    return _without_islands(found)


def _discs_above(points: Array, centres: Array) -> NDArray[np.intp]:
    """(n,) number of discs cranial to each point, by planes perpendicular to the spine's curve."""
    along = np.gradient(centres, axis=0) if len(centres) > 1 else np.array([[0.0, 0.0, -1.0]])
    return np.asarray(
        sum(((points - at) @ way > 0).astype(int) for at, way in zip(centres, along, strict=True))
    )


def _parts(where: Mask) -> list[Mask]:
    from scipy import ndimage

    parts, count = ndimage.label(where)
    return [parts == number for number in range(1, count + 1)]


def _largest(where: Mask) -> Mask:
    parts = _parts(where)
    return max(parts, key=np.count_nonzero) if parts else where


def _without_islands(found: list[Mask]) -> list[Mask]:
    sizes = np.array([np.count_nonzero(one) for one in found])
    typical = np.median(np.sort(sizes)[-7:]) if sizes.size else 0
    return [one for one, size in zip(found, sizes, strict=True) if size >= ISLAND_SHARE * typical]


def _cut(part: Mask, bone: Mask, grid: Grid) -> list[Mask]:
    """The discs of one connected part: eroded cores separated by bone, grown to the whole part."""
    from scipy import ndimage

    cores = _without_islands(_parts(ndimage.binary_erosion(part)))
    if len(cores) < 2:
        return [part]
    cores.sort(key=lambda core: float(grid.to_world(_middle(core))[2]))
    groups = np.zeros(part.shape, dtype=int)
    number = 1
    groups[cores[0]] = number
    for core, following in pairwise(cores):
        number += _bone_between(core, following, bone)
        groups[following] = number
    nearest = ndimage.distance_transform_edt(
        groups == 0, return_distances=False, return_indices=True
    )
    filled = np.where(part, groups[tuple(nearest)], 0)
    return [filled == one for one in range(1, number + 1)]


def _middle(where: Mask) -> Array:
    return np.asarray(np.argwhere(where).mean(axis=0))


def _bone_between(one: Mask, other: Mask, bone: Mask) -> bool:
    line = np.linspace(_middle(one), _middle(other), 50).round().astype(int)
    return bool(bone[tuple(line.T)].mean() > _BONE_BETWEEN)
