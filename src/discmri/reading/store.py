"""The store: an append-only chain of rows in SQLite or PostgreSQL.

Every row carries the hash of the row before, so that a row that is changed, removed, replaced
or moved breaks the chain (:mod:`discmri.reading.verification`).  Writers queue up for the one row of
the table ``head``, so that two at once both get their place.  A row that is sent twice, because
nobody knows whether the first attempt arrived, is stored once.

A row that corrects another states which (``corrects``, empty for a first one).  Where something
else counts by the time it arrives, because the same reader went on at another machine, it is
stored as a conflict: nothing is lost, and nothing wins because it came last.
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
from discmri.reading.entry import Draft, Entry, EntryKind, canonical, last_of, row_hash
from discmri.reading.lease import Lease, claim, release
from discmri.reading.plan import Plan

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine


@dataclass(frozen=True)
class Head:
    """Where a chain ends: a witness that is worth noting down outside the database.

    Parameters
    ----------
    count
        Number of rows.
    sha256
        Hash of the last one.

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
            For other text.
        """
        count, _, digest = text.strip().partition(":")
        if count.isascii() and count.isdecimal() and len(digest) == 64:
            return cls(int(count), digest)
        raise UsageError(
            f"{text!r} is not the head of a session; give it as verify prints it, COUNT:HASH"
        )

    def __str__(self) -> str:
        """As ``verify`` prints it."""
        return f"{self.count}:{self.sha256}"


class Store:
    """An open session's rows.

    Connections are made when needed and closed at once: a store holds nothing open.

    Parameters
    ----------
    locator
        Where it is.
    engine
        To reach it.

    Attributes
    ----------
    lost_to
        The machine that has taken over the lease meanwhile; empty while nobody has.
    """

    def __init__(self, locator: Locator, engine: Engine) -> None:
        self.locator = locator
        self.engine = engine
        self.lost_to = ""
        self._lease: Lease | None = None

    @classmethod
    def create(cls, session: str | Path, first: Draft) -> Self:
        """Make a session with its plan as the first row; it appears whole or not at all.

        Raises
        ------
        UsageError
            Where there is one already, or the place cannot be written.
        """
        locator = parse_locator(session)
        try:
            if locator.path is None:
                return cls._create_at(locator, first)
            return cls._create_file(locator.path, first)
        except (UnavailableError, OSError) as error:
            raise UsageError(f"the session {locator.name} cannot be made ({error})") from error

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
            raise UsageError(
                f"{self.locator.name} holds a session already; make another database for another"
            )
        migrate(connection)
        _append(connection, first)

    @classmethod
    def open(cls, session: str | Path) -> Self:
        """Open a session and bring its tables up to date.

        Raises
        ------
        UsageError
            Where the file does not exist, or the URL is none.
        SessionError
            Where it is no session, made by a newer discmri, or cannot be reached.
        """
        locator = parse_locator(session)
        if locator.path is not None:
            check_file(locator.path)
        store = cls(locator, make_engine(locator))
        with store._reachable():
            bring_up_to_date(store.engine, locator.name)
        return store

    def append(self, draft: Draft) -> Entry:
        """Add a row; returns once it is safe on disk.

        Raises
        ------
        UnavailableError
            Where the database cannot be reached, is full or refuses; nothing was added, or it
            is not known, and the same draft may be sent again.
        """
        with transaction(self.engine, writes=True) as connection:
            entry = _append(connection, draft)
            lost_to = claim(connection, self._lease) if self._lease is not None else ""
        self.lost_to = lost_to
        return entry

    def take(self, lease: Lease, force: bool = False) -> str:
        """Take a lease, renewed with every row until :meth:`release`; ``force`` takes it over.

        Returns the machine that has it and keeps it, or nothing where it is ours.

        Raises
        ------
        UnavailableError
            As in :meth:`append`; the lease is then claimed with the next row.
        """
        self._lease = lease
        with transaction(self.engine, writes=True) as connection:
            _locked_head(connection)
            return claim(connection, lease, opening=True, force=force)

    def release(self) -> None:
        """Give the lease back; where that cannot be written, it expires."""
        if self._lease is not None:
            with suppress(UnavailableError), transaction(self.engine, writes=True) as connection:
                release(connection, self._lease)
            self._lease = None

    def entries(self, reader: str | None = None) -> list[Entry]:
        """Rows in order, of one reader or all.

        Raises
        ------
        SessionError
            Where the database cannot be reached or read.
        """
        import sqlalchemy as sa

        from discmri.reading.schema import ENTRIES

        query = sa.select(ENTRIES).order_by(ENTRIES.c.seq)
        if reader is not None:
            query = query.where(ENTRIES.c.reader == reader)
        with self._reachable(), transaction(self.engine) as connection:
            return [_entry(row._mapping) for row in connection.execute(query)]

    def plan(self) -> Plan:
        """The session as planned.

        Raises
        ------
        SessionError
            Where there is none, or as in :meth:`entries`.
        """
        import sqlalchemy as sa

        from discmri.reading.schema import ENTRIES

        query = sa.select(ENTRIES).where(ENTRIES.c.kind == EntryKind.PLAN.value)
        with self._reachable(), transaction(self.engine) as connection:
            found = connection.execute(query.order_by(ENTRIES.c.seq)).first()
        if found is None:
            raise SessionError(f"the plan of {self.locator.name} is gone; restore the session")
        try:
            return plans.from_content(_entry(found._mapping).content)
        except (KeyError, TypeError, ValueError) as error:
            raise SessionError(
                f"the plan of {self.locator.name} was damaged; run discmri grade verify"
            ) from error

    def chain(self) -> tuple[list[Entry], Head | None]:
        """All rows, and where the database has noted that they end, at one moment.

        The note is ``None`` where it is gone.

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
        """A file by its hash; ``None`` where there is none."""
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
                "check that its file or server is there and try again"
            ) from error


def refuse_existing(path: Path) -> None:
    """Make sure that no file stands where a session is to be made.

    Raises
    ------
    UsageError
        Where one does.
    """
    if path.exists():
        raise UsageError(f"{path} exists; a session is never overwritten, choose another name")


def _append(connection: Connection, draft: Draft) -> Entry:
    """Add a row behind the last one, unless it is there already."""
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
    return Entry(seq, row, head.sha256, digest)


def _locked_head(connection: Connection) -> Head:
    """Where the chain ends; other writers wait from here on."""
    import sqlalchemy as sa

    from discmri.reading.schema import HEAD

    head = connection.execute(sa.select(HEAD.c["count"], HEAD.c.sha256).with_for_update()).first()
    if head is None:
        raise UnavailableError("the note of where the chain ends is gone; run discmri grade verify")
    return Head(int(head[0]), str(head[1]))


def _comes_late(connection: Connection, draft: Draft) -> bool:
    """Whether something else counts than what a draft was made to correct."""
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


def _entry(row: Any) -> Entry:
    from discmri.reading.schema import FACTS

    facts = {name: str(row[name]) for name in FACTS}
    return Entry(int(row["seq"]), facts, str(row["previous"]), str(row["sha256"]))
