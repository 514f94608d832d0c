"""The store: an append-only chain of entries in SQLite or PostgreSQL.

Every entry has the hash of the previous entry, so that a changed, removed, replaced or moved entry
breaks the chain (:mod:`discmri.reading.verification`).  Concurrent writers lock the single row of the
table ``head``.  An entry that is sent again after an unclear failure is stored once.

An entry states which entry it corrects (``corrects``, empty for a first one).  If that is no longer the
valid entry, because the same reader continued on another machine, the new entry is stored as a conflict:
it is kept, but not used.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from discmri.core.errors import SessionError, UsageError
from discmri.core.files import atomic_file
from discmri.reading import plan as plans
from discmri.reading.database import (
    Locator,
    UnavailableError,
    bring_up_to_date,
    check_file,
    make_engine,
    migrate,
    parse_locator,
    transaction,
)
from discmri.reading.entry import Draft, EntryKind, SessionEntry, canonical, last_of, row_hash
from discmri.reading.lease import Lease, claim, release
from discmri.reading.plan import Plan

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine


@dataclass(frozen=True)
class Head:
    """The end of a chain; a copy outside the database proves later changes.

    Parameters
    ----------
    count
        Number of entries.
    sha256
        Hash of the last entry.

    Examples
    --------
    >>> str(Head(12, "ab" * 32))[:9], Head.parse("3:" + "0" * 64).count
    ('12:ababab', 3)
    """

    count: int
    sha256: str

    @classmethod
    def parse(cls, text: str) -> Head:
        """The inverse of ``str``.

        Raises
        ------
        UsageError
            If the text has another form.
        """
        count, _, digest = text.strip().partition(":")
        if count.isascii() and count.isdecimal() and len(digest) == 64:
            return cls(int(count), digest)
        raise UsageError(
            f"{text!r} is not the head of a session; give COUNT:HASH as printed by verify"
        )

    def __str__(self) -> str:
        """As ``verify`` prints it."""
        return f"{self.count}:{self.sha256}"


class Store:
    """The entries of a session.

    Each call opens and closes its own connection.

    Parameters
    ----------
    locator
        Location of the session.
    engine
        SQLAlchemy engine.

    Attributes
    ----------
    lost_to
        Machine that has taken over the lease; otherwise empty.
    """

    def __init__(self, locator: Locator, engine: Engine) -> None:
        self.locator = locator
        self.engine = engine
        self.lost_to = ""
        self._lease: Lease | None = None

    @classmethod
    def create(cls, session: str | Path, first: Draft) -> Self:
        """Create a session atomically, with its plan as the first entry.

        Raises
        ------
        UsageError
            If there is one already, or it cannot be written.
        """
        locator = parse_locator(session)
        try:
            if locator.path is None:
                return cls._create_at(locator, first)
            return cls._create_file(locator.path, first)
        except (UnavailableError, OSError) as error:
            raise UsageError(f"the session {locator.name} cannot be created ({error})") from error

    @classmethod
    def _create_file(cls, path: Path, first: Draft) -> Self:
        refuse_existing(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as fresh:
            cls._create_at(parse_locator(fresh), first)
        return cls.open(path)

    @classmethod
    def _create_at(cls, locator: Locator, first: Draft) -> Self:
        store = cls(locator, make_engine(locator))
        with transaction(store.engine, writes=True) as connection:
            store._found(connection, first)
        return store

    def _found(self, connection: Connection, first: Draft) -> None:
        import sqlalchemy as sa

        if sa.inspect(connection).has_table("entries"):
            raise UsageError(f"{self.locator.name} already has a session; create another database")
        migrate(connection)
        _append(connection, first)

    @classmethod
    def open(cls, session: str | Path) -> Self:
        """Open a session and run missing migrations.

        Raises
        ------
        UsageError
            If the file does not exist, or the URL is invalid.
        SessionError
            If it is no session, is of a newer discmri, or cannot be reached.
        """
        locator = parse_locator(session)
        if locator.path is not None:
            check_file(locator.path)
        store = cls(locator, make_engine(locator))
        with store._reachable():
            bring_up_to_date(store.engine, locator.name)
        return store

    def append(self, draft: Draft) -> SessionEntry:
        """Add an entry; returns when it is safe on disk.

        Raises
        ------
        UnavailableError
            If the database cannot be reached, is full or refuses the entry.  The same draft may be
            sent again, even if the first attempt succeeded.
        """
        with transaction(self.engine, writes=True) as connection:
            entry = _append(connection, draft)
            lost_to = claim(connection, self._lease) if self._lease is not None else ""
        self.lost_to = lost_to
        return entry

    def take(self, lease: Lease, force: bool = False) -> str:
        """Take a lease, renewed with every entry until :meth:`release`; ``force`` takes it over.

        Returns the machine that holds the lease, or ``""`` on success.

        Raises
        ------
        UnavailableError
            As in :meth:`append`; the lease is then claimed with the next entry.
        """
        self._lease = lease
        with transaction(self.engine, writes=True) as connection:
            _locked_head(connection)
            return claim(connection, lease, opening=True, force=force)

    def release(self) -> None:
        """Delete the lease; if this fails, it expires."""
        if self._lease is not None:
            with suppress(UnavailableError), transaction(self.engine, writes=True) as connection:
                release(connection, self._lease)
            self._lease = None

    def entries(self, reader: str | None = None) -> list[SessionEntry]:
        """Entries in order, of one reader or all.

        Raises
        ------
        SessionError
            If the database cannot be reached or read.
        """
        import sqlalchemy as sa

        from discmri.reading.schema import ENTRIES

        query = sa.select(ENTRIES).order_by(ENTRIES.c.seq)
        if reader is not None:
            query = query.where(ENTRIES.c.reader == reader)
        with self._reachable(), transaction(self.engine) as connection:
            return [_entry(row._mapping) for row in connection.execute(query)]

    def plan(self) -> Plan:
        """The plan of the session.

        Raises
        ------
        SessionError
            If it is missing or damaged, or as in :meth:`entries`.
        """
        import sqlalchemy as sa

        from discmri.reading.schema import ENTRIES

        query = sa.select(ENTRIES).where(ENTRIES.c.kind == EntryKind.PLAN.value)
        with self._reachable(), transaction(self.engine) as connection:
            found = connection.execute(query.order_by(ENTRIES.c.seq)).first()
        if found is None:
            raise SessionError(f"the plan of {self.locator.name} is missing; restore the session")
        try:
            return plans.from_content(_entry(found._mapping).content)
        except (KeyError, TypeError, ValueError) as error:
            raise SessionError(
                f"the plan of {self.locator.name} was damaged; run discmri grade verify"
            ) from error

    def chain(self) -> tuple[list[SessionEntry], Head | None]:
        """A consistent snapshot of all entries and of the head, which is ``None`` if missing.

        Raises
        ------
        SessionError
            As in :meth:`entries`.
        """
        import sqlalchemy as sa

        from discmri.reading.schema import ENTRIES, HEAD

        query = sa.select(ENTRIES).order_by(ENTRIES.c.seq)
        with self._reachable(), transaction(self.engine, snapshot=True) as connection:
            rows = [_entry(row._mapping) for row in connection.execute(query)]
            found = connection.execute(sa.select(HEAD.c["count"], HEAD.c.sha256)).first()
        return rows, None if found is None else Head(int(found[0]), str(found[1]))

    def attachment(self, digest: str) -> bytes | None:
        """Content of a file by its hash; ``None`` if missing."""
        import sqlalchemy as sa

        from discmri.reading.schema import ATTACHMENTS

        query = sa.select(ATTACHMENTS.c.data).where(ATTACHMENTS.c.sha256 == digest)
        with self._reachable(), transaction(self.engine) as connection:
            data: bytes | None = connection.execute(query).scalar()
        return None if data is None else bytes(data)

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        try:
            yield
        except UnavailableError as error:
            raise SessionError(
                f"the session {self.locator.name} cannot be read ({error}); "
                "check its file or server and try again"
            ) from error


def refuse_existing(path: Path) -> None:
    """Check that the path of a new session does not exist; ``UsageError`` if it does."""
    if path.exists():
        raise UsageError(f"{path} exists; sessions are never overwritten, choose another name")


def _append(connection: Connection, draft: Draft) -> SessionEntry:
    """Append an entry, unless it is already stored."""
    import sqlalchemy as sa

    from discmri.reading.schema import ENTRIES, HEAD

    head = _locked_head(connection)
    known = connection.execute(
        sa.select(ENTRIES).where(ENTRIES.c.entry_id == draft.entry_id)
    ).first()
    if known is not None:
        return _entry(known._mapping)
    row = draft.row()
    if _comes_late(connection, draft):
        content = {**draft.content, "of": draft.kind.value}
        row |= {"kind": EntryKind.CONFLICT.value, "content": canonical(content)}
    seq = head.count + 1
    digest = row_hash(seq, head.sha256, row)
    if draft.attachment is not None:
        _attach(connection, row["attachment_sha256"], draft.attachment)
    values = {"seq": seq, "previous": head.sha256, "sha256": digest, **row}
    connection.execute(sa.insert(ENTRIES).values(**values))
    connection.execute(sa.update(HEAD).values(count=seq, sha256=digest))
    return SessionEntry(seq, row, head.sha256, digest)


def _locked_head(connection: Connection) -> Head:
    """The end of the chain, locked against other writers."""
    import sqlalchemy as sa

    from discmri.reading.schema import HEAD

    head = connection.execute(sa.select(HEAD.c["count"], HEAD.c.sha256).with_for_update()).first()
    if head is None:
        raise UnavailableError("the head of the chain is missing; run discmri grade verify")
    return Head(int(head[0]), str(head[1]))


def _comes_late(connection: Connection, draft: Draft) -> bool:
    """Whether the entry that a draft corrects is no longer the valid one."""
    import sqlalchemy as sa

    from discmri.reading.schema import ENTRIES

    if "corrects" not in draft.content:
        return False
    query = sa.select(ENTRIES).where(
        ENTRIES.c.reader == draft.reader, ENTRIES.c.item == draft.item, ENTRIES.c.disc == draft.disc
    )
    rows = connection.execute(query.order_by(ENTRIES.c.seq))
    counts = last_of([_entry(row._mapping) for row in rows], draft.kind)
    return bool(draft.content["corrects"] != counts)


def _attach(connection: Connection, digest: str, data: bytes) -> None:
    import sqlalchemy as sa

    from discmri.reading.schema import ATTACHMENTS

    known = sa.select(ATTACHMENTS.c.sha256).where(ATTACHMENTS.c.sha256 == digest)
    if connection.execute(known).first() is None:
        connection.execute(sa.insert(ATTACHMENTS).values(sha256=digest, data=data))


def _entry(row: Any) -> SessionEntry:
    from discmri.reading.schema import FACTS

    facts = {name: str(row[name]) for name in FACTS}
    return SessionEntry(int(row["seq"]), facts, str(row["previous"]), str(row["sha256"]))
