"""Agreement of readers, repeats and automatic values.

To add a statistic, write one file with a function of :class:`~.sums.Counts` (grades) or
:class:`~.sums.Moments` (measured values), with formula and source in its docstring, and add one line
to :data:`GRADE_STATISTICS` or :data:`VALUE_STATISTICS`.  The first axis of its arrays is resamples;
undefined values are NaN.  ``tests/test_members.py`` runs every statistic.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from discmri.agreement.bland_altman import (
    bias,
    lower_limit,
    sd_of_differences,
    upper_limit,
)
from discmri.agreement.bootstrap import Interval, Resampling, estimates, intervals
from discmri.agreement.exact import exact
from discmri.agreement.gwet import ac2_linear, ac2_quadratic
from discmri.agreement.icc import icc_2_1, icc_3_1
from discmri.agreement.kappa import kappa_linear, kappa_quadratic
from discmri.agreement.krippendorff import alpha_ordinal
from discmri.agreement.random_raters import COEFFICIENT, random_rater_intervals, squares
from discmri.agreement.ratings import (
    ALL_LEVELS,
    SCALES,
    Comparison,
    ComparisonKind,
    Rating,
    comparisons,
)
from discmri.agreement.repeatability import (
    repeatability_coefficient,
    smallest_detectable_change,
    within_sd,
)
from discmri.agreement.sums import Counts, Moments, Sums, counts, moments
from discmri.agreement.within_one import within_one
from discmri.core.volume import Array

__all__ = [
    "DIFFERENCES",
    "GRADE_STATISTICS",
    "VALUE_STATISTICS",
    "AgreementResult",
    "Comparison",
    "ComparisonKind",
    "Estimate",
    "Rating",
    "Resampling",
    "analyse",
    "comparisons",
    "estimate",
]

S = TypeVar("S", bound=Sums)
GradeStatistic = Callable[[Counts], Array]
ValueStatistic = Callable[[Moments], Array]

GRADE_STATISTICS: Mapping[str, GradeStatistic] = {
    "exact agreement": exact,
    "agreement within one": within_one,
    "kappa, linear weights": kappa_linear,
    "kappa, quadratic weights": kappa_quadratic,
    "Gwet AC2, linear weights": ac2_linear,
    "Gwet AC2, quadratic weights": ac2_quadratic,
    "Krippendorff alpha, ordinal": alpha_ordinal,
}
DIFFERENCES: Mapping[str, ValueStatistic] = {
    "bias": bias,
    "SD of differences": sd_of_differences,
    "lower limit of agreement": lower_limit,
    "upper limit of agreement": upper_limit,
}
"""Statistics of two columns only."""

VALUE_STATISTICS: Mapping[str, ValueStatistic] = {
    **DIFFERENCES,
    "ICC(2,1), absolute agreement": icc_2_1,
    "ICC(3,1), consistency": icc_3_1,
    "within-disc SD": within_sd,
    "repeatability coefficient": repeatability_coefficient,
    "smallest detectable change": smallest_detectable_change,
}
# With two categories these are constant, or equal to those with linear weights.
_MORE_THAN_TWO = (
    "agreement within one",
    "kappa, quadratic weights",
    "Gwet AC2, quadratic weights",
)
FEW_SUBJECTS = 10
"""With fewer subjects, intervals are marked."""
RANDOM, FIXED = "random", "held fixed"
_REPEATABILITY, _CHANGE = "repeatability coefficient", "smallest detectable change"
_WITHOUT_UNIT = ("ICC(2,1), absolute agreement", "ICC(3,1), consistency")


@dataclass(frozen=True)
class Estimate:
    """One statistic of one comparison.

    Parameters
    ----------
    level
        A disc level, or ``all``.
    statistic
        Its name.
    value
        The estimate; ``None`` if undefined.
    interval
        Lower and upper end; ``None`` if it cannot be computed.
    unit
        Unit of both; empty for shares and coefficients.
    subjects, discs
        Numbers with values to compare.
    raters
        ``random`` if the interval generalises to other raters, ``held fixed`` if it is for these
        raters only.
    """

    level: str
    statistic: str
    value: float | None
    interval: Interval | None
    unit: str
    subjects: int
    discs: int
    raters: str = FIXED

    @property
    def few(self) -> bool:
        """Whether the interval is marked for few subjects."""
        return self.interval is not None and self.subjects < FEW_SUBJECTS


@dataclass(frozen=True, eq=False)
class AgreementResult:
    """A comparison with its statistics.

    Parameters
    ----------
    comparison
        The compared columns.
    estimates
        Estimates of all levels together, then of each level.
    """

    comparison: Comparison
    estimates: tuple[Estimate, ...]

    def of(self, level: str) -> tuple[Estimate, ...]:
        """Statistics of one level."""
        return tuple(one for one in self.estimates if one.level == level)


def analyse(
    ratings: Iterable[Rating], resampling: Resampling | None = None, rescans: bool = False
) -> list[AgreementResult]:
    """Compute all statistics of all comparisons, pooled and per level, with intervals.

    Parameters
    ----------
    ratings
        Grades and measured values, see :mod:`discmri.agreement.sources` and :mod:`discmri.reading.ratings`.
    resampling
        Settings of the bootstrap; default: 2000 resamples, 95 %.
    rescans
        Whether "raters" are scans of the same disc instead of readers of the same images.

    Returns
    -------
    list of AgreementResult
        One per comparison.

    Raises
    ------
    UsageError
        If a rater has two values for one disc, or a value is outside its scale.

    Examples
    --------
    >>> ratings = [
    ...     Rating(f"S{n}", "1", "L4-L5", rater, 1, "grade", 2.0 + (n + (rater == "ben")) // 3)
    ...     for n in range(6) for rater in ("ann", "ben")
    ... ]
    >>> [pair] = analyse(ratings)
    >>> pair.comparison.name, pair.of("all")[0].statistic, round(pair.of("all")[0].value, 2)
    ('ann – ben', 'exact agreement', 0.67)
    """
    chosen = resampling or Resampling()
    return [
        AgreementResult(
            comparison,
            tuple(
                one
                for level, stratum in comparison.strata()
                for one in estimate(stratum, chosen, level=level)
            ),
        )
        for comparison in comparisons(ratings, rescans)
    ]


def estimate(
    comparison: Comparison,
    resampling: Resampling | None = None,
    only: Collection[str] | None = None,
    level: str = ALL_LEVELS,
) -> list[Estimate]:
    """Compute the statistics of one comparison, all discs together, with intervals.

    Parameters
    ----------
    comparison
        Columns of grades or of measured values.
    resampling
        Settings of the bootstrap; default: 2000 resamples, 95 %.
    only
        Names of statistics; default: all that apply.
    level
        Name of the level in the estimates.

    Returns
    -------
    list of Estimate
        Empty if nothing can be compared.

    Examples
    --------
    >>> ratings = [
    ...     Rating(f"S{n}", "1", "L4-L5", rater, 1, "height_mm", 7.0 + n + more)
    ...     for n in range(5) for rater, more in (("ann", 0.0), ("ben", 0.1))
    ... ]
    >>> [bias] = estimate(comparisons(ratings)[0], only=["bias"])
    >>> round(bias.value, 3), bias.unit, bias.discs
    (-0.1, 'mm', 5)
    """
    if not comparison.used.any():
        return []
    chosen = resampling or Resampling()
    subjects = len(set(comparison.subjects[comparison.used]))
    discs = int(comparison.used.sum())
    return [
        Estimate(
            level, name, value, ends, "" if name in _WITHOUT_UNIT else comparison.unit,
            subjects, discs, raters,
        )
        for name, value, ends, raters in _found(comparison, chosen, only)
    ]  # fmt: skip


def _found(
    stratum: Comparison, resampling: Resampling, only: Collection[str] | None
) -> Iterator[tuple[str, float | None, Interval | None, str]]:
    """Name, value, interval and role of raters of each requested statistic that applies."""
    scale = SCALES.get(stratum.parameter)
    if scale is not None:
        few = _MORE_THAN_TWO if len(scale.categories) <= 2 else ()
        sums = counts(stratum, scale)
        for name, value, ends in _evaluated(GRADE_STATISTICS, few, only, sums, resampling):
            yield name, value, ends, FIXED
        return
    more = list(DIFFERENCES) if len(stratum.columns) != 2 else []
    random: dict[str, Interval] = {}
    if stratum.kind is ComparisonKind.READERS:
        random = random_rater_intervals(squares(stratum), resampling.confidence, resampling.seed)
    if stratum.kind is not ComparisonKind.REPEATS:
        more.append(_CHANGE)  # a change is measured twice by one reader, or on two scans
    for name, value, ends in _evaluated(VALUE_STATISTICS, more, only, moments(stratum), resampling):
        other = name == _REPEATABILITY and stratum.kind is not ComparisonKind.REPEATS
        called = COEFFICIENT if other else name
        yield called, value, random.get(called, ends), RANDOM if called in random else FIXED


def _evaluated(
    known: Mapping[str, Callable[[S], Array]],
    without: Collection[str],
    only: Collection[str] | None,
    sums: S,
    resampling: Resampling,
) -> Iterator[tuple[str, float | None, Interval | None]]:
    names = [name for name in known if name not in without and (only is None or name in only)]
    used = [known[name] for name in names]
    found = estimates(used, sums), intervals(used, sums, resampling)
    yield from zip(names, *found, strict=True)
