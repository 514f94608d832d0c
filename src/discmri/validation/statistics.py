"""Bias, limits of agreement and coverage of stated uncertainties.

Discs of one study are not independent, so intervals come from resampling studies, not discs.
Limits of agreement are bias ± 1.96 standard deviations (Bland and Altman 1986).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from discmri.core.grade import Grade
from discmri.core.volume import Array
from discmri.validation.pairs import Pair

RESAMPLES = 2000
_LEAST_STUDIES = 3  # for an interval


@dataclass(frozen=True)
class Agreement:
    """How one parameter agrees with its truth in one group of discs.

    Parameters
    ----------
    parameter
        Column of the value.
    grouped_by, group
        What makes the group, and which it is; both empty for all discs.
    discs, studies
        How many.
    bias, bias_low, bias_high
        Mean error with its 95 % interval; the interval is ``None`` with too few studies.
    sd
        Standard deviation of the errors.
    worst
        Error of the greatest size.
    bias_percent, sd_percent
        Of the errors relative to the truth; ``None`` where a true value is zero or below.
    within_1_sd, within_2_sd
        Share of errors within one and two stated standard uncertainties; ``None`` where none is
        stated.
    """

    parameter: str
    grouped_by: str
    group: str
    discs: int
    studies: int
    bias: float
    bias_low: float | None
    bias_high: float | None
    sd: float
    worst: float
    bias_percent: float | None
    sd_percent: float | None
    within_1_sd: float | None
    within_2_sd: float | None

    @property
    def limits(self) -> tuple[float, float]:
        """Limits of agreement."""
        return self.bias - 1.96 * self.sd, self.bias + 1.96 * self.sd


def agreements(pairs: Iterable[Pair], groups: Sequence[str]) -> list[Agreement]:
    """Agreement of every parameter, over all discs and by each kind of group.

    Parameters
    ----------
    pairs
        Measured and true values.
    groups
        ``level`` or keys of :attr:`Pair.groups`.
    """
    by_parameter: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        by_parameter[pair.parameter].append(pair)
    found = []
    for parameter, own in by_parameter.items():
        found.append(agreement(parameter, own))
        for kind in groups:
            split: dict[str, list[Pair]] = defaultdict(list)
            for pair in own:
                split[pair.level if kind == "level" else pair.groups.get(kind, "")].append(pair)
            found += [agreement(parameter, split[g], kind, g) for g in sorted(split) if g]
    return found


def agreement(
    parameter: str, pairs: Sequence[Pair], grouped_by: str = "", group: str = ""
) -> Agreement:
    """Agreement in one group.

    Parameters
    ----------
    parameter, grouped_by, group
        Names for the record.
    pairs
        At least one.
    """
    errors = np.array([pair.error for pair in pairs])
    truth = np.array([pair.truth for pair in pairs])
    relative = 100 * errors / truth if (truth > 0).all() else None
    low, high = _interval([pair.study for pair in pairs], errors)
    return Agreement(
        parameter,
        grouped_by,
        group,
        discs=len(pairs),
        studies=len({pair.study for pair in pairs}),
        bias=float(errors.mean()),
        bias_low=low,
        bias_high=high,
        sd=_sd(errors),
        worst=float(errors[np.abs(errors).argmax()]),
        bias_percent=None if relative is None else float(relative.mean()),
        sd_percent=None if relative is None else _sd(relative),
        within_1_sd=_coverage(pairs, 1.0),
        within_2_sd=_coverage(pairs, 2.0),
    )


def _sd(values: Array) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0


def _coverage(pairs: Sequence[Pair], times: float) -> float | None:
    ratios = [abs(pair.error) <= times * pair.sd for pair in pairs if pair.sd is not None]
    return float(np.mean(ratios)) if ratios else None


def _interval(studies: Sequence[str], errors: Array) -> tuple[float | None, float | None]:
    """95 % interval of the mean error, by resampling whole studies."""
    names = sorted(set(studies))
    if len(names) < _LEAST_STUDIES:
        return None, None
    index = np.searchsorted(names, studies)
    sums = np.bincount(index, weights=errors)
    counts = np.bincount(index)
    chosen = np.random.default_rng(1).integers(len(names), size=(RESAMPLES, len(names)))
    means = sums[chosen].sum(axis=1) / counts[chosen].sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


@dataclass(frozen=True)
class GradeTable:
    """True against suggested grades.

    Parameters
    ----------
    grades
        Rows and columns: ``1`` to ``8``; of double entries the collapse part.
    counts
        (true, suggested) discs.
    exact, within_one
        Share of discs with the same grade, and with one at most one off.
    without
        Discs for which none was suggested.
    """

    grades: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    exact: float
    within_one: float
    without: int


def grade_table(grades: Iterable[tuple[Grade | None, Grade | None]]) -> GradeTable | None:
    """Table of (true, suggested) grades; ``None`` where there is none.

    >>> said = [(Grade(3), Grade(3)), (Grade(4, 7), Grade(5, 7)), (Grade(5, 8), Grade(5, 6))]
    >>> table = grade_table([*said, (Grade(2), None)])
    >>> table.exact, table.within_one, table.without
    (0.6666666666666666, 0.6666666666666666, 1)
    """
    known = [(true, said) for true, said in grades if true]
    judged = [(true.ordinal, said.ordinal) for true, said in known if said]
    if not judged:
        return None
    counts = np.zeros((8, 8), dtype=int)
    for true, said in judged:
        counts[true - 1, said - 1] += 1
    off = np.array([abs(true - said) for true, said in judged])
    return GradeTable(
        tuple(str(n) for n in range(1, 9)),
        tuple(tuple(int(n) for n in row) for row in counts),
        float((off == 0).mean()),
        float((off <= 1).mean()),
        len(known) - len(judged),
    )
