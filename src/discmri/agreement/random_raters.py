"""Intervals that generalise to other raters: raters and subjects are random effects.

A bootstrap over subjects holds the raters fixed.  Here the sums of squares of subjects, discs,
raters, raters by subjects and residual are each a variance times chi-square; generalised pivots
(Weerahandi, J Am Stat Assoc 1993;88:899) combine them in one interval.  For k raters, s subjects
and m discs per subject, with mean squares S, D, R, RS and E:

within-disc variance   R / (s m) + RS (1/m - 1/(s m)) + E (1 - 1/m)
between-disc variance  (S - RS) / (k m) + (D - E) (1 - 1/m) / k

``python -m benchmarks inference`` prints their coverage.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from discmri.agreement.bland_altman import REACH
from discmri.agreement.ratings import Comparison
from discmri.core.volume import Array

MIN_SUBJECTS = 3
DRAWS = 20_000
_ROUNDING = 1e-12  # of the sum of squares of the values
ICC, WITHIN, COEFFICIENT = (
    "ICC(2,1), absolute agreement", "within-disc SD", "reproducibility coefficient",
)  # fmt: skip


@dataclass(frozen=True)
class Squares:
    """Sums of squares with their degrees of freedom, in the order S, D, R, RS, E."""

    sums: Array  # (5,), as is freedom; a stratum without degrees of freedom has 0 of both
    freedom: Array
    subjects: int
    discs: int  # in total
    raters: int

    @property
    def discs_each(self) -> float:
        """Discs per subject."""
        return self.discs / self.subjects


def squares(comparison: Comparison) -> Squares:
    """Sums of squares of discs with a value of every rater."""
    values = comparison.values[comparison.used]
    _, place = np.unique(comparison.subjects[comparison.used], return_inverse=True)
    count = np.bincount(place).astype(np.float64)
    n, k = values.shape
    s = len(count)
    values = values - values.mean()
    of_disc, of_rater = values.mean(axis=1), values.mean(axis=0)
    both = np.stack([np.bincount(place, values[:, r]) for r in range(k)], axis=1) / count[:, None]
    of_subject = both.mean(axis=1)
    crossed = both - of_subject[:, None] - of_rater
    rest = values - of_disc[:, None] - both[place] + of_subject[place][:, None]
    sums = np.array(
        [
            k * (count * of_subject**2).sum(),
            k * ((of_disc - of_subject[place]) ** 2).sum(),
            n * (of_rater**2).sum(),
            (count[:, None] * crossed**2).sum(),
            (rest**2).sum(),
        ]
    )
    freedom = np.array([s - 1, n - s, k - 1, (s - 1) * (k - 1), (n - s) * (k - 1)], float)
    return Squares(np.where(freedom > 0, sums, 0.0), freedom, s, n, k)


def random_rater_intervals(
    found: Squares, confidence: float = 0.95, seed: int = 0, draws: int = DRAWS
) -> dict[str, tuple[float, float]]:
    """Intervals of ICC(2,1), within-disc SD and reproducibility coefficient, by statistic.

    Empty with fewer than three subjects, or if raters never differ.
    """
    if found.subjects < MIN_SUBJECTS or found.sums[2:].sum() <= _ROUNDING * found.sums.sum():
        return {}
    within, between = _drawn(found, np.random.default_rng(seed), draws)
    share = np.maximum(between, 0.0) / (np.maximum(between, 0.0) + within)
    sd = np.sqrt(within)
    tails = ((1 - confidence) / 2, (1 + confidence) / 2)
    return {
        name: (float(ends[0]), float(ends[1]))
        for name, ends in (
            (ICC, np.quantile(share, tails)),
            (WITHIN, np.quantile(sd, tails)),
            (COEFFICIENT, REACH * np.sqrt(2.0) * np.quantile(sd, tails)),
        )
    }


def _drawn(found: Squares, rng: np.random.Generator, draws: int) -> tuple[Array, Array]:
    """Draws of within- and between-disc variance, given the sums of squares."""
    chi = rng.chisquare(np.maximum(found.freedom, 1.0), (draws, 5))
    subject, disc, rater, crossed, rest = (found.sums / chi).T
    m, s, k = found.discs_each, found.subjects, found.raters
    within = rater / (s * m) + crossed * (1 / m - 1 / (s * m)) + rest * (1 - 1 / m)
    between = (subject - crossed) / (k * m) + (disc - rest) * (1 - 1 / m) / k
    return within, between
