"""Weighted kappa: Cohen J, Psychol Bull 1968;70:213; Light RJ, Psychol Bull 1971;76:365."""

from __future__ import annotations

import numpy as np

from discmri.agreement.sums import Counts
from discmri.agreement.weights import linear, quadratic
from discmri.core.volume import Array


def kappa_linear(counts: Counts) -> Array:
    """Cohen's kappa with linear weights; with several readers, the mean over all pairs."""
    return _kappa(counts.pairs, linear(counts.pairs.shape[-1]))


def kappa_quadratic(counts: Counts) -> Array:
    """Cohen's kappa with quadratic weights; with several readers, the mean over all pairs."""
    return _kappa(counts.pairs, quadratic(counts.pairs.shape[-1]))


def _kappa(pairs: Array, weights: Array) -> Array:
    """Mean over pairs with common discs of (p_o - p_e) / (1 - p_e), p_e from both margins."""
    number = pairs.sum(axis=(-2, -1))
    met = number > 0
    shares = pairs / np.where(met, number, 1.0)[..., None, None]
    observed = (weights * shares).sum(axis=(-2, -1))
    rows, columns = shares.sum(axis=-1), shares.sum(axis=-2)
    expected = ((rows @ weights) * columns).sum(axis=-1)
    each = (observed - expected) / (1.0 - expected)
    mean: Array = np.where(met, each, 0.0).sum(axis=-1) / met.sum(axis=-1)
    return mean
