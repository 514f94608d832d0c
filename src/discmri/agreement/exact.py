"""Exact agreement."""

from __future__ import annotations

from discmri.agreement.sums import Counts
from discmri.core.volume import Array


def exact(counts: Counts) -> Array:
    """Share of discs with the same grade, over all pairs of raters."""
    same = counts.pairs.diagonal(axis1=-2, axis2=-1).sum(axis=(-2, -1))
    share: Array = same / counts.pairs.sum(axis=(-3, -2, -1))
    return share
