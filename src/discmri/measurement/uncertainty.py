"""Standard uncertainty of a measured height.

The variances of these sources are added:

* **sampling**: the error of a border from voxels, independent between slices.  It is predicted
  from the voxel size and corrected by the observed scatter of the slices around a parabola
  (Bayesian shrinkage of a variance, where the prior has the weight of ``PRIOR_SLICES`` slices);
* **grid**: the part of this error that all slices share;
* **rounding**, of hard masks, whose borders are known to one voxel only.  The errors average out
  for a border that crosses many rows of voxels, but not for a border along one row, which is
  uniformly uncertain by half a voxel;
* **softness**, of soft masks whose segmenter does not state its error.  A border softer than
  expected from the voxels is uncertain; its error is assumed to be half of the additional softness;
* **segmenter**: the error that the segmenter states for each disc.

The constants of sampling and grid come from ``python -m benchmarks.height_sd``, which measures
analytic discs on random grids, fits both by maximum likelihood and prints the coverage.  They are
set a little above the fit because neighbours, canal and cut stacks add some error.  The
segmenter's error must be determined for each segmenter (for the built-in one by
``python -m benchmarks.segmenter_sd``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from discmri.measurement.outline import mid_plane_weights
from discmri.results.height import HEIGHT_METHODS
from discmri.results.height.columns import mean_column
from discmri.results.outline import DiscOutline

PRIOR_SLICES = 8.0
_SLICE_ERROR_VOXELS = 0.06
_GRID_ERROR_VOXELS = 0.04
_PHASES = (np.arange(24) + 0.5) / 24
_ROUNDED_COLUMNS = np.linspace(-1.0, 1.0, 81)
_ROUNDED_DEGREE = 2
"""Degree of the polynomial that is fitted to a border of voxels."""
_VOXEL_SOFTNESS = 0.60
"""Softness from averaging over voxels and from interpolation, in voxels."""
_SOFT_SHARE = 0.5


@dataclass(frozen=True)
class SliceScatter:
    """Scatter of the heights of single slices around a parabola."""

    squares_mm2: float  # sum of squared residuals
    freedom: float  # its degrees of freedom; 0 with three slices or fewer
    leverage: float  # variance of the value at the mid-plane for unit variance per slice


def height_sd(outline: DiscOutline, method: str = "columns", segmenter_sd_mm: float = 0.0) -> float:
    """Standard uncertainty of a height in mm.

    ``segmenter_sd_mm`` is the segmenter's part in a mean height (``SpineLabels.segmenter_sd_mm``).
    Raises ``KeyError`` if ``method`` is not a known code.
    """
    voxel = voxel_mm(outline)
    scatter = slice_scatter(outline)
    prior = (_SLICE_ERROR_VOXELS * voxel) ** 2
    per_slice = (PRIOR_SLICES * prior + scatter.squares_mm2) / (PRIOR_SLICES + scatter.freedom)
    grid = (_GRID_ERROR_VOXELS * voxel) ** 2
    definition = HEIGHT_METHODS[method]
    sampling = (per_slice * scatter.leverage + grid) * definition.uncertainty_factor**2
    border = (definition.segmenter_factor * segmenter_sd_mm) ** 2
    if outline.mask.is_hard:
        border += _rounded(outline, definition.uncertainty_factor)
    elif not segmenter_sd_mm:
        border += _SOFT_SHARE**2 * max(
            0.0, outline.border_sd_mm**2 - (_VOXEL_SOFTNESS * voxel) ** 2
        )
    return float(np.sqrt(sampling + border))


def _rounded(outline: DiscOutline, factor: float) -> float:
    """Variance of a height by rounding, mm², at most that of one voxel.

    ``factor`` is larger than 1 for heights at one position.
    """
    one_voxel = _row(outline)[1] ** 2 / 6  # two borders, each uniform within a voxel
    return float(min(factor**2 * rounding_variance(outline), one_voxel))


def _row(outline: DiscOutline) -> tuple[int, float]:
    """The array axis within the slices nearest to the disc's normal, and its spacing in mm."""
    grid, axis = outline.mask.grid, outline.mask.sagittal_axis
    within = [n for n in range(3) if n != axis]
    row = max(within, key=lambda n: abs(float(grid.directions[:, n] @ outline.frame.cranial)))
    return row, float(grid.spacing_mm[row])


def rounding_variance(outline: DiscOutline) -> float:
    """Variance of the mean height from rounding both borders of a hard mask to voxels, mm².

    Each border is known up to a shift within a voxel, which all slices share.  The result is the
    variance, over all shifts, of the mean difference between rounded and smooth border.
    """
    row, spacing_mm = _row(outline)
    cuts = [cut for cut in outline.sections if cut is not outline.mid]
    weights = mid_plane_weights(np.array([cut.left_mm for cut in cuts]))
    errors = np.zeros((2, len(_PHASES)))
    for cut, weight in zip(cuts, weights, strict=True):
        x, *borders = cut.between(0.10, 0.90)
        at = np.interp(_ROUNDED_COLUMNS, (-1, 1), (x[0], x[-1]))
        for n, border in enumerate(borders):
            z = np.interp(at, x, border)
            points = np.stack([at, z, np.full_like(at, cut.left_mm)], axis=-1)
            index = outline.mask.grid.to_index(outline.frame.to_world(points))[:, row]
            fit = np.polynomial.Polynomial.fit(_ROUNDED_COLUMNS, index, _ROUNDED_DEGREE)
            course = fit(_ROUNDED_COLUMNS) + _PHASES[:, None]
            errors[n] += weight * (np.round(course) - course).mean(axis=1)
    return float(errors.var(axis=1).sum() * spacing_mm**2)


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
    """Extent (mm) of a voxel along the disc's normal within the slice."""
    grid, axis = outline.mask.grid, outline.mask.sagittal_axis
    within = [n for n in range(3) if n != axis]
    along = np.abs(grid.directions[:, within].T @ outline.frame.cranial)
    return float(np.hypot(*(along * grid.spacing_mm[within])))
