"""Tables of values: one row per disc, scan and parameter.

``long.csv`` of a run is such a table; values may also be edited or come from other programs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from discmri.core.errors import UsageError
from discmri.core.findings import Code, Finding, Severity
from discmri.core.grade import Grade
from discmri.core.levels import DiscLevel
from discmri.core.quality import DiscQuality, Quality
from discmri.core.tables import CellError, Row, read_table
from discmri.core.text import one_line
from discmri.results.records import PARAMETER
from discmri.trial.change import Course, course_of
from discmri.trial.conditions import of_cells
from discmri.trial.follow_up import FollowUp
from discmri.trial.grades import Reads
from discmri.trial.issues import Issue, IssueSeverity, errors
from discmri.trial.listing import between_subjects, in_order, repeat_kind, visits_of
from discmri.trial.plan import Scan, Subject, Trial
from discmri.trial.registration import Registration
from discmri.trial.values import GRADES, TRACKED, DiscVisit, MeasuredScan, Value, rounded

NEEDED = ("subject", "visit", "level", "parameter", "value")
_YES, _NO = ("yes", "y", "true", "1"), ("no", "n", "false", "0", "")
_NUMERIC = frozenset(one.name for one in TRACKED)
_HINT = (
    f"a table of values needs {', '.join(NEEDED)}, and week or date; optional are time, "
    "repeat, repeat_kind, treated, arm, sd, method"
)

ValueKey = tuple[object, ...]
"""Subject, visit, repeat, level, parameter and reader."""


@dataclass(frozen=True, eq=False)
class ValuesTable:
    """Content of a table of values."""

    trial: Trial
    courses: tuple[Course, ...]
    reads: Reads  # grades of readers
    parameters: tuple[str, ...]  # parameters in the table
    extra_columns: tuple[str, ...]  # further columns, kept for `long.csv`
    extras: Mapping[ValueKey, Mapping[str, str]]  # their cells
    issues: tuple[Issue, ...]  # warnings and notes
    note: str  # note on cells treated as missing


@dataclass
class _Visit:
    """Rows of one scan."""

    row: Row
    scan: Scan
    values: dict[DiscLevel, dict[str, Value]] = field(default_factory=dict)
    flags: dict[DiscLevel, dict[str, list[str]]] = field(default_factory=dict)
    quality: dict[DiscLevel, DiscQuality] = field(default_factory=dict)
    own: dict[DiscLevel, DiscLevel] = field(default_factory=dict)
    problem: str = ""


def read_values(path: Path, known: Sequence[str] = ()) -> ValuesTable:
    """Read a table of values.

    Columns in ``known`` are computed again and therefore not kept.  Raises ``UsageError`` if the
    table has errors; the message has the first one with its line, and their number.
    """
    table = read_table(path, NEEDED, _HINT)
    if not {"week", "date"} & set(table.columns):
        raise UsageError(f"{path} has no column week or date; {_HINT}")
    if not table.rows:
        raise UsageError(f"{path} has no rows; {_HINT}")
    gathered = _Gathered(tuple(name for name in table.columns if name not in (*known, *NEEDED)))
    for row in table.rows:
        try:
            gathered.add(row)
        except CellError as error:
            gathered.issues.append(Issue(IssueSeverity.ERROR, error.where, error.problem))
    subjects = gathered.subjects()
    trial = Trial(subjects)
    gathered.issues += [*between_subjects(trial)]
    wrong = errors(gathered.issues)
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if wrong[1:] else ""
        raise UsageError(f"{path}, {wrong[0]}{more}")
    return ValuesTable(
        trial, tuple(gathered.course(one) for one in subjects), gathered.reads,
        tuple(gathered.parameters), gathered.extra_columns, gathered.extras,
        tuple(gathered.issues), table.note,
    )  # fmt: skip


class _Gathered:
    """Rows grouped by scan and subject."""

    def __init__(self, extra_columns: tuple[str, ...]) -> None:
        self.extra_columns = extra_columns
        self.visits: dict[str, _Visit] = {}
        self.treated: dict[str, dict[DiscLevel, tuple[bool, int]]] = {}
        self.arms: dict[str, tuple[str, int]] = {}
        self.reads: dict[tuple[str, DiscLevel], dict[str, Grade]] = {}
        self.extras: dict[ValueKey, dict[str, str]] = {}
        self.parameters: dict[str, None] = {}
        self.issues: list[Issue] = []
        self._seen: dict[ValueKey, int] = {}

    def add(self, row: Row) -> None:
        visit = self._visit(row)
        problem = one_line(row.text("scan_problem"))
        if problem and not row.text("level"):
            visit.problem = problem
            return
        level = row.level("level")
        if level is None:
            raise row.error("level", "is empty; write the level, such as L4-L5")
        if not level.is_measured:
            raise row.error("level", f"{level.value} is not measured; leave such rows out")
        parameter, reader = row.filled("parameter"), row.text("reader") or "automatic"
        self._once(row, visit.scan, level, parameter, reader)
        self._treatment(row, visit.scan.subject, level)
        if reader != "automatic":
            grade = row.grade("value")
            if grade is not None:
                study = _study(visit.scan)
                self.reads.setdefault((study, row.level("level_at_visit") or level), {})[reader] = (
                    grade
                )
            return
        if parameter not in PARAMETER:
            raise row.error(
                "parameter", f"{parameter[:40]!r} is not a column of discs.csv; rename it"
            )
        self.parameters.setdefault(parameter)
        self._value(row, visit, level, parameter)

    def _value(self, row: Row, visit: _Visit, level: DiscLevel, parameter: str) -> None:
        own = row.level("level_at_visit") or level
        if visit.own.setdefault(level, own) is not own:
            text = f"{level.value} is {visit.own[level].value} in another line of this scan"
            raise row.error("level_at_visit", f"{own.value}: {text}; give one level")
        value = _value(row, parameter)
        values = visit.values.setdefault(level, {})
        if value is not None:
            values[parameter] = rounded(parameter, value, row.text("method"), row.number("sd", 0.0))
        verdict = row.choice("quality", [one.value for one in Quality])
        if verdict is not None:
            reasons = tuple(filter(None, row.text("quality_reasons").split(";")))
            visit.quality[level] = DiscQuality(Quality(verdict), reasons)
        for flag in filter(None, row.text("flag").split(";")):
            if flag not in _CODES:
                raise row.error("flag", f"{flag[:40]!r} is not the code of a finding; leave it out")
            visit.flags.setdefault(level, {}).setdefault(flag, []).append(parameter)

    def _visit(self, row: Row) -> _Visit:
        """The scan of a row; its columns must be equal in all rows of the scan."""
        scan = _scan(row)
        visit = self.visits.setdefault(scan.name, _Visit(row, scan))
        for column in ("date", "week", "time", "repeat_kind"):
            if row.text(column) != visit.row.text(column):
                text = f"{row.text(column)!r}, but {visit.row.text(column)!r} in line "
                raise row.error(column, f"{text}{visit.row.line} of the same scan; give one")
        return visit

    def _once(self, row: Row, scan: Scan, level: DiscLevel, parameter: str, reader: str) -> None:
        key = (scan.subject, scan.visit, scan.repeat, level.value, parameter, reader)
        if key in self._seen:
            text = f"{parameter} of {level.value} of {scan.name} is listed twice"
            raise row.error(
                "value", f"{text} (see line {self._seen[key]}); keep one, or number repeats"
            )
        self._seen[key] = row.line
        self.extras[key] = {name: row.text(name) for name in self.extra_columns}

    def _treatment(self, row: Row, subject: str, level: DiscLevel) -> None:
        text, arm = row.text("treated").lower(), one_line(row.text("arm"))
        if text not in (*_YES, *_NO):
            raise row.error("treated", f"{text[:40]!r} is invalid; write yes or no")
        told = self.treated.setdefault(subject, {})
        if text and told.setdefault(level, (text in _YES, row.line))[0] is not (text in _YES):
            line = told[level][1]
            raise row.error("treated", f"{text}, but not in line {line}; give one value per disc")
        arm_before, line = self.arms.setdefault(subject, (arm, row.line))
        if arm != arm_before:
            raise row.error(
                "arm", f"{arm!r}, but {arm_before!r} in line {line}; a subject has one arm"
            )

    def subjects(self) -> tuple[Subject, ...]:
        by_subject: dict[str, list[Scan]] = {}
        for visit in self.visits.values():
            by_subject.setdefault(visit.scan.subject, []).append(visit.scan)
        found = []
        for name, scans in by_subject.items():
            levels = self.treated.get(name, {})
            treated = tuple(level for level in DiscLevel if levels.get(level, (False, 0))[0])
            arm = self.arms.get(name, ("", 0))[0]
            subject = Subject(name, in_order(scans, self.issues), treated, arm)
            self.issues += [*visits_of(subject)]
            found.append(subject)
        return tuple(found)

    def course(self, subject: Subject) -> Course:
        measured, carried, tilts = {}, {}, {}
        for scan in subject.scans:
            visit = self.visits[scan.name]
            discs = {
                visit.own[level]: DiscVisit(
                    values,
                    tuple(
                        Finding(Code(code), Severity.WARNING, "", level, values=tuple(touched))
                        for code, touched in visit.flags.get(level, {}).items()
                    ),
                    visit.quality.get(level),
                )
                for level, values in visit.values.items()
            }
            names = {own: frozen for frozen, own in visit.own.items()}
            measured[scan.name] = MeasuredScan(
                scan, Path(), visit.problem, of_cells(visit.row), discs,
                study_uid=_study(scan),
            )  # fmt: skip
            carried[scan.name] = Registration(names, np.eye(4), 1.0, 1.0)
            tilt = visit.row.number("tilt_deg")
            if tilt is not None:
                tilts[scan.name] = tilt
        return course_of(subject, measured, FollowUp(carried, tilts_deg=tilts))


_CODES = frozenset(code.value for code in Code)


def _study(scan: Scan) -> str:
    return scan.study_uid or scan.name


def _scan(row: Row) -> Scan:
    if not row.text("date") and not row.text("week"):
        raise row.error("week", "and date are empty; give one of them")
    return Scan(
        subject=one_line(row.filled("subject")),
        visit=one_line(row.filled("visit")),
        path=Path(),
        date=row.day("date"),
        week=row.number("week"),
        repeat=row.integer("repeat", 1, 99) or 1,
        repeat_kind=repeat_kind(row),
        study_uid=row.text("study_uid") or None,
        line=row.line,
    )


def _value(row: Row, parameter: str) -> float | str | None:
    if parameter in _NUMERIC:
        return row.value("value")
    if parameter == "suggested_grade":
        row.grade("value")  # raises if invalid
    text = row.text("value")
    if parameter in GRADES or not text:
        return text or None
    try:
        return row.number("value")
    except CellError:
        return text
