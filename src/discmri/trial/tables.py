"""The tables of a trial as CSV, each column with a meaning in the data dictionary."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from discmri.core.files import atomic_file
from discmri.core.levels import DiscLevel
from discmri.core.text import number
from discmri.results.export.csv_wide import cell, write_table
from discmri.results.records import PARAMETER, PARAMETERS
from discmri.trial.analysis import Analysis
from discmri.trial.change import Change, Course, Visit
from discmri.trial.grades import SUGGESTED, VisitGrade
from discmri.trial.values import TRACKED, Value

LONG: Mapping[str, str] = {
    "subject": "Subject as in the trial's list.",
    "arm": "Arm as in the trial's list; empty where there are none.",
    "visit": "Name of the visit.",
    "week": "Week of the visit as in the list; empty where the list has dates only.",
    "date": "Day of the scan, from the list or else from the headers.",
    "repeat": "1 for the scan of the visit, 2 and up for repeats of it.",
    "study_uid": "Study Instance UID.",
    "level": "Disc by the subject's frozen numbering.",
    "level_at_visit": "The same disc by the visit's own numbering.",
    "treated": "yes or no.",
    "parameter": "What was measured; see the rows of the dictionary that name it.",
    "value": "Its value; empty where it could not be had.",
    "unit": "Unit of value, change, change_sd and noise_band.",
    "method": "Code of the definition or source.",
    "reader": "automatic, or who read the grade.",
    "flag": "Codes of the warnings that touch the value, separated by ;.",
    "baseline": "Value at the first visit.",
    "change": "value - baseline; empty for grades, repeats and the first visit.",
    "change_percent": "Change in percent of baseline; empty where baseline is not above zero.",
    "change_sd": "Standard uncertainty of the change.",
    "noise_band": "A change beyond plus or minus this is more than noise, with 95 % confidence.",
    "noise_source": "Where the noise band comes from.",
    "comparability": "comparable, caution or not comparable: whether the two scans can be compared.",
    "comparability_reason": "What speaks against it.",
    "verdict": "beyond noise, within noise or not comparable.",
}
"""Columns of ``long.csv`` with their meaning."""

Row = dict[str, object]


def write_tables(analysis: Analysis, root: Path) -> tuple[str, ...]:
    """Write every table but those for other systems; returns the names of the files."""
    tables: dict[str, tuple[Iterable[str], Iterable[Row]]] = {
        "long.csv": (LONG, long_rows(analysis)),
        "data_dictionary.csv": (_DICTIONARY, dictionary_rows()),
        "comparability.csv": (_COMPARABILITY, comparability_rows(analysis)),
        "treated_untreated.csv": (_CONTRASTS, contrast_rows(analysis)),
        "pooled.csv": (_POOLED, pooled_rows(analysis)),
        "responders.csv": (_RESPONDERS, responder_rows(analysis)),
        "grade_shifts.csv": (_SHIFTS, shift_rows(analysis)),
        "repeatability.csv": (_REPEATS, repeat_rows(analysis)),
    }
    for name, (columns, rows) in tables.items():
        save(root / name, tuple(columns), rows)
    return tuple(tables)


def save(path: Path, columns: tuple[str, ...], rows: Iterable[Row]) -> None:
    """Write one table in place."""
    with atomic_file(path) as fresh:
        write_table(fresh, columns, ([_cell(row.get(name)) for name in columns] for row in rows))


_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def _cell(value: object) -> str:
    """One cell; a number that was rounded to text stays a number.

    >>> _cell("-0.5"), _cell("-A1"), _cell(None), _cell(3)
    ('-0.5', "'-A1", '', '3')
    """
    return value if isinstance(value, str) and _NUMBER.fullmatch(value) else cell(value)


# ------------------------------------------------------------------ one row per value
def long_rows(analysis: Analysis) -> Iterator[Row]:
    """One row per subject, scan, disc and parameter, grades of readers included."""
    changes = {(one.subject, one.visit, one.level, one.parameter): one for one in analysis.changes}
    grades: dict[tuple[str, str, str], list[VisitGrade]] = {}
    for grade in analysis.grades:
        if grade.reader != SUGGESTED:
            key = (grade.subject, grade.visit, grade.level.value)
            grades.setdefault(key, []).append(grade)
    for course in analysis.courses:
        for visit in course.visits:
            yield from _visit_rows(course, visit, changes)
            if visit.measured.scan.repeat == 1:
                yield from _read_rows(course, visit, grades)


def _visit_rows(
    course: Course, visit: Visit, changes: Mapping[tuple[str, str, DiscLevel, str], Change]
) -> Iterator[Row]:
    for level, disc in visit.discs.items():
        for parameter in PARAMETERS:
            value = disc.values.get(parameter.name)
            row = _key(course, visit, level.value) | {
                "level_at_visit": visit.own_names[level].value,
                "treated": _yes(level in course.subject.treated),
                "parameter": parameter.name,
                "value": None if value is None else shown(value, parameter.name),
                "unit": parameter.unit,
                "method": None if value is None else value.method,
                "reader": "automatic",
                "flag": ";".join(disc.flags_of(parameter.name)),
            }
            if visit.measured.scan.repeat == 1:
                key = (course.subject.name, visit.name, level, parameter.name)
                row |= _changed(changes.get(key))
            yield row


def _changed(change: Change | None) -> Row:
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
) -> Iterator[Row]:
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


def _key(course: Course, visit: Visit, level: str) -> Row:
    scan = visit.measured.scan
    return {
        "subject": course.subject.name,
        "arm": course.subject.arm,
        "visit": scan.visit,
        "week": None if scan.week is None else f"{scan.week:g}",
        "date": visit.measured.day,
        "repeat": scan.repeat,
        "study_uid": visit.measured.study_uid,
        "level": level,
    }


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
_POOLED = (
    "arm", "visit", "parameter", "unit", "subjects", "difference", "low_95", "high_95", "p",
    "method",
)  # fmt: skip
_RESPONDERS = ("subject", "arm", "level", "response", "reasons", "rule")
_SHIFTS = ("reader", "visit", "treated", "grade_first", "grade", "discs")
_REPEATS = ("parameter", "unit", "sd_within_disc", "pairs", "discs", "freedom", "detectable_change")


def dictionary_rows() -> Iterator[Row]:
    """Columns of the long table, then every parameter that may stand in it."""
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
        "meaning": "Modified Pfirrmann grade (Griffith 2007) that a reader gave.",
    }  # fmt: skip


def comparability_rows(analysis: Analysis) -> Iterator[Row]:
    """What may fake a change, pair by pair."""
    for course in analysis.courses:
        against = course.baseline.name
        for visit in course.visits:
            key: Row = {
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


def contrast_rows(analysis: Analysis) -> Iterator[Row]:
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


def pooled_rows(analysis: Analysis) -> Iterator[Row]:
    """Treated against untreated discs, over subjects."""
    for one in analysis.pooled:
        digits = PARAMETER[one.parameter].decimals
        yield {
            "arm": one.arm, "visit": one.visit, "parameter": one.parameter, "unit": one.unit,
            "subjects": one.subjects, "difference": number(one.estimate, digits),
            "low_95": number(one.low, digits), "high_95": number(one.high, digits),
            "p": f"{one.p:.4f}", "method": one.method,
        }  # fmt: skip


def responder_rows(analysis: Analysis) -> Iterator[Row]:
    """What the rule says of every treated disc."""
    for one in analysis.judged:
        yield {
            "subject": one.subject, "arm": one.arm, "level": one.level.value,
            "response": one.response.value, "reasons": "; ".join(one.reasons),
            "rule": str(analysis.rule),
        }  # fmt: skip


def shift_rows(analysis: Analysis) -> Iterator[Row]:
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


def repeat_rows(analysis: Analysis) -> Iterator[Row]:
    """Noise found from the trial's own repeat scans."""
    for name, one in analysis.noise.repeats.items():
        digits = PARAMETER[name].decimals + 1
        yield {
            "parameter": name, "unit": PARAMETER[name].unit,
            "sd_within_disc": number(one.sd, digits), "pairs": one.pairs, "discs": one.discs,
            "freedom": number(one.freedom, 1),
            "detectable_change": number(one.factor * 2**0.5 * one.sd, digits),
        }  # fmt: skip
