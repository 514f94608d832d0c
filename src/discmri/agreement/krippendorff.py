"""Krippendorff's alpha with the ordinal metric: Krippendorff K, Content Analysis, 3rd ed. 2013."""

from __future__ import annotations

import numpy as np

from discmri.agreement.sums import Counts
from discmri.core.volume import Array


def alpha_ordinal(counts: Counts) -> Array:
    """1 - observed / expected disagreement, all readers together, missing values allowed.

    The distance of two categories is the number of values between them in the data:
    delta(c, k) = sum of n_g from c to k - (n_c + n_k) / 2, squared.
    """
    coincidences = counts.coincidences
    margins = coincidences.sum(axis=-1)
    total = margins.sum(axis=-1)
    middle = margins.cumsum(axis=-1) - margins / 2
    distance = (middle[..., :, None] - middle[..., None, :]) ** 2
    observed = (coincidences * distance).sum(axis=(-2, -1))
    by_chance = margins[..., :, None] * margins[..., None, :]
    expected = (by_chance * distance).sum(axis=(-2, -1)) / (total - 1)
    alpha: Array = 1.0 - np.asarray(observed / expected)
    return alpha
