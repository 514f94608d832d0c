"""Errors in the unit of the value: what one measurement scatters, and what a change must exceed."""

from __future__ import annotations

import numpy as np

from discmri.agreement.bland_altman import REACH
from discmri.agreement.sums import Array, Moments
from discmri.agreement.variance import mean_squares


def within_sd(moments: Moments) -> Array:
    """Within-disc standard deviation, square root of WMS; offsets between columns count in."""
    within: Array = np.sqrt(mean_squares(moments).within)
    return within


def within_variances(differences: Array) -> Array:
    """Within-disc variance from each difference of two repeats, d²/2.

    The square root of their mean is :func:`within_sd` of the two columns (Bland JM, Altman DG,
    BMJ 1996;313:106).

    Parameters
    ----------
    differences
        Of one disc measured twice, in any shape.

    >>> within_variances(np.array([0.2, -0.4])).round(2).tolist()
    [0.02, 0.08]
    """
    squares: Array = differences**2 / 2.0
    return squares


def repeatability_coefficient(moments: Moments) -> Array:
    """1.96 √2 within-disc SD: 95 % of differences of two columns are smaller, offsets included."""
    coefficient: Array = REACH * np.sqrt(2.0) * within_sd(moments)
    return coefficient


def reproducibility_coefficient(moments: Moments) -> Array:
    """1.96 √2 within-disc SD of different readers: 95 % of their differences are smaller."""
    return repeatability_coefficient(moments)


def smallest_detectable_change(moments: Moments) -> Array:
    """1.96 √2 SEM, SEM the square root of EMS: a change measured by one rater that is no chance.

    Offsets between columns do not count, since the same rater measures both times.
    """
    change: Array = REACH * np.sqrt(2.0 * mean_squares(moments).residual)
    return change
