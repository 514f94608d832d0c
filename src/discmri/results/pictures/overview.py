"""The whole spine on one sagittal slice, level names beside the discs.

A residual disc is drawn dashed and without a height, since it is not measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from discmri.core.volume import Array
from discmri.results.pictures.canvas import LEVEL_COLOURS, canvas, png, scale_bar
from discmri.results.pictures.midline import SpineView

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from discmri.results.model import StudyResult

_GUTTER_MM = 46.0
_NAME_MM = 7.0  # room for half of a name and its height
_PIXELS_PER_MM = 3.0


def overview(result: StudyResult) -> bytes:
    """PNG of the slice that lies closest to the discs' own mid-sagittal planes."""
    view = SpineView.of(result)
    left, right, bottom, top = view.region
    figure, axes = canvas(right - left + _GUTTER_MM, top - bottom, _PIXELS_PER_MM)
    low, high = view.window
    axes.imshow(
        view.shown.pixels(), cmap="gray", vmin=low, vmax=high, extent=view.shown.extent(),
        interpolation="bicubic", zorder=0,
    )  # fmt: skip
    axes.set_xlim(left - _GUTTER_MM, right)
    axes.set_ylim(bottom, top)
    axes.axvspan(left - _GUTTER_MM, left, color="white", zorder=3, lw=0)
    heights = {record.level: record.get("height_mm") for record in result.records}
    for level, contour in view.contours.items():
        colour = LEVEL_COLOURS[level]
        axes.plot(*np.vstack([contour, contour[:1]]).T, color=colour, lw=1.4, zorder=2)
        _name(axes, contour, left, level.value, colour, heights.get(level))
    for level, border in view.residuals.items():
        colour = LEVEL_COLOURS[level]
        axes.plot(*border.T, color=colour, lw=1.4, ls=(0, (3.0, 2.0)), zorder=2)
        _name(axes, border, left, level.value, colour, None)
    scale_bar(axes, right - 6.0, bottom + 6.0, 50.0)
    return png(figure, [LEVEL_COLOURS[level] for level in (*view.contours, *view.residuals)])


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
