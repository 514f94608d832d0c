"""Tables of a trial as CSV, with a data dictionary."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from discmri.core.files import atomic_file
from discmri.core.levels import DiscLevel
from discmri.core.text import number
from discmri.results.export.csv_wide import Cells, cell, write_table
from discmri.results.parameter import Parameter
from discmri.results.records import PARAMETER, PARAMETERS
from discmri.trial.analysis import Analysis
from discmri.trial.change import Change, Course, Visit
from discmri.trial.conditions import CONDITION_CELLS, cells_of
from discmri.trial.grades import SUGGESTED, VisitGrade
from discmri.trial.values import SD_DECIMALS, TRACKED, Value
from discmri.trial.values_table import ValuesTable

LONG: Mapping[str, str] = {
    "subject": "Subject as in the list of the trial.",
    "arm": "Arm as in the list of the trial; empty without arms.",
    "visit": "Name of the visit.",
    "week": "Week of the visit as in the list; empty if not listed.",
    "date": "Day of the scan, from the list or the headers; empty for repeats listed by week.",
    "repeat": "1 for the scan of the visit, 2 or more for repeats.",
    "repeat_kind": "Kind of a repeat: same_session, same_day (positioned again) or other_day.",
    "study_uid": "Study Instance UID.",
    "level": "Level of the disc at the first visit, carried to all visits.",
    "level_at_visit": "Level of the disc found at this visit.",
    "treated": "yes or no.",
    "parameter": "Name of the parameter; the dictionary has its meaning.",
    "value": "Value; empty if missing.",
    "unit": "Unit of value, change, change_sd and noise_band.",
    "sd": "Stated standard uncertainty of the value; may be empty.",
    "method": "Code of the definition or source.",
    "reader": "automatic, or name of the reader of the grade.",
    "flag": "Codes of warnings that affect the value, separated by ;.",
    "quality": "good, check or reject: whether the values of the disc can be used.",
    "quality_reasons": "Codes of the findings that determine the quality, separated by ;.",
    "baseline": "Value at the first visit.",
    "change": "value - baseline; empty for grades, repeats and the first visit.",
    "change_percent": "Change in percent of baseline; empty unless baseline is positive.",
    "change_sd": "Standard uncertainty of the change.",
    "noise_band": "Half width of the noise band: a greater change exceeds noise with 95 % confidence; a guess (see noise_source) has no confidence level.",
    "noise_source": "Parts of the noise band with half width and source.",
    "comparability": "comparable, caution or not comparable: whether the two scans can be compared.",
    "comparability_reason": "Reasons against comparability.",
    "verdict": "beyond noise, within noise or not comparable.",
    "scan_problem": "Reason why a scan has no values; it then has one row without disc.",
    "tilt_deg": "Angle between the slices of this and the first visit relative to the spine, degrees.",
    **{name: f"Condition of the scan: {name.replace('_', ' ')}." for name in CONDITION_CELLS},
}
"""Columns of ``long.csv`` with their meaning."""


def write_tables(
    analysis: Analysis, root: Path, source: ValuesTable | None = None
) -> tuple[str, ...]:
    """Write all tables except those for other systems; return the names of the files.

    Further columns of ``source``, the table of values that was analysed, are kept.
    """
    long = (*LONG, *(source.extra_columns if source is not None else ()))
    tables: dict[str, tuple[Iterable[str], Iterable[Cells]]] = {
        "long.csv": (long, long_rows(analysis, source)),
        "data_dictionary.csv": (_DICTIONARY, dictionary_rows()),
        "comparability.csv": (_COMPARABILITY, comparability_rows(analysis)),
        "treated_untreated.csv": (_CONTRASTS, contrast_rows(analysis)),
        "groups.csv": (_GROUPS, group_rows(analysis)),
        "responders.csv": (_RESPONDERS, responder_rows(analysis)),
        "grade_shifts.csv": (_SHIFTS, shift_rows(analysis)),
        "repeatability.csv": (_REPEATS, repeat_rows(analysis)),
    }
    for name, (columns, rows) in tables.items():
        save(root / name, tuple(columns), rows)
    return tuple(tables)


def save(path: Path, columns: tuple[str, ...], rows: Iterable[Cells]) -> None:
    """Write one table in place."""
    with atomic_file(path) as fresh:
        write_table(fresh, columns, ([_cell(row.get(name)) for name in columns] for row in rows))


_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def _cell(value: object) -> str:
    """One cell; numbers given as text are not escaped.

    >>> _cell("-0.5"), _cell("-A1"), _cell(None), _cell(3)
    ('-0.5', "'-A1", '', '3')
    """
    return value if isinstance(value, str) and _NUMBER.fullmatch(value) else cell(value)


# ------------------------------------------------------------------ one row per value
def long_rows(analysis: Analysis, source: ValuesTable | None = None) -> Iterator[Cells]:
    """One row per subject, scan, disc and parameter, including grades of readers."""
    for row in _every_row(analysis):
        if source is None:
            yield row
        elif row.get("reader") != "automatic" or row["parameter"] in source.parameters:
            key = tuple(
                row.get(name)
                for name in ("subject", "visit", "repeat", "level", "parameter", "reader")
            )
            yield {**source.extras.get(key, {}), **row}


def _every_row(analysis: Analysis) -> Iterator[Cells]:
    changes = {(one.subject, one.visit, one.level, one.parameter): one for one in analysis.changes}
    grades: dict[tuple[str, str, str], list[VisitGrade]] = {}
    for grade in analysis.grades:
        if grade.reader != SUGGESTED:
            key = (grade.subject, grade.visit, grade.level.value)
            grades.setdefault(key, []).append(grade)
    for course in analysis.courses:
        for visit in course.visits:
            problem = visit.measured.reason or ("" if visit.discs else visit.numbering)
            if problem:
                yield _key(course, visit, "") | {"scan_problem": problem}
            yield from _visit_rows(course, visit, changes)
            if visit.measured.scan.repeat == 1:
                yield from _read_rows(course, visit, grades)


def _visit_rows(
    course: Course, visit: Visit, changes: Mapping[tuple[str, str, DiscLevel, str], Change]
) -> Iterator[Cells]:
    for level, disc in visit.discs.items():
        for parameter in PARAMETERS:
            value = disc.values.get(parameter.name)
            row = _key(course, visit, level.value) | {
                "level_at_visit": visit.own_names[level].value,
                "treated": _yes(level in course.subject.treated),
                "parameter": parameter.name,
                "value": None if value is None else shown(value, parameter.name),
                "unit": parameter.unit,
                "sd": None if value is None else _sd(value, parameter),
                "method": None if value is None else value.method,
                "reader": "automatic",
                "flag": ";".join(disc.flags_of(parameter.name)),
                "quality": "" if disc.quality is None else disc.quality.verdict.value,
                "quality_reasons": "" if disc.quality is None else ";".join(disc.quality.reasons),
            }
            if visit.measured.scan.repeat == 1:
                key = (course.subject.name, visit.name, level, parameter.name)
                row |= _changed(changes.get(key))
            yield row


def _changed(change: Change | None) -> Cells:
    if change is None:
        return {}
    name, band = change.parameter, change.band
    more = PARAMETER[name].decimals + 1
    return {
        "baseline": shown(change.before, name),
        "change": number(change.change, PARAMETER[name].decimals),
        "change_percent": None if change.percent is None else number(change.percent, 2),
        "change_sd": None if band is None else number(band.sd, more),
        "noise_band": None if band is None else number(band.half, more),
        "noise_source": None if band is None else f"{band.origin.value}: {band.source}",
        "comparability": change.comparability.value,
        "comparability_reason": "; ".join(change.reasons),
        "verdict": change.verdict.value,
    }


def _read_rows(
    course: Course, visit: Visit, grades: Mapping[tuple[str, str, str], list[VisitGrade]]
) -> Iterator[Cells]:
    for level in visit.discs:
        for grade in grades.get((course.subject.name, visit.name, level.value), []):
            yield _key(course, visit, level.value) | {
                "level_at_visit": visit.own_names[level].value,
                "treated": _yes(grade.treated),
                "parameter": "grade",
                "value": grade.grade,
                "unit": "",
                "method": "read",
                "reader": grade.reader,
                "baseline": grade.first,
            }


def _key(course: Course, visit: Visit, level: str) -> Cells:
    scan = visit.measured.scan
    return {
        "subject": course.subject.name,
        "arm": course.subject.arm,
        "visit": scan.visit,
        "week": None if scan.week is None else f"{scan.week:g}",
        "date": "" if scan.repeat > 1 and scan.date is None else visit.measured.day,
        "repeat": scan.repeat,
        "repeat_kind": "" if scan.repeat_kind is None else scan.repeat_kind.value,
        "study_uid": visit.measured.study_uid,
        "level": level,
        "tilt_deg": None if visit.tilt_deg is None else f"{visit.tilt_deg:.2f}",
        **cells_of(visit.measured.conditions),
    }


def _sd(value: Value, parameter: Parameter) -> str | None:
    return None if value.sd is None else number(value.sd, parameter.decimals + SD_DECIMALS)


def shown(value: Value, parameter: str) -> str:
    """A value with the decimals of its parameter."""
    if isinstance(value.value, str):
        return value.value
    return number(value.value, PARAMETER[parameter].decimals)


def _yes(fact: bool) -> str:
    return "yes" if fact else "no"


# ------------------------------------------------------------------ the other tables
_DICTIONARY = ("table", "name", "kind", "unit", "meaning")
_COMPARABILITY = (
    "subject", "visit", "against", "condition", "difference", "touches", "verdict",
)  # fmt: skip
_CONTRASTS = (
    "subject", "arm", "visit", "level", "parameter", "unit", "change_treated",
    "change_untreated_mean", "untreated_discs", "difference", "low_95", "high_95", "comparability",
)  # fmt: skip
_GROUPS = (
    "role", "group", "control", "visit", "parameter", "unit", "subjects", "control_subjects",
    "estimate", "low_95", "high_95", "p", "p_holm", "method", "few_subjects", "note",
)  # fmt: skip
_RESPONDERS = ("subject", "arm", "level", "response", "reasons", "rule")
_SHIFTS = ("reader", "visit", "treated", "grade_first", "grade", "discs")
_REPEATS = (
    "repeat_kind", "parameter", "unit", "sd_within_disc", "pairs", "discs", "freedom",
    "detectable_change",
)  # fmt: skip


def dictionary_rows() -> Iterator[Cells]:
    """Columns of the long table, then its parameters."""
    for name, meaning in LONG.items():
        yield {"table": "long.csv", "name": name, "kind": "column", "meaning": meaning}
    tracked = {one.name for one in TRACKED}
    for one in PARAMETERS:
        kind = "parameter" if one.name in tracked else "parameter without change"
        yield {
            "table": "long.csv", "name": one.name, "kind": kind, "unit": one.unit,
            "meaning": one.meaning,
        }  # fmt: skip
    yield {
        "table": "long.csv", "name": "grade", "kind": "parameter without change", "unit": "",
        "meaning": "Modified Pfirrmann grade (Griffith 2007) of a reader.",
    }  # fmt: skip


def comparability_rows(analysis: Analysis) -> Iterator[Cells]:
    """Differences that may cause an apparent change, by pair of scans."""
    for course in analysis.courses:
        against = course.baseline.name
        for visit in course.visits:
            key: Cells = {
                "subject": course.subject.name,
                "visit": visit.measured.scan.name.partition(" / ")[2],
                "against": against,
            }
            if visit.measured.reason:
                yield key | {"condition": "result", "difference": visit.measured.reason,
                             "touches": "everything", "verdict": "not comparable"}  # fmt: skip
            if visit.numbering:
                bad = visit.registration is None or bool(visit.registration.problem)
                yield key | {"condition": "numbering", "difference": visit.numbering,
                             "touches": "everything",
                             "verdict": "not comparable" if bad else "caution"}  # fmt: skip
            for found in visit.differences:
                yield key | {
                    "condition": found.what,
                    "difference": found.text,
                    "touches": " ".join(f"{name}*" for name in found.touches),
                    "verdict": found.verdict.value,
                }


def contrast_rows(analysis: Analysis) -> Iterator[Cells]:
    """Treated against untreated discs, per subject."""
    for one in analysis.contrasts:
        digits = PARAMETER[one.parameter].decimals
        yield {
            "subject": one.subject, "arm": one.arm, "visit": one.visit, "level": one.level.value,
            "parameter": one.parameter, "unit": one.unit,
            "change_treated": number(one.treated_change, digits),
            "change_untreated_mean": number(one.untreated_change, digits),
            "untreated_discs": one.untreated, "difference": number(one.difference, digits),
            "low_95": number(one.low, digits), "high_95": number(one.high, digits),
            "comparability": one.comparability.value,
        }  # fmt: skip


def group_rows(analysis: Analysis) -> Iterator[Cells]:
    """The effect over subjects; p only for declared endpoints."""
    for one in analysis.effects:
        digits = PARAMETER[one.endpoint.parameter].decimals
        low, high = (_end(end, digits) for end in (one.found.low, one.found.high))
        yield {
            "role": one.role.value, "group": one.group, "control": one.control,
            "visit": one.endpoint.visit, "parameter": one.endpoint.parameter, "unit": one.unit,
            "subjects": one.subjects, "control_subjects": one.controls or None,
            "estimate": number(one.found.estimate, digits), "low_95": low, "high_95": high,
            "p": _p(one.p), "p_holm": _p(one.holm), "method": one.found.method,
            "few_subjects": _yes(one.few), "note": one.note,
        }  # fmt: skip


def _p(p: float | None) -> str | None:
    return None if p is None else f"{p:.6f}"


def _end(value: float, digits: int) -> str | None:
    """An end of an interval; empty if infinite."""
    return number(value, digits) if math.isfinite(value) else None


def responder_rows(analysis: Analysis) -> Iterator[Cells]:
    """Response of every treated disc."""
    for one in analysis.judged:
        yield {
            "subject": one.subject, "arm": one.arm, "level": one.level.value,
            "response": one.response.value, "reasons": "; ".join(one.reasons),
            "rule": str(analysis.rule),
        }  # fmt: skip


def shift_rows(analysis: Analysis) -> Iterator[Cells]:
    """Cells of the shift tables that are not zero."""
    for table in analysis.shifts:
        for first, row in zip(table.grades, table.counts, strict=True):
            for later, discs in zip(table.grades, row, strict=True):
                if discs:
                    yield {
                        "reader": table.reader, "visit": table.visit,
                        "treated": _yes(table.treated), "grade_first": first, "grade": later,
                        "discs": discs,
                    }  # fmt: skip


def repeat_rows(analysis: Analysis) -> Iterator[Cells]:
    """Noise from repeat scans of the trial, by kind of repeat."""
    for kind, found in analysis.noise.repeats.items():
        for name, one in found.items():
            digits = PARAMETER[name].decimals + 1
            yield {
                "repeat_kind": kind.value, "parameter": name, "unit": PARAMETER[name].unit,
                "sd_within_disc": number(one.sd, digits), "pairs": one.pairs, "discs": one.discs,
                "freedom": number(one.freedom, 1), "detectable_change": number(one.half, digits),
            }  # fmt: skip
