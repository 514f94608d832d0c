"""Whatever is done to the entries behind discmri's back is found."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing, contextmanager
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.reading.builder import LEVELS, make_results

from discmri import reading
from discmri.core.errors import SessionError
from discmri.reading import Grade, Head, NotEvaluable, SessionOptions, Store
from discmri.reading import session as session_module
from discmri.reading.entry import NO_PREDECESSOR, row_hash
from discmri.reading.ratings import from_session
from discmri.reading.schema import FACTS
from discmri.reading.verification import verified_entries

ROWS = 9


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A session with a plan and eight entries of two readers, one with an attachment."""
    folder = tmp_path_factory.mktemp("original")
    results = [make_results(folder / "data" / name, name, "20240131") for name in ("A", "B")]
    planned = reading.plan_session(dict.fromkeys(results), SessionOptions(("ann", "ben")))
    reading.create_session(folder / "x.session", planned)
    for reader in ("ann", "ben"):
        with reading.open_session(folder / "x.session", reader) as session:
            item = session.cases[0].item
            session.record(item, LEVELS[0], Grade(3), comment="a comment")
            session.record(item, LEVELS[0], NotEvaluable("metal"), reason="looked again")
            session.edit_label(item, LEVELS[1], {"height_mm": 8.5}, "leak", f"{reader}".encode())
            session.undo()
    return folder


@pytest.fixture
def tampered(original, tmp_path):
    """A function: the session after some statements, with or without the readers' journals."""

    def tamper(*statements, journals=True, name="x.session"):
        return _tampered(original, tmp_path, statements, journals, name)

    return tamper


def _tampered(original, folder, statements, journals, name="x.session"):
    path = folder / name
    shutil.copy(original / "x.session", path)
    for journal in original.glob("*.journal") if journals else ():
        shutil.copy(journal, folder)
    with closing(sqlite3.connect(path)) as connection, unguarded(connection):
        for statement, values in statements:
            connection.execute(statement, values)
    return path


@contextmanager
def unguarded(connection):
    """Inside, the triggers that refuse changes are away; afterwards nobody sees that they were."""
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
    made = connection.execute(query).fetchall()
    for name, _ in made:
        connection.execute(f"DROP TRIGGER {name}")
    yield
    for _, sql in made:
        connection.execute(sql)
    connection.commit()


def texts(path, **noted) -> list[str]:
    return [problem.text for problem in reading.verify(Store.open(path), noted).problems]


def test_the_original_is_sound(tampered):
    verdict = reading.verify(Store.open(tampered()))
    assert verdict.sound
    assert verdict.head.count == ROWS
    assert verdict.witnesses == 2


@settings(max_examples=50)
@given(
    seq=st.integers(1, ROWS),
    column=st.sampled_from([*FACTS, "previous", "sha256"]),
    value=st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=8),
)
def test_any_change_of_any_column_is_found(original, tmp_path_factory, seq, column, value):
    folder = tmp_path_factory.mktemp("t")
    change = (
        f"UPDATE entries SET {column} = ? WHERE seq = ? AND {column} != ?",
        (value, seq, value),
    )
    with closing(sqlite3.connect(original / "x.session")) as connection:
        query = f"SELECT {column} FROM entries WHERE seq = ?"
        before = connection.execute(query, (seq,)).fetchone()[0]
    path = _tampered(original, folder, [change], journals=False)
    found = texts(path)
    if before == value:
        assert found == []
    else:
        assert any(f"entry {seq} " in text or "does not fit" in text for text in found)


@settings(max_examples=30)
@given(gone=st.sets(st.integers(1, ROWS), min_size=1))
def test_any_removed_rows_are_found(original, tmp_path_factory, gone):
    folder = tmp_path_factory.mktemp("t")
    marks = ", ".join(map(str, gone))
    path = _tampered(original, folder, [(f"DELETE FROM entries WHERE seq IN ({marks})", ())], False)
    assert texts(path)


@settings(max_examples=30)
@given(order=st.permutations(range(1, ROWS + 1)))
def test_any_other_order_is_found(original, tmp_path_factory, order):
    folder = tmp_path_factory.mktemp("t")
    moves = [("UPDATE entries SET seq = -seq", ())]
    moves += [
        ("UPDATE entries SET seq = ? WHERE seq = ?", (to, -n)) for n, to in enumerate(order, 1)
    ]
    found = texts(_tampered(original, folder, moves, False))
    assert bool(found) == (order != list(range(1, ROWS + 1)))


def test_rows_removed_at_the_end_are_missed_by_the_head(tampered):
    found = texts(tampered(("DELETE FROM entries WHERE seq > 7", ()), journals=False))
    assert found == ["entries 8 to 9 are missing at the end: the head has 9 entries"]


def cut(seq):
    """Rows taken off the end, and the head made to fit."""
    return [
        (f"DELETE FROM entries WHERE seq > {seq}", ()),
        (f"UPDATE head SET count = {seq}, sha256 = (SELECT sha256 FROM entries WHERE seq = {seq})", ()),
    ]  # fmt: skip


def test_a_cut_with_a_head_that_fits_shows_against_receipts(tampered):
    found = texts(tampered(*cut(7)))
    assert len(found) == 1
    assert "entry 9 is missing" in found[0]
    assert ".ben-" in found[0]


def test_without_a_witness_it_does_not_show(tampered):
    """The limit that the documentation states."""
    path = tampered(*cut(7), journals=False)
    assert texts(path) == []
    noted = Head(9, "f" * 64)
    assert "entry 9 is missing" in texts(path, noted=noted)[0]


def forged(path):
    """The whole chain made anew after a change, as whoever may write to the file could."""
    with closing(sqlite3.connect(path)) as connection, unguarded(connection):
        names = ("seq", *FACTS)
        rows = connection.execute(f"SELECT {', '.join(names)} FROM entries ORDER BY seq").fetchall()
        previous = NO_PREDECESSOR
        for row in rows:
            facts = dict(zip(names, row, strict=True))
            seq = facts.pop("seq")
            digest = row_hash(seq, previous, facts)
            connection.execute(
                "UPDATE entries SET previous = ?, sha256 = ? WHERE seq = ?", (previous, digest, seq)
            )
            previous = digest
        connection.execute("UPDATE head SET sha256 = ?", (previous,))


def test_a_chain_made_anew_shows_against_receipts(tampered):
    path = tampered(("UPDATE entries SET reader = 'eve' WHERE seq = 3", ()))
    forged(path)
    found = texts(path)
    assert [text.split(" does not")[0] for text in found] == ["entry 5", "entry 9"]


def test_a_receipt_of_an_earlier_moment_still_holds(original, tampered):
    entries = Store.open(original / "x.session").entries()
    assert texts(tampered(), noted=Head(4, entries[3].sha256)) == []


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("DELETE FROM head", "the head of the chain is missing"),
        ("UPDATE head SET count = 3", "does not fit"),
        ("DELETE FROM attachments", "attached to entry 4 is missing"),
        ("UPDATE attachments SET data = x'00'", "attached to entry 8 is changed"),
        ("DELETE FROM entries", "entries 1 to 9 are missing"),
        ("DELETE FROM entries WHERE seq = 1", "entry 1 is missing"),
        ("DELETE FROM entries WHERE seq IN (3, 4)", "entries 3 to 4 are missing"),
    ],
)  # fmt: skip
def test_other_harm(tampered, statement, message):
    assert any(message in text for text in texts(tampered((statement, ()))))


def test_an_inserted_row_is_found(tampered):
    columns = ", ".join(FACTS)
    copy = columns.replace("entry_id", "'another'")
    insert = f"INSERT INTO entries SELECT 10, {copy}, previous, sha256 FROM entries WHERE seq = 9"
    insert = insert.replace("entries SELECT", f"entries (seq, {columns}, previous, sha256) SELECT")
    found = texts(tampered((insert, ())))
    assert any("entry 10 was changed" in text for text in found)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET content = '{}' WHERE seq = 1",
        "UPDATE entries SET content = '{' WHERE seq = 1",
        "UPDATE entries SET content = '{' WHERE seq = 3",
        "UPDATE entries SET kind = 'other' WHERE seq = 3",
        "UPDATE entries SET kind = 'plan' WHERE seq = 3",
    ],
)
def test_a_damaged_session_is_refused_by_all_who_use_it(tampered, tmp_path, statement):
    path = tampered((statement, ()))
    assert texts(path)
    with pytest.raises(SessionError, match=r"changed|damaged"):
        reading.open_session(path, "ann")
    with pytest.raises(SessionError, match=r"changed|damaged"):
        reading.export_session(Store.open(path), tmp_path / "out")


def test_an_earlier_copy_put_back_is_noticed_by_its_reader(plan):
    path = plan()
    early = path.with_name("early")
    shutil.copy(path, early)
    with reading.open_session(path, "ann") as session:
        session.record(session.cases[0].item, LEVELS[0], Grade(3))
    shutil.copy(early, path)
    with pytest.raises(SessionError, match="entry 2 is missing"):
        reading.open_session(path, "ann")


# ------------------------------------------------------------------ whoever draws conclusions
def test_only_whoever_insists_goes_on_with_a_damaged_session(tampered):
    path = tampered(("UPDATE entries SET reader = 'ben' WHERE seq = 2", ()))
    store = Store.open(path)
    for use in (verified_entries, reading.progress_of, from_session):
        with pytest.raises(SessionError, match=r"entry 2 was changed.*--anyway"):
            use(store)
    assert len(verified_entries(store, anyway=True).entries) == ROWS
    assert "entry 2 was changed" in reading.progress_of(store, anyway=True).fault
    assert "failed verification: entry 2 was changed" in from_session(store, anyway=True).note


@pytest.mark.parametrize(
    "change",
    ["kind = 'other'", "content = '{'", "content = '[]'", "content = 'null'", "item = 'c9.1'",
     "item = ''", "disc = 'L9'", "disc = 'S1-S2'", f"content = '{'[' * 20_000}'",
     "content = CAST(x'00ff' AS TEXT)"],
)  # fmt: skip
def test_an_entry_that_cannot_be_read_is_left_out_and_named(tampered, change, tmp_path):
    store = Store.open(tampered((f"UPDATE entries SET {change} WHERE seq = 3", ())))
    if "CAST" in change:  # the driver itself refuses such text
        with pytest.raises(SessionError, match="cannot be read"):
            reading.verify(store)
        return
    assert "entry 3 cannot be read" in [one.text for one in reading.verify(store).problems]
    found = verified_entries(store, anyway=True)
    assert 3 not in [entry.seq for entry in found.entries]
    reading.progress_of(store, anyway=True)
    reading.disputes(found.plan, found.entries)
    reading.export_session(store, tmp_path / "out", anyway=True)
    from_session(store, anyway=True)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("CREATE TRIGGER eve AFTER INSERT ON entries BEGIN DELETE FROM attachments; END", "eve is a trigger"),
        ("CREATE VIEW shadow AS SELECT * FROM entries", "shadow is a trigger, rule or view"),
        ("DROP TRIGGER entries_no_update", "entries_no_update, which prevents changes of entries, is missing"),
    ],
)  # fmt: skip
def test_foreign_and_missing_triggers_are_found(tampered, statement, said):
    path = tampered()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()
    assert [said in text for text in texts(path)] == [True]


def test_a_trigger_that_only_bears_the_name_is_found(tampered):
    path = tampered()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TRIGGER entries_no_update")
        connection.execute(
            "CREATE TRIGGER entries_no_update BEFORE UPDATE ON entries BEGIN SELECT 1; END"
        )
        connection.commit()
    assert any("is missing or was changed" in text for text in texts(path))


def test_the_databases_own_check_is_part_of_it(tampered):
    """An index that misses a row: every row and hash is as it was written."""
    path = tampered()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET sql = 'CREATE INDEX ix_entries_reader ON "
                           "entries (item)' WHERE name = 'ix_entries_reader'")  # fmt: skip
        connection.commit()
    assert any("the integrity check of the database failed" in text for text in texts(path))


@pytest.mark.parametrize(("shift", "noticed"), [("00:00:01", False), ("23:59:59", True)])
def test_a_clock_that_runs_back_is_noticed_and_stops_nothing(plan, monkeypatch, shift, noticed):
    path = plan()
    day = {False: "2026-03-02", True: "2026-03-01"}[noticed]
    times = iter(["2026-03-02T00:00:00.000000Z", f"{day}T{shift}.000000Z"])
    with reading.open_session(path, "ann") as session:
        for level in LEVELS[:2]:
            patched = partial(session_module.Draft, at=next(times))
            monkeypatch.setattr(session_module, "Draft", patched)
            session.record(session.cases[0].item, level, Grade(3))
    verdict = reading.verify(Store.open(path))
    assert verdict.sound
    assert ["entry 3 of ann is dated" in one.text for one in verdict.notices] == [True] * noticed
