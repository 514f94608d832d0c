"""The database of a session: a SQLite file or a PostgreSQL server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from discmri.core.errors import SessionError, UsageError
from discmri.core.text import one_line, without_passwords

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

REVISION = "0003"
"""The newest step in ``migrations/versions``."""

WAIT_S = 5.0
"""Time limit for waiting for another writer or for a server."""

_SECRET = re.compile(r"\w[\w+]*:/*[^/]*:[^/]*@")  # a malformed URL that may have a password
_MAGIC = b"SQLite format 3\x00"


@dataclass(frozen=True)
class Locator:
    """Location of a session."""

    url: str = field(repr=False)  # URL for SQLAlchemy; may have a password
    name: str  # name for messages, without password and options
    path: Path | None  # path of the file; None for a server


class UnavailableError(Exception):
    """The database cannot be reached or written; the call may be repeated."""


def parse_locator(text: str | Path) -> Locator:
    """Parse SESSION: a path, or a URL with ``://``.

    A URL of PostgreSQL has the options of its own programs, such as ``sslmode``; their environment
    variables and password file are used too.  Raises ``UsageError`` for a URL of another database,
    or without the driver.

    Examples
    --------
    >>> parse_locator("reads.session").name, parse_locator("postgresql://ann:secret@db/reads").name
    ('reads.session', 'postgresql://ann@db/reads')
    """
    require("sqlalchemy", "reading")
    from sqlalchemy.engine import URL, make_url
    from sqlalchemy.exc import ArgumentError

    if "://" not in str(text):
        path = Path(text)
        if _SECRET.match(str(text)) or "\0" in str(text):
            raise UsageError(
                "SESSION is neither a path nor a URL; give a file or "
                "postgresql://user@host/database"
            )
        return Locator(_sqlite(path), one_line(path), path)
    try:
        url = make_url(str(text))
    except (ArgumentError, ValueError) as error:
        raise UsageError(
            "the URL of the session is invalid; give postgresql://user@host/database"
        ) from error
    if url.get_backend_name() == "sqlite" and url.database:
        return parse_locator(url.database)
    if url.drivername not in ("postgresql", "postgresql+psycopg"):
        raise UsageError(
            f"sessions in {url.drivername} are not supported; give a file or a URL of "
            "PostgreSQL, postgresql://user@host/database"
        )
    if "@" in (url.host or ""):
        raise UsageError("in the URL of a session, write @ in the password as %40")
    require("psycopg", "postgresql")
    from psycopg import Error
    from psycopg.conninfo import make_conninfo

    options = {name: str(value) for name, value in url.query.items()}
    try:
        make_conninfo(**options)
    except Error as error:
        raise UsageError(f"the URL of the session is invalid ({one_line(error)})") from error
    name = URL.create("postgresql", url.username, None, url.host, url.port, url.database)
    full = url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    return Locator(full, one_line(name), None)


def require(module: str, extra: str) -> None:
    """Check that an optional dependency is installed; ``UsageError`` says how to install it."""
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise UsageError(
            f"this needs the package {module}; install it with: pip install 'discmri[{extra}]'"
        )


def make_engine(locator: Locator) -> Engine:
    """An engine that opens a new connection for each use."""
    import sqlalchemy as sa

    limits: dict[str, Any] = {"timeout": WAIT_S}
    if locator.path is None:
        wait_ms = round(1000 * WAIT_S)
        limits = {
            "connect_timeout": round(WAIT_S),
            "tcp_user_timeout": wait_ms,
            "options": f"-c lock_timeout={wait_ms}",
        }
    engine = sa.create_engine(locator.url, poolclass=sa.NullPool, connect_args=limits)
    if locator.path is not None:
        sa.event.listen(engine, "connect", _on_sqlite_connect)
        sa.event.listen(engine, "begin", _on_sqlite_begin)
    return engine


def _sqlite(path: Path) -> str:
    from sqlalchemy.engine import URL

    return URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)


def _on_sqlite_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # no implicit transactions
    connection.execute("PRAGMA synchronous=EXTRA")  # a commit survives a power cut


def _on_sqlite_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def transaction(
    engine: Engine, writes: bool = False, snapshot: bool = False
) -> Iterator[Connection]:
    """One transaction.

    ``writes`` locks the database; SQLite waits for other writers at the beginning.  ``snapshot``
    gives a consistent view, which SQLite always does.  Raises ``UnavailableError`` if the database
    cannot be reached, is full or damaged, or refuses the operation.
    """
    from sqlalchemy.exc import DBAPIError

    options: dict[str, Any] = {"writes": writes}
    if snapshot and engine.dialect.name == "postgresql":
        options["isolation_level"] = "REPEATABLE READ"
    try:
        connection = engine.connect().execution_options(**options)
        with connection, connection.begin():
            yield connection
    except DBAPIError as error:
        raise UnavailableError(without_passwords(one_line(error.orig))) from error


def check_file(path: Path) -> None:
    """Check that a path is a SQLite file.

    Raises ``UsageError`` if it does not exist, ``SessionError`` if it is another kind of file.
    """
    if not path.exists():
        raise UsageError(f"{one_line(path)} does not exist; plan a session with discmri grade plan")
    try:
        with path.open("rb") as file:
            magic = file.read(len(_MAGIC))
    except OSError as error:
        raise SessionError(f"{one_line(path)} cannot be read ({error.strerror})") from error
    if magic != _MAGIC:
        raise SessionError(
            f"{one_line(path)} is not a reading session of discmri; give another file"
        )


def bring_up_to_date(engine: Engine, name: str) -> None:
    """Run missing migrations in one transaction.

    Raises ``SessionError`` if the database has no session, or one of a newer version of discmri,
    and ``UnavailableError`` like :func:`transaction`.
    """
    found = _revision(engine)
    if found == REVISION:
        return
    if found is None:
        raise SessionError(f"{name} has no reading session; plan one with discmri grade plan")
    if found > REVISION:
        raise SessionError(
            f"{name} was written by a newer discmri (tables {found}, supported {REVISION}); "
            "update discmri"
        )
    with transaction(engine, writes=True) as connection:
        migrate(connection)


def migrate(connection: Connection, revision: str = "head") -> None:
    """Create or upgrade the tables to a revision."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "discmri.reading:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _revision(engine: Engine) -> str | None:
    import sqlalchemy as sa

    with transaction(engine) as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        found = connection.execute(sa.text("SELECT version_num FROM alembic_version"))
        version: str | None = found.scalar()
        return version
