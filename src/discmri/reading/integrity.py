"""Checks of the database besides the chain of entries: damage of the file, and foreign triggers.

A trigger or view could change, hide or drop later entries without breaking the chain.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from discmri.core.errors import SessionError
from discmri.core.text import one_line
from discmri.reading.database import UnavailableError, transaction

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from discmri.reading.store import Store

_SHOWN = 3
_SQLITE_TRIGGERS = ("entries_no_delete", "entries_no_update")
_REFUSES = "never changed or removed"


def check_database(store: Store) -> list[str]:
    """Problems, one sentence each; ``SessionError`` if the database cannot be read."""
    check = _sqlite if store.locator.path is not None else _postgresql
    try:
        with transaction(store.engine) as connection:
            return list(check(connection))
    except UnavailableError as error:
        raise SessionError(
            f"the session {store.locator.name} cannot be checked ({error}); try again"
        ) from error


def _sqlite(connection: Connection) -> Iterator[str]:
    told = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check")]
    if told != ["ok"]:
        yield f"the integrity check of the database failed: {one_line('; '.join(told[:_SHOWN]))}"
    rows = connection.exec_driver_sql(
        "SELECT name, sql FROM sqlite_master WHERE type IN ('trigger', 'view')"
    )
    made = {str(name): str(sql) for name, sql in rows}
    ours = {name for name in _SQLITE_TRIGGERS if _refuses(made.get(name, ""), name)}
    yield from _told(set(made) - ours, set(_SQLITE_TRIGGERS) - ours)


def _refuses(sql: str, name: str) -> bool:
    """Whether a trigger is identical to that of the first migration."""
    change = name.rpartition("_")[2].upper()
    begins = f"CREATE TRIGGER {name} BEFORE {change} ON entries BEGIN SELECT RAISE(ABORT, '"
    return sql.startswith(begins) and sql.endswith(f"{_REFUSES}'); END")


def _postgresql(connection: Connection) -> Iterator[str]:
    import sqlalchemy as sa

    from discmri.reading.schema import METADATA

    failures = connection.exec_driver_sql(
        "SELECT checksum_failures FROM pg_stat_database WHERE datname = current_database()"
    ).scalar()
    if failures:
        yield f"the server reports {failures} pages with wrong checksums"
    names = [*METADATA.tables, "alembic_version"]
    found = connection.execute(
        sa.text(
            "SELECT t.tgname, t.tgenabled = 'O' AND p.proname = 'refuse_change' "
            "AND p.prosrc LIKE :refuses FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "JOIN pg_proc p ON p.oid = t.tgfoid WHERE NOT t.tgisinternal "
            "AND c.relnamespace = current_schema()::regnamespace AND c.relname IN :tables "
            "UNION ALL SELECT rulename, false FROM pg_rules WHERE schemaname = current_schema() "
            "AND tablename IN :tables"
        ).bindparams(sa.bindparam("tables", names, expanding=True)),
        {"refuses": f" BEGIN RAISE EXCEPTION '%{_REFUSES}'; END "},
    )
    made = {str(name): bool(refuses) for name, refuses in found}
    ours = {"entries_stay"} if made.get("entries_stay") else set()
    yield from _told(set(made) - ours, {"entries_stay"} - ours)


def _told(foreign: set[str], missing: set[str]) -> Iterator[str]:
    for name in sorted(missing):
        yield f"the trigger {name}, which prevents changes of entries, is missing or was changed"
    for name in sorted(foreign - missing):
        yield f"{one_line(name)} is a trigger, rule or view that is not of discmri"
