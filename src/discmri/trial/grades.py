"""Grades from visit to visit: counted as shifts, never averaged."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from discmri.core.grade import Grade
from discmri.core.levels import DiscLevel
from discmri.core.tables import read_table
from discmri.trial.change import Course, Visit
from discmri.trial.comparability import Comparability, worst_comparability

SUGGESTED = "suggested"
"""Name of the automatic suggestion among the readers."""
READ_COLUMNS = ("study_uid", "level_automatic", "reader", "grade", "occasion")

Reads = Mapping[tuple[str, DiscLevel], Mapping[str, Grade]]
"""Grade by reader, for a study and the visit's own name of a disc."""


@dataclass(frozen=True)
class VisitGrade:
    """One grade of one disc at one visit.

    Parameters
    ----------
    subject, arm, visit, level, treated
        Which, by its frozen name.
    reader
        Who said it.
    grade, first
        At this visit and at the first one, ``None`` where there is none.
    comparability
        Whether the two scans can be compared in grade.
    """

    subject: str
    arm: str
    visit: str
    level: DiscLevel
    treated: bool
    reader: str
    grade: Grade
    first: Grade | None
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
    grades: tuple[Grade, ...]
    counts: tuple[tuple[int, ...], ...]
    not_comparable: int


def read_reads(path: Path, notes: list[str] | None = None) -> Reads:
    """Grades that ``discmri grade export`` wrote to ``reads_long.csv``.

    Second occasions are left out; an empty occasion is the first.

    Parameters
    ----------
    path
        The table.
    notes
        Gets a sentence on the grades that are empty, where there are some.

    Raises
    ------
    UsageError
        Where the file or a cell cannot be read, a column is missing, or a reader graded a disc
        twice.
    """
    hint = "give reads_long.csv of discmri grade export"
    reads: dict[tuple[str, DiscLevel], dict[str, Grade]] = defaultdict(dict)
    seen: dict[tuple[str, DiscLevel, str], int] = {}
    table = read_table(path, READ_COLUMNS, hint)
    for row in table.rows:
        level, grade = row.level("level_automatic"), row.grade("grade")
        if level is None:
            raise row.error("level_automatic", "is empty; write the disc")
        study, reader = row.filled("study_uid"), row.filled("reader")
        if (row.integer("occasion", 1, 99) or 1) > 1:
            continue
        first = seen.setdefault((study, level, reader), row.line)
        if first != row.line:
            problem = f"{reader} graded {level.value} of this study in line {first} already"
            raise row.error("grade", f"{problem}; keep one, or number them in occasion")
        if grade is not None:
            reads[study, level][reader] = grade
    if notes is not None and table.note:
        notes.append(table.note)
    return dict(reads)


def grades_of(course: Course, reads: Reads) -> list[VisitGrade]:
    """Every grade of a subject, the suggested ones first."""
    found = []
    for visit in (course.baseline, *course.later):
        worst = worst_comparability(visit.differences, "suggested_grade")
        for level in course.levels:
            first = _said(course.baseline, level, reads)
            same_branch = _branch(course.baseline, level) == _branch(visit, level)
            for reader, grade in _said(visit, level, reads).items():
                fit = worst if same_branch else Comparability.NOT_COMPARABLE
                found.append(
                    VisitGrade(
                        course.subject.name, course.subject.arm, visit.name, level,
                        level in course.subject.treated, reader, grade, first.get(reader),
                        fit if reader == SUGGESTED else worst,
                    )
                )  # fmt: skip
    return found


def _branch(visit: Visit, level: DiscLevel) -> str:
    """By which rule and comparators a grade was suggested; empty where there is none."""
    suggested = visit.discs[level].values.get("suggested_grade") if level in visit.discs else None
    return "" if suggested is None else suggested.method


def _said(visit: Visit, level: DiscLevel, reads: Reads) -> dict[str, Grade]:
    if level not in visit.discs:
        return {}
    suggested = visit.discs[level].values.get("suggested_grade")
    said = {} if suggested is None else {SUGGESTED: Grade.parse(str(suggested.value))}
    return said | dict(reads.get((visit.measured.study_uid, visit.own_names[level]), {}))


def shifts(grades: Iterable[VisitGrade], first_visit: str) -> list[Shifts]:
    """Shift tables by reader, visit and treatment.

    A reader's grade is held to be comparable whatever scanner it was read on; the suggested one
    is not where signal or height are not.
    """
    groups: dict[tuple[str, str, bool], list[VisitGrade]] = defaultdict(list)
    for one in grades:
        if one.visit != first_visit and one.first is not None:
            groups[one.reader, one.visit, one.treated].append(one)
    tables, unfit = [], Comparability.NOT_COMPARABLE
    for (reader, visit, treated), own in groups.items():
        used = [one for one in own if reader != SUGGESTED or one.comparability is not unfit]
        names = tuple(sorted({g for one in used for g in (one.first, one.grade) if g is not None}))
        counted = Counter((one.first, one.grade) for one in used)
        rows = tuple(tuple(counted[first, later] for later in names) for first in names)
        tables.append(Shifts(reader, visit, treated, names, rows, len(own) - len(used)))
    return tables
