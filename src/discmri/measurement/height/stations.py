"""Heights along the normal at three stations of the AP width."""

from __future__ import annotations

import numpy as np

from discmri.measurement.outline import STATIONS
from discmri.results.outline import DiscOutline

_WINDOW = 0.03


def height_anterior(outline: DiscOutline) -> float:
    """Border to border along the normal at 10 % of the AP width from the front, mm."""
    return _height_at(outline, STATIONS["anterior"])


def height_middle(outline: DiscOutline) -> float:
    """Border to border along the normal at 50 % of the AP width, mm."""
    return _height_at(outline, STATIONS["middle"])


def height_posterior(outline: DiscOutline) -> float:
    """Border to border along the normal at 90 % of the AP width from the front, mm."""
    return _height_at(outline, STATIONS["posterior"])


def _height_at(outline: DiscOutline, share: float) -> float:
    """A straight line through the columns within 3 % of the width, read at the station."""
    x, upper, lower = outline.mid.between(share - _WINDOW, share + _WINDOW)
    station = outline.mid.position(share)
    return float(np.polyfit(x - station, upper - lower, 1)[1])
