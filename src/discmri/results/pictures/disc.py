"""Pictures of one disc in its mid-sagittal plane: border, height lines, ADC."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from discmri.core.levels import DiscLevel
from discmri.core.volume import Array, Volume
from discmri.results.outline import DiscOutline, DiscSection
from discmri.results.pictures.canvas import (
    BLACK,
    LEVEL_COLOURS,
    WHITE,
    Canvas,
    Style,
    closed,
    window,
)
from discmri.results.records import DiscRecord

_MARGIN_MM = 13.0
_STEP_MM = 0.3
_PIXELS_PER_MM = 9.0
_BAR_MM = 13.0  # white strip beside the picture for the colour bar
_SCALE_MM = 10.0
_ADC_RANGE_UM2_MS = (0.0, 3.0)
_STATIONS = (("anterior", 0.9), ("middle", 0.5), ("posterior", 0.1))


@dataclass(frozen=True, eq=False)
class DiscPlane:
    """The image in the mid-sagittal plane of a disc."""

    outline: DiscOutline
    points: Array  # (rows, columns, 3) RAS+ points in mm, caudal first, posterior first
    pixels: Array  # (rows, columns) image values at these points

    @classmethod
    def of(cls, image: Volume, outline: DiscOutline) -> DiscPlane:
        """Sample an image for all pictures of a disc."""
        points = _points(outline)
        return cls(outline, points, image.sample(points, order=3))

    def canvas(self, extra_mm: float = 0.0, dim: float = 1.0) -> Canvas:
        """Draw the image, anterior on the left; optionally darker and with a strip on the right."""
        back, front, bottom, top = _region(self.outline)
        low, high = window(self.pixels)
        white = low + (high - low) / dim
        canvas = Canvas((front, back - extra_mm, bottom, top), _PIXELS_PER_MM)
        canvas.greys(self.pixels, (back, front, bottom, top), low, white, smooth=False)
        return canvas


def disc_picture(plane: DiscPlane, record: DiscRecord) -> bytes:
    """Return a PNG of the disc with border, corners and anterior, middle and posterior heights.

    The numbers are those of the record; a line without a recorded height has no number.
    """
    canvas, outline = plane.canvas(), plane.outline
    colour = LEVEL_COLOURS[record.level]
    canvas.line(closed(outline.mid.contour_mm), colour, 1.3)
    for name, share in _STATIONS:
        height = record.get(f"height_{name}_mm")
        _height_line(canvas, outline.mid, name, share, "" if height is None else f"{height:.1f}")
    corners = outline.corners
    points = (
        corners.upper_anterior,
        corners.upper_posterior,
        corners.lower_anterior,
        corners.lower_posterior,
    )
    angles = np.linspace(0, 2 * np.pi, 25)
    ring = 2.0 * canvas.point_mm * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    for point in points:
        canvas.line(point + ring, WHITE, 1.1)
    _labels(canvas, record.level, outline)
    return canvas.png([colour])


def adc_picture(plane: DiscPlane, adc: Volume, level: DiscLevel) -> bytes:
    """Return a PNG of the disc with the ADC inside its border and a colour bar in µm²/ms."""
    canvas, outline = plane.canvas(extra_mm=_BAR_MM, dim=0.75), plane.outline
    values = adc.sample(plane.points, order=0, outside=np.nan)
    low, high = _ADC_RANGE_UM2_MS
    shares = np.clip((np.where(values > 0, values, np.nan) - low) / (high - low), 0.0, 1.0)
    canvas.colours(shares, _region(outline), outline.mid.contour_mm)
    colour = LEVEL_COLOURS[level]
    canvas.line(closed(outline.mid.contour_mm), colour, 1.3)
    _labels(canvas, level, outline)
    _colour_bar(canvas)
    return canvas.png([colour], coloured=True)


def part_around(image: Volume, outline: DiscOutline) -> Volume:
    """Crop an image to the part that the pictures of a disc need, with smooth interpolation."""
    points = _points(outline)
    index = image.grid.to_index(points.reshape(-1, 3))
    start = np.clip(np.floor(index.min(axis=0)).astype(int) - 6, 0, np.array(image.shape) - 1)
    stop = np.clip(np.ceil(index.max(axis=0)).astype(int) + 7, start + 1, image.shape)
    box = tuple(slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
    part = image.array[box]
    first = (int(start[0]), int(start[1]), int(start[2]))
    return Volume(part, image.grid.cropped(first, part.shape).affine, image.unit)


def _points(outline: DiscOutline) -> Array:
    """(rows, columns, 3) points of the mid-sagittal plane, as in :class:`DiscPlane`."""
    back, front, bottom, top = _region(outline)
    x = np.arange(back + _STEP_MM / 2, front, _STEP_MM)
    y = np.arange(bottom + _STEP_MM / 2, top, _STEP_MM)
    across, up = np.meshgrid(x, y)
    return outline.frame.to_world(
        np.stack([across, up, np.full_like(across, outline.mid.left_mm)], axis=-1)
    )


def _region(outline: DiscOutline) -> tuple[float, float, float, float]:
    """Posterior, anterior, caudal and cranial edges of the picture in the disc's frame, mm."""
    contour = outline.mid.contour_mm
    low, high = contour.min(axis=0) - _MARGIN_MM, contour.max(axis=0) + _MARGIN_MM
    return float(low[0]), float(high[0]), float(low[1]), float(high[1])


def _height_line(
    canvas: Canvas, section: DiscSection, name: str, share: float, height: str
) -> None:
    """Draw a line from border to border along the normal, with the measured height above it."""
    back, front = section.contour_mm[:, 0].min(), section.contour_mm[:, 0].max()
    x = float(back + share * (front - back))
    upper = float(np.interp(x, section.x_mm, section.upper_mm))
    lower = float(np.interp(x, section.x_mm, section.lower_mm))
    canvas.line(np.array([[x, lower], [x, upper]]), WHITE, 1.1, dashes=(3.0, 1.5))
    half = 3.5 * canvas.point_mm
    for y in (lower, upper):
        canvas.line(np.array([[x - half, y], [x + half, y]]), WHITE, 1.3)
    canvas.text(x, upper + 1.2, height, Style(9.5, up="bottom"))
    canvas.text(x, lower - 1.2, name, Style(7.5, up="top"))


def _labels(canvas: Canvas, level: DiscLevel, outline: DiscOutline) -> None:
    """Draw level name, orientation and scale along the edges, outside the disc."""
    back, front, bottom, top = _region(outline)
    named = Style(12.0, LEVEL_COLOURS[level], "l", "top", bold=True)
    canvas.text(front - 1.2, top - 1.0, level.value, named)
    canvas.text(front - 1.2, (bottom + top) / 2, "A", Style(9.0, across="l"))
    canvas.text(back + 1.2, (bottom + top) / 2, "P", Style(9.0, across="r"))
    canvas.scale_bar(back + 2.0, bottom + 2.0, _SCALE_MM)


def _colour_bar(canvas: Canvas) -> None:
    """Draw the colour bar of the ADC in the strip beside the picture."""
    _, end, bottom, top = canvas.edges
    canvas.box((end + _BAR_MM, end, bottom, top), WHITE)
    left, right = end + 0.80 * _BAR_MM, end + 0.58 * _BAR_MM
    low, high = bottom + 0.12 * (top - bottom), bottom + 0.82 * (top - bottom)
    bar = (left, right, low, high)
    around = np.array([[left, low], [right, low], [right, high], [left, high], [left, low]])
    canvas.colours(np.linspace(0, 1, 256)[:, None], bar, around)
    canvas.line(around, BLACK, 0.8)
    plain = Style(7.0, BLACK, "l", rim=False)
    point, (least, most) = canvas.point_mm, _ADC_RANGE_UM2_MS
    for value in np.arange(least, most + 0.1):
        y = low + (value - least) / (most - least) * (high - low)
        canvas.line(np.array([[right, y], [right - 2.0 * point, y]]), BLACK, 0.8)
        canvas.text(right - 3.5 * point, y, f"{value:g}", plain)
    middle, title = (left + right) / 2, Style(7.0, BLACK, up="bottom", rim=False)
    canvas.text(middle, high + 12.0 * point, "ADC", title)
    canvas.text(middle, high + 4.0 * point, "µm²/ms", title)
