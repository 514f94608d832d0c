"""One row of a session: who did what, when, seeing what, and which row came before."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from functools import cached_property
from typing import Any

import discmri

NO_PREDECESSOR = "0" * 64


def now() -> str:
    """The time in UTC to the microsecond.

    >>> now().endswith("Z"), len(now())
    (True, 27)
    """
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class EntryKind(Enum):
    """What a row records."""

    PLAN = "plan"  # always the first row, and only that
    READ = "read"  # a judgement on one disc
    REVEAL = "reveal"  # the metrics of a disc were shown
    WITHDRAWAL = "withdrawal"  # an earlier row no longer counts
    LABEL_EDIT = "label_edit"  # a disc's label was painted and measured again
    NUMBERING = "numbering"  # the reader named the lowest disc
    POSTPONED = "postponed"  # the reader wants to come back to a disc
    CONFLICT = "conflict"  # one of these that came late: it stands there and does not count


@dataclass(frozen=True)
class Draft:
    """What is to become a row; it gets its place in the chain when the store takes it.

    Parameters
    ----------
    kind
        What it records.
    reader
        Who; for the plan, whoever planned.
    mode
        Of the session: ``open``, ``locked`` or ``blinded``.
    item
        The showing of a case it belongs to, such as ``c012.1``; empty for the plan.
    disc
        The disc by its automatic level, which never changes; empty where a row concerns a
        whole case.
    visible
        Words for what the reader could see, sorted.
    input_sha256
        Hash of the pixels that were read.
    content
        JSON-like facts of this kind of row.
    attachment
        A file that belongs to it, such as an edited label map.
    entry_id
        Random name, by which a row that was sent twice is known.
    at
        When, ISO 8601 in UTC.
    software
        Version of discmri.
    """

    kind: EntryKind
    reader: str
    mode: str
    item: str = ""
    disc: str = ""
    visible: tuple[str, ...] = ()
    input_sha256: str = ""
    content: Mapping[str, Any] = field(default_factory=dict)
    attachment: bytes | None = None
    entry_id: str = field(default_factory=lambda: secrets.token_hex(16))
    at: str = field(default_factory=now)
    software: str = discmri.__version__

    def row(self) -> dict[str, Any]:
        """Column values of the row, without place and hashes."""
        return {
            "entry_id": self.entry_id,
            "kind": self.kind.value,
            "at": self.at,
            "reader": self.reader,
            "mode": self.mode,
            "item": self.item,
            "disc": self.disc,
            "visible": ";".join(self.visible),
            "software": self.software,
            "input_sha256": self.input_sha256,
            "content": canonical(self.content),
            "attachment_sha256": "" if self.attachment is None else sha256(self.attachment),
        }


@dataclass(frozen=True)
class Entry:
    """A row as the store holds it.

    Parameters
    ----------
    seq
        Its place, from 1 without gaps.
    row
        Column values without place and hashes, as they stand in the store.
    previous
        Hash of the row before.
    sha256
        Its own hash, as stored.
    """

    seq: int
    row: Mapping[str, str]
    previous: str
    sha256: str

    @property
    def kind(self) -> EntryKind:
        """What it records."""
        return EntryKind(self.row["kind"])

    @property
    def entry_id(self) -> str:
        """Its random name."""
        return self.row["entry_id"]

    @cached_property
    def content(self) -> dict[str, Any]:
        """Its JSON-like facts; ``ValueError`` where they are none."""
        loaded = json.loads(self.row["content"])
        if not isinstance(loaded, dict):
            raise ValueError(f"the content of row {self.seq} is no object")
        return loaded


def pending_entry(draft: Draft) -> Entry:
    """A draft as an entry without a place yet, for those who look at both alike."""
    return Entry(0, draft.row(), "", "")


def last_of(entries: Iterable[Entry], kind: EntryKind) -> str:
    """Name of the last row of a kind that counts; empty where none does.

    Parameters
    ----------
    entries
        Rows of one reader on one disc, or on one case as a whole, in order.
    kind
        Which.
    """
    rows = list(entries)
    gone = {one.content["withdraws"] for one in rows if one.kind is EntryKind.WITHDRAWAL}
    left = (one for one in reversed(rows) if one.kind is kind and one.entry_id not in gone)
    found = next(left, None)
    return "" if found is None else found.entry_id


def row_hash(seq: int, previous: str, row: Mapping[str, str]) -> str:
    """Hash that seals a row: of its place, all its columns and the hash of the row before.

    A column that is empty does not enter, so that one added to the tables later leaves the
    hashes of earlier rows as they were.

    >>> one = row_hash(1, NO_PREDECESSOR, {"reader": "ann"})
    >>> one == row_hash(2, NO_PREDECESSOR, {"reader": "ann"}), len(one)
    (False, 64)
    >>> one == row_hash(1, NO_PREDECESSOR, {"reader": "ann", "added_later": ""})
    True
    """
    filled = {column: value for column, value in row.items() if value}
    return sha256(canonical({**filled, "seq": seq, "previous": previous}).encode())


def sha256(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def canonical(data: Mapping[str, Any]) -> str:
    """JSON text that is the same for the same data.

    >>> canonical({"b": 1, "a": "µ"})
    '{"a":"µ","b":1}'
    """
    return json.dumps(
        data, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    )
