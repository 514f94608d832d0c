"""Repeatability of values, from phantoms and publications.

Phantom figures are from ``python -m benchmarks trial``: synthetic spines scanned repeatedly with
different noise, position and tilt.  They are lower bounds without biology and real scanners:
published figures for height (Boos 1996) and ADC (Newitt 2005) are four to nine times greater.  Without
a published figure, that of phantoms times :data:`ALLOWANCE` is used, a guess without confidence level.
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
"""Published detectable changes by parameter."""

RANDOM_SHARE: Mapping[str, float] = {"masks": 1.0, "builtin": 0.22}
"""Share of the stated variance of a height that varies from scan to scan of one disc, by segmenter.

The rest is common to all visits and cancels in a change.  On phantoms the share is 0.65 for true
outlines, whose stated uncertainty is sampling only, and 0.05 for the built-in segmenter, whose error is
mostly a constant displacement of borders.  The value used, 0.22, allows for real scans, as
:data:`ALLOWANCE` does; it is an SD of 0.2 mm between scans for a mean height on average (0.1 mm for
bright discs, 0.3 mm for black ones).  Unknown segmenters get 1."""

ALLOWANCE = 5.0
"""Assumed ratio of the scatter of real scans to that of phantoms; a guess."""


def _estimated(one: HeightDefinition) -> dict[str, float]:
    """Scatter by segmenter of a height without own phantom figures."""
    return {name: one.uncertainty_factor * sd for name, sd in COLUMNS.phantom_sd.items()}


PHANTOM_SD: Mapping[str, Mapping[str, float]] = {
    "height_mm": COLUMNS.phantom_sd,  # of a method that is not known
    **{one.parameter: _estimated(one) for one in HEIGHT_METHODS.values()},
    **{one.parameter: one.phantom_sd for one in DEFINITIONS if one.phantom_sd},
    "width_ap_mm": {"masks": 0.17, "builtin": 0.21},
    "width_lr_mm": {"masks": 1.4, "builtin": 1.6},
    "area_mm2": {"masks": 4.6, "builtin": 4.4},
    "volume_mm3": {"masks": 160, "builtin": 250},
    "wedge_deg": {"masks": 0.94, "builtin": 0.71},
    # both of true outlines, because the built-in segmenter rarely finds a bulge on phantoms
    "bulge_posterior_mm": {"masks": 0.26, "builtin": 0.26},
    "listhesis_mm": {"masks": 0.45, "builtin": 0.19},
    "signal_ratio_csf": {"masks": 0.0052, "builtin": 0.0047},
    "signal_contrast": {"masks": 0.005, "builtin": 0.025},
    "signal_bimodality": {"masks": 0.40, "builtin": 0.35},
    "adc_disc_um2_ms": {"masks": 0.0065, "builtin": 0.005},
    "adc_disc_median_um2_ms": {"masks": 0.007, "builtin": 0.007},
    "adc_disc_sd_um2_ms": {"masks": 0.0099, "builtin": 0.0036},
    "adc_nucleus_um2_ms": {"masks": 0.0079, "builtin": 0.0083},
}
"""Standard deviation from scan to scan of one disc, by parameter and segmenter."""
ESTIMATED = frozenset(one.parameter for one in HEIGHT_METHODS.values() if not one.phantom_sd)
"""Heights whose scatter is that of mean columns times their uncertainty factor."""


@cache
def published(parameter: str, method: str) -> Published | None:
    """Published detectable change of a parameter; for the primary height, that of its method."""
    return PUBLISHED.get(column_of(parameter, method))


@cache
def phantom_sd(segmenter: str, parameter: str, method: str = "") -> float | None:
    """Standard deviation from scan to scan on phantoms; the larger one for other segmenters.

    A segmenter is named as in ``study.json``, such as ``builtin:0123456789ab``.
    """
    known = PHANTOM_SD.get(column_of(parameter, method), {})
    return known.get(segmenter.partition(":")[0], max(known.values(), default=None))


def random_share(segmenter: str) -> float:
    """Share of a stated variance that differs from scan to scan."""
    return RANDOM_SHARE.get(segmenter.partition(":")[0], 1.0)
