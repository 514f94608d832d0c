"""Sources of ratings: exported reads of a session, or tables of measured values.

Ratings of a session itself are in :mod:`discmri.reading.ratings`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from discmri.agreement.design import Design
from discmri.agreement.ratings import AUTOMATIC, Rating, ReaderRole
from discmri.core.errors import UsageError
from discmri.core.grade import Grade
from discmri.core.tables import Row, joined, read_table
from discmri.core.text import one_line
from discmri.results.records import PARAMETER


@dataclass(frozen=True)
class RatingSource:
    """Ratings with their origin."""

    name: str  # name in the report
    ratings: tuple[Rating, ...]
    design: Design | None = None  # design of the session; None if unknown
    note: str = ""  # notes on cells treated as missing or on faults of the source; may be empty


def from_table(path: Path, rater: str = "") -> RatingSource:
    """Ratings from a CSV: ``reads_long.csv``, ``label_edits.csv``, or a table of values.

    A table of values has the columns ``subject_id``, ``study_uid``, ``level``, ``parameter`` and
    ``value``, like ``measurements.csv``, and ``rater`` unless it is given as an argument.  The
    optional column ``occasion`` is 1, or 2 for a repeat.  A folder, such as that of a batch, stands
    for its ``measurements.csv`` files.

    Raises ``UsageError`` if the file cannot be read or has other columns.
    """
    kinds = "a table of values needs subject_id, level, parameter, value and rater"
    hint = f"{kinds} (or give the rater as NAME=FILE)"
    tables = [read_table(one, ("subject_id",), hint) for one in _files(path)]
    whole = joined(path, tables)
    columns, rows = whole.columns, whole.rows
    if rater and not {"rater", "reader"} & set(columns):
        rows = tuple(replace(row, cells={**row, "rater": rater}) for row in rows)
    for needed, read in _READERS.items():
        if set(needed) <= set(columns):
            ratings = tuple(read(rows))
            notes = filter(None, (joined(path, tables).note, *_left_out(rows)))
            return RatingSource(one_line(path.name), ratings, note="\n".join(notes))
    raise UsageError(
        f"{path} is not a table of reads or values: it has the columns {', '.join(columns)}; {hint}"
    )


def _files(path: Path) -> list[Path]:
    """The file, or all ``measurements.csv`` files in a folder."""
    if not path.is_dir():
        return [path]
    found = sorted(path.rglob("measurements.csv"))
    if not found:
        raise UsageError(f"{path} has no measurements.csv; give a results folder or a CSV file")
    return found


def matched_by_subject(ratings: Iterable[Rating]) -> list[Rating]:
    """Ratings without study UIDs, to compare scans of the same subject."""
    return [replace(rating, study="") for rating in ratings]


def ratings_of_reads(rows: Sequence[Row]) -> Iterator[Rating]:
    """Ratings from rows of ``reads_long.csv``, without those of adjudicators."""
    suggested: dict[tuple[str, str, str], Rating] = {}
    for row in rows:
        if _is_adjudicated(row):
            continue
        grade, before = row.grade("grade"), row.text("grade_before_reveal")
        one = _rating(row, row.filled("reader"), "evaluable", float(grade is not None))
        if grade is not None or row.optional("not_evaluable"):
            yield one
        yield from _graded(one, grade)
        if before != "not evaluable" and (earlier := row.grade("grade_before_reveal")):
            yield replace(one, parameter="grade_before_reveal", value=float(earlier.ordinal))
        if automatic := row.grade("suggested_grade"):
            rated = replace(
                one, rater=AUTOMATIC, occasion=1, parameter="grade", value=float(automatic.ordinal)
            )
            suggested.setdefault((one.subject, one.study, one.level), rated)
    yield from suggested.values()


def ratings_of_edits(rows: Sequence[Row]) -> Iterator[Rating]:
    """Ratings from rows of ``label_edits.csv``: edited values, and automatic ones once."""
    seen = set()
    for row in rows:
        edited, automatic = row.value("edited"), row.value("automatic")
        one = _rating(row, row.filled("reader"), row.filled("parameter"), edited or 0.0)
        if edited is not None:
            yield one
        disc = (one.subject, one.study, one.level, one.parameter)
        if automatic is not None and disc not in seen:
            seen.add(disc)
            yield replace(one, rater=AUTOMATIC, occasion=1, value=automatic)


def _of_values(rows: Sequence[Row]) -> Iterator[Rating]:
    for row in rows:
        parameter = row.filled("parameter")
        if not _is_measured(parameter):
            continue
        one = _rating(row, row.optional("rater") or row.filled("reader"), parameter, 0.0)
        if parameter == "grade":
            yield from _graded(one, row.grade("value"))
            continue
        value = row.value("value")
        if value is not None:
            yield replace(one, value=value)


RowReader = Callable[[Sequence[Row]], Iterator[Rating]]
"""Converts rows to ratings; raises ``UsageError`` with line and column for an invalid cell."""

_READERS: Mapping[tuple[str, ...], RowReader] = {
    ("reader", "grade", "level_automatic"): ratings_of_reads,
    ("reader", "parameter", "automatic", "edited"): ratings_of_edits,
    ("parameter", "value", "level"): _of_values,
}


def _graded(one: Rating, grade: Grade | None) -> Iterator[Rating]:
    """A grade on each of its scales."""
    if grade is not None:
        yield replace(one, parameter="grade", value=float(grade.ordinal))
        yield replace(one, parameter="grade_signal", value=float(grade.signal))
        yield replace(one, parameter="grade_collapse", value=float(grade.collapse))


def _rating(row: Row, rater: str, parameter: str, value: float) -> Rating:
    level = row.level("level_automatic") or row.level("level")
    if level is None:
        raise row.error("level", "is empty; write the level, such as L4-L5")
    return Rating(
        subject=row.filled("subject_id"),
        study=row.optional("study_uid"),
        level=level.value,
        rater=rater,
        occasion=row.integer("occasion", 1, 99) or 1,
        parameter=parameter,
        value=value,
        at=_moment(row.optional("read_at")),
    )


def _moment(text: str) -> str:
    """A time in ISO 8601; empty if invalid."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return ""
    return text


def _left_out(rows: Sequence[Row]) -> Iterator[str]:
    """Notes on rows that are ignored."""
    adjudicated = sum(map(_is_adjudicated, rows))
    if adjudicated:
        yield f"reads of an adjudicator, ignored: {adjudicated}"
    counts = Counter(
        name for row in rows if (name := row.text("parameter")) and not _is_measured(name)
    )
    if counts:
        listed = ", ".join(f"{name} ({n})" for name, n in sorted(counts.items()))
        yield f"rows of parameters that are not measured values, ignored: {listed}"


def _is_adjudicated(row: Row) -> bool:
    role = row.choice("role", [one.value for one in ReaderRole])
    return role is not None and role != ReaderRole.READER.value


def _is_measured(parameter: str) -> bool:
    """Whether a parameter is a measured value, not a count, text or uncertainty.

    >>> _is_measured("height_mm"), _is_measured("height_sd_mm"), _is_measured("adc_voxels")
    (True, False, False)
    """
    known = PARAMETER.get(parameter)
    return known is None or (known.unit not in ("", "1") and "_sd_" not in parameter)
