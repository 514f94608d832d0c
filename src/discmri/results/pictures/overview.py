"""The whole spine on one sagittal slice, level names beside the discs.

A residual disc is drawn dashed and without a height, since it is not measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from discmri.core.levels import DiscLevel
from discmri.core.volume import Array
from discmri.results.pictures.canvas import LEVEL_COLOURS, WHITE, Canvas, Style, closed
from discmri.results.pictures.midline import SpineView

if TYPE_CHECKING:
    from discmri.results.model import StudyResult

_GUTTER_MM = 46.0
_NAME_MM = 7.0  # margin for half of a name and its height
_PIXELS_PER_MM = 3.0
_NAME = Style(11.0, "#1d2733", "r", "bottom", bold=True, rim=False)
_HEIGHT = Style(9.0, "#46535f", "r", "top", rim=False)


def overview(result: StudyResult) -> bytes:
    """Return a PNG of the slice closest to the mid-sagittal planes of the discs."""
    view = SpineView.of(result)
    left, right, bottom, top = view.region
    canvas = Canvas((left - _GUTTER_MM, right, bottom, top), _PIXELS_PER_MM)
    canvas.greys(view.shown.pixels()[::-1], view.shown.extent(), *view.window, smooth=True)
    canvas.box((left - _GUTTER_MM, left, bottom, top), WHITE)
    heights = {record.level: record.get("height_mm") for record in result.records}
    for level, contour in view.contours.items():
        canvas.line(closed(contour), LEVEL_COLOURS[level], 1.4)
        _name(canvas, contour, left, level, heights.get(level))
    for level, border in view.residuals.items():
        canvas.line(border, LEVEL_COLOURS[level], 1.4, dashes=(3.0, 2.0))
        _name(canvas, border, left, level, None)
    canvas.scale_bar(right - 6.0, bottom + 6.0, 50.0)
    return canvas.png([LEVEL_COLOURS[level] for level in (*view.contours, *view.residuals)])


def _name(canvas: Canvas, contour: Array, left: float, level: DiscLevel, height: object) -> None:
    """Draw the name in the margin, with a thin line to the disc's anterior border."""
    front = contour[np.argmin(contour[:, 0])]
    _, _, bottom, top = canvas.edges
    y = float(np.clip(contour[:, 1].mean(), bottom + _NAME_MM, top - _NAME_MM))
    colour = LEVEL_COLOURS[level]
    canvas.line(np.array([[left, y], [front[0] - 1.5, front[1]]]), colour, 0.8, opacity=0.9)
    canvas.line(np.array([[left - 4.0, y], [left, y]]), colour, 5.0)
    canvas.text(left - 6.5, y, level.value, _NAME)
    if isinstance(height, (int, float)):
        canvas.text(left - 6.5, y, f"{height:.1f} mm", _HEIGHT)
