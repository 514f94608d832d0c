"""What scanning the same disc twice gives, as found on phantoms and in print.

The phantom figures come from ``python -m benchmarks trial``: synthetic spines scanned again and
again with other noise, position and tilt.  They hold no biology and no real scanner, so they
are a lower bound; a trial's own repeat scans always win.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """A detectable change that somebody published.

    Parameters
    ----------
    size
        In the parameter's unit, or in percent of the first value.
    percent
        Whether it is percent.
    source
        Who and when, with what it was measured on.
    """

    size: float
    percent: bool
    source: str

    def of(self, first: float) -> float:
        """In the parameter's unit."""
        return abs(first) * self.size / 100 if self.percent else self.size


_BOOS_MEAN = Published(
    0.85, False, "95 % detectable change of centroid heights, 10 volunteers (Boos 1996)"
)
_BOOS_POINTS = Published(
    1.66, False, "95 % detectable change of (anterior + posterior) / 2, 10 volunteers (Boos 1996)"
)
_BELAVY_AREA = Published(
    10.0, True, "2.77 x CV of 3.6 % of disc area over 1.5 years, 21 men (Belavý 2012)"
)
_BELAVY_WIDTH = Published(
    4.2, True, "2.77 x CV of 1.5 % of disc length over 1.5 years, 21 men (Belavý 2012)"
)

PUBLISHED: Mapping[str, Published] = {
    "height_mm": _BOOS_MEAN,
    "height_columns_mm": _BOOS_MEAN,
    "height_area_mm": _BOOS_MEAN,
    "height_3d_mm": _BOOS_MEAN,
    "height_dabbs_mm": _BOOS_POINTS,
    "height_hurxthal_mm": _BOOS_POINTS,
    "height_three_point_mm": _BOOS_POINTS,
    "height_anterior_mm": _BOOS_POINTS,
    "height_middle_mm": _BOOS_POINTS,
    "height_posterior_mm": _BOOS_POINTS,
    "area_mm2": _BELAVY_AREA,
    "width_ap_mm": _BELAVY_WIDTH,
}
"""By parameter.  That mean heights get the figure of centroid heights, and heights at single
places that of corner distances, is this project's choice.  For ADC there is none: the list of
RSNA's QIBA of 2024 has no claim for discs."""

POINT_HEIGHTS = ("dabbs", "hurxthal", "three_point", "anterior", "middle", "posterior")
"""Codes of the definitions that rest on single places."""

RANDOM_SHARE: Mapping[str, float] = {"masks": 1.0, "builtin": 0.5}
"""How much of the stated variance of a height differs from scan to scan of one disc; the rest
is the same at every visit and leaves a change.  An unknown segmenter gets 1."""

PHANTOM_SD: Mapping[str, Mapping[str, float]] = {"masks": {}, "builtin": {}}
"""Standard deviation from scan to scan of one disc, by segmenter and parameter."""


def phantom_sd(segmenter: str, parameter: str) -> float | None:
    """Standard deviation from scan to scan on phantoms; the larger one for other segmenters.

    Parameters
    ----------
    segmenter
        As in ``study.json``, such as ``builtin:0123456789ab``.
    parameter
        Name of a column.
    """
    own = PHANTOM_SD.get(segmenter.partition(":")[0])
    tables = PHANTOM_SD.values() if own is None else (own,)
    return max((table[parameter] for table in tables if parameter in table), default=None)


def random_share(segmenter: str) -> float:
    """Share of a stated variance that differs from scan to scan."""
    return RANDOM_SHARE.get(segmenter.partition(":")[0], 1.0)
