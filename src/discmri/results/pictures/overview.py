"""The whole spine on one sagittal slice, level names beside the discs.

A residual disc is drawn dashed and without a height, since it is not measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from discmri.core.volume import Array, Volume
from discmri.results.pictures.canvas import LEVEL_COLOURS, canvas, png, scale_bar, window
from discmri.results.residual import border_mm

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from discmri.results.model import StudyResult

_ANTERIOR_MARGIN_MM = 40.0
_POSTERIOR_MARGIN_MM = 65.0
_VERTICAL_MARGIN_MM = 28.0
_CANAL_MM = 20.0
_GUTTER_MM = 46.0
_NAME_MM = 7.0  # room for half of a name and its height
_PIXELS_PER_MM = 3.0


@dataclass(frozen=True, eq=False)
class _Slice:
    """A sagittal slice of an image as it is shown: anterior to the left, cranial up.

    ``across`` and ``up`` are the array axes, ``signs`` turn their indices so that x grows
    posteriorly and y cranially; both count millimetres from voxel (0, 0).
    """

    image: Volume
    across: int
    up: int
    number: int
    signs: tuple[float, float]

    def project(self, points_mm: Array) -> Array:
        """(n, 2) shown millimetres of (n, 3) RAS+ points, seen from the patient's left."""
        index = self.image.grid.to_index(points_mm)[:, [self.across, self.up]]
        spacing = self.image.spacing_mm[[self.across, self.up]]
        return np.asarray(index * spacing * np.array(self.signs))

    def pixels(self) -> Array:
        """(rows, columns) with rows along y, cranial first, and columns along x."""
        plane = np.take(self.image.array, self.number, axis=self.image.sagittal_axis)
        if self.across > self.up:
            plane = plane.T
        plane = plane[:: int(self.signs[0]), :: -int(self.signs[1])]
        return np.asarray(plane.T, dtype=np.float32)

    def extent(self) -> tuple[float, float, float, float]:
        """Left, right, bottom and top edge of the picture."""
        edges = []
        for axis, sign in zip((self.across, self.up), self.signs, strict=True):
            spacing = float(self.image.spacing_mm[axis])
            ends = sorted((-0.5 * spacing * sign, (self.image.shape[axis] - 0.5) * spacing * sign))
            edges += ends
        return edges[0], edges[1], edges[2], edges[3]


def overview(result: StudyResult) -> bytes:
    """PNG of the slice that lies closest to the discs' own mid-sagittal planes."""
    shown = _slice(result)
    contours = {
        level: shown.project(border.contour_world_mm) for level, border in result.borders.items()
    }
    residuals = {
        level: shown.project(border_mm(mask))
        for level, mask in result.labels.residual_discs.items()
    }
    left, right, bottom, top = _region(shown, [*contours.values(), *residuals.values()])
    figure, axes = canvas(right - left + _GUTTER_MM, top - bottom, _PIXELS_PER_MM)
    pixels = shown.pixels()
    low, high = window(_near_spine(shown, pixels, list(contours.values())))
    axes.imshow(
        pixels, cmap="gray", vmin=low, vmax=high, extent=shown.extent(),
        interpolation="bicubic", zorder=0,
    )  # fmt: skip
    axes.set_xlim(left - _GUTTER_MM, right)
    axes.set_ylim(bottom, top)
    axes.axvspan(left - _GUTTER_MM, left, color="white", zorder=3, lw=0)
    heights = {record.level: record.get("height_mm") for record in result.records}
    for level, contour in contours.items():
        colour = LEVEL_COLOURS[level]
        axes.plot(*np.vstack([contour, contour[:1]]).T, color=colour, lw=1.4, zorder=2)
        _name(axes, contour, left, level.value, colour, heights.get(level))
    for level, border in residuals.items():
        colour = LEVEL_COLOURS[level]
        axes.plot(*border.T, color=colour, lw=1.4, ls=(0, (3.0, 2.0)), zorder=2)
        _name(axes, border, left, level.value, colour, None)
    scale_bar(axes, right - 6.0, bottom + 6.0, 50.0)
    return png(figure, [LEVEL_COLOURS[level] for level in (*contours, *residuals)])


def _name(axes: Axes, contour: Array, left: float, name: str, colour: str, height: object) -> None:
    """The name in the margin, with a thin line to the disc's anterior border."""
    front = contour[np.argmin(contour[:, 0])]
    bottom, top = axes.get_ylim()
    y = float(np.clip(contour[:, 1].mean(), bottom + _NAME_MM, top - _NAME_MM))
    axes.plot([left, front[0] - 1.5], [y, front[1]], color=colour, lw=0.8, alpha=0.9, zorder=2)
    axes.plot([left - 4.0, left], [y, y], color=colour, lw=5.0, solid_capstyle="butt", zorder=4)
    axes.text(
        left - 6.5, y, name, ha="right", va="bottom", fontsize=11, fontweight="bold",
        color="#1d2733", zorder=4,
    )  # fmt: skip
    if isinstance(height, (int, float)):
        axes.text(
            left - 6.5, y, f"{height:.1f} mm", ha="right", va="top", fontsize=9,
            color="#46535f", zorder=4,
        )  # fmt: skip


def _slice(result: StudyResult) -> _Slice:
    image = result.image
    sagittal = image.sagittal_axis
    in_plane = [axis for axis in range(3) if axis != sagittal]
    up = max(in_plane, key=lambda axis: abs(image.grid.directions[2, axis]))
    across = next(axis for axis in in_plane if axis != up)
    origins = [border.frame.origin_mm for border in result.borders.values()]
    middle = image.grid.to_index(np.array(origins))[:, sagittal].mean() if origins else None
    count = image.shape[sagittal]
    number = count // 2 if middle is None else int(np.clip(round(float(middle)), 0, count - 1))
    signs = (
        -float(np.sign(image.grid.directions[1, across]) or 1.0),
        float(np.sign(image.grid.directions[2, up]) or 1.0),
    )
    return _Slice(image, across, up, number, signs)


def _near_spine(shown: _Slice, pixels: Array, contours: list[Array]) -> Array:
    """The pixels around discs and canal, so that bright fat far away does not set the window."""
    if not contours:
        return pixels
    left, right, bottom, top = shown.extent()
    points = np.vstack(contours)
    x = np.linspace(left, right, pixels.shape[1])
    y = np.linspace(top, bottom, pixels.shape[0])
    across = (x > points[:, 0].min()) & (x < points[:, 0].max() + _CANAL_MM)
    up = (y > points[:, 1].min()) & (y < points[:, 1].max())
    return pixels[np.ix_(up, across)]


def _region(shown: _Slice, contours: list[Array]) -> tuple[float, float, float, float]:
    """Left, right, bottom, top of what is shown: the discs with a margin, inside the picture."""
    left, right, bottom, top = shown.extent()
    if not contours:
        return left, right, bottom, top
    points = np.vstack(contours)
    return (
        max(left, float(points[:, 0].min()) - _ANTERIOR_MARGIN_MM),
        min(right, float(points[:, 0].max()) + _POSTERIOR_MARGIN_MM),
        max(bottom, float(points[:, 1].min()) - _VERTICAL_MARGIN_MM),
        min(top, float(points[:, 1].max()) + _VERTICAL_MARGIN_MM),
    )
