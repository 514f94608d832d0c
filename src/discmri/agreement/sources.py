"""Where ratings come from: a session, what was exported of one, or tables of measured values."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from discmri.agreement.ratings import AUTOMATIC, Rating
from discmri.core.errors import UsageError
from discmri.core.text import one_line
from discmri.reading.judgement import Grade
from discmri.reading.plan import Plan
from discmri.reading.store import Store
from discmri.reading.tables import edit_rows, long_rows
from discmri.results.records import PARAMETER

Row = Mapping[str, str]


@dataclass(frozen=True)
class Source:
    """Ratings and, where they come from a session, how it was read.

    Parameters
    ----------
    name
        For the report.
    ratings
        What was rated.
    plan
        The session as planned.
    """

    name: str
    ratings: tuple[Rating, ...]
    plan: Plan | None = None


def from_session(store: Store) -> Source:
    """Reads and label edits of a session that count now.

    Raises
    ------
    SessionError
        Where it cannot be read.
    """
    plan, entries = store.plan(), store.entries()
    reads = [_texts(row) for row in long_rows(plan, entries)]
    edits = [_texts(row) for row in edit_rows(plan, entries)]
    ratings = [*_of_reads(reads), *_of_edits(edits)]
    path = store.locator.path
    return Source(store.locator.name if path is None else path.name, tuple(ratings), plan)


def from_table(path: Path, rater: str = "") -> Source:
    """Ratings from a CSV: ``reads_long.csv``, ``label_edits.csv``, or a table of values.

    A table of values has the columns ``subject_id``, ``study_uid``, ``level``, ``parameter``
    and ``value``, as ``measurements.csv`` does, and ``rater``, which may be named instead; with
    ``occasion``, 1 or 2, where a rater measured twice.

    Parameters
    ----------
    path
        The file; of a folder, its ``measurements.csv``.
    rater
        Who or what made these values, for a table without that column.

    Raises
    ------
    UsageError
        Where it cannot be read, or is no such table.
    """
    if path.is_dir():
        path = path / "measurements.csv"
    rows = _rows(path)
    columns = {str(name) for name in rows[0]} if rows else set()
    for needed, read in _READERS.items():
        if set(needed) <= columns:
            return Source(
                one_line(path.name), tuple(_located(path, read(_named(rows, rater, columns))))
            )
    raise UsageError(
        f"{path} is no table of reads or values: it has the columns "
        f"{', '.join(sorted(columns)) or 'none'}; a table of values needs subject_id, level, "
        "parameter, value and rater (or name the rater, NAME=FILE)"
    )


def matched_by_subject(ratings: Iterable[Rating]) -> list[Rating]:
    """The same ratings as if each subject had one study: to hold scan against repeat scan."""
    return [replace(rating, study="") for rating in ratings]


def _rows(path: Path) -> list[Row]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return list(csv.DictReader(file, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} cannot be read ({error}); name a CSV file") from error


def _named(rows: Sequence[Row], rater: str, columns: set[str]) -> list[Row]:
    if rater and not {"rater", "reader"} & columns:
        return [{**row, "rater": rater} for row in rows]
    return list(rows)


def _located(path: Path, ratings: Iterator[Rating]) -> Iterator[Rating]:
    """Ratings; a cell that cannot be read is told with its file."""
    try:
        yield from ratings
    except (ValueError, KeyError, TypeError, UsageError) as error:
        raise UsageError(f"{path}: a row cannot be read ({error})") from error


def _of_reads(rows: Sequence[Row]) -> Iterator[Rating]:
    for row in rows:
        if row["role"] != "reader":
            continue
        one = _rating(row, row["reader"], "evaluable", float(bool(row["grade"])))
        yield one
        if row["grade"]:
            grade = Grade.parse(row["grade"])
            yield replace(one, parameter="grade", value=float(grade.ordinal))
            yield replace(one, parameter="grade_signal", value=float(grade.signal))
            yield replace(one, parameter="grade_collapse", value=float(grade.collapse))
        before = row["grade_before_reveal"]
        if before and before != "not evaluable":
            value = float(Grade.parse(before).ordinal)
            yield replace(one, parameter="grade_before_reveal", value=value)
    yield from _suggestions(rows)


def _suggestions(rows: Iterable[Row]) -> Iterator[Rating]:
    """The automatic grade of every disc that was read, once."""
    seen = set()
    for row in rows:
        disc = (row["subject_id"], row["study_uid"], row["level_automatic"])
        if row["suggested_grade"] and disc not in seen:
            seen.add(disc)
            value = float(Grade.parse(row["suggested_grade"]).ordinal)
            yield _rating({**row, "occasion": "1"}, AUTOMATIC, "grade", value)


def _of_edits(rows: Iterable[Row]) -> Iterator[Rating]:
    seen = set()
    for row in rows:
        one = _rating(row, row["reader"], row["parameter"], float(row["edited"]))
        yield one
        disc = (one.subject, one.study, one.level, one.parameter)
        if row["automatic"] and disc not in seen:
            seen.add(disc)
            yield replace(one, rater=AUTOMATIC, occasion=1, value=float(row["automatic"]))


def _of_values(rows: Sequence[Row]) -> Iterator[Rating]:
    for row in rows:
        parameter = row["parameter"]
        if _is_measured(parameter) and _is_number(row["value"]):
            yield _rating(row, row.get("rater") or row["reader"], parameter, float(row["value"]))


_READERS: Mapping[tuple[str, ...], Callable[[Sequence[Row]], Iterator[Rating]]] = {
    ("reader", "grade", "level_automatic"): _of_reads,
    ("reader", "automatic", "edited"): _of_edits,
    ("parameter", "value", "level"): _of_values,
}


def _rating(row: Row, rater: str, parameter: str, value: float) -> Rating:
    return Rating(
        subject=row["subject_id"],
        study=row.get("study_uid", ""),
        level=row.get("level_automatic") or row["level"],
        rater=rater,
        occasion=int(row.get("occasion") or 1),
        parameter=parameter,
        value=value,
    )


def _is_measured(parameter: str) -> bool:
    """Whether agreement on a parameter means something: not of counts, words and uncertainties.

    >>> _is_measured("height_mm"), _is_measured("height_sd_mm"), _is_measured("adc_voxels")
    (True, False, False)
    """
    known = PARAMETER.get(parameter)
    return known is None or (known.unit not in ("", "1") and "_sd_" not in parameter)


def _is_number(text: str) -> bool:
    """Whether a cell holds a number: empty ones and words (grades, methods) do not."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _texts(row: Mapping[str, object]) -> Row:
    return {name: "" if value is None else str(value) for name, value in row.items()}
