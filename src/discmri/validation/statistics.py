"""Errors of measured values, with the statistics of :mod:`discmri.agreement`.

Discs of one person are not independent, so subjects are resampled for intervals, not discs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from discmri.agreement import DIFFERENCES, Comparison, Estimate, estimate
from discmri.agreement.bland_altman import bias as mean_difference
from discmri.agreement.bland_altman import sd_of_differences
from discmri.agreement.bootstrap import estimates
from discmri.agreement.csv_estimates import confusion
from discmri.agreement.ratings import SCALES
from discmri.agreement.sums import moments
from discmri.core.levels import MEASURED_LEVELS
from discmri.core.volume import Array
from discmri.validation.pairs import GradePair, ValuePair

MEASURED, TRUE = "measured", "truth"
_LEVEL_ORDER = {level.value: place for place, level in enumerate(MEASURED_LEVELS)}
_GRADE_FIGURES = (
    "exact agreement", "agreement within one", "kappa, linear weights", "kappa, quadratic weights",
)  # fmt: skip


@dataclass(frozen=True)
class ErrorSummary:
    """Errors of one parameter in one group of discs, in the unit of the parameter.

    Intervals are 95 % intervals over subjects; ``None`` with fewer than three subjects or without
    variation.  For a single disc the standard deviation and the limits are ``None``.
    """

    parameter: str  # column of the value
    grouped_by: str  # kind of group; empty for all discs
    group: str  # its name
    discs: int
    studies: int
    subjects: int
    bias: float  # mean error
    bias_low: float | None  # its interval
    bias_high: float | None
    sd: float | None  # of the errors
    worst: float  # error with the largest absolute value
    # of the errors relative to the truth; None if a true value is not positive
    bias_percent: float | None
    sd_percent: float | None
    # share of errors within one stated standard uncertainty; None if none is stated
    within_1_sd: float | None
    within_2_sd: float | None  # within two
    limit_low: float | None  # limits of agreement, bias ± 1.96 SD
    limit_high: float | None
    limit_low_from: float | None  # intervals of the limits
    limit_low_to: float | None
    limit_high_from: float | None
    limit_high_to: float | None


def summaries(pairs: Iterable[ValuePair], groups: Sequence[str]) -> list[ErrorSummary]:
    """Errors of every parameter, over all discs and for each kind of group.

    ``groups`` are ``level`` or keys of :attr:`ValuePair.groups`.
    """
    by_parameter: dict[str, list[ValuePair]] = defaultdict(list)
    for pair in pairs:
        by_parameter[pair.parameter].append(pair)
    found = []
    for own in by_parameter.values():
        found.append(summary(own))
        for kind in groups:
            split: dict[str, list[ValuePair]] = defaultdict(list)
            for pair in own:
                split[pair.level if kind == "level" else pair.groups.get(kind, "")].append(pair)
            named = sorted(
                filter(None, split), key=_LEVEL_ORDER.__getitem__ if kind == "level" else None
            )
            found += [summary(split[group], kind, group) for group in named]
    return found


def summary(pairs: Sequence[ValuePair], grouped_by: str = "", group: str = "") -> ErrorSummary:
    """Errors of one parameter in one group, which has at least one pair."""
    errors = np.array([pair.error for pair in pairs])
    truth = np.array([pair.truth for pair in pairs])
    measured = np.array([pair.measured for pair in pairs])
    bias, sd, low, high = estimate(_comparison(pairs, measured, truth), only=DIFFERENCES)
    percent: tuple[float | None, ...] = (None, None)
    if (truth > 0).all():
        relative = _comparison(pairs, 100 * measured / truth, np.full(len(pairs), 100.0))
        percent = tuple(estimates((mean_difference, sd_of_differences), moments(relative)))
    assert bias.value is not None
    return ErrorSummary(
        pairs[0].parameter,
        grouped_by,
        group,
        discs=len(pairs),
        studies=len({pair.study for pair in pairs}),
        subjects=bias.subjects,
        bias=bias.value,
        bias_low=_ends(bias)[0],
        bias_high=_ends(bias)[1],
        sd=sd.value,
        worst=float(errors[np.abs(errors).argmax()]),
        bias_percent=percent[0],
        sd_percent=percent[1],
        within_1_sd=_coverage(pairs, 1.0),
        within_2_sd=_coverage(pairs, 2.0),
        limit_low=low.value,
        limit_high=high.value,
        limit_low_from=_ends(low)[0],
        limit_low_to=_ends(low)[1],
        limit_high_from=_ends(high)[0],
        limit_high_to=_ends(high)[1],
    )


def _comparison(pairs: Sequence[ValuePair], measured: Array, truth: Array) -> Comparison:
    """Measured and true values as a comparison whose differences are the errors."""
    return Comparison(
        pairs[0].parameter,
        f"{MEASURED} – {TRUE}",
        (MEASURED, TRUE),
        np.column_stack([measured, truth]),
        np.array([pair.subject for pair in pairs]),
        np.array([pair.level for pair in pairs]),
    )


def _ends(one: Estimate) -> tuple[float | None, float | None]:
    return one.interval or (None, None)


def _coverage(pairs: Sequence[ValuePair], times: float) -> float | None:
    ratios = [abs(pair.error) <= times * pair.sd for pair in pairs if pair.sd is not None]
    return float(np.mean(ratios)) if ratios else None


@dataclass(frozen=True)
class GradeTable:
    """True and suggested grades."""

    grades: tuple[str, ...]  # rows and columns: `1` to `8`; the collapse part of double grades
    counts: tuple[tuple[int, ...], ...]  # (true, suggested) numbers of discs
    figures: tuple[Estimate, ...]  # exact agreement, agreement within one grade, and weighted kappa
    without: int  # number of discs without a suggested grade

    @property
    def exact(self) -> float:
        """Share of discs with the same grade, 0 to 1."""
        return self._figure("exact agreement")

    @property
    def within_one(self) -> float:
        """Share of discs with a difference of at most one grade, 0 to 1."""
        return self._figure("agreement within one")

    def _figure(self, name: str) -> float:
        (value,) = (one.value for one in self.figures if one.statistic == name)
        assert value is not None  # a share of at least one disc
        return value


def grade_table(pairs: Iterable[GradePair]) -> GradeTable | None:
    """Table of suggested grades of discs with a true one; ``None`` without any."""
    known = list(pairs)
    graded = [(one, one.suggested.ordinal) for one in known if one.suggested is not None]
    if not graded:
        return None
    scale = SCALES["grade"]
    comparison = Comparison(
        scale.parameter,
        f"{TRUE} – suggested",
        (TRUE, "suggested"),
        np.array([[one.truth.ordinal, given] for one, given in graded], dtype=np.float64),
        np.array([one.subject for one, _ in graded]),
        np.array([one.level for one, _ in graded]),
    )
    counts = confusion(comparison, scale)
    return GradeTable(
        scale.words,
        tuple(tuple(int(n) for n in row) for row in counts),
        tuple(estimate(comparison, only=_GRADE_FIGURES)),
        len(known) - len(graded),
    )
