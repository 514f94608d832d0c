"""``measurements.csv``: one row per disc and parameter, for statistics."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from discmri.core.findings import codes_of
from discmri.results.export.csv_wide import cell, write_table
from discmri.results.records import PARAMETERS

if TYPE_CHECKING:
    from discmri.results.model import StudyResult

_COLUMNS = (
    "subject_id",
    "study_uid",
    "study_date",
    "level",
    "parameter",
    "value",
    "unit",
    "method",
    "flag",
)


def export(result: StudyResult, folder: Path) -> None:
    """Write ``measurements.csv``; a missing value is an empty cell with its flag."""
    write_table(folder / "measurements.csv", _COLUMNS, _rows(result))


def _rows(result: StudyResult) -> Iterator[list[str]]:
    identifiers = [cell(result.subject_id), cell(result.study_uid), cell(result.study_date)]
    for record in result.records:
        warnings = result.warnings(record.level)
        for parameter in PARAMETERS:
            found = record.values.get(parameter.name)
            yield [
                *identifiers,
                record.level.value,
                parameter.name,
                "" if found is None else cell(found.value, parameter.name),
                parameter.unit,
                "" if found is None else cell(found.method),
                ";".join(codes_of(one for one in warnings if one.touches(parameter.name))),
            ]
