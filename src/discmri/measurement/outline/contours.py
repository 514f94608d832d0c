"""Sub-voxel borders of a soft mask in each slice, and the border in the mid-plane."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from discmri.core.volume import Array, SoftMask
from discmri.results.outline import DiscFrame, DiscSection

COLUMN_STEP = 0.005
"""Distance of the columns of a section, as a share of its width."""
_SHARES = (1 - np.cos(np.linspace(0.0, np.pi, 181))) / 2
"""Positions of columns, as shares of the width; closer together at both ends."""
_REACH_MM = 12.0
"""Slices further from the mid-plane are not used for its outline."""
_HARD_SMOOTHING_VOXELS = 0.7


@dataclass(frozen=True, eq=False)
class SliceContours:
    """Closed 0.5-level borders of one mask in its sagittal slices."""

    # per slice with a border: its closed polygons (m, 3) in RAS+ mm, largest first
    loops_mm: tuple[tuple[Array, ...], ...]

    @cached_property
    def largest(self) -> tuple[Array, ...]:
        """The largest polygon of every slice."""
        return tuple(loops[0] for loops in self.loops_mm)


def slice_contours(mask: SoftMask) -> SliceContours:
    """The 0.5 level of every sagittal slice by marching squares.

    A hard mask is first smoothed within its slices, so that its border does not follow the edges of
    voxels.
    """
    from scipy.ndimage import gaussian_filter
    from skimage.measure import find_contours

    axis = mask.sagittal_axis
    slices = np.moveaxis(mask.array, axis, 0)
    padded = np.pad(slices, ((0, 0), (2, 2), (2, 2)))
    if mask.is_hard:
        padded = gaussian_filter(padded, (0, _HARD_SMOOTHING_VOXELS, _HARD_SMOOTHING_VOXELS))
    loops = []
    for number, image in enumerate(padded):
        if image.max() > 0.5:
            found = [c for c in find_contours(image, 0.5) if len(c) >= 5]
            found.sort(key=_area, reverse=True)
            points = [np.insert(c[:-1] - 2.0, axis, number, axis=1) for c in found]
            loops.append(tuple(mask.grid.to_world(p) for p in points))
    return SliceContours(tuple(each for each in loops if each))


def _area(loop: Array) -> float:
    x, y = loop.T
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def crossings(loop: Array, at: Array) -> tuple[Array, Array]:
    """Lowest and highest crossing (n,) of a closed polygon (m, 2) with columns; NaN without.

    ``at`` are the (n,) first coordinates of the columns.

    >>> square = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 1.0], [0.0, 1.0]])
    >>> lowest, highest = crossings(square, np.array([0.5, 1.5]))
    >>> lowest.tolist(), highest.tolist()
    ([0.0, 0.0], [1.0, 1.0])
    """
    start, stop = loop, np.roll(loop, -1, axis=0)
    a, b = start[:, 0], stop[:, 0]
    crossed = (a[None, :] <= at[:, None]) != (b[None, :] <= at[:, None])
    line, segment = np.nonzero(crossed)
    share = (at[line] - a[segment]) / (b[segment] - a[segment])
    value = start[segment, 1] + share * (stop[segment, 1] - start[segment, 1])
    lowest, highest = np.full(len(at), np.inf), np.full(len(at), -np.inf)
    np.minimum.at(lowest, line, value)
    np.maximum.at(highest, line, value)
    return np.where(np.isfinite(lowest), lowest, np.nan), np.where(
        np.isfinite(highest), highest, np.nan
    )


def section_of(contour: Array, left_mm: float) -> DiscSection:
    """The section inside one closed contour (m, 2) in frame coordinates, mm."""
    back, front = contour[:, 0].min(), contour[:, 0].max()
    share = np.linspace(0.0, 1.0, round(1 / COLUMN_STEP) + 1)
    x = back + share * (front - back)
    lower, upper = crossings(contour, np.clip(x, back + 1e-6, front - 1e-6))
    return DiscSection(left_mm, x, upper, lower, contour)


def flattened(loops_mm: tuple[Array, ...], frame: DiscFrame) -> list[tuple[float, Array]]:
    """Each polygon projected along ``left``: its mean position there and (m, 2) outline.

    The small tilt of slices against the mid-plane is ignored.
    """
    local = [frame.to_frame(loop) for loop in loops_mm]
    return [(float(points[:, 2].mean()), points[:, :2]) for points in local]


def at_mid_plane(left_mm: Array, values: Array) -> Array:
    """Values at left = 0 from a weighted parabola through the nearby slices.

    Local regression with tricube weights (Cleveland 1979, doi:10.1080/01621459.1979.10481038) of
    (k, m) values at (k,) positions of slices.  The parabola follows the lateral curvature of
    endplates, which a mean over slices would flatten.  Two slices give a line, one slice its own
    value.

    >>> left = np.array([-5.0, -1.0, 3.0, 7.0])
    >>> float(at_mid_plane(left, 10 - 0.01 * left[:, None] ** 2).round(6)[0])
    10.0
    """
    weights = mid_plane_weights(left_mm)
    return np.asarray(weights @ values)


def mid_plane_weights(left_mm: Array) -> Array:
    """(k,) weight of each slice in :func:`at_mid_plane`; they sum to one.

    Parameters
    ----------
    left_mm
        (k,) positions of the slices, left of the mid-plane positive.

    Returns
    -------
    ndarray
        (k,).

    Examples
    --------
    >>> round(float(mid_plane_weights(np.array([-6.0, -2.0, 2.0, 6.0])).sum()), 6)
    1.0
    """
    distance = np.abs(left_mm)
    order = np.sort(distance)
    reach = max(_REACH_MM, 1.15 * order[min(2, len(order) - 1)], 1e-6)
    tricube = np.clip(1 - (distance / reach) ** 3, 0, None) ** 3
    near = tricube > 0
    bracketed = left_mm[near].min() < 1.0 and left_mm[near].max() > -1.0
    degree = min(2, int(near.sum()) - 1) if bracketed else 0
    design = np.vander(left_mm / reach, degree + 1, increasing=True)
    normal = design.T @ (tricube[:, None] * design)
    return np.asarray(np.linalg.solve(normal, design.T * tricube)[0])


def mid_contour(cuts: list[tuple[float, Array]]) -> Array:
    """(2m, 2) outline at left = 0 from the outlines of nearby slices.

    ``cuts`` are the position along ``left`` and the closed (m, 2) outline of each slice.  Each
    gives its ends and, at the same shares of its width, its lower and upper border; all are
    interpolated to the mid-plane by :func:`at_mid_plane`.  The same shares of the width are the
    same parts of the disc, also if its width differs between slices.

    Examples
    --------
    >>> cut = np.array([[0.0, 0.0], [30.0, 0.0], [30.0, 8.0], [0.0, 8.0]])
    >>> contour = mid_contour([(-4.0, cut), (4.0, cut + [0.0, 1.0])])
    >>> contour.min(axis=0).round(3).tolist(), contour.max(axis=0).round(3).tolist()
    ([0.0, 0.5], [30.0, 8.5])
    """
    left = np.array([position for position, _ in cuts])
    ends = np.array([[contour[:, 0].min(), contour[:, 0].max()] for _, contour in cuts])
    inside = np.clip(_columns(ends), ends[:, :1] + 1e-6, ends[:, 1:] - 1e-6)
    borders = np.array(
        [crossings(contour, x) for x, (_, contour) in zip(inside, cuts, strict=True)]
    )
    x = _columns(at_mid_plane(left, ends))
    lower, upper = at_mid_plane(left, borders.reshape(len(cuts), -1)).reshape(2, -1)
    border = np.stack([np.r_[x, x[::-1]], np.r_[lower, np.maximum(upper, lower)[::-1]]], axis=1)
    return np.asarray(border)


def _columns(ends: Array) -> Array:
    """(..., m) columns between two ends (..., 2), closer together near both."""
    return np.asarray(ends[..., :1] + _SHARES * (ends[..., 1:] - ends[..., :1]))
