"""The database of a session: a SQLite file or a PostgreSQL server."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from discmri.core.errors import SessionError, UsageError
from discmri.core.text import one_line, without_passwords
from discmri.reading.server import connect_arguments

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine
    from sqlalchemy.engine import URL

REVISION = "0003"
"""The newest step in ``migrations/versions``."""

WAIT_S = 5.0
"""Time limit for waiting for another writer or for a server."""

_SECRET = re.compile(r"\w[\w+]*:/*[^/]*:[^/]*@")  # a malformed URL that may have a password
_MAGIC = b"SQLite format 3\x00"


@dataclass(frozen=True)
class Locator:
    """Location of a session."""

    # URL for SQLAlchemy; may have a password if the driver is not pg8000
    url: str = field(repr=False)
    name: str  # name for messages, without password and options
    path: Path | None  # path of the file; None for a server
    # arguments of the driver; may have a password
    arguments: Mapping[str, Any] = field(default_factory=dict, repr=False)


class UnavailableError(Exception):
    """The database cannot be reached or written; the call may be repeated."""


def parse_locator(text: str | Path) -> Locator:
    """Parse SESSION: a path, or a URL with ``://``.

    Raises ``UsageError`` for a URL of another database, or without the driver it needs.

    Examples
    --------
    >>> parse_locator("reads.session").name, parse_locator("postgresql://ann:secret@db/reads").name
    ('reads.session', 'postgresql+pg8000://ann@db/reads')
    """
    require("sqlalchemy", "reading")
    from sqlalchemy.engine import make_url
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
        url: URL = make_url(str(text))
    except (ArgumentError, ValueError) as error:
        raise UsageError(
            "the URL of the session is invalid; give postgresql://user@host/database"
        ) from error
    if url.get_backend_name() == "sqlite" and url.database:
        return parse_locator(url.database)
    if url.get_backend_name() != "postgresql":
        raise UsageError(
            f"sessions in {url.get_backend_name()} are not supported; give a file or a URL of "
            "PostgreSQL, postgresql://user@host/database"
        )
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+pg8000")
    arguments: dict[str, Any] = {}
    if url.drivername == "postgresql+pg8000":
        require("pg8000", "postgresql")
        if not url.username:
            raise UsageError(
                "the URL of the session has no user; give postgresql://user@host/database"
            )
        url, arguments = connect_arguments(url)
    else:
        _require_driver(url)
    name = without_passwords(one_line(url.set(query={})))
    return Locator(url.render_as_string(hide_password=False), name, None, arguments)


def _require_driver(url: URL) -> None:
    from sqlalchemy.exc import ArgumentError

    try:
        dialect = url.get_dialect()
        dialect.import_dbapi()
    except (ArgumentError, ImportError) as error:
        raise UsageError(
            f"the driver of {url.drivername} is not installed; give postgresql://, which uses pg8000"
        ) from error
    if dialect.is_async:
        raise UsageError(f"{url.drivername} is not supported; give postgresql://")


def require(module: str, extra: str) -> None:
    """Check that an optional dependency is installed; ``UsageError`` says how to install it."""
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise UsageError(
            f"this needs the package {module}; install it with: pip install 'discmri[{extra}]'"
        )


def make_engine(locator: Locator) -> Engine:
    """An engine that opens a new connection for each use; ``UsageError`` without its driver."""
    import sqlalchemy as sa

    server = {"timeout": WAIT_S, **locator.arguments} if "+pg8000:" in locator.url else {}
    engine = sa.create_engine(
        locator.url,
        poolclass=sa.NullPool,
        connect_args=server if locator.path is None else {"timeout": WAIT_S},
    )
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
        connection = _connection(engine).execution_options(**options)
        with connection, connection.begin():
            yield connection
    except DBAPIError as error:
        raise UnavailableError(_reason(error.orig)) from error
    except OSError as error:
        raise UnavailableError(one_line(error)) from error


def _connection(engine: Engine) -> Connection:
    try:
        return engine.connect()
    except OSError:  # includes an invalid certificate, which is a ValueError as well
        raise
    except (LookupError, ValueError, struct.error) as error:  # not the protocol of the driver
        raise UnavailableError("the server is not PostgreSQL") from error


def _reason(error: BaseException | None) -> str:
    """The message of a driver; pg8000 gives the fields of the message of the server."""
    told = error.args[0] if error is not None and error.args else error
    return without_passwords(one_line(told.get("M", told) if isinstance(told, dict) else error))


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
