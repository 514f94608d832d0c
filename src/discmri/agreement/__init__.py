"""How far readers, repeats and automatic values agree.

To add a statistic: write one file with a function of :class:`~.sums.Counts` (grades) or
:class:`~.sums.Moments` (measured values), formula and source in its docstring, and add one line
to :data:`GRADE_STATISTICS` or :data:`VALUE_STATISTICS`.  It works on a leading axis of resamples,
and gives NaN where it is undefined.  ``tests/test_members.py`` runs every member.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

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
from discmri.agreement.ratings import SCALES, Comparison, Rating, comparisons
from discmri.agreement.repeatability import (
    repeatability_coefficient,
    smallest_detectable_change,
    within_sd,
)
from discmri.agreement.sums import Array, Counts, Moments, counts, moments
from discmri.agreement.within_one import within_one

__all__ = [
    "GRADE_STATISTICS",
    "VALUE_STATISTICS",
    "Agreement",
    "Comparison",
    "Estimate",
    "Rating",
    "Resampling",
    "analyse",
    "comparisons",
]

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
"""Of two columns only."""

VALUE_STATISTICS: Mapping[str, ValueStatistic] = {
    **DIFFERENCES,
    "ICC(2,1), absolute agreement": icc_2_1,
    "ICC(3,1), consistency": icc_3_1,
    "within-disc SD": within_sd,
    "repeatability coefficient": repeatability_coefficient,
    "smallest detectable change": smallest_detectable_change,
}
# With two categories these say nothing, or the same as linear weights.
_MORE_THAN_TWO = (
    "agreement within one",
    "kappa, quadratic weights",
    "Gwet AC2, quadratic weights",
)
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
        ``None`` where it is undefined.
    interval
        Low and high end; ``None`` where there is nothing to tell it from.
    unit
        Of both; empty for a share or coefficient.
    subjects, discs
        With something to compare.
    """

    level: str
    statistic: str
    value: float | None
    interval: Interval | None
    unit: str
    subjects: int
    discs: int


@dataclass(frozen=True, eq=False)
class Agreement:
    """A comparison with its statistics.

    Parameters
    ----------
    comparison
        What was compared.
    estimates
        All levels together first, then each.
    """

    comparison: Comparison
    estimates: tuple[Estimate, ...]

    def of(self, level: str) -> tuple[Estimate, ...]:
        """Statistics of one level."""
        return tuple(one for one in self.estimates if one.level == level)


def analyse(ratings: Iterable[Rating], resampling: Resampling | None = None) -> list[Agreement]:
    """All statistics of all comparisons, per level and pooled, with intervals over subjects.

    Parameters
    ----------
    ratings
        Grades and measured values, see :mod:`discmri.agreement.sources` and :mod:`discmri.reading.ratings`.
    resampling
        How intervals are made; 2000 resamples and 95 % where not given.

    Raises
    ------
    UsageError
        Where one rater gave one disc two values, or one that it cannot have.
    """
    chosen = resampling or Resampling()
    return [
        Agreement(comparison, tuple(_estimates(comparison, chosen)))
        for comparison in comparisons(ratings)
    ]


def _estimates(comparison: Comparison, resampling: Resampling) -> Iterator[Estimate]:
    for level, stratum in comparison.strata():
        if not stratum.used.any():
            continue
        subjects, discs = len(set(stratum.subjects[stratum.used])), int(stratum.used.sum())
        for name, value, ends in _found(stratum, resampling):
            unit = "" if name in _WITHOUT_UNIT else stratum.unit
            yield Estimate(level, name, value, ends, unit, subjects, discs)


def _found(
    stratum: Comparison, resampling: Resampling
) -> Iterator[tuple[str, float | None, Interval | None]]:
    """Name, value and interval of every statistic that makes sense."""
    scale = SCALES.get(stratum.parameter)
    if scale is not None:
        tally = counts(stratum, scale)
        grades = {
            name: statistic
            for name, statistic in GRADE_STATISTICS.items()
            if len(scale.categories) > 2 or name not in _MORE_THAN_TWO
        }
        chosen = list(grades.values())
        values, ends = estimates(chosen, tally), intervals(chosen, tally, resampling)
        yield from zip(grades, values, ends, strict=True)
        return
    sums = moments(stratum)
    measures = {
        name: statistic
        for name, statistic in VALUE_STATISTICS.items()
        if len(stratum.columns) == 2 or name not in DIFFERENCES
    }
    used = list(measures.values())
    values, ends = estimates(used, sums), intervals(used, sums, resampling)
    yield from zip(measures, values, ends, strict=True)
