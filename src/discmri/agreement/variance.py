"""Two-way analysis of variance of discs by raters, from sums."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from discmri.agreement.sums import Moments
from discmri.core.volume import Array


@dataclass(frozen=True, eq=False)
class MeanSquares:
    """Mean squares in the notation of Shrout and Fleiss, for n discs and k raters."""

    between: Array  # between discs (BMS), n - 1 degrees of freedom
    within: Array  # within discs (WMS), n (k - 1)
    raters: Array  # between raters (JMS), k - 1
    residual: Array  # residual (EMS), (n - 1) (k - 1)
    discs: Array  # n
    columns: int  # k


def mean_squares(moments: Moments) -> MeanSquares:
    """Mean squares from the sums of values and of their products."""
    n, k = moments.count, moments.total.shape[-1]
    correction = moments.total.sum(axis=-1) ** 2 / (n * k)
    total = moments.products.trace(axis1=-2, axis2=-1) - correction
    between = moments.products.sum(axis=(-2, -1)) / k - correction
    raters = (moments.total**2).sum(axis=-1) / n - correction
    within = np.maximum(total - between, 0.0)
    residual = np.maximum(within - raters, 0.0)
    return MeanSquares(
        between / (n - 1.0),
        within / (n * (k - 1.0)),
        raters / (k - 1.0),
        residual / ((n - 1.0) * (k - 1.0)),
        n,
        k,
    )
