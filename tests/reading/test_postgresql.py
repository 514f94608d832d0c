"""The same store on a real PostgreSQL server, started for these tests as a process.

Skipped where PostgreSQL is not installed (Debian: ``apt-get install postgresql``).
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
import trustme
from cryptography.hazmat.primitives import serialization
from tests.reading.builder import LEVELS, graded_together, reader_process

from discmri import reading
from discmri.cli import main
from discmri.core.errors import ConflictError, NotSavedYetError, SessionError, UsageError
from discmri.reading import Grade, Store, database, lease
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
        self.authority = folder / "authority.pem"
        self._certify()
        rules = folder / "data" / "pg_hba.conf"
        only_encrypted = (
            "hostssl all keeper 127.0.0.1/32 scram-sha-256\nhost all keeper 127.0.0.1/32 reject\n"
            "hostssl all prover 127.0.0.1/32 cert\n"
        )
        rules.write_text(only_encrypted + rules.read_text())
        self.start()

    def _certify(self) -> None:
        """Make an authority, and a certificate for ``localhost`` only."""
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.authority)
        client = authority.issue_cert(common_name="prover")
        client.private_key_and_cert_chain_pem.write_to_path(self.folder / "client.pem")
        made = authority.issue_cert("localhost")
        made.cert_chain_pems[0].write_to_path(self.folder / "data" / "server.crt")
        key = self.folder / "data" / "server.key"
        made.private_key_pem.write_to_path(key)
        key.chmod(0o600)
        if os.geteuid() == 0:
            for path in (key, self.folder / "data" / "server.crt"):
                shutil.chown(path, "postgres")

    def _run(self, program: str, *arguments: str) -> None:
        as_other = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        subprocess.run(
            [*as_other, str(self.binaries / program), *arguments],
            check=True, cwd=self.folder, stdout=subprocess.DEVNULL, timeout=600,
        )  # fmt: skip

    def start(self) -> None:
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off -c ssl=on "
            f"-c ssl_ca_file={self.authority} -k {self.folder}"
        )
        log = str(self.folder / "log")
        self._run(
            "pg_ctl", "-D", str(self.folder / "data"), "-o", options, "-l", log, "-w", "start"
        )

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-w", "stop")

    def database(self, name: str) -> str:
        """URL of a fresh database."""
        self.sql(f"CREATE DATABASE {name}")
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def sql(self, statement: str) -> None:
        """Run a statement as the administrator."""
        url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres?sslmode=disable"
        engine = make_engine(parse_locator(url))
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text(statement))


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
    with pytest.raises(UsageError, match="already has a session"):
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
        "entry 2 was changed",
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
    assert any("entry 3 is missing" in text for text in found)


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
    with pytest.raises(SessionError, match="has no reading session"):
        Store.open(url)


# ------------------------------------------------------------------ encryption
@pytest.fixture
def at(server):
    """A function: URL of the server's own database, for a host and options."""

    def make(host, user="postgres", **options):
        query = "&".join(f"{name}={value}" for name, value in options.items())
        return f"postgresql://{user}@{host}:{server.port}/postgres?{query}"

    return make


def is_encrypted(url: str) -> bool:
    with transaction(make_engine(parse_locator(url))) as connection:
        query = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        return bool(connection.execute(sa.text(query)).scalar())


@pytest.mark.parametrize(
    ("host", "mode", "known", "encrypted"),
    [
        ("127.0.0.1", "disable", False, False),
        ("127.0.0.1", "prefer", False, True),
        ("127.0.0.1", "require", False, True),
        ("127.0.0.1", "verify-ca", True, True),
        ("localhost", "verify-full", True, True),
    ],
)
def test_connections_are_encrypted_as_the_url_says(server, at, host, mode, known, encrypted):
    options = {"sslrootcert": server.authority} if known else {}
    assert is_encrypted(at(host, sslmode=mode, **options)) == encrypted


def test_options_may_stand_in_the_environment(server, at, monkeypatch):
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    monkeypatch.setenv("PGSSLROOTCERT", str(server.authority))
    assert is_encrypted(at("localhost"))
    with pytest.raises(database.UnavailableError, match="certificate"):
        is_encrypted(at("127.0.0.1"))


@pytest.mark.parametrize(
    ("host", "mode", "own"),
    [
        ("127.0.0.1", "verify-full", True),  # the name is not in the certificate
        ("localhost", "verify-full", False),
        ("localhost", "verify-ca", False),
        ("localhost", "require", False),  # an authority that is named is held against it
    ],
)
def test_a_server_that_cannot_prove_who_it_is_is_refused(server, at, tmp_path, host, mode, own):
    stranger = tmp_path / "stranger.pem"
    trustme.CA().cert_pem.write_to_path(stranger)
    authority = server.authority if own else stranger
    with pytest.raises(SessionError, match=r"certificate verify failed|does not match host name"):
        Store.open(at(host, sslmode=mode, sslrootcert=authority))


def test_a_certificate_proves_who_a_reader_is(server, at):
    server.sql("CREATE ROLE prover LOGIN")
    proof = server.folder / "client.pem"
    proof.chmod(0o600)
    assert is_encrypted(at("127.0.0.1", "prover", sslmode="require", sslcert=proof, sslkey=proof))
    with pytest.raises(database.UnavailableError, match="certificate"):
        is_encrypted(at("127.0.0.1", "prover", sslmode="require"))


def test_a_key_with_a_password_is_refused_instead_of_asked_for(at, tmp_path):
    made = trustme.CA().issue_cert(common_name="prover")
    key = serialization.load_pem_private_key(made.private_key_pem.bytes(), None)
    locked = serialization.BestAvailableEncryption(b"a")
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    (tmp_path / "key.pem").write_bytes(key.private_bytes(*form, locked))
    made.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    (tmp_path / "key.pem").chmod(0o600)
    options = {"sslcert": tmp_path / "cert.pem", "sslkey": tmp_path / "key.pem"}
    with pytest.raises(database.UnavailableError, match="could not load private key file"):
        is_encrypted(at("127.0.0.1", "prover", sslmode="require", **options))


def test_a_server_without_encryption_is_refused_where_it_is_required(at, monkeypatch):
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]

    def refuse():
        connection, _ = listener.accept()
        with connection:
            connection.recv(8)
            connection.sendall(b"N")

    thread = threading.Thread(target=refuse)
    thread.start()
    with listener, pytest.raises(SessionError, match="does not support SSL"):
        Store.open(f"postgresql://ann@127.0.0.1:{port}/reads?sslmode=require")
    thread.join()


# ------------------------------------------------------------------ passwords
@pytest.fixture
def keeper(server):
    """A role that gets in with a password over an encrypted connection only."""
    server.sql("CREATE ROLE keeper LOGIN PASSWORD 'open:sesame'")
    yield "keeper"
    server.sql("DROP ROLE keeper")


def test_a_password_file_is_used(server, at, keeper, tmp_path, monkeypatch):
    file = tmp_path / "passwords"
    file.write_text(
        "# whose\n"
        f"127.0.0.1:{server.port}:postgres:someone:wrong\n"
        f"*:{server.port}:*:keeper:open\\:sesame\n"
    )
    file.chmod(0o600)
    assert is_encrypted(at("127.0.0.1", keeper, passfile=file))
    monkeypatch.setenv("PGPASSFILE", str(file))
    assert is_encrypted(at("127.0.0.1", keeper))
    monkeypatch.delenv("PGPASSFILE")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(database.UnavailableError, match="password"):
        is_encrypted(at("127.0.0.1", keeper))
    file.rename(tmp_path / ".pgpass")
    assert is_encrypted(at("127.0.0.1", keeper))
    (tmp_path / ".pgpass").chmod(0o640)
    with pytest.raises(database.UnavailableError, match="password"):  # others can read it
        is_encrypted(at("127.0.0.1", keeper))


SECRET = "hush-hush"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://keeper:{SECRET}@127.0.0.1:PORT/postgres",
        f"postgresql://keeper@127.0.0.1:PORT/postgres?password={SECRET}",
        f"postgresql://keeper:{SECRET}@127.0.0.1:1/postgres",
        f"postgresql://keeper:x@{SECRET}@127.0.0.1:PORT/postgres",
        f"postgresql://keeper:{SECRET}@127.0.0.1:port/postgres",
        f"postgresql:/keeper:{SECRET}@127.0.0.1:PORT/postgres",
        f"postgresql+nodriver://keeper:{SECRET}@127.0.0.1:PORT/postgres",
        f"postgresql+psycopg2://keeper:{SECRET}@127.0.0.1:PORT/postgres",
        f"mysql://keeper:{SECRET}@127.0.0.1:PORT/postgres",
        f"postgresql://keeper:{SECRET}@127.0.0.1:PORT/postgres?lane=1",
        f"postgresql://keeper:{SECRET}@127.0.0.1:PORT/postgres?sslrootcert=nowhere&sslmode=verify-ca",
    ],
)
@pytest.mark.parametrize("debug", [False, True])
def test_a_password_is_never_shown(server, keeper, url, debug, capsys):
    arguments = ["grade", "verify", url.replace("PORT", str(server.port))]
    code = main([*arguments, "--debug"] if debug else arguments)
    said = "".join(capsys.readouterr())
    assert code in (2, 3)
    assert SECRET not in said
    assert "internal error" not in said
    assert debug or said.count("\n") == 1


def test_a_password_is_in_no_name(server):
    locator = parse_locator(
        f"postgresql://ann:{SECRET}@127.0.0.1:{server.port}/nowhere?sslmode=allow"
    )
    assert locator.name == f"postgresql://ann@127.0.0.1:{server.port}/nowhere"
    assert SECRET not in repr(locator)


# ------------------------------------------------------------------ what surrounds the entries
@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("CREATE TRIGGER eve BEFORE INSERT ON entries FOR EACH ROW EXECUTE FUNCTION "
         "suppress_redundant_updates_trigger()", "eve is a trigger"),
        ("CREATE RULE eve AS ON INSERT TO attachments DO INSTEAD NOTHING", "eve is a trigger, rule"),
        ("DROP TRIGGER entries_stay ON entries", "entries_stay, which prevents changes of entries, is missing"),
        ("CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
         "$$ BEGIN RETURN NULL; END $$", "entries_stay, which prevents changes of entries, is missing"),
    ],
)  # fmt: skip
def test_foreign_and_missing_triggers_are_found(
    plan, server, statement, said, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    url = plan(at=server.database(f"triggers_{abs(hash(statement))}"))
    store = Store.open(url)
    assert reading.verify(store).sound
    with transaction(store.engine, writes=True) as connection:
        connection.execute(sa.text(statement))
    assert [said in one.text for one in reading.verify(store).problems] == [True]


def test_one_reader_at_two_machines(plan, url, tmp_path, monkeypatch):
    plan(at=url)
    sessions = []
    for name in ("desk", "home"):
        monkeypatch.setattr(lease.platform, "node", lambda name=name: name)
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / name))
        if sessions:
            with pytest.raises(UsageError, match="open on desk"):
                reading.open_session(url, "ann")
        sessions.append(reading.open_session(url, "ann", take_over=bool(sessions)))
    first, second = sessions
    item = first.cases[0].item
    second.record(item, L1, Grade(5))
    with pytest.raises(ConflictError, match="graded 5 on another machine"):
        first.record(item, L1, Grade(3))
    for session in sessions:
        session.close()
    assert reading.verify(Store.open(url)).sound
