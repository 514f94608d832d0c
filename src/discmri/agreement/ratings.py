"""Ratings and the comparisons between them."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from discmri.core.errors import UsageError
from discmri.core.levels import DiscLevel
from discmri.results.records import PARAMETER

AUTOMATIC = "automatic"
"""Name of the rater of automatic values."""

ALL_LEVELS = "all"


class ReaderRole(Enum):
    """Role of a person in a reading session."""

    READER = "reader"
    ADJUDICATOR = "adjudicator"


@dataclass(frozen=True)
class Rating:
    """One value of one disc by one rater.

    Parameters
    ----------
    subject, study, level
        The disc: subject, visit and automatic level.
    rater
        Name of the rater, or :data:`AUTOMATIC`.
    occasion
        1, or 2 for a repeat.
    parameter
        One of :data:`SCALES`, or a measured parameter.
    value
        Value in the unit of the parameter.
    at
        Time, ISO 8601; empty if unknown.
    """

    subject: str
    study: str
    level: str
    rater: str
    occasion: int
    parameter: str
    value: float
    at: str = field(default="", compare=False)


@dataclass(frozen=True)
class Scale:
    """An ordinal scale."""

    parameter: str
    categories: tuple[int, ...]  # values in order; neighbours are one step apart
    words: tuple[str, ...]  # names of the categories
    meaning: str  # one sentence for the report


_GRADES = tuple(range(1, 9))
_GRADE_WORDS = tuple(map(str, _GRADES))
SCALES = {
    scale.parameter: scale
    for scale in (
        Scale(
            "grade",
            _GRADES,
            _GRADE_WORDS,
            "Modified Pfirrmann grade; a double grade such as 4/7 counts as its collapse part, 7.",
        ),
        Scale(
            "grade_before_reveal",
            _GRADES,
            _GRADE_WORDS,
            "Grade before the measured values were shown.",
        ),
        Scale("grade_signal", _GRADES[:5], _GRADE_WORDS[:5], "Signal part of the grade, 1 to 5."),
        Scale(
            "grade_collapse",
            (0, 6, 7, 8),
            ("normal", "6", "7", "8"),
            "Collapse part of the grade: normal height, 6, 7 or 8.",
        ),
        Scale(
            "evaluable",
            (0, 1),
            ("not evaluable", "evaluable"),
            "Whether the disc could be graded.",
        ),
    )
}


class ComparisonKind(Enum):
    """What the columns of a comparison are."""

    READERS = "readers"  # a sample of all readers
    REPEATS = "repeats"  # the same reader again, or the same disc scanned again
    METHODS = "methods"  # fixed methods, such as a reader and the automatic value


@dataclass(frozen=True, eq=False)
class Comparison:
    """Columns of values to compare.

    Parameters
    ----------
    parameter
        The rated parameter.
    name
        Name in the report, such as ``ann – ben``.
    columns
        Names of the columns.
    values
        (discs, columns); NaN where a value is missing.
    subjects, levels
        (discs,) names.
    kind
        Kind of the columns.
    """

    parameter: str
    name: str
    columns: tuple[str, ...]
    values: NDArray[np.float64]
    subjects: NDArray[np.str_]
    levels: NDArray[np.str_]
    kind: ComparisonKind = ComparisonKind.METHODS

    @property
    def unit(self) -> str:
        """Unit of the values; empty for a scale."""
        known = PARAMETER.get(self.parameter)
        return "" if known is None or self.parameter in SCALES else known.unit

    @property
    def used(self) -> NDArray[np.bool_]:
        """(discs,) usable discs: at least two grades, or measured values in all columns."""
        count: NDArray[np.int_] = np.isfinite(self.values).sum(axis=1)
        return count >= (2 if self.parameter in SCALES else len(self.columns))

    def strata(self) -> Iterator[tuple[str, Comparison]]:
        """All levels together, then each level, cranial to caudal."""
        yield ALL_LEVELS, self
        for level in DiscLevel:
            chosen = self.levels == level.value
            if chosen.any():
                yield (
                    level.value,
                    replace(
                        self,
                        values=self.values[chosen],
                        subjects=self.subjects[chosen],
                        levels=self.levels[chosen],
                    ),
                )


Column = tuple[str, int]
"""A rater and an occasion."""


def comparisons(ratings: Iterable[Rating], rescans: bool = False) -> list[Comparison]:
    """All comparisons that ratings allow.

    Per parameter: all readers at their first occasion; every pair of readers; first and second
    occasion of each reader; each reader and the automatic value.  In locked sessions also the
    grades of each reader before and after the measured values were shown.

    Parameters
    ----------
    ratings
        Ratings in any order.
    rescans
        Whether "raters" are scans of the same disc instead of readers of the same images.

    Returns
    -------
    list of Comparison
        Comparisons with at least one disc that has two values.

    Raises
    ------
    UsageError
        If a rater has two values of one parameter for one disc and occasion, or a value is
        outside its scale.

    Examples
    --------
    >>> readers = [("ann", 8.1), ("ben", 8.3)]
    >>> given = [Rating("S1", "1", "L4-L5", name, 1, "height_mm", mm) for name, mm in readers]
    >>> [(one.parameter, one.columns) for one in comparisons(given)]
    [('height_mm', ('ann', 'ben'))]
    """
    by_parameter: dict[str, list[Rating]] = {}
    for rating in ratings:
        by_parameter.setdefault(rating.parameter, []).append(rating)
    found = []
    known = [name for name in SCALES if name in by_parameter]
    for parameter in (*known, *(name for name in by_parameter if name not in SCALES)):
        given = by_parameter[parameter]
        _check(parameter, given)
        table = _Table(given)
        found += [
            table.compared(parameter, name, columns, ComparisonKind.REPEATS if rescans else kind)
            for name, columns, kind in _plans(table)
        ]
    if "grade_before_reveal" in by_parameter:
        found += _on_reveal(by_parameter["grade_before_reveal"], by_parameter["grade"])
    return [one for one in found if one.used.any()]


_DERIVED = ("grade_signal", "grade_collapse", "evaluable")  # parts of a grade


def unpaired(ratings: Iterable[Rating]) -> Counter[str]:
    """Number of discs with only one value, by parameter; single automatic values do not count.

    Examples
    --------
    >>> one = Rating("s", "u", "L4-L5", "ann", 1, "height_mm", 8.0)
    >>> unpaired([one]), unpaired([one, replace(one, rater="ben")])
    (Counter({'height_mm': 1}), Counter())
    """
    raters: dict[tuple[str, ...], list[str]] = {}
    for one in ratings:
        if one.parameter not in _DERIVED:
            disc = (one.parameter, one.subject, one.study, one.level)
            raters.setdefault(disc, []).append(one.rater)
    return Counter(disc[0] for disc, who in raters.items() if len(who) == 1 and who[0] != AUTOMATIC)


class _Table:
    """Ratings of one parameter by disc and column."""

    def __init__(self, ratings: Sequence[Rating]) -> None:
        self.cells: dict[tuple[tuple[str, str, str], Column], float] = {}
        for rating in ratings:
            disc = (rating.subject, rating.study, rating.level)
            cell = (disc, (rating.rater, rating.occasion))
            if cell in self.cells:
                raise UsageError(
                    f"{rating.rater} has two values of {rating.parameter} for {rating.level} of "
                    f"{rating.subject}; give each file once, or match by study"
                )
            self.cells[cell] = rating.value
        self.discs = sorted({disc for disc, _ in self.cells})
        self.columns = sorted({column for _, column in self.cells})

    def compared(
        self, parameter: str, name: str, columns: Sequence[Column], kind: ComparisonKind
    ) -> Comparison:
        """Compare columns; with repeats, only discs that were repeated."""
        again = [column for column in columns if column[1] > 1]
        discs = [d for d in self.discs if all((d, column) in self.cells for column in again)]
        values = np.array([[self.cells.get((d, one), np.nan) for one in columns] for d in discs])
        raters = [rater for rater, _ in columns]
        names = [
            rater if raters.count(rater) == 1 else f"{rater} ({occasion})"
            for rater, occasion in columns
        ]
        return Comparison(
            parameter,
            name,
            tuple(names),
            values.reshape(len(discs), len(columns)),
            np.array([subject for subject, _, _ in discs]),
            np.array([level for _, _, level in discs]),
            kind,
        )


def _plans(table: _Table) -> Iterator[tuple[str, Sequence[Column], ComparisonKind]]:
    """Name, columns and kind of each comparison."""
    first = [one for one in table.columns if one[1] == 1 and one[0] != AUTOMATIC]
    if len(first) > 2:
        yield "all readers", first, ComparisonKind.READERS
    for pair in itertools.combinations(first, 2):
        yield f"{pair[0][0]} – {pair[1][0]}", pair, ComparisonKind.READERS
    for rater, _ in first:
        again = (rater, 2)
        if again in table.columns:
            yield f"{rater}, first – second", ((rater, 1), again), ComparisonKind.REPEATS
    if (AUTOMATIC, 1) in table.columns:
        for one in first:
            yield f"{one[0]} – {AUTOMATIC}", (one, (AUTOMATIC, 1)), ComparisonKind.METHODS


def _on_reveal(before: Sequence[Rating], after: Sequence[Rating]) -> list[Comparison]:
    """Grades of each reader before and after the measured values were shown, first occasion."""
    found = []
    for reader in sorted({rating.rater for rating in before if rating.rater != AUTOMATIC}):
        pairs = [
            replace(rating, rater=name, occasion=1)
            for name, given in (("before", before), ("after", after))
            for rating in given
            if rating.rater == reader and rating.occasion == 1
        ]
        table = _Table(pairs)
        columns = (("before", 1), ("after", 1))
        name = f"{reader}, before – after reveal"
        found.append(table.compared("grade", name, columns, ComparisonKind.METHODS))
    return found


def _check(parameter: str, ratings: Iterable[Rating]) -> None:
    scale = SCALES.get(parameter)
    known: Callable[[float], bool] = np.isfinite if scale is None else scale.categories.__contains__
    for rating in ratings:
        if not known(rating.value):
            raise UsageError(
                f"{rating.value:g} is not a valid {parameter} ({rating.rater}, {rating.level} of "
                f"{rating.subject})"
            )
