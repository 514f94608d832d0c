"""Grades of visits as shift tables."""

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
"""Name of the automatic suggestion as a reader."""
READ_COLUMNS = ("study_uid", "level_automatic", "reader", "grade", "occasion")

Reads = Mapping[tuple[str, DiscLevel], Mapping[str, Grade]]
"""Grade by reader, for each study UID and level found at that visit."""


@dataclass(frozen=True)
class VisitGrade:
    """One grade of one disc at one visit."""

    subject: str
    arm: str
    visit: str
    level: DiscLevel  # at the first visit
    treated: bool
    reader: str
    grade: Grade  # at this visit
    first: Grade | None  # at the first visit; None if missing
    comparability: Comparability  # of the two scans, for grades


@dataclass(frozen=True)
class Shifts:
    """Shift table of the grades of one reader between the first and a later visit."""

    reader: str
    visit: str  # the later one
    treated: bool  # whether the discs are treated
    grades: tuple[Grade, ...]  # rows and columns of the table, in order
    # numbers of discs by first grade (rows) and later grade (columns)
    counts: tuple[tuple[int, ...], ...]
    not_comparable: int  # number of discs left out because their scans are not comparable


def read_reads(path: Path, notes: list[str] | None = None) -> Reads:
    """Read grades from ``reads_long.csv`` of ``discmri grade export``.

    Only first occasions are used; an empty occasion is the first.  A note about empty grades is
    appended to ``notes``.  Raises ``UsageError`` if the file or a cell is invalid, a column is
    missing, or a reader graded a disc twice.
    """
    hint = "give reads_long.csv of discmri grade export"
    reads: dict[tuple[str, DiscLevel], dict[str, Grade]] = defaultdict(dict)
    seen: dict[tuple[str, DiscLevel, str], int] = {}
    table = read_table(path, READ_COLUMNS, hint)
    for row in table.rows:
        level, grade = row.level("level_automatic"), row.grade("grade")
        if level is None:
            raise row.error("level_automatic", "is empty; write the level, such as L4-L5")
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
    """All grades of a subject, suggested ones first."""
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
    """Method of a suggested grade; empty without suggestion."""
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

    Grades of readers are always used; suggested grades only if signal and height are comparable.
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
