"""Intraclass correlation: Shrout PE, Fleiss JL, Psychol Bull 1979;86:420."""

from __future__ import annotations

import numpy as np

from discmri.agreement.sums import Moments
from discmri.agreement.variance import mean_squares
from discmri.core.volume import Array


def icc_2_1(moments: Moments) -> Array:
    """ICC(2,1): two-way random, single measure, absolute agreement.

    (BMS - EMS) / (BMS + (k - 1) EMS + k (JMS - EMS) / n)
    """
    ms = mean_squares(moments)
    offset = ms.columns * (ms.raters - ms.residual) / ms.discs
    return (ms.between - ms.residual) / (ms.between + (ms.columns - 1) * ms.residual + offset)


def icc_3_1(moments: Moments) -> Array:
    """ICC(3,1): two-way mixed, single measure, consistency.

    (BMS - EMS) / (BMS + (k - 1) EMS), from -1 / (k - 1) to 1.
    """
    ms = mean_squares(moments)
    others = ms.columns - 1
    found = (ms.between - ms.residual) / (ms.between + others * ms.residual)
    return np.clip(
        found, -1.0 / others, 1.0
    )  # with one subject, both mean squares are rounding errors
