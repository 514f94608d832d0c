"""Regions inside a disc relative to its borders: straightened images and coordinates.

``along`` runs from 0 at the posterior edge to 1 at the anterior edge, ``up`` from 0 at the
lower border to 1 at the upper one.  Signal and diffusion use the same regions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from discmri.core.volume import Array, Volume
from discmri.results.outline import DiscOutline, DiscSection

NUCLEUS_ALONG = (0.20, 0.80)  # central 60 % of the AP width
NUCLEUS_UP = (0.225, 0.775)  # central 55 % of the height
PICTURE_ROWS, PICTURE_COLUMNS = 7, 13
PICTURE_UP = (0.05, 0.95)  # without both borders
PICTURE_ALONG = (-0.15, 1.15)  # with the ligaments before and behind the disc
_CELL_UP, _CELL_ALONG = 2, 3  # samples in a cell
_LAST_BORDER = 0.06  # the borders nearer to an edge are those at this share of the width


@dataclass(frozen=True, eq=False)
class DiscCoordinates:
    """Coordinates of n points relative to a disc; every array is (n,)."""

    along: Array  # fraction of the width, outside 0 to 1 beyond the borders
    up: Array  # fraction of the height, likewise
    left_mm: Array  # distance from the mid-sagittal plane, positive to the patient's left
    # to the nearer of upper and lower border along the disc normal; negative outside
    to_endplate_mm: Array
    # to the nearer of anterior and posterior edge along the disc axis; negative outside
    to_edge_mm: Array
    height_mm: Array  # height of the disc in the column of the point

    def within(self, along: tuple[float, float], up: tuple[float, float]) -> NDArray[np.bool_]:
        """(n,) whether points are inside the two ranges, including their ends.

        A tolerance of 0.001 keeps voxel centres at an end inside after a rotation of the image.
        """
        slack = 1e-3
        return np.asarray(
            (self.along >= along[0] - slack)
            & (self.along <= along[1] + slack)
            & (self.up >= up[0] - slack)
            & (self.up <= up[1] + slack)
        )


def central_sections(outline: DiscOutline, count: int) -> tuple[DiscSection, ...]:
    """The ``count`` sections nearest to the mid-sagittal plane, left to right."""
    nearest = sorted(outline.sections, key=lambda cut: abs(cut.left_mm - outline.mid.left_mm))
    return tuple(sorted(nearest[:count], key=lambda cut: cut.left_mm))


def straighten(
    image: Volume, outline: DiscOutline, sections: tuple[DiscSection, ...], step_mm: float = 0.5
) -> Array:
    """The disc as a stack (section, up, along) of rectangles with straight borders.

    It is sampled linearly about every ``step_mm`` at cell centres.
    """
    width = max(float(np.ptp(cut.x_mm)) for cut in sections)
    height = max(float(np.max(cut.upper_mm - cut.lower_mm)) for cut in sections)
    n_along, n_up = max(int(width / step_mm), 20), max(int(height / step_mm), 8)
    along = (np.arange(n_along) + 0.5) / n_along
    up = ((np.arange(n_up) + 0.5) / n_up)[:, None]
    pictures = []
    for cut in sections:
        x = cut.x_mm[0] + along * (cut.x_mm[-1] - cut.x_mm[0])
        upper, lower = np.interp(x, cut.x_mm, cut.upper_mm), np.interp(x, cut.x_mm, cut.lower_mm)
        z = lower + up * (upper - lower)
        points = np.stack([np.broadcast_to(x, z.shape), z, np.full(z.shape, cut.left_mm)], axis=-1)
        pictures.append(image.sample(outline.frame.to_world(points)))
    return np.stack(pictures)


def small_picture(image: Volume, outline: DiscOutline, sections: tuple[DiscSection, ...]) -> Array:
    """A coarse picture of the straightened disc, mean of its sections.

    (:data:`PICTURE_ROWS`, :data:`PICTURE_COLUMNS`) from below to above and from behind to in front;
    cells are means.
    """
    up = _cell_centres(PICTURE_UP, PICTURE_ROWS * _CELL_UP)[:, None]
    along = _cell_centres(PICTURE_ALONG, PICTURE_COLUMNS * _CELL_ALONG)
    total = np.zeros((up.size, along.size))
    for cut in sections:
        width = cut.x_mm[-1] - cut.x_mm[0]
        x = cut.x_mm[0] + along * width
        inside = cut.x_mm[0] + np.clip(along, _LAST_BORDER, 1 - _LAST_BORDER) * width
        upper, lower = (np.interp(inside, cut.x_mm, one) for one in (cut.upper_mm, cut.lower_mm))
        z = lower + up * (upper - lower)
        points = np.stack([np.broadcast_to(x, z.shape), z, np.full(z.shape, cut.left_mm)], axis=-1)
        total += image.sample(outline.frame.to_world(points))
    cells = total.reshape(PICTURE_ROWS, _CELL_UP, PICTURE_COLUMNS, _CELL_ALONG)
    return np.asarray(cells.mean(axis=(1, 3)) / len(sections))


def _cell_centres(ends: tuple[float, float], count: int) -> Array:
    return np.asarray(ends[0] + (np.arange(count) + 0.5) / count * (ends[1] - ends[0]))


def region(straight: Array, along: tuple[float, float], up: tuple[float, float]) -> Array:
    """The cells of a straightened disc within two ranges, as (section, up, along).

    >>> region(np.arange(40.0).reshape(1, 4, 10), (0.0, 0.2), (0.5, 1.0)).ravel().tolist()
    [20.0, 21.0, 30.0, 31.0]
    """
    _, n_up, n_along = straight.shape
    rows = (np.arange(n_up) + 0.5) / n_up
    columns = (np.arange(n_along) + 0.5) / n_along
    rows_in = (rows >= up[0]) & (rows <= up[1])
    columns_in = (columns >= along[0]) & (columns <= along[1])
    return np.asarray(straight[:, rows_in][:, :, columns_in])


def disc_coordinates(outline: DiscOutline, points_mm: Array) -> DiscCoordinates:
    """Disc coordinates of RAS+ points (n, 3); borders are interpolated between sections.

    Beyond the outermost sections their border is used.
    """
    x, z, left = outline.frame.to_frame(points_mm).T
    cuts = sorted(outline.sections, key=lambda cut: cut.left_mm)
    positions = np.array([cut.left_mm for cut in cuts])
    borders = np.stack([_borders_at(cut, x) for cut in cuts])  # (section, 4, n)
    index = np.clip(np.searchsorted(positions, left) - 1, 0, max(len(cuts) - 2, 0))
    after = np.minimum(index + 1, len(cuts) - 1)
    gap = positions[after] - positions[index]  # 0 if sections of a thin mask coincide
    share = np.clip((left - positions[index]) / np.where(gap > 0, gap, 1.0), 0.0, 1.0)
    n = np.arange(len(x))
    posterior, anterior, lower, upper = (
        borders[index, :, n] * (1 - share[:, None]) + borders[after, :, n] * share[:, None]
    ).T
    height = np.maximum(upper - lower, 1e-6)
    return DiscCoordinates(
        along=(x - posterior) / (anterior - posterior),
        up=(z - lower) / height,
        left_mm=left - outline.mid.left_mm,
        to_endplate_mm=np.minimum(upper - z, z - lower),
        to_edge_mm=np.minimum(anterior - x, x - posterior),
        height_mm=height,
    )


def _borders_at(cut: DiscSection, x: Array) -> Array:
    """(4, n): posterior edge, anterior edge, lower and upper border at column positions."""
    ones = np.ones_like(x)
    return np.stack(
        [
            cut.x_mm[0] * ones,
            cut.x_mm[-1] * ones,
            np.interp(x, cut.x_mm, cut.lower_mm),
            np.interp(x, cut.x_mm, cut.upper_mm),
        ]
    )
