"""What scanning the same disc twice gives, as found on phantoms and in print.

The phantom figures come from ``python -m benchmarks trial``: synthetic spines scanned again and
again with other noise, position and tilt.  They hold no biology and no real scanner, so they
are a lower bound: printed figures for height (Boos 1996) and ADC (Newitt 2005) are four to nine
times theirs.  Where nothing is printed, phantoms times :data:`ALLOWANCE` stand in: a guess, which
has no level of confidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from discmri.results.height import DEFINITIONS, HEIGHT_METHODS, column_of
from discmri.results.height.columns import COLUMNS
from discmri.results.height.definition import HeightDefinition
from discmri.results.height.published import BOOS_MEAN, Published

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
    **{one.parameter: one.published for one in HEIGHT_METHODS.values() if one.published},
    "height_mm": BOOS_MEAN,  # of a method that is not known
    "area_mm2": _BELAVY_AREA,
    "width_ap_mm": _BELAVY_WIDTH,
    "adc_disc_um2_ms": _NEWITT_ADC,
    "adc_disc_median_um2_ms": _NEWITT_ADC,
    "adc_nucleus_um2_ms": _NEWITT_ADC,
}
"""By parameter; heights carry their own."""

RANDOM_SHARE: Mapping[str, float] = {"masks": 1.0, "builtin": 0.22}
"""How much of the stated variance of a height differs from scan to scan of one disc; the rest
is the same at every visit and leaves a change.  On phantoms it is 0.65 for true outlines, whose
stated uncertainty is sampling alone, and 0.02 for the built-in segmenter, most of whose
error is where it takes the border of a disc to be; 0.22, an SD of 0.2 mm between scans of a mean
height on average (0.1 of a bright disc, 0.3 of a black one), allows for real scans as :data:`ALLOWANCE` does.  An unknown segmenter gets 1: nothing cancels."""

ALLOWANCE = 5.0
"""Real scans are taken to scatter this many times as much as phantoms: a guess."""


def _estimated(one: HeightDefinition) -> dict[str, float]:
    """Scatter of a height without figures of its own, by segmenter."""
    return {name: one.uncertainty_factor * sd for name, sd in COLUMNS.phantom_sd.items()}


PHANTOM_SD: Mapping[str, Mapping[str, float]] = {
    "height_mm": COLUMNS.phantom_sd,  # of a method that is not known
    **{one.parameter: _estimated(one) for one in HEIGHT_METHODS.values()},
    **{one.parameter: one.phantom_sd for one in DEFINITIONS if one.phantom_sd},
    "width_ap_mm": {"masks": 0.17, "builtin": 0.21},
    "width_lr_mm": {"masks": 1.4, "builtin": 1.6},
    "area_mm2": {"masks": 4.6, "builtin": 4.6},
    "volume_mm3": {"masks": 160, "builtin": 250},
    "wedge_deg": {"masks": 0.95, "builtin": 0.69},
    # of true outlines in both: the built-in segmenter hardly finds a bulge on phantoms
    "bulge_posterior_mm": {"masks": 0.26, "builtin": 0.26},
    "listhesis_mm": {"masks": 0.45, "builtin": 0.19},
    "signal_ratio_csf": {"masks": 0.0052, "builtin": 0.0048},
    "signal_contrast": {"masks": 0.005, "builtin": 0.025},
    "signal_bimodality": {"masks": 0.39, "builtin": 0.34},
    "adc_disc_um2_ms": {"masks": 0.0064, "builtin": 0.005},
    "adc_disc_median_um2_ms": {"masks": 0.007, "builtin": 0.0071},
    "adc_disc_sd_um2_ms": {"masks": 0.01, "builtin": 0.004},
    "adc_nucleus_um2_ms": {"masks": 0.0078, "builtin": 0.0083},
}
"""Standard deviation from scan to scan of one disc, by parameter and segmenter."""
ESTIMATED = frozenset(one.parameter for one in HEIGHT_METHODS.values() if not one.phantom_sd)
"""Heights whose scatter is that of mean columns times their uncertainty factor."""


@cache
def published(parameter: str, method: str) -> Published | None:
    """The published detectable change; of a primary height that of its method."""
    return PUBLISHED.get(column_of(parameter, method))


@cache
def phantom_sd(segmenter: str, parameter: str, method: str = "") -> float | None:
    """Standard deviation from scan to scan on phantoms; the larger one for other segmenters.

    Parameters
    ----------
    segmenter
        As in ``study.json``, such as ``builtin:0123456789ab``.
    parameter
        Name of a column.
    method
        Code of the value's method.
    """
    known = PHANTOM_SD.get(column_of(parameter, method), {})
    return known.get(segmenter.partition(":")[0], max(known.values(), default=None))


def random_share(segmenter: str) -> float:
    """Share of a stated variance that differs from scan to scan."""
    return RANDOM_SHARE.get(segmenter.partition(":")[0], 1.0)
