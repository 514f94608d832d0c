"""Grades from visit to visit: counted as shifts, never averaged."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from discmri.core.errors import UsageError
from discmri.core.levels import DiscLevel
from discmri.trial.change import Course, Visit
from discmri.trial.comparability import Comparability, verdict

SUGGESTED = "suggested"
"""Name of the automatic suggestion among the readers."""
READ_COLUMNS = ("study_uid", "level_automatic", "reader", "grade", "occasion")

Reads = Mapping[tuple[str, DiscLevel], Mapping[str, str]]
"""Grade by reader, for a study and the visit's own name of a disc."""


@dataclass(frozen=True)
class Grade:
    """One grade of one disc at one visit.

    Parameters
    ----------
    subject, arm, visit, level, treated
        Which, by its frozen name.
    reader
        Who said it.
    grade, first
        At this visit and at the first one; empty where there is none.
    comparability
        Whether the two scans can be compared in grade.
    """

    subject: str
    arm: str
    visit: str
    level: DiscLevel
    treated: bool
    reader: str
    grade: str
    first: str
    comparability: Comparability


@dataclass(frozen=True)
class Shifts:
    """How grades of one reader moved from the first visit to another.

    Parameters
    ----------
    reader, visit, treated
        Which.
    grades
        Rows and columns of the table, in order.
    counts
        Discs by first grade (rows) and later grade (columns).
    not_comparable
        Discs left out because their scans cannot be compared.
    """

    reader: str
    visit: str
    treated: bool
    grades: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    not_comparable: int


def read_reads(path: Path) -> Reads:
    """Grades that ``discmri grade export`` wrote to ``reads_long.csv``.

    Raises
    ------
    UsageError
        Where the file cannot be read or lacks a column.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in READ_COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise UsageError(
                    f"{path} has no column {missing[0]}; give reads_long.csv of discmri grade export"
                )
            rows = list(reader)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read ({error}); give reads_long.csv") from error
    reads: dict[tuple[str, DiscLevel], dict[str, str]] = defaultdict(dict)
    for row in rows:
        if row["occasion"] != "1" or not row["grade"]:
            continue
        try:
            level = DiscLevel(row["level_automatic"])
        except ValueError:
            raise UsageError(f"{path}: no disc is called {row['level_automatic']!r}") from None
        reads[row["study_uid"], level][row["reader"]] = row["grade"].lstrip("'")
    return reads


def grades_of(course: Course, reads: Reads) -> list[Grade]:
    """Every grade of a subject, the suggested ones first."""
    found = []
    for visit in (course.baseline, *course.later):
        worst = verdict(visit.differences, "suggested_grade")
        for level in course.levels:
            first = _said(course.baseline, level, reads)
            for reader, grade in _said(visit, level, reads).items():
                found.append(
                    Grade(
                        course.subject.name, course.subject.arm, visit.name, level,
                        level in course.subject.treated, reader, grade, first.get(reader, ""), worst,
                    )
                )  # fmt: skip
    return found


def _said(visit: Visit, level: DiscLevel, reads: Reads) -> dict[str, str]:
    if level not in visit.discs:
        return {}
    suggested = visit.discs[level].values.get("suggested_grade")
    said = {} if suggested is None else {SUGGESTED: str(suggested.value)}
    return said | dict(reads.get((visit.measured.study_uid, visit.own_names[level]), {}))


def shifts(grades: Iterable[Grade], first_visit: str) -> list[Shifts]:
    """Shift tables by reader, visit and treatment.

    A reader's grade is held to be comparable whatever scanner it was read on; the suggested one
    is not where signal or height are not.
    """
    groups: dict[tuple[str, str, bool], list[Grade]] = defaultdict(list)
    for one in grades:
        if one.visit != first_visit and one.first:
            groups[one.reader, one.visit, one.treated].append(one)
    tables = []
    for (reader, visit, treated), own in groups.items():
        used = [one for one in own if reader != SUGGESTED or _usable(one)]
        names = tuple(sorted({g for one in used for g in (one.first, one.grade)}, key=_rank))
        counted = Counter((one.first, one.grade) for one in used)
        rows = tuple(tuple(counted[first, later] for later in names) for first in names)
        tables.append(Shifts(reader, visit, treated, names, rows, len(own) - len(used)))
    return tables


def _usable(one: Grade) -> bool:
    return one.comparability is not Comparability.NOT_COMPARABLE


def _rank(grade: str) -> tuple[float, float]:
    """By collapse, then by signal.

    >>> sorted(["7", "3", "4/7", "2"], key=_rank)
    ['2', '3', '4/7', '7']
    """
    parts = [float(part) for part in grade.split("/") if part.replace(".", "").isdecimal()]
    return (parts[-1], parts[0] if len(parts) > 1 else 9.0) if parts else (99.0, 0.0)
