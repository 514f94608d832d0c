"""Agreement within one step."""

from __future__ import annotations

import numpy as np

from discmri.agreement.sums import Counts
from discmri.core.volume import Array


def within_one(counts: Counts) -> Array:
    """Share of discs with grades at most one category apart, over all pairs of raters."""
    place = np.arange(counts.pairs.shape[-1])
    near = np.abs(place[:, None] - place) <= 1
    close = (counts.pairs * near).sum(axis=(-3, -2, -1))
    share: Array = close / counts.pairs.sum(axis=(-3, -2, -1))
    return share
