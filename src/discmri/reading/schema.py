"""Tables of the database of a session; migrations are in ``migrations/``."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, String, Table, Text

METADATA = MetaData()

ENTRIES = Table(
    "entries",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("entry_id", String(32), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("at", String(32), nullable=False),
    Column("reader", Text, nullable=False, index=True),
    Column("mode", String(16), nullable=False),
    Column("item", String(32), nullable=False),
    Column("disc", String(16), nullable=False),
    Column("visible", Text, nullable=False),
    Column("software", String(32), nullable=False),
    Column("input_sha256", String(64), nullable=False),
    Column("content", Text, nullable=False),
    Column("attachment_sha256", String(64), nullable=False),
    Column("previous", String(64), nullable=False),
    Column("sha256", String(64), nullable=False),
)
"""The chain of entries; triggers prevent changes and deletion."""

HEAD = Table(
    "head",
    METADATA,
    Column("only", Integer, primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
)
"""One row with the number of entries and the hash of the last; writers lock it."""

ATTACHMENTS = Table(
    "attachments",
    METADATA,
    Column("sha256", String(64), primary_key=True),
    Column("data", LargeBinary, nullable=False),
)
"""Files that belong to entries, by their hash."""

LEASES = Table(
    "leases",
    METADATA,
    Column("reader", Text, primary_key=True),
    Column("holder", String(32), nullable=False),
    Column("place", Text, nullable=False),
    Column("expires_s", BigInteger, nullable=False),
)
"""Open sessions, one row per reader; not part of the record."""

FACTS = tuple(
    column.name for column in ENTRIES.columns if column.name not in ("seq", "previous", "sha256")
)
"""Columns of an entry without position and hashes."""
