"""Entries of a session, chained by hashes."""

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
    """Kind of an entry."""

    PLAN = "plan"  # always the first entry, and only that
    READ = "read"  # a judgement on one disc
    REVEAL = "reveal"  # the measured values of a disc were shown
    WITHDRAWAL = "withdrawal"  # an earlier entry was undone
    LABEL_EDIT = "label_edit"  # a label was painted and measured again
    NUMBERING = "numbering"  # the reader named the lowest disc
    POSTPONED = "postponed"  # the reader postponed a disc
    CONFLICT = "conflict"  # a late entry of another kind, stored but not used


@dataclass(frozen=True)
class Draft:
    """An entry before it is stored."""

    kind: EntryKind
    reader: str  # name of the reader; for the plan, of the planner
    mode: str  # mode of the session: `open`, `locked` or `blinded`
    item: str = ""  # presentation of a case, such as `c012.1`; empty for the plan
    disc: str = ""  # automatic level of the disc, which never changes; empty for a whole case
    visible: tuple[str, ...] = ()  # what was visible to the reader, sorted
    input_sha256: str = ""  # hash of the pixels of the images
    content: Mapping[str, Any] = field(
        default_factory=dict
    )  # JSON-like facts of this kind of entry
    attachment: bytes | None = None  # file of the entry, such as an edited label map
    # random identifier, by which an entry that was sent twice is recognised
    entry_id: str = field(default_factory=lambda: secrets.token_hex(16))
    at: str = field(default_factory=now)  # time, ISO 8601 in UTC
    software: str = discmri.__version__  # version of discmri

    def row(self) -> dict[str, Any]:
        """Column values of the entry, without place and hashes."""
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
class SessionEntry:
    """An entry of a session as stored, chained by hashes."""

    seq: int  # position in the chain, from 1 without gaps
    row: Mapping[str, str]  # column values without position and hashes
    previous: str  # hash of the previous entry
    sha256: str  # hash of this entry

    @property
    def kind(self) -> EntryKind:
        """Kind of the entry."""
        return EntryKind(self.row["kind"])

    @property
    def entry_id(self) -> str:
        """Random identifier of the entry."""
        return self.row["entry_id"]

    @cached_property
    def content(self) -> dict[str, Any]:
        """JSON-like facts; raises ``ValueError`` if they cannot be parsed."""
        loaded = json.loads(self.row["content"])
        if not isinstance(loaded, dict):
            raise ValueError(f"the content of entry {self.seq} is no object")
        return loaded


def pending_entry(draft: Draft) -> SessionEntry:
    """A draft as an entry without position and hashes."""
    return SessionEntry(0, draft.row(), "", "")


def last_of(entries: Iterable[SessionEntry], kind: EntryKind) -> str:
    """Identifier of the last entry of a kind that was not withdrawn; empty if none.

    ``entries`` are those of one reader on one disc, or on a whole case, in order.
    """
    every = list(entries)
    gone = {one.content["withdraws"] for one in every if one.kind is EntryKind.WITHDRAWAL}
    left = (one for one in reversed(every) if one.kind is kind and one.entry_id not in gone)
    found = next(left, None)
    return "" if found is None else found.entry_id


def row_hash(seq: int, previous: str, row: Mapping[str, str]) -> str:
    """Hash of an entry: of its position, its columns and the hash of the previous entry.

    Empty columns are left out, so that columns added later do not change earlier hashes.

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
    """JSON text in canonical form.

    >>> canonical({"b": 1, "a": "µ"})
    '{"a":"µ","b":1}'
    """
    return json.dumps(
        data, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    )
