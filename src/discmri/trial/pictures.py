"""Pictures of one disc at one visit, with its border and that of the first visit."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import numpy as np

from discmri.core.volume import Array, Volume
from discmri.results.outline import DiscBorder
from discmri.results.pictures.canvas import LEVEL_COLOURS, WHITE, Canvas, Style, closed
from discmri.trial.registration import Spine

_REACH_MM = (27.0, 17.0)  # half sizes: anterior, cranial
_STEP_MM = 0.3
_PIXELS_PER_MM = 5.6


@dataclass(frozen=True)
class GreyWindow:
    """Display window."""

    low: float  # black, relative to the median signal around the spine
    high: float  # white


def usual_signal(image: Volume, spine: Spine) -> float:
    """Median signal around all discs, because scanners scale signal arbitrarily."""
    offsets = np.array([[0.0, up, left] for up in (-14.0, 14.0) for left in (-4.0, 0.0, 4.0)])
    points = np.concatenate([disc.frame.to_world(offsets) for disc in spine])
    return max(float(np.median(image.sample(points))), 1e-6)


def window_of(image: Volume, spine: Spine, disc: DiscBorder) -> GreyWindow:
    """The window of the first visit, used for all visits."""
    values = _pixels(image, disc) / usual_signal(image, spine)
    low, high = np.percentile(values, (1.0, 99.5))
    return GreyWindow(float(low), max(float(high), float(low) + 1e-6))


def draw(
    image: Volume, spine: Spine, disc: DiscBorder, first: DiscBorder, window: GreyWindow
) -> str:
    """PNG, base64: the disc with its border in colour and that of the first visit dashed.

    Each disc is in its own frame, which registers them; ``window`` is that of the first visit.
    """
    across, up = _REACH_MM
    canvas = Canvas((across, -across, -up, up), _PIXELS_PER_MM)  # anterior is on the left
    usual = usual_signal(image, spine)
    black, white = window.low * usual, window.high * usual
    canvas.greys(_pixels(image, disc), (-across, across, -up, up), black, white, smooth=False)
    colour = LEVEL_COLOURS[first.level]
    if disc is not first:
        canvas.line(closed(first.contour_mm), WHITE, 1.0, dashes=(2.5, 2.0))
    canvas.line(closed(disc.contour_mm), colour, 1.4)
    canvas.text(across - 1.0, up - 1.0, "A", Style(8.0, across="l", up="top"))
    canvas.scale_bar(-across + 2.0, -up + 2.0, 10.0)
    return base64.b64encode(canvas.png([colour])).decode()


def _pixels(image: Volume, disc: DiscBorder) -> Array:
    across, up = _REACH_MM
    x = np.arange(-across + _STEP_MM / 2, across, _STEP_MM)
    y = np.arange(-up + _STEP_MM / 2, up, _STEP_MM)
    a, b = np.meshgrid(x, y)
    points = np.stack([a, b, np.full_like(a, disc.left_mm)], axis=-1)
    return image.sample(disc.frame.to_world(points), order=1)
