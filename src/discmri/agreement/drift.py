"""Drift of readers: grades over reading order and sittings.

Each grade is compared with the mean of the other readers' first grades of the disc or, without
these, with the automatic suggestion.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from discmri.agreement.ratings import AUTOMATIC, Rating
from discmri.core.text import number
from discmri.core.volume import Array
from discmri.results.export.csv_wide import write_table

PARTS = ("first third", "middle third", "last third")
PAUSE = timedelta(minutes=30)
"""A longer pause begins a new sitting."""
FEWEST = 9
"""Minimum number of reads of a reader: three in each third."""
HEADER = ("rater", "part", "reads", "mean_difference", "within_one", "per_100_reads", "low", "high")
_Z = 1.96


@dataclass(frozen=True)
class Drift:
    """Grades of one reader in one part of the reading order, compared with the reference."""

    rater: str
    part: str  # a third of the reading order, a sitting, or `all`
    reads: int  # number of grades with a reference
    mean_difference: float  # mean of grade minus reference, in grades
    within_one: float  # share of grades at most one grade from the reference, 0 to 1
    # for `all`: change of the difference per 100 reads and its 95 % interval (least squares, normal
    # distribution); otherwise None
    per_100_reads: tuple[float, float, float] | None = None

    @property
    def drifts(self) -> bool:
        """Whether the interval of ``per_100_reads`` excludes zero."""
        return self.per_100_reads is not None and self.per_100_reads[1] * self.per_100_reads[2] > 0


def drift(ratings: Iterable[Rating]) -> list[Drift]:
    """Compute how the grades of each reader change with reading order.

    Grades without a time are ignored.  Each reader with at least nine reads has a row for all, one
    for each third, and one for each sitting if there are several.

    Examples
    --------
    >>> made = [Rating("S", "1", str(n), name, 1, "grade", 3.0 + (name == "ann" and n > 5),
    ...                f"2026-01-01T10:{n:02d}:00Z") for n in range(12) for name in ("ann", "ben")]
    >>> found = drift(made)
    >>> [(one.part, one.mean_difference) for one in found if one.rater == "ann"][1:]
    [('first third', 0.0), ('middle third', 0.5), ('last third', 1.0)]
    >>> found[0].drifts
    True
    """
    grades = [one for one in ratings if one.parameter == "grade"]
    known: dict[tuple[str, str, str], dict[str, float]] = defaultdict(dict)
    for one in sorted(grades, key=lambda rating: -rating.occasion):  # the first presentation counts
        known[one.subject, one.study, one.level][one.rater] = one.value
    found = []
    for rater in sorted({one.rater for one in grades} - {AUTOMATIC}):
        own = sorted((r for r in grades if r.rater == rater and r.at), key=lambda rating: rating.at)
        pairs = [(one.at, one.value - reference) for one in own
                 if (reference := _reference(known[one.subject, one.study, one.level], rater))
                 is not None]  # fmt: skip
        if len(pairs) >= FEWEST:
            found += _of_reader(rater, [at for at, _ in pairs], np.array([d for _, d in pairs]))
    return found


def _reference(grades: Mapping[str, float], rater: str) -> float | None:
    others = [value for name, value in grades.items() if name not in (rater, AUTOMATIC)]
    return float(np.mean(others)) if others else grades.get(AUTOMATIC)


def _of_reader(rater: str, times: Sequence[str], differences: Array) -> list[Drift]:
    def part(name: str, where: NDArray[np.intp]) -> Drift:
        own = differences[where]
        return Drift(rater, name, len(own), float(own.mean()), float((np.abs(own) <= 1).mean()))

    order = np.arange(len(differences))
    whole = part("all", order)
    found = [Drift(rater, "all", whole.reads, whole.mean_difference, whole.within_one,
                   _trend(differences))]  # fmt: skip
    found += [part(name, one) for name, one in zip(PARTS, np.array_split(order, 3), strict=True)]
    moments = [datetime.fromisoformat(one) for one in times]
    begins = [0, *(n for n in range(1, len(moments)) if moments[n] - moments[n - 1] > PAUSE)]
    if len(begins) > 1:
        sittings = np.split(order, begins[1:])
        found += [part(f"sitting {n}", one) for n, one in enumerate(sittings, start=1)]
    return found


def _trend(differences: Array) -> tuple[float, float, float]:
    """Slope per 100 reads with its interval."""
    x = np.arange(len(differences)) - (len(differences) - 1) / 2
    slope = float(x @ differences / (x @ x))
    rest = differences - differences.mean() - slope * x
    error = float(np.sqrt(rest @ rest / (len(x) - 2) / (x @ x)))
    return 100 * slope, 100 * (slope - _Z * error), 100 * (slope + _Z * error)


def write_drift(found: Iterable[Drift], path: Path) -> None:
    """Write ``drift.csv``."""
    write_table(path, HEADER, (drift_cells(one) for one in found))


def drift_cells(one: Drift) -> list[str]:
    """One line of the table."""
    trend = ("", "", "") if one.per_100_reads is None else map(_shown, one.per_100_reads)
    shown = [_shown(one.mean_difference), number(one.within_one, 2)]
    return [one.rater, one.part, str(one.reads), *shown, *trend]


def _shown(value: float) -> str:
    return number(value, 2)
