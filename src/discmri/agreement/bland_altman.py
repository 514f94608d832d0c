"""Bias and limits of agreement: Bland JM, Altman DG, Lancet 1986;327:307, Stat Methods Med Res 1999;8:135.

Differences are the first column minus the second: ``reader - automatic`` is positive if the reader's
value is larger.
"""

from __future__ import annotations

import numpy as np

from discmri.agreement.sums import Moments
from discmri.core.volume import Array

REACH = 1.96


def bias(moments: Moments) -> Array:
    """Mean difference of two columns."""
    _only_two(moments)
    return (moments.total[..., 0] - moments.total[..., 1]) / moments.count


def sd_of_differences(moments: Moments) -> Array:
    """Standard deviation of the differences of two columns."""
    products, mean = moments.products, bias(moments)
    squares = products[..., 0, 0] + products[..., 1, 1] - 2.0 * products[..., 0, 1]
    variance = (squares - moments.count * mean**2) / (moments.count - 1.0)
    return np.sqrt(np.maximum(variance, 0.0))


def lower_limit(moments: Moments) -> Array:
    """Bias - 1.96 SD of the differences."""
    return bias(moments) - REACH * sd_of_differences(moments)


def upper_limit(moments: Moments) -> Array:
    """Bias + 1.96 SD of the differences."""
    return bias(moments) + REACH * sd_of_differences(moments)


def _only_two(moments: Moments) -> None:
    if moments.total.shape[-1] != 2:
        raise ValueError("differences need exactly two columns")
