"""``discs.csv``: one row per disc, cranial to caudal."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from discmri.core.text import number, printable
from discmri.results.records import PARAMETER, measured_columns

if TYPE_CHECKING:
    from discmri.results.model import StudyResult

BEFORE = (
    "subject_id",
    "study_uid",
    "study_date",
    "series_uid",
    "level",
    "label_id",
    "numbering",
    "numbering_probability",
)
AFTER = ("flags", "study_flags", "quality", "quality_reasons")
"""Columns before and after those of the measured values."""
COLUMNS = (*BEFORE, *measured_columns(), *AFTER)

Cells = dict[str, object]
"""A row of a table to write: cells by column."""


def export(result: StudyResult, folder: Path) -> None:
    """Write ``discs.csv``."""
    rows = [[cell(row.get(column), column) for column in COLUMNS] for row in result.rows()]
    write_table(folder / "discs.csv", COLUMNS, rows)


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write cells as UTF-8 CSV with line feeds as line ends."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def cell(value: object, parameter: str = "") -> str:
    """One cell: empty for ``None``, numbers with their decimals, formulas escaped by ``'``.

    >>> cell(None), cell(8.12345, "height_mm"), cell("=1+1"), cell("4/7")
    ('', '8.123', "'=1+1", '4/7')
    """
    if value is None:
        return ""
    if isinstance(value, float) and parameter == "numbering_probability":
        return number(value, 3)
    if isinstance(value, float) and parameter in PARAMETER:
        return number(value, PARAMETER[parameter].decimals)
    if isinstance(value, (int, float)):
        return str(value)
    text = printable(value)
    starts_formula = text.startswith(("=", "+", "-", "@")) or str(value).startswith(("\t", "\r"))
    return f"'{text}" if starts_formula else text
