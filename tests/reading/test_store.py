"""The chain of entries in SQLite."""

from __future__ import annotations

import gc
import itertools
import socket
import sqlite3
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from tests.reading.builder import graded_together

from discmri import reading
from discmri.core.errors import SessionError, UsageError
from discmri.reading import database, schema
from discmri.reading.database import (
    REVISION,
    UnavailableError,
    make_engine,
    parse_locator,
    transaction,
)
from discmri.reading.entry import NO_PREDECESSOR, Draft, EntryKind, canonical, row_hash
from discmri.reading.plan import Plan, to_content
from discmri.reading.store import Head, Store
from discmri.reading.verification import check_chain


def draft(reader="ann", **content) -> Draft:
    return Draft(EntryKind.READ, reader, "open", "c1.1", "L4-L5", content=content)


def test_a_row_sent_twice_is_stored_once(plan):
    store = Store.open(plan())
    one = draft(grade="3")
    assert store.append(one) == store.append(one)
    assert len(store.entries()) == 2
    assert store.chain()[1].count == 2


def test_two_writers_at_once_lose_nothing(plan):
    path = plan(readers=("ann", "ben", "cat"))
    acknowledged = graded_together(path, ("ann", "ben", "cat"))
    store = Store.open(path)
    assert len(acknowledged) == 90
    assert set(acknowledged) <= {entry.entry_id for entry in store.entries()}
    assert [entry.seq for entry in store.entries()] == list(range(1, 92))
    assert reading.verify(store).sound
    readers = [entry.row["reader"] for entry in store.entries()[1:]]
    changes = sum(one != two for one, two in itertools.pairwise(readers))
    assert changes > 2, "they really wrote at the same time"


def test_the_database_itself_refuses_changes(plan):
    with sqlite3.connect(plan()) as connection:
        for change in ("UPDATE entries SET reader = 'eve'", "DELETE FROM entries"):
            with pytest.raises(sqlite3.IntegrityError, match="never changed or removed"):
                connection.execute(change)
    connection.close()


def test_a_writer_that_does_not_get_its_turn_is_told(plan, monkeypatch):
    monkeypatch.setattr(database, "WAIT_S", 0.05)
    path = plan()
    store = Store.open(path)
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(UnavailableError, match="locked"):
        store.append(draft())
    blocker.close()
    assert store.append(draft()).seq == 2


@pytest.mark.parametrize(
    "content", [b"", b"no database at all", b"SQLite format 3\x00" + b"\0" * 9]
)
def test_other_files_are_no_sessions(tmp_path, content):
    path = tmp_path / "x.session"
    path.write_bytes(content)
    with pytest.raises(SessionError):
        Store.open(path)
    assert path.read_bytes() == content


def test_a_foreign_database_is_no_session(tmp_path):
    connection = sqlite3.connect(tmp_path / "x.session")
    connection.execute("CREATE TABLE other (a)")
    connection.commit()
    connection.close()
    with pytest.raises(SessionError, match="has no reading session"):
        Store.open(tmp_path / "x.session")


def test_a_damaged_file_is_told(plan):
    path = plan()
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(SessionError, match="cannot be read"):
        Store.open(path).entries()


def test_nothing_is_left_where_a_session_could_not_be_made(results, tmp_path, monkeypatch):
    planned = reading.plan_session(dict.fromkeys(results), reading.SessionOptions(("ann",)))

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(UsageError, match="No space left"):
        reading.create_session(tmp_path / "new" / "x.session", planned)
    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mysql://u@h/db", "sessions in mysql are not supported"),
        ("postgresql://u@h:port/db", "is invalid"),
        (
            "postgresql+psycopg2://u:secret@h/db",
            "sessions in postgresql.psycopg2 are not supported",
        ),
        (
            "postgresql+nonsense://u:secret@h/db",
            "sessions in postgresql.nonsense are not supported",
        ),
        ("postgresql://u@h/db?lane=1", 'invalid connection option "lane"'),
        ("postgresql://u:a@b@h/db", "write @ in the password"),
        ("postgresql:/u:secret@h/db", "neither a path nor a URL"),
        ("x\0.session", "neither a path nor a URL"),
    ],
)
def test_urls(text, message):
    with pytest.raises(UsageError, match=message) as error:
        parse_locator(text)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    "answer", [b"", b"\xff", b"N", b"HTTP/1.1 400 Bad\r\n\r\n", b"NR\0\0\0\x08"]
)
def test_a_server_that_is_none_is_one_line(answer):
    listener = socket.create_server(("127.0.0.1", 0))

    def reply():
        connection, _ = listener.accept()
        with connection:
            connection.recv(64)
            connection.sendall(answer)

    thread = threading.Thread(target=reply)
    thread.start()
    with listener, pytest.raises(SessionError, match="cannot be read"):
        Store.open(f"postgresql://ann@127.0.0.1:{listener.getsockname()[1]}/reads")
    thread.join()
    gc.collect()


def test_a_missing_package_is_one_line(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"pip install 'discmri\[postgresql\]'"):
        database.require("psycopg", "postgresql")


def test_heads_are_read_as_they_are_printed():
    head = Head(7, "a" * 64)
    assert Head.parse(str(head)) == head
    for wrong in ("", "7", "x:" + "a" * 64, "7:abc"):
        with pytest.raises(UsageError, match="COUNT:HASH"):
            Head.parse(wrong)


# ------------------------------------------------------------------ migrations
PLAN = Plan("x", "", reading.Mode.OPEN, reading.Order.COMMON, 0, 0.0, ("ann",), (), {}, "/")
FIRST_ROW = {
    "entry_id": "e" * 32, "kind": "plan", "at": "2026-01-01T00:00:00.000000Z", "reader": "planner",
    "mode": "open", "item": "", "disc": "", "visible": "", "software": "0.1.0",
    "input_sha256": "", "content": canonical(to_content(PLAN)),
}  # fmt: skip


def first_version(engine) -> None:
    """A session as the first version of the tables held it."""
    with transaction(engine, writes=True) as connection:
        database.migrate(connection, "0001")
        digest = row_hash(1, NO_PREDECESSOR, FIRST_ROW)
        row = FIRST_ROW | {"seq": 1, "previous": NO_PREDECESSOR, "sha256": digest}
        names = ", ".join(row)
        values = ", ".join(f":{name}" for name in row)
        connection.execute(sa.text(f"INSERT INTO entries ({names}) VALUES ({values})"), row)
        connection.execute(sa.text("UPDATE head SET count = 1, sha256 = :d"), {"d": digest})


def revision_and_differences(engine):
    from alembic.autogenerate import compare_metadata

    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        return context.get_current_revision(), compare_metadata(context, schema.METADATA)


def test_from_nothing_the_tables_are_as_the_schema_says(plan):
    engine = make_engine(parse_locator(plan()))
    assert revision_and_differences(engine) == (REVISION, [])


def test_the_first_version_is_brought_up_to_date_and_still_verifies(tmp_path):
    locator = parse_locator(tmp_path / "old.session")
    first_version(make_engine(locator))
    store = Store.open(tmp_path / "old.session")
    assert revision_and_differences(store.engine) == (REVISION, [])
    assert reading.verify(store).sound
    assert store.entries()[0].row["reader"] == "planner"
    attached = Draft(EntryKind.LABEL_EDIT, "ann", "open", attachment=b"map")
    entry = store.append(attached)
    assert store.attachment(entry.row["attachment_sha256"]) == b"map"
    assert check_chain(store.entries()) == []


def test_a_newer_session_is_refused(plan):
    path = plan()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    with pytest.raises(SessionError, match="written by a newer discmri"):
        Store.open(path)


def test_an_interrupted_migration_leaves_the_old_version(tmp_path, monkeypatch):
    path = tmp_path / "old.session"
    first_version(make_engine(parse_locator(path)))

    def broken(connection, revision="head"):
        real(connection, revision)
        raise sa.exc.OperationalError("ALTER", {}, Exception("disk is full"))

    real = database.migrate
    with monkeypatch.context() as patch:
        patch.setattr(database, "migrate", broken)
        with pytest.raises(SessionError, match="disk is full"):
            Store.open(path)
    assert revision_and_differences(make_engine(parse_locator(path)))[0] == "0001"
    assert reading.verify(Store.open(path)).sound


def test_the_newest_step_is_the_one_the_store_expects():
    config = Config()
    config.set_main_option("script_location", "discmri.reading:migrations")
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [REVISION]
    assert [step.revision for step in script.walk_revisions()][-1] == "0001"
