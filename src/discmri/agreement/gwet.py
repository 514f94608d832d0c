"""Gwet's AC2: Gwet KL, Handbook of Inter-Rater Reliability, 4th ed. 2014; missing values allowed.

Its chance agreement does not increase when most discs have the same grade; in this case kappa is low
although readers agree.
"""

from __future__ import annotations

from discmri.agreement.sums import Counts
from discmri.agreement.weights import linear, quadratic
from discmri.core.volume import Array


def ac2_linear(counts: Counts) -> Array:
    """Gwet's AC2 with linear weights, all readers together."""
    return _ac2(counts, linear(counts.shares.shape[-1]))


def ac2_quadratic(counts: Counts) -> Array:
    """Gwet's AC2 with quadratic weights, all readers together."""
    return _ac2(counts, quadratic(counts.shares.shape[-1]))


def _ac2(counts: Counts, weights: Array) -> Array:
    """p_a over discs with two or more values; p_e = T_w / (K (K - 1)) sum of pi (1 - pi)."""
    size = weights.shape[0]
    observed = (weights * counts.agreement).sum(axis=(-2, -1)) / counts.paired
    prevalence = counts.shares / counts.rated[..., None]
    spread = (prevalence * (1.0 - prevalence)).sum(axis=-1)
    expected = weights.sum() / (size * (size - 1)) * spread
    ac2: Array = (observed - expected) / (1.0 - expected)
    return ac2
