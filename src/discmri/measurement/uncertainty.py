"""How far a measured height may be from the true one.

Four sources add up as variances:

* **sampling**: voxels place a border with an error that the slices do not share, known
  beforehand from the voxel size and corrected by the scatter that the slices really show
  around a smooth course (Bayesian shrinkage of a variance, with ``PRIOR_SLICES`` slices'
  worth of belief in the prior);
* **grid**: the part of it that all slices share;
* **softness**: a border softer than voxels make it is one the segmenter was unsure of; its
  error is taken to follow the softness, and to be correlated over about 5 mm of endplate;
* **segmenter**: what it is known to err by, as it says itself of each disc.

The constants of the first two come from ``python -m benchmarks.height_sd``, which draws
analytic discs on random grids, measures them, fits both to the errors by maximum likelihood and
prints the coverage; they are set a little above that fit because neighbours, canal and cut
stacks add some error of their own.  That softness counts by half is an assumption; the
segmenter's share is established by whoever ships the segmenter (``python -m benchmarks
accuracy`` prints the coverage for the built-in one).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from discmri.measurement.outline import mid_plane_weights
from discmri.results.height import HEIGHT_METHODS
from discmri.results.height.columns import mean_column
from discmri.results.outline import DiscOutline

PRIOR_SLICES = 8.0
_SLICE_ERROR_VOXELS = {False: 0.06, True: 0.12}
_GRID_ERROR_VOXELS = {False: 0.04, True: 0.05}
_VOXEL_SOFTNESS = 0.60
"""Softness that averaging over voxels and interpolating alone make, in voxels."""
_SOFT_SHARE = 0.5


@dataclass(frozen=True)
class SliceScatter:
    """How the heights of single slices scatter around a smooth course.

    Parameters
    ----------
    squares_mm2
        Weighted sum of squared residuals.
    freedom
        Degrees of freedom behind it; 0 with three slices or fewer.
    leverage
        Variance of the value at the mid-plane for unit variance per slice.
    """

    squares_mm2: float
    freedom: float
    leverage: float


def height_sd(outline: DiscOutline, method: str = "columns", segmenter_sd_mm: float = 0.0) -> float:
    """Standard uncertainty of a height in mm.

    Parameters
    ----------
    outline
        The traced disc.
    method
        Code of the height definition.
    segmenter_sd_mm
        The segmenter's own share in a mean height (``SpineLabels.segmenter_sd_mm``).

    Raises
    ------
    KeyError
        Where ``method`` is no known code.
    """
    voxel, hard = voxel_mm(outline), outline.mask.is_hard
    scatter = slice_scatter(outline)
    prior = (_SLICE_ERROR_VOXELS[hard] * voxel) ** 2
    per_slice = (PRIOR_SLICES * prior + scatter.squares_mm2) / (PRIOR_SLICES + scatter.freedom)
    grid = (_GRID_ERROR_VOXELS[hard] * voxel) ** 2
    excess = 0.0 if hard else max(0.0, outline.border_sd_mm**2 - (_VOXEL_SOFTNESS * voxel) ** 2)
    definition = HEIGHT_METHODS[method]
    sampling = (per_slice * scatter.leverage + grid) * definition.uncertainty_factor**2
    segmenter = (definition.segmenter_factor * segmenter_sd_mm) ** 2
    return float(np.sqrt(sampling + _SOFT_SHARE**2 * excess + segmenter))


def slice_scatter(outline: DiscOutline) -> SliceScatter:
    """Scatter of the mean column heights of the central slices around a parabola."""
    cuts = [cut for cut in outline.sections if cut is not outline.mid]
    left = np.array([cut.left_mm for cut in cuts])
    heights = np.array([mean_column(cut) for cut in cuts])
    weights = mid_plane_weights(left)
    near = weights != 0
    freedom = max(0, int(near.sum()) - 3)
    squares = 0.0
    if freedom:
        fit = np.polynomial.Polynomial.fit(left[near], heights[near], 2)
        squares = float(((heights[near] - fit(left[near])) ** 2).sum())
    return SliceScatter(squares, float(freedom), float((weights**2).sum()))


def voxel_mm(outline: DiscOutline) -> float:
    """Extent of a voxel along the disc's normal within the slice."""
    grid, axis = outline.mask.grid, outline.mask.sagittal_axis
    within = [n for n in range(3) if n != axis]
    along = np.abs(grid.directions[:, within].T @ outline.frame.cranial)
    return float(np.hypot(*(along * grid.spacing_mm[within])))
