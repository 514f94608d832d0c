"""A lease in the database, so that a reader has a session open on one machine only.

On one machine, the lock of the journal has this purpose.  A lease is renewed with every entry and
expires, so that a crashed machine does not block others.  It does not protect the record: concurrent
entries are compared when they are appended (:mod:`discmri.reading.store`).
"""

from __future__ import annotations

import platform
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from discmri.core.text import one_line
from discmri.reading.entry import sha256

if TYPE_CHECKING:
    from sqlalchemy import Connection

LEASE_S = 900
"""Validity of a lease after the last entry, s."""

_CLOCKS = {
    "sqlite": "SELECT CAST(strftime('%s', 'now') AS INTEGER)",
    "postgresql": "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT)",
}


@dataclass(frozen=True)
class Lease:
    """A claim on one reader's part of a session."""

    reader: str
    # Machine and journal. The owner of the journal lock replaces any earlier holder there.
    place: str
    # random identifier of this opening of the session
    holder: str = field(default_factory=lambda: secrets.token_hex(16))


def lease_for(reader: str, journal: Path) -> Lease:
    """A new lease for the owner of a journal lock."""
    return Lease(reader, f"{one_line(platform.node())} {sha256(str(journal).encode())[:8]}")


def claim(connection: Connection, lease: Lease, opening: bool = False, force: bool = False) -> str:
    """Take or renew a lease; return the machine that holds it, or ``""`` on success.

    The transaction has locked the row of the table ``head``.  ``opening`` replaces an earlier
    holder at the same place, ``force`` any holder.
    """
    import sqlalchemy as sa

    from discmri.reading.schema import LEASES

    now_s = int(connection.exec_driver_sql(_CLOCKS[connection.dialect.name]).scalar_one())
    own = LEASES.c.reader == lease.reader
    found = connection.execute(
        sa.select(LEASES.c.holder, LEASES.c.place, LEASES.c.expires_s).where(own)
    ).first()
    if found is not None and not force:
        holder, place, expires_s = found
        same = holder == lease.holder or (opening and place == lease.place)
        if not same and expires_s > now_s:
            return str(place).rpartition(" ")[0]
    values = {"holder": lease.holder, "place": lease.place, "expires_s": now_s + LEASE_S}
    if found is None:
        connection.execute(sa.insert(LEASES).values(reader=lease.reader, **values))
    else:
        connection.execute(sa.update(LEASES).where(own).values(**values))
    return ""


def release(connection: Connection, lease: Lease) -> None:
    """Delete a lease, if it is still held."""
    import sqlalchemy as sa

    from discmri.reading.schema import LEASES

    connection.execute(sa.delete(LEASES).where(LEASES.c.holder == lease.holder))
