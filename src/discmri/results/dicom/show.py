"""``values_sr.dcm`` read back as the wide table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pydicom
from pydicom import Dataset

from discmri.core.errors import ResultsError, UsageError
from discmri.results.dicom.codes import DISC, METHOD, SCHEME, Concept, column_code
from discmri.results.dicom.report import FINDING, GROUP
from discmri.results.dicom.values import FLAG, GRADES
from discmri.results.export.csv_wide import COLUMNS

_LEVELS = {(code.value, code.scheme): level for level, code in DISC.items()}
_COLUMN = {column_code(column).value: column for column in COLUMNS}


def wide_table(path: str | Path) -> tuple[tuple[str, ...], list[list[str]]]:
    """Header and rows of ``discs.csv``, as text, from a ``values_sr.dcm``.

    Raises ``UsageError`` if the file is missing or not DICOM, ``ResultsError`` if it is not a
    report of discmri.
    """
    try:
        report = pydicom.dcmread(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror or error})") from error
    except (pydicom.errors.InvalidDicomError, EOFError, ValueError) as error:
        raise UsageError(f"{path} is not a DICOM file; give a values_sr.dcm") from error
    rows = [_row(group) for group in _find(report, GROUP)]
    if not rows or not any(len(row) > 1 for row in rows):
        raise ResultsError(
            f"{path} has no values of discmri; give the values_sr.dcm written by "
            "discmri measure --format dicom"
        )
    return COLUMNS, [[row.get(column, "") for column in COLUMNS] for row in rows]


def _row(group: Dataset) -> dict[str, str]:
    row: dict[str, str] = {}
    flags = []
    for item in group.get("ContentSequence", ()):
        name = _code(item.get("ConceptNameCodeSequence"))
        kind = item.ValueType
        if name[:2] == FINDING[:2]:
            level = _LEVELS.get(_code(item.ConceptCodeSequence)[:2])
            row["level"] = "" if level is None else level.value
        elif name[:2] == FLAG[:2]:
            flags.append(_code(item.ConceptCodeSequence).meaning)
        elif kind == "NUM":
            column = _numeric_column(item, name)
            if column:
                measured = item.MeasuredValueSequence[0]
                row[column] = str(
                    getattr(measured.NumericValue, "original_string", measured.NumericValue)
                )
        elif name.scheme == SCHEME and name.value in _COLUMN:
            column = _COLUMN[name.value]
            if column in GRADES:
                value = _code(item.ConceptCodeSequence).value
                row[column] = value.removeprefix("MPG-").replace("-", "/")
            else:
                row[column] = str(item.TextValue)
    if flags:
        row["flags"] = ";".join(flags)
    return row


def _numeric_column(item: Dataset, name: Concept) -> str:
    """The column of a number: by the code of its method, otherwise by its name."""
    for child in item.get("ContentSequence", ()):
        if _code(child.get("ConceptNameCodeSequence"))[:2] == METHOD[:2]:
            return _COLUMN.get(_code(child.ConceptCodeSequence).value, "")
    return _COLUMN.get(name.value, "") if name.scheme == SCHEME else ""


def _find(item: Dataset, name: Concept) -> Iterator[Dataset]:
    """Containers with the given name."""
    for child in item.get("ContentSequence", ()):
        if _code(child.get("ConceptNameCodeSequence"))[:2] == name[:2]:
            yield child
        else:
            yield from _find(child, name)


def _code(sequence: Sequence[Dataset] | None) -> Concept:
    if not sequence:
        return Concept("", "", "")
    item = sequence[0]
    return Concept(
        str(item.get("CodeValue", "")),
        str(item.get("CodingSchemeDesignator", "")),
        str(item.get("CodeMeaning", "")),
    )
