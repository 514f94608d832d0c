"""Tests over subjects with matching intervals.

Every function takes one number per subject and returns estimate, 95 % interval and p of the same
method: the interval contains zero if and only if p is above 0.05.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from discmri.core.volume import Array

ALPHA = 0.05
MODEL_SUBJECTS = 12
"""Minimum number of subjects of two arms for Welch's t; with fewer, arms are permuted."""
LEAST_FREEDOM = 3
"""Minimum degrees of freedom for covariates."""


@dataclass(frozen=True)
class TestResult:
    """Result of a test."""

    __test__ = False  # not a test for pytest

    estimate: float
    low: float  # 95 % interval; infinite with too few subjects
    high: float
    p: float  # two-sided
    method: str


def one_group(values: Sequence[float]) -> TestResult:
    """Student's t of one number per subject, for at least two subjects.

    >>> found = one_group([1.0, 2.0, 3.0])
    >>> round(found.low, 3), round(found.high, 3), round(found.p, 4)
    (-0.484, 4.484, 0.0742)
    """
    y = np.asarray(values, dtype=np.float64)
    error = float(y.std(ddof=1)) / math.sqrt(len(y))
    return _student(float(y.mean()), error, len(y) - 1, "Student's t over subjects")


def two_groups(active: Sequence[float], control: Sequence[float]) -> TestResult:
    """Difference of two arms: exact permutation below twelve subjects, otherwise Welch's t."""
    if len(active) + len(control) < MODEL_SUBJECTS:
        return permuted_arms(active, control)
    return welch(active, control)


def welch(active: Sequence[float], control: Sequence[float]) -> TestResult:
    """Welch's t of two arms, whose variances may differ."""
    x, y = (np.asarray(one, dtype=np.float64) for one in (active, control))
    parts = np.array([x.var(ddof=1) / len(x), y.var(ddof=1) / len(y)])
    total = float(parts.sum())
    squares = parts**2 / np.array([len(x) - 1, len(y) - 1])
    freedom = total**2 / float(squares.sum()) if total > 0 else 1.0
    return _student(float(x.mean() - y.mean()), math.sqrt(total), freedom, "Welch's t")


def permuted_arms(active: Sequence[float], control: Sequence[float]) -> TestResult:
    """Exact permutation test of the difference of two arms.

    p is twice the smaller one-sided share of permutations with a difference at least as large.  The
    interval contains every shift of the active arm that the test does not reject.  Its ends are order
    statistics of (d - d') / (1 - s), where d is the observed difference, d' that of a permutation, and
    s the fraction of the shift that remains in the permutation.

    >>> found = permuted_arms([1.1, 1.2, 1.3, 1.4, 1.5], [0.0, 0.1, 0.2, 0.3, 0.5])
    >>> round(found.p, 4), found.low > 0
    (0.0079, True)
    >>> permuted_arms([1.1, 1.2, 1.3], [0.0, 0.1, 0.2]).low
    -inf
    """
    y = np.array([*active, *control], dtype=np.float64)
    n, k = len(y), len(active)
    ways = np.array([*combinations(range(n), k)])
    sums = y[ways].sum(axis=1)
    found = sums / k - (y.sum() - sums) / (n - k)
    kept = (ways < k).sum(axis=1)  # subjects that stay in the active arm
    shift = kept / k - (k - kept) / (n - k)
    observed = float(found[0])  # combinations start with the first
    ends = np.sort((observed - found[1:]) / (1.0 - shift[1:]))
    ends[np.abs(ends) < 1e-12 * max(1.0, float(np.abs(y).max()))] = 0.0  # ties
    least = math.floor(ALPHA * len(ways) / 2 + 1e-9)
    low = float(ends[least - 1]) if least else -math.inf
    high = float(ends[-least]) if least else math.inf
    above, below = int((ends <= 0).sum()), int((ends >= 0).sum())
    p = min(1.0, 2.0 * (1 + min(above, below)) / len(ways))
    return TestResult(observed, low, high, p, f"exact permutation of arms, {len(ways)} ways")


def adjusted(values: Sequence[float], arm: Sequence[float] | None, covariates: Array) -> TestResult:
    """The effect of the arm, or the mean of one group, with covariates; least squares.

    ``arm`` is 1 for the active arm and 0 for control, ``None`` for one group.  Means of the
    (subjects, covariates) covariates are subtracted.  With twelve or more subjects, errors are HC2,
    which allows different variances of arms, with degrees of freedom of Bell and McCaffrey (2002);
    with fewer, ordinary errors.
    """
    y = np.asarray(values, dtype=np.float64)
    columns = covariates - covariates.mean(axis=0)
    first = np.ones(len(y)) if arm is None else np.asarray(arm, dtype=np.float64)
    design = np.column_stack(
        [first, *([] if arm is None else [np.ones(len(y))]), _independent(columns)]
    )
    freedom = len(y) - design.shape[1]
    inverse = np.linalg.pinv(design.T @ design)
    coefficients = inverse @ design.T @ y
    residual = y - design @ coefficients
    leverage = np.einsum("ij,jk,ik->i", design, inverse, design)
    if len(y) < MODEL_SUBJECTS or leverage.max() > 1 - 1e-9:
        error = math.sqrt(float(residual @ residual) / freedom * inverse[0, 0])
        return _student(float(coefficients[0]), error, freedom, "least squares, ordinary errors")
    share = (design @ inverse[0]) / np.sqrt(1 - leverage)
    error = math.sqrt(float(((share * residual) ** 2).sum()))
    rest = np.eye(len(y)) - design @ inverse @ design.T
    spread = share[:, None] * rest * share
    freedom = float(np.trace(spread) ** 2 / (spread**2).sum())
    return _student(
        float(coefficients[0]), error, freedom, "least squares, HC2 errors (Bell and McCaffrey)"
    )


def can_adjust(subjects: int, groups: int, covariates: Array) -> bool:
    """Whether there are enough degrees of freedom for covariates."""
    rank = int(np.linalg.matrix_rank(covariates - covariates.mean(axis=0)))
    return subjects - groups - rank >= LEAST_FREEDOM


def _independent(columns: Array) -> Array:
    """Columns that are linearly independent of earlier ones."""
    kept = columns[:, :0]
    for n in range(columns.shape[1]):
        wider = np.column_stack([kept, columns[:, n]])
        if np.linalg.matrix_rank(wider) > kept.shape[1]:
            kept = wider
    return kept


def _student(estimate: float, error: float, freedom: float, method: str) -> TestResult:
    from scipy.special import stdtr, stdtrit

    if not error > 1e-12 * max(1.0, abs(estimate)):
        text = "not tested: all subjects have the same value"
        return TestResult(estimate, -math.inf, math.inf, 1.0, text)
    half = float(stdtrit(freedom, 1 - ALPHA / 2)) * error
    p = 2.0 * float(stdtr(freedom, -abs(estimate) / error))
    return TestResult(estimate, estimate - half, estimate + half, p, method)


def holm(p_values: Sequence[float]) -> list[float]:
    """P adjusted for a family of tests (Holm 1979).

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    adjusted_, largest = [0.0] * len(p_values), 0.0
    for n, place in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - n) * p_values[place]))
        adjusted_[place] = largest
    return adjusted_
