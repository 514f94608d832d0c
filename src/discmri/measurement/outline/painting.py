"""A soft mask after an edit of its label; borders that were not edited do not move."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from discmri.core.volume import Array, Grid, SoftMask, Volume

_BRUSH_SOFTNESS_VOXELS = 0.7  # like the smoothing of hard masks before they are traced
_RIM_VOXELS = 4  # range of the smoothing
_MARGIN_VOXELS = 3


def repainted(
    mask: SoftMask, drawn_on: Grid, before: NDArray[np.bool_], after: NDArray[np.bool_]
) -> SoftMask:
    """The mask with painted voxels added and erased voxels removed.

    A label map has whole voxels, while the border of a soft mask lies within voxels.  Only the
    difference of the two label maps is applied, so the rest of the border does not move.

    Parameters
    ----------
    mask
        Soft mask of one structure, on its own grid.
    drawn_on
        Grid of the label map.
    before, after
        (i, j, k) voxels of the label before and after painting.

    Returns
    -------
    SoftMask
        On the grid of ``mask``, extended to the painted voxels; a hard mask stays hard.

    Raises
    ------
    ValueError
        If nothing of the structure is left.

    Examples
    --------
    >>> disc = np.zeros((5, 20, 20), dtype=bool)
    >>> disc[1:4, 5:15, 8:12] = True
    >>> more = disc.copy()
    >>> more[1:4, 5:15, 12] = True
    >>> grid = Grid(disc.shape, np.eye(4))
    >>> mask = SoftMask.from_fractions(disc.astype(np.float32), grid.affine)
    >>> repainted(mask, grid, disc, more).volume_mm3 - mask.volume_mm3
    30.0
    """
    change = after.astype(np.float32) - before
    painted = np.argwhere(change)
    if not painted.size:
        return mask
    start = np.maximum(painted.min(axis=0) - _RIM_VOXELS, 0)
    stop = np.minimum(painted.max(axis=0) + 1 + _RIM_VOXELS, change.shape)
    change = change[tuple(map(slice, start, stop))]
    where = drawn_on.cropped(tuple(start), change.shape)
    hard = mask.is_hard
    if not hard:
        change = _softened(change, where)
    grid = _extended(mask.grid, drawn_on.to_world(painted))
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    difference = Volume(change, where.affine).sample(grid.to_world(index))
    fractions = np.clip(mask.on(grid) + difference, 0.0, 1.0)
    if hard:
        fractions = (fractions > 0.5).astype(np.float32)
    return SoftMask.from_fractions(fractions, grid.affine)


def _softened(change: Array, grid: Grid) -> Array:
    """The change, smoothed within its slices."""
    from scipy.ndimage import gaussian_filter

    sigma = np.full(3, _BRUSH_SOFTNESS_VOXELS)
    sigma[grid.sagittal_axis] = 0.0
    return np.asarray(gaussian_filter(change, sigma))


def _extended(grid: Grid, points_mm: Array) -> Grid:
    """The grid extended to the points, with a margin."""
    index = grid.to_index(points_mm)
    low = np.minimum(np.floor(index.min(axis=0)).astype(int) - _MARGIN_VOXELS, 0)
    high = np.maximum(np.ceil(index.max(axis=0)).astype(int) + _MARGIN_VOXELS + 1, grid.shape)
    i, j, k = (int(n) for n in high - low)
    return grid.cropped((int(low[0]), int(low[1]), int(low[2])), (i, j, k))
