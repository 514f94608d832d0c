"""One reader at one machine: a lease that stands in the database while a session is open.

The lock of a journal keeps two windows on one machine apart.  A lease does so across machines.  It
is renewed with every row and expires, so that a machine that died shuts nobody out for long.  It
guards the reader's time, not the record: what two windows write all the same is compared when it
is appended (:mod:`discmri.reading.store`).
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
"""How long a lease holds after the last row."""

_CLOCKS = {
    "sqlite": "SELECT CAST(strftime('%s', 'now') AS INTEGER)",
    "postgresql": "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT)",
}


@dataclass(frozen=True)
class Lease:
    """A claim on one reader's part of a session.

    Parameters
    ----------
    reader
        Whose.
    place
        Machine and journal.  Who holds the lock of that journal has outlived every earlier
        holder there.
    holder
        Random name of this opening of the session.
    """

    reader: str
    place: str
    holder: str = field(default_factory=lambda: secrets.token_hex(16))


def lease_for(reader: str, journal: Path) -> Lease:
    """A fresh claim for whoever holds the lock of a journal."""
    return Lease(reader, f"{one_line(platform.node())} {sha256(str(journal).encode())[:8]}")


def claim(connection: Connection, lease: Lease, opening: bool = False, force: bool = False) -> str:
    """Take or renew a lease; the machine that has it instead, or nothing where it is ours.

    Parameters
    ----------
    connection
        In a transaction that has locked the row of the table ``head``.
    lease
        What is claimed.
    opening
        Take it also from an earlier holder at the same place.
    force
        Take it from anybody.
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
    """Give a lease back, where it is still ours."""
    import sqlalchemy as sa

    from discmri.reading.schema import LEASES

    connection.execute(sa.delete(LEASES).where(LEASES.c.holder == lease.holder))
