"""Reading of CSV tables from users.

A table may come from a spreadsheet in any language, from R, pandas or SAS, or be typed:

- cells are separated by commas, semicolons or tabs;
- text is UTF-8 with or without a byte order mark, UTF-16 with one, or Windows-1252;
- numbers may have a decimal comma if the separator is not a comma; all numbers of one column
  use the same decimal sign;
- case and spaces in column names do not matter: ``Study UID`` is ``study_uid``;
- lines without content are skipped.

An empty cell is a missing value.  A cell that cannot be read is an error that states file, line,
column and what to write instead.  A word for a missing value (:data:`MISSING_WORDS`, as statistics
programs export it) counts as missing only in measured values (:meth:`Row.value`) and is an error
elsewhere.  Missing values and grades are counted, and callers print :attr:`Table.note`.
"""

from __future__ import annotations

import codecs
import csv
import io
import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TypeVar

from discmri.core.errors import UsageError
from discmri.core.grade import Grade
from discmri.core.levels import DiscLevel
from discmri.core.text import one_line

T = TypeVar("T")

MISSING_WORDS = frozenset({"nan", "na", "n/a", "#n/a", "none", "null", "-", "."})
"""Words for a missing value, in lower case."""
_NO_ANSWER = MISSING_WORDS - {"none", "-"}  # these two can be an answer in an optional column

_SEPARATORS = ",;\t"
_LINES = 20  # lines from which the separator is determined
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+([eE][+-]?[0-9]+)?")
_GUARD = re.compile(r"\A'(?=[=+\-@0-9])")  # keeps a spreadsheet from running or changing a cell
_DAYS = {
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}": "%Y-%m-%d", r"[0-9]{8}": "%Y%m%d",
    r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4}": "%d.%m.%Y",
}  # fmt: skip


class CellError(UsageError):
    """A cell cannot be read; the message states file, line, column and content."""

    def __init__(self, source: str, where: str, problem: str) -> None:
        super().__init__(f"{source}, {where}: {problem}")
        self.where = where
        self.problem = problem


@dataclass(frozen=True, eq=False)
class Row(Mapping[str, str]):
    """One row: a mapping from column to text, with methods that convert cells.

    A column that the table does not have counts as empty.

    Examples
    --------
    >>> row = Row("x.csv", 2, {"height": "8,5", "grade": "4/7"}, frozenset({"height"}))
    >>> row.number("height"), row.grade("grade"), row.level("level")
    (8.5, Grade(signal=4, collapse=7), None)
    """

    source: str  # file and line, for messages
    line: int
    cells: Mapping[str, str]  # text by column, without white space around it
    decimal_commas: frozenset[str] = frozenset()  # columns whose numbers have a decimal comma
    # number of words for a missing value that `Row.value` found, by column
    missing: Counter[str] = field(default_factory=Counter)
    # number of empty cells of values and grades, by column
    empty: Counter[str] = field(default_factory=Counter)

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    def __iter__(self) -> Iterator[str]:
        return iter(self.cells)

    def __len__(self) -> int:
        return len(self.cells)

    def error(self, column: str, problem: str) -> CellError:
        """The error to raise for a cell."""
        return CellError(self.source, f"line {self.line}, column {column}", problem)

    def text(self, column: str) -> str:
        """The text of a cell, without the ``'`` that guards it against a spreadsheet."""
        return _GUARD.sub("", self.get(column, ""))

    def filled(self, column: str) -> str:
        """The text of a cell that must not be empty; otherwise :class:`CellError`."""
        text = self.text(column)
        if not text:
            raise self.error(column, f"is empty; write the {column}")
        if text.casefold() in MISSING_WORDS:
            raise self.error(column, f"{text!r} means a missing value; write the {column}")
        return text

    def optional(self, column: str) -> str:
        """The text of a cell that may be empty; :class:`CellError` for a missing-value word."""
        text = self.text(column)
        if text.casefold() in _NO_ANSWER:
            problem = f"{text!r} means a missing value; write the {column}, or leave it empty"
            raise self.error(column, problem)
        return text

    def number(self, column: str, least: float = -math.inf) -> float | None:
        """A finite number of at least ``least``; :class:`CellError` for any other text."""
        text = self.text(column)
        if not text:
            return None
        comma = column in self.decimal_commas
        plain = text.replace(".", "?").replace(",", ".") if comma else text
        value = float(plain) if _NUMBER.fullmatch(plain) else math.nan
        if not math.isfinite(value) or value < least:
            bound = "" if least == -math.inf else f" of at least {least:g}"
            example = "8,5, with a comma as elsewhere in this column" if comma else "8.5"
            raise self._refused(column, f"a number{bound}", f"one such as {example}")
        return value

    def value(self, column: str) -> float | None:
        """A number or a word for a missing value, which is counted for :attr:`Table.note`."""
        if self.text(column).casefold() in MISSING_WORDS:
            self.missing[column] += 1
            return None
        return self._counted(column, self.number(column))

    def integer(self, column: str, least: int, most: int) -> int | None:
        """A whole number, also written ``1.0``; :class:`CellError` for any other text."""
        try:
            value = self.number(column)
        except CellError:
            value = math.nan
        if value is not None and value not in range(least, most + 1):
            raise self._refused(column, "a whole number", f"one from {least} to {most}")
        return None if value is None else int(value)

    def day(self, column: str) -> date | None:
        """A day as ``2026-03-31``, ``20260331`` or ``31.03.2026``; else :class:`CellError`."""
        text = self.text(column)
        for pattern, form in _DAYS.items():
            with suppress(ValueError):
                if re.fullmatch(pattern, text):
                    return datetime.strptime(text, form).date()
        if text:
            raise self._refused(column, "a day", "one such as 2026-03-31")
        return None

    def choice(self, column: str, known: Collection[str]) -> str | None:
        """One of the words of ``known``; :class:`CellError` for any other text."""
        text = self.text(column)
        if text and text not in known:
            raise self._refused(column, "known here", f"one of {', '.join(known)}")
        return text or None

    def level(self, column: str) -> DiscLevel | None:
        """A disc (:meth:`DiscLevel.parse`); :class:`CellError` for any other text."""
        return self._parsed(column, DiscLevel.parse)

    def grade(self, column: str) -> Grade | None:
        """A grade (:meth:`Grade.parse`); :class:`CellError` for any other text."""
        return self._counted(column, self._parsed(column, Grade.parse))

    def _counted(self, column: str, found: T | None) -> T | None:
        self.empty[column] += found is None
        return found

    def _parsed(self, column: str, parse: Callable[[str], T]) -> T | None:
        text = self.text(column)
        try:
            return parse(text) if text else None
        except UsageError as error:
            raise self.error(column, str(error)) from None

    def _refused(self, column: str, kind: str, instead: str) -> CellError:
        came = one_line(self.text(column))[:40]
        return self.error(
            column, f"{came!r} is not {kind}; write {instead}, or leave the cell empty"
        )


@dataclass(frozen=True)
class Table:
    """A table that was read."""

    path: Path
    # names in order, in lower case with `_` for spaces; columns without a name are left out
    columns: tuple[str, ...]
    rows: tuple[Row, ...]  # rows with content
    missing: Counter[str]  # shared with the rows, as is empty
    empty: Counter[str]

    @property
    def note(self) -> str:
        """A sentence on missing cells, to be printed; empty if none is missing.

        Columns that are empty in every row are not mentioned.
        """
        some = {one: n for one in self.columns if 0 < (n := self.empty[one]) < len(self.rows)}
        reasons = (
            ("missing (NaN, NA or similar)", self.missing),
            ("empty, and so left out", some),
        )
        parts = [f"{why}: {_cells(counts)}" for why, counts in reasons if counts]
        return f"{one_line(self.path.name)}: {'; '.join(parts)}" if parts else ""


def joined(path: Path, tables: Sequence[Table]) -> Table:
    """Several tables with the same columns as one, called ``path``, with their missing cells."""
    missing, empty = Counter[str](), Counter[str]()
    for one in tables:
        missing.update(one.missing)
        empty.update(one.empty)
    columns = tuple(dict.fromkeys(name for one in tables for name in one.columns))
    return Table(path, columns, tuple(row for one in tables for row in one.rows), missing, empty)


def _cells(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n} cell{'s' if n > 1 else ''} of {name}" for name, n in counts.items())


def read_table(path: Path, needed: Sequence[str] = (), hint: str = "") -> Table:
    """Read a CSV file in any of the dialects that the module describes.

    A file with only a header gives a table without rows.  Raises ``UsageError`` if the file cannot
    be read as CSV, a needed column is missing (the message ends with ``hint``), a column occurs
    twice, or a row has more or fewer cells than the header.
    """
    text = _text(path)
    separator = _separator(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    records: list[tuple[int, list[str]]] = []
    before = 0
    try:
        for cells in reader:
            tidy = [cell.strip() for cell in cells]
            if any(tidy):
                records.append((before + 1, tidy))
            before = reader.line_num
    except csv.Error as error:
        raise UsageError(
            f"{path}, line {reader.line_num}: {error}; save it as CSV again"
        ) from error
    if records and records[0][1][0].startswith("sep="):  # how a spreadsheet declares the separator
        records = records[1:]
    header = records[0][1] if records else []
    names = ["_".join(name.casefold().split()) for name in header]
    _check_names(path, names, separator.join(header), needed, hint)
    named = []
    for line, cells in records[1:]:
        if len(cells) != len(names):
            raise UsageError(
                f"{path}, line {line}: {len(cells)} cells instead of {len(names)}; "
                "quote cells that hold the separator"
            )
        named.append((line, {n: cell for n, cell in zip(names, cells, strict=True) if n}))
    commas = frozenset(
        name
        for _, cells in named
        for name, cell in cells.items()
        if separator != "," and _DECIMAL_COMMA.fullmatch(cell)
    )
    missing: Counter[str] = Counter()
    empty: Counter[str] = Counter()
    rows = tuple(Row(str(path), line, cells, commas, missing, empty) for line, cells in named)
    return Table(path, tuple(filter(None, names)), rows, missing, empty)


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}); name a CSV file") from error
    marked = [encoding for mark, encoding in _MARKS.items() if content.startswith(mark)]
    for encoding in marked or ("utf-8", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
        line = text[: text.index("\0")].count("\n") + 1
        raise UsageError(f"{path}, line {line}: a NUL byte; save the table as CSV in UTF-8")
    raise UsageError(f"{path} cannot be read as text; save the table as CSV in UTF-8")


def _separator(text: str) -> str:
    """The separator that occurs in every line; of several, the most frequent in the header."""
    lines = [re.sub('"[^"]*"', "", line) for line in text.splitlines()[:_LINES] if line.strip()]
    if lines and (declared := re.fullmatch(f"sep=([{_SEPARATORS}])[{_SEPARATORS}]*", lines[0])):
        return declared[1]
    return max(
        _SEPARATORS,
        key=lambda one: (
            (min(line.count(one) for line in lines), lines[0].count(one)) if lines else 0
        ),
    )


def _check_names(
    path: Path, names: Sequence[str], header: str, needed: Sequence[str], hint: str
) -> None:
    absent = [name for name in needed if name not in names]
    if absent:
        instead = hint or f"it needs the columns {', '.join(needed)}"
        raise UsageError(
            f"{path} has no column {absent[0]} (its first line is {one_line(header)[:80]!r}); {instead}"
        )
    twice = [name for name, count in Counter(names).items() if name and count > 1]
    if twice:
        raise UsageError(f"{path} has two columns {twice[0]}; keep one")
