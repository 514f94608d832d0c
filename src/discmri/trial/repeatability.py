"""What scanning the same disc twice gives, as found on phantoms and in print.

The phantom figures come from ``python -m benchmarks trial``: synthetic spines scanned again and
again with other noise, position and tilt.  They hold no biology and no real scanner, so they
are a lower bound: printed figures for height (Boos 1996) and ADC (Newitt 2005) are four to nine
times theirs.  Where nothing is printed, phantoms times :data:`ALLOWANCE` stand in; a trial's own
repeat scans always win.
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

_NEWITT_ADC = Published(
    8.3, True, "2.77 x CV of 3 %, the bound for line-scan ADC (Newitt 2005); none for EPI"
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
    "adc_disc_um2_ms": _NEWITT_ADC,
    "adc_disc_median_um2_ms": _NEWITT_ADC,
    "adc_nucleus_um2_ms": _NEWITT_ADC,
}
"""By parameter.  That mean heights get the figure of centroid heights, and heights at single
places that of corner distances, is this project's choice."""

RANDOM_SHARE: Mapping[str, float] = {"masks": 1.0, "builtin": 0.1}
"""How much of the stated variance of a height differs from scan to scan of one disc; the rest
is the same at every visit and leaves a change.  On phantoms it is 0.65 for true outlines, whose
stated uncertainty is sampling alone, and 0.009 for the built-in segmenter, most of whose
error is where it takes the border of a disc to be; 0.1 allows for real scans as
:data:`ALLOWANCE` does.  An unknown segmenter gets 1: nothing cancels."""

ALLOWANCE = 5.0
"""Real scans are taken to scatter this many times as much as phantoms."""

PHANTOM_SD: Mapping[str, Mapping[str, float]] = {
    "masks": {
        "height_mm": 0.067,
        "height_anterior_mm": 0.2,
        "height_middle_mm": 0.24,
        "height_posterior_mm": 0.2,
        "height_dabbs_mm": 0.33,
        "height_hurxthal_mm": 0.27,
        "height_three_point_mm": 0.26,
        "height_area_mm": 0.13,
        "height_columns_mm": 0.067,
        "height_3d_mm": 0.12,
        "dhi_ap": 0.011,
        "dhi_vb": 0.011,
        "width_ap_mm": 0.17,
        "width_lr_mm": 1.4,
        "area_mm2": 4.6,
        "volume_mm3": 160,
        "wedge_deg": 0.95,
        "bulge_posterior_mm": 0.26,
        "listhesis_mm": 0.45,
        "signal_ratio_csf": 0.0052,
        "signal_contrast": 0.005,
        "signal_bimodality": 0.39,
        "adc_disc_um2_ms": 0.0064,
        "adc_disc_median_um2_ms": 0.007,
        "adc_disc_sd_um2_ms": 0.01,
        "adc_nucleus_um2_ms": 0.0078,
    },
    "builtin": {
        "height_mm": 0.06,
        "height_anterior_mm": 0.16,
        "height_middle_mm": 0.15,
        "height_posterior_mm": 0.13,
        "height_dabbs_mm": 0.19,
        "height_hurxthal_mm": 0.16,
        "height_three_point_mm": 0.15,
        "height_area_mm": 0.13,
        "height_columns_mm": 0.06,
        "height_3d_mm": 0.13,
        "dhi_ap": 0.0062,
        "dhi_vb": 0.0072,
        "width_ap_mm": 0.21,
        "width_lr_mm": 1.6,
        "area_mm2": 4.6,
        "volume_mm3": 250,
        "wedge_deg": 0.69,
        "bulge_posterior_mm": 0.26,  # of true outlines: it hardly finds a bulge on phantoms
        "listhesis_mm": 0.19,
        "signal_ratio_csf": 0.0048,
        "signal_contrast": 0.025,
        "signal_bimodality": 0.34,
        "adc_disc_um2_ms": 0.005,
        "adc_disc_median_um2_ms": 0.0071,
        "adc_disc_sd_um2_ms": 0.004,
        "adc_nucleus_um2_ms": 0.0083,
    },
}
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
