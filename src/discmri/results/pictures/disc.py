"""One disc in its own mid-sagittal plane: border, height lines, ADC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from discmri.core.levels import DiscLevel
from discmri.core.volume import Array, Volume
from discmri.results.outline import DiscOutline, Section
from discmri.results.pictures.canvas import LEVEL_COLOURS, canvas, outlined, png, scale_bar, window
from discmri.results.records import DiscRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARGIN_MM = 13.0
_STEP_MM = 0.3
_PIXELS_PER_MM = 9.0
_BAR_MM = 13.0
_SCALE_MM = 10.0
_ADC_RANGE_UM2_MS = (0.0, 3.0)
_STATIONS = (("anterior", 0.9), ("middle", 0.5), ("posterior", 0.1))


def disc_picture(image: Volume, record: DiscRecord, outline: DiscOutline) -> bytes:
    """PNG of the disc with its border, corners and the anterior, middle and posterior heights.

    The numbers are those of the record, as in every table; a line whose height is missing
    there has none.
    """
    figure, axes, _ = _plane(image, outline)
    level = record.level
    colour = LEVEL_COLOURS[level]
    _border(axes, outline.mid, colour)
    for name, share in _STATIONS:
        height = record.get(f"height_{name}_mm")
        _height_line(axes, outline.mid, name, share, "" if height is None else f"{height:.1f}")
    corners = outline.corners
    points = (
        corners.upper_anterior,
        corners.upper_posterior,
        corners.lower_anterior,
        corners.lower_posterior,
    )
    x, y = np.array(points).T
    axes.plot(x, y, "o", ms=4.0, mfc="none", mec="white", mew=1.1, zorder=4)
    _labels(axes, level, outline)
    return png(figure, [colour])


def adc_picture(image: Volume, adc: Volume, level: DiscLevel, outline: DiscOutline) -> bytes:
    """PNG of the disc with the ADC inside its border and a colour bar in µm²/ms."""
    from matplotlib.patches import Polygon

    figure, axes, points = _plane(image, outline, extra_mm=_BAR_MM, dim=0.75)
    left, right, bottom, top = _region(outline)
    values = adc.sample(points, order=0, outside=np.nan)
    values = np.where(values > 0, values, np.nan)
    low, high = _ADC_RANGE_UM2_MS
    drawn = axes.imshow(
        values, cmap="viridis", vmin=low, vmax=high, extent=(left, right, bottom, top),
        interpolation="nearest", origin="lower", zorder=1,
    )  # fmt: skip
    drawn.set_clip_path(Polygon(outline.mid.contour_mm, transform=axes.transData))
    colour = LEVEL_COLOURS[level]
    _border(axes, outline.mid, colour)
    _labels(axes, level, outline)
    _colour_bar(figure, axes, drawn)
    return png(figure, [colour], "viridis")


def _plane(
    image: Volume, outline: DiscOutline, extra_mm: float = 0.0, dim: float = 1.0
) -> tuple[Figure, Axes, Array]:
    """The image in the disc's plane, anterior to the left, and the RAS+ points sampled."""
    left, right, bottom, top = _region(outline)
    x = np.arange(left + _STEP_MM / 2, right, _STEP_MM)
    y = np.arange(bottom + _STEP_MM / 2, top, _STEP_MM)
    across, up = np.meshgrid(x, y)
    points = outline.frame.to_world(
        np.stack([across, up, np.full_like(across, outline.mid.left_mm)], axis=-1)
    )
    pixels = _around(image, points).sample(points, order=3)
    figure, axes = canvas(right - left + extra_mm, top - bottom, _PIXELS_PER_MM)
    low, high = window(pixels)
    axes.imshow(
        pixels, cmap="gray", vmin=low, vmax=low + (high - low) / dim, origin="lower",
        extent=(left, right, bottom, top), interpolation="bilinear", zorder=0,
    )  # fmt: skip
    axes.set_xlim(right, left - extra_mm)  # anterior is positive and shown on the left
    axes.set_ylim(bottom, top)
    return figure, axes, points


def _around(image: Volume, points: Array) -> Volume:
    """The part of an image that a smooth interpolation at some points needs."""
    index = image.grid.to_index(points.reshape(-1, 3))
    start = np.clip(np.floor(index.min(axis=0)).astype(int) - 6, 0, np.array(image.shape) - 1)
    stop = np.clip(np.ceil(index.max(axis=0)).astype(int) + 7, start + 1, image.shape)
    box = tuple(slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
    part = image.array[box]
    first = (int(start[0]), int(start[1]), int(start[2]))
    return Volume(part, image.grid.cropped(first, part.shape).affine, image.unit)


def _region(outline: DiscOutline) -> tuple[float, float, float, float]:
    """Posterior, anterior, caudal and cranial edge of the picture in the disc's frame."""
    contour = outline.mid.contour_mm
    low, high = contour.min(axis=0) - _MARGIN_MM, contour.max(axis=0) + _MARGIN_MM
    return float(low[0]), float(high[0]), float(low[1]), float(high[1])


def _border(axes: Axes, section: Section, colour: str) -> None:
    contour = section.contour_mm
    axes.plot(*np.vstack([contour, contour[:1]]).T, color=colour, lw=1.3, zorder=3)


def _height_line(axes: Axes, section: Section, name: str, share: float, height: str) -> None:
    """A line from border to border along the normal; the measured height stands above it."""
    back, front = section.contour_mm[:, 0].min(), section.contour_mm[:, 0].max()
    x = float(back + share * (front - back))
    upper = float(np.interp(x, section.x_mm, section.upper_mm))
    lower = float(np.interp(x, section.x_mm, section.lower_mm))
    axes.plot([x, x], [lower, upper], color="white", lw=1.1, ls=(0, (3, 1.5)), zorder=4)
    axes.plot([x, x], [lower, upper], "_", color="white", ms=7, mew=1.3, zorder=4)
    outlined(
        axes, x, upper + 1.2, height, color="white", fontsize=9.5,
        ha="center", va="bottom",
    )  # fmt: skip
    outlined(axes, x, lower - 1.2, name, color="white", fontsize=7.5, ha="center", va="top")


def _labels(axes: Axes, level: DiscLevel, outline: DiscOutline) -> None:
    """Level name, orientation and scale along the edges, outside the disc."""
    back, front, bottom, top = _region(outline)
    outlined(
        axes, front - 1.2, top - 1.0, level.value, color=LEVEL_COLOURS[level], fontsize=12,
        fontweight="bold", ha="left", va="top",
    )  # fmt: skip
    middle = (bottom + top) / 2
    outlined(axes, front - 1.2, middle, "A", color="white", fontsize=9, ha="left", va="center")
    outlined(axes, back + 1.2, middle, "P", color="white", fontsize=9, ha="right", va="center")
    scale_bar(axes, back + 2.0 + _SCALE_MM, bottom + 2.0, _SCALE_MM)


def _colour_bar(figure: Figure, axes: Axes, drawn: object) -> None:
    from matplotlib.colorbar import Colorbar

    figure.set_facecolor("white")
    share = _BAR_MM / abs(float(np.diff(axes.get_xlim())[0]))
    side = figure.add_axes((1.0 - 0.80 * share, 0.12, 0.22 * share, 0.70))
    bar = Colorbar(side, drawn)  # type: ignore[arg-type]
    bar.ax.tick_params(labelsize=7, length=2, pad=1.5)
    bar.ax.set_title("ADC\nµm²/ms", fontsize=7, pad=4)
