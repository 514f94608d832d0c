"""Measurement error in the unit of the value, and detectable changes."""

from __future__ import annotations

import numpy as np

from discmri.agreement.bland_altman import REACH
from discmri.agreement.sums import Moments
from discmri.agreement.variance import mean_squares
from discmri.core.volume import Array


def within_sd(moments: Moments) -> Array:
    """Within-disc standard deviation, square root of WMS; includes offsets between raters."""
    within: Array = np.sqrt(mean_squares(moments).within)
    return within


def within_variances(differences: Array) -> Array:
    """Within-disc variance from each difference of two repeats, d²/2.

    The square root of their mean is :func:`within_sd` of the two columns (Bland JM, Altman DG, BMJ
    1996;313:106).

    >>> within_variances(np.array([0.2, -0.4])).round(2).tolist()
    [0.02, 0.08]
    """
    squares: Array = differences**2 / 2.0
    return squares


def repeatability_coefficient(moments: Moments) -> Array:
    """1.96 √2 within-disc SD: 95 % of differences of two values are smaller; includes offsets."""
    coefficient: Array = REACH * np.sqrt(2.0) * within_sd(moments)
    return coefficient


def reproducibility_coefficient(moments: Moments) -> Array:
    """1.96 √2 within-disc SD between readers: 95 % of their differences are smaller."""
    return repeatability_coefficient(moments)


def smallest_detectable_change(moments: Moments) -> Array:
    """1.96 √2 SEM, SEM = √EMS: a greater change, measured by one rater, exceeds random error.

    Offsets between raters are excluded, because the same rater measures both times.
    """
    change: Array = REACH * np.sqrt(2.0 * mean_squares(moments).residual)
    return change
