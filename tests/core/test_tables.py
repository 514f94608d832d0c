"""The one reader of tables: dialects, cells, and what is refused in one line."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discmri.core.errors import UsageError
from discmri.core.grade import Grade
from discmri.core.levels import DiscLevel
from discmri.core.tables import MISSING_WORDS, Row, read_table

TEXT = "subject,height,grade\nMüller,8.5,4/7\nB,9,3\n"


@pytest.fixture
def written(tmp_path):
    def write(text: str | bytes, encoding: str = "utf-8"):
        path = tmp_path / "x.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return path

    return write


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        TEXT.replace(",", ";"),
        TEXT.replace(",", "\t"),
        TEXT.replace(",", ";").replace("8.5", "8,5"),
        "sep=;\n" + TEXT.replace(",", ";").replace("8.5", "8,5"),
        TEXT.replace("subject,", " Subject ,").replace("height", "HEIGHT"),
        "\n" + TEXT.replace("\nB", "\n\n,,\nB") + "\n\n",
        TEXT.replace("Müller", '"Müller"').replace("8.5", '"8.5"'),
        ",subject,height,grade\n0,Müller,8.5,4/7\n1,B,9,3\n",
    ],
)
def test_every_dialect_gives_the_same_cells(written, text, encoding, ends):
    rows = read_table(written(text.replace("\n", ends), encoding)).rows
    found = [(row.text("subject"), row.number("height"), row.grade("grade")) for row in rows]
    assert found == [("Müller", 8.5, Grade(4, 7)), ("B", 9.0, Grade(3))]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"a,b\n1,\0\n", "line 2: a NUL byte"),
        ("a,b\n1,2\n".encode("utf-16-le"), "line 1: a NUL byte"),
        (b"a\n\x81\n", "cannot be read as text"),
        (b"\xef\xbb\xbfa\n\xff\n", "cannot be read as text"),
        ("a,b\n1,2,3\n", "line 2: 3 cells instead of 2"),
        ("a,b\n\n1\n", "line 3: 1 cells instead of 2"),
        ('a,b\n"1\n2",3\n4\n', "line 4: 1 cells instead of 2"),
        ("a, A\n1,2\n", "two columns a"),
        ("b\n1\n", "no column a .its first line is 'b'.; it needs the columns a"),
        ("", "no column a"),
        ('a,b\n1,"2\n', "line 2: unexpected end of data"),
    ],
)
def test_what_is_no_such_table_is_refused_in_one_line(written, text, said):
    with pytest.raises(UsageError, match=said) as refused:
        read_table(written(text), ("a",))
    assert "\n" not in str(refused.value)


def test_files_that_cannot_be_read(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere.csv"):
        with pytest.raises(UsageError, match="cannot be read"):
            read_table(path)


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("a;b, c;d\n1;2;3\n", ("a", "b,_c", "d")),
        ("a,b;c,d\n1,2;2,3\n", ("a", "b;c", "d")),
        ('a;"b,c,d,e";f\n1;2;3\n', ("a", "b,c,d,e", "f")),
        ("a\n1;2\n", ("a",)),
    ],
)
def test_the_separator_is_the_one_that_every_line_has(written, text, columns):
    assert read_table(written(text)).columns == columns


def test_the_separator_is_told_from_twenty_lines(written):
    """Semicolons stand twice in every line but the last, commas once in all."""
    assert read_table(written("a;b;c,d\n" * 19 + "1,2\n")).columns == ("a;b;c", "d")
    with pytest.raises(UsageError, match="line 21: 1 cells instead of 3"):
        read_table(written("a;b;c,d\n" * 20 + "1,2\n"))


def test_lines_are_counted_as_an_editor_counts_them(written):
    table = read_table(written('\na,b\n"1\n2",x\n\n3,y\n'))
    assert [row.line for row in table.rows] == [3, 6]
    with pytest.raises(UsageError, match=r"x\.csv, line 6, column b: 'y' is not a modified"):
        table.rows[1].grade("b")


def row(text: str, comma: bool = False) -> Row:
    return Row("x.csv", 7, {"a": text}, frozenset("a" if comma else ""))


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (Row.number, "8.5", 8.5), (Row.number, "-.5e1", -5.0), (Row.number, "+3", 3.0),
        (Row.integer, "2", 2), (Row.integer, "2.0", 2), (Row.integer, "99", 99),
        (Row.day, "2026-03-31", date(2026, 3, 31)), (Row.day, "20260331", date(2026, 3, 31)),
        (Row.day, "31.03.2026", date(2026, 3, 31)),
        (Row.level, "l4/5", DiscLevel.L4_L5), (Row.grade, "4/7", Grade(4, 7)),
        (Row.grade, "'4/7", Grade(4, 7)), (Row.filled, "'=1", "=1"), (Row.filled, "it's", "it's"),
    ],
)  # fmt: skip
def test_cells_as_what_they_mean(read, text, value):
    more = (1, 99) if read is Row.integer else ()
    assert read(row(text), "a", *more) == value
    if read is not Row.filled:
        assert read(row(""), "a", *more) is None
        assert read(row(""), "absent", *more) is None


@pytest.mark.parametrize(
    ("read", "text"),
    [
        *(
            (Row.number, text)
            for text in ("III", "8,5", "1.234,5", "inf", "1e999", "NaN", "1_0", "٣")
        ),
        *((Row.integer, text) for text in ("0", "100", "1.5", "one", "NaN")),
        *((Row.day, text) for text in ("03/31/2026", "2026-02-30", "202633", "NaN")),
        *((Row.level, text) for text in ("C2-C3", "L4", "NaN", "none")),
        *((Row.grade, text) for text in ("3.0", "III", "9", "NaN", "-", "4-7", "4 Jul")),
        (Row.filled, ""),
    ],
)
def test_any_other_text_is_refused_with_its_place_and_what_to_write(read, text):
    more = (1, 99) if read is Row.integer else ()
    with pytest.raises(UsageError, match=r"^x\.csv, line 7, column a: .*write") as refused:
        read(row(text), "a", *more)
    assert "\n" not in str(refused.value)


def test_a_column_writes_its_decimals_in_one_way(written):
    table = read_table(written("a;b\n8,5;8.5\n1.234;9\n"))
    assert (table.rows[0].number("a"), table.rows[0].number("b")) == (8.5, 8.5)
    with pytest.raises(UsageError, match=r"line 3, column a: '1.234' .* such as 8,5, with a comma"):
        table.rows[1].number("a")


def test_bounds_belong_to_what_is_accepted():
    assert row("0").number("a", least=0.0) == 0.0
    with pytest.raises(UsageError, match="not a number of at least 0"):
        row("-0.1").number("a", least=0.0)


def test_words_for_a_missing_number_are_counted_where_values_may_be_missing(written):
    words = sorted(MISSING_WORDS)
    table = read_table(written("a;b\n" + "".join(f"{word.upper()};1\n" for word in [*words, ""])))
    assert table.note == ""
    assert [row.value("a") for row in table.rows] == [None] * (len(words) + 1)
    assert table.note.startswith("x.csv: missing (NaN, NA or similar): ")
    assert f": {len(words)} cells of a; empty, and so left out: 1 cell of a" in table.note
    with pytest.raises(UsageError, match="'high' is not a number"):
        row("high").value("a")


def test_empty_values_and_grades_are_counted_unless_a_column_states_nothing(written):
    table = read_table(written("a,b,c,d\n1,,,x\n,3,,x\n,4,,x\n"))
    for one in table.rows:
        one.value("a"), one.grade("b"), one.value("c"), one.text("d")
    assert table.note == "x.csv: empty, and so left out: 2 cells of a, 1 cell of b"


@pytest.mark.parametrize("word", ["NaN", "NA", "#N/A", "null"])
def test_a_word_for_missing_is_no_name(word):
    for read in (Row.filled, Row.optional):
        with pytest.raises(UsageError, match=f"'{word}' means a missing value; write the a"):
            read(row(word), "a")
    with pytest.raises(UsageError, match="'none' means a missing value"):
        row("none").filled("a")
    assert (row("none").optional("a"), row("").optional("a")) == ("none", "")


@given(st.text())
def test_any_number_is_read_or_refused(text):
    cell = text.strip()  # as a table is read; float itself keeps some of what this takes away
    try:
        value = row(cell).number("a")
    except UsageError:
        return
    assert value is None or value == float(cell)


@given(st.binary(max_size=200))
def test_any_file_is_a_table_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(content)
    try:
        table = read_table(path)
    except UsageError:
        return
    assert all(set(row) == set(table.columns) for row in table.rows)
