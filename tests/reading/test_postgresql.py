"""The same store on a real PostgreSQL server, started for these tests as a process.

Skipped where PostgreSQL is not installed (Debian: ``apt-get install postgresql``).
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.reading.builder import LEVELS, graded_together, reader_process

from discmri import reading
from discmri.core.errors import NotSavedYetError, SessionError, UsageError
from discmri.reading import Grade, Store, database
from discmri.reading.database import make_engine, parse_locator, transaction

L1, L2, *_ = LEVELS


def _binaries() -> Path | None:
    found = shutil.which("pg_ctl")
    places = [*([Path(found).parent] if found else []), *Path("/usr/lib/postgresql").glob("*/bin")]
    return next((place for place in places if (place / "initdb").exists()), None)


class Server:
    """A PostgreSQL server in a folder of its own."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self.binaries, self.folder = binaries, folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._run(
            "initdb", "-D", str(folder / "data"), "-A", "trust", "-U", "postgres", "--no-sync"
        )
        self.start()

    def _run(self, program: str, *arguments: str) -> None:
        as_other = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        subprocess.run(
            [*as_other, str(self.binaries / program), *arguments],
            check=True, cwd=self.folder, stdout=subprocess.DEVNULL, timeout=600,
        )  # fmt: skip

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off -k {self.folder}"
        log = str(self.folder / "log")
        self._run(
            "pg_ctl", "-D", str(self.folder / "data"), "-o", options, "-l", log, "-w", "start"
        )

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-w", "stop")

    def database(self, name: str) -> str:
        """URL of a fresh database."""
        url = f"postgresql://postgres@127.0.0.1:{self.port}"
        engine = make_engine(parse_locator(f"{url}/postgres"))
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
        return f"{url}/{name}"


@pytest.fixture(scope="module")
def server():
    binaries = _binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="discmri-pg-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    running = Server(binaries, folder)
    yield running
    running.stop()
    shutil.rmtree(folder)


@pytest.fixture
def url(server, tmp_path, monkeypatch, request):
    """A database of its own; journals stand in a temporary folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return server.database(request.node.name.replace("test_", "").lower()[:60])


def test_a_session_from_plan_to_export(plan, url, tmp_path):
    plan(at=url, repeats=0.2)
    with reading.open_session(url, "ann") as session:
        item = session.cases[0].item
        session.record(item, L1, Grade(4, 7), comment="µ – ok")
        session.record(item, L1, Grade(5), reason="darker")
        session.edit_label(item, L2, {"height_mm": 8.5}, "leak", b"\x00map")
        session.undo()
    with reading.open_session(url, "ann") as session:
        assert session.case(item).disc(L1).read.judgement == Grade(5)
    store = Store.open(url)
    assert store.entries()[1].content["comment"] == "µ – ok"
    digest = store.entries()[3].row["attachment_sha256"]
    assert store.attachment(digest) == b"\x00map"
    verdict = reading.verify(store)
    assert (verdict.problems, verdict.witnesses, verdict.head.count) == ((), 1, 5)
    reading.export_session(store, tmp_path / "out")
    assert "darker" in (tmp_path / "out" / "reads_long.csv").read_text()
    assert "@127" in store.locator.name
    with pytest.raises(UsageError, match="holds a session already"):
        plan(at=url)


def test_readers_at_once_lose_nothing(plan, url):
    plan(at=url, readers=("ann", "ben", "cat"))
    acknowledged = set(graded_together(url, ("ann", "ben", "cat")))
    store = Store.open(url)
    assert len(acknowledged) == 90
    assert acknowledged <= {entry.entry_id for entry in store.entries()}
    assert reading.verify(store).sound


def test_a_dead_server_keeps_grades_for_the_next_try(plan, url, server):
    plan(at=url)
    with reading.open_session(url, "ann") as session:
        item = session.cases[0].item
        session.record(item, L1, Grade(3))
        server.stop()
        try:
            with pytest.raises(NotSavedYetError, match="restore the server"):
                session.record(item, L2, Grade(4))
            assert session.case(item).disc(L2).read.judgement == Grade(4)
            with pytest.raises(SessionError, match="cannot be read"):
                Store.open(url)
        finally:
            server.start()
        session.save()
        assert [one.content["grade"] for one in session.store.entries("ann")] == ["3", "4"]
        assert reading.verify(session.store).sound


def test_killed_in_mid_save(plan, url):
    plan(at=url)
    program = (
        "module.Store.append = die\n"
        "session.record(session.cases[0].item, session.cases[0].discs[0].key, Grade(4, 7))"
    )
    killed = reader_process(url, "ann", program)
    _, error = killed.communicate(timeout=600)
    assert killed.returncode == -9, error
    with reading.open_session(url, "ann") as session:
        assert session.cases[0].discs[0].read.judgement == Grade(4, 7)
        assert len(session.store.entries("ann")) == 1


@pytest.mark.parametrize(
    "change", ["UPDATE entries SET reader = 'eve'", "DELETE FROM entries", "TRUNCATE entries"]
)
def test_the_database_itself_refuses_changes(plan, server, change, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    url = plan(at=server.database(f"refuses_{change.split()[0].lower()}"))
    engine = make_engine(parse_locator(url))
    with (
        pytest.raises(database.UnavailableError, match="never changed or removed"),
        transaction(engine, writes=True) as connection,
    ):
        connection.execute(sa.text(change))


def test_changed_rows_are_found(plan, url):
    plan(at=url)
    with reading.open_session(url, "ann") as session:
        session.record(session.cases[0].item, L1, Grade(3))
        session.record(session.cases[0].item, L2, Grade(3))
    store = Store.open(url)
    with transaction(store.engine, writes=True) as connection:
        connection.execute(sa.text("ALTER TABLE entries DISABLE TRIGGER entries_stay"))
        connection.execute(sa.text("UPDATE entries SET reader = 'eve' WHERE seq = 2"))
    found = [one.text for one in reading.verify(store).problems]
    assert [text.split(",")[0] for text in found] == [
        "row 2 was changed",
        "the trigger entries_stay",
    ]
    with transaction(store.engine, writes=True) as connection:
        connection.execute(sa.text("DELETE FROM entries WHERE seq = 3"))
        connection.execute(
            sa.text(
                "UPDATE head SET count = 2, sha256 = (SELECT sha256 FROM entries WHERE seq = 2)"
            )
        )
    found = [one.text for one in reading.verify(store).problems]
    assert any("row 3 is gone" in text for text in found)


def test_the_first_version_is_brought_up_to_date(url):
    engine = make_engine(parse_locator(url))
    with transaction(engine, writes=True) as connection:
        database.migrate(connection, "0001")
    store = Store.open(url)
    assert {column["name"] for column in sa.inspect(store.engine).get_columns("entries")} >= {
        "attachment_sha256"
    }
    assert sa.inspect(store.engine).has_table("attachments")


def test_a_server_without_a_session_is_refused(url):
    with pytest.raises(SessionError, match="holds no reading session"):
        Store.open(url)


def test_a_password_is_never_shown(server):
    url = f"postgresql://ann:secret@127.0.0.1:{server.port}/nowhere"
    with pytest.raises(SessionError) as caught:
        Store.open(url)
    assert "secret" not in str(caught.value)
    assert "nowhere" in str(caught.value)
