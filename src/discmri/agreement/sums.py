"""Sums over discs by subject, from which the statistics are computed.

A bootstrap resample of subjects is a weighted sum of these, so that all resamples are one matrix
product.  The first axis of all arrays of :class:`Counts` and :class:`Moments` is subjects or resamples.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from discmri.agreement.ratings import Comparison, Scale
from discmri.core.volume import Array


@dataclass(frozen=True, eq=False)
class Sums:
    """Arrays that are summed over subjects."""

    def weighted(self, weights: Array) -> Self:
        """Sums for each resample; ``weights`` (resamples, subjects): how often each was drawn."""
        summed = (np.tensordot(weights, getattr(self, f.name), axes=1) for f in fields(self))
        return type(self)(*summed)


@dataclass(frozen=True, eq=False)
class Counts(Sums):
    """Sums over discs that were rated on a scale of K categories by R raters."""

    pairs: Array  # (…, P, K, K) discs by the categories of the first and second rater of each pair
    # (…, K, K) pairs of values of a disc, with weight m for a disc with m values (Krippendorff's
    # coincidence matrix)
    coincidences: Array
    agreement: Array  # (…, K, K) the same with weight 1 for each disc
    shares: Array  # (…, K) sum over discs of the share of values in each category
    rated: Array  # (…,) discs with at least one value
    paired: Array  # (…,) discs with at least two values


@dataclass(frozen=True, eq=False)
class Moments(Sums):
    """Sums over discs that were measured by all R raters."""

    count: Array  # (…,) discs
    total: Array  # (…, R) sum of values minus a common constant
    products: Array  # (…, R, R) sum of products of these values


def counts(comparison: Comparison, scale: Scale) -> Counts:
    """Sums of an ordinal comparison, one entry per subject."""
    size, raters = len(scale.categories), comparison.values.shape[1]
    given = comparison.values[..., None] == np.array(scale.categories)  # (discs, raters, K)
    hits = given.astype(np.float64)
    pairs = np.stack(
        [
            hits[:, one, :, None] * hits[:, two, None, :]
            for one, two in itertools.combinations(range(raters), 2)
        ],
        axis=1,
    )
    per_category = hits.sum(axis=1)  # (discs, K)
    number = per_category.sum(axis=1)
    both = per_category[:, :, None] * per_category[:, None, :]
    both -= per_category[:, :, None] * np.eye(size)
    enough = number >= 2
    others = np.where(enough, number - 1, 1)[:, None, None]
    coincidences = np.where(enough[:, None, None], both, 0.0) / others
    at_least_one = np.maximum(number, 1)
    by_disc = Counts(
        pairs,
        coincidences,
        coincidences / at_least_one[:, None, None],
        per_category / at_least_one[:, None],
        (number >= 1).astype(np.float64),
        enough.astype(np.float64),
    )
    return by_disc.weighted(_by_subject(comparison, number > 0))


def moments(comparison: Comparison) -> Moments:
    """Sums of a comparison of measured values, one entry per subject, complete discs only."""
    complete = comparison.used
    values = comparison.values - comparison.values[complete].mean()
    values = np.where(complete[:, None], values, 0.0)
    by_disc = Moments(complete.astype(np.float64), values, values[:, :, None] * values[:, None, :])
    return by_disc.weighted(_by_subject(comparison, complete))


def _by_subject(comparison: Comparison, counting: NDArray[np.bool_]) -> Array:
    """(subjects, discs) 1 where a disc belongs to a subject, for subjects with usable discs."""
    subjects, place = np.unique(comparison.subjects[counting], return_inverse=True)
    belongs = np.zeros((len(subjects), len(comparison.subjects)))
    belongs[place, np.flatnonzero(counting)] = 1.0
    return belongs
