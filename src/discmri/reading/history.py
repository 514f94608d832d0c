"""The state that results from the entries of a reader."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from discmri.core.levels import DiscLevel, levels_upward
from discmri.reading.entry import EntryKind, SessionEntry
from discmri.reading.judgement import Judgement, from_content
from discmri.reading.plan import Case

Key = tuple[str, DiscLevel]
"""A disc in one presentation of its case: item and automatic level."""


@dataclass(frozen=True)
class Read:
    """One judgement of a reader.

    Parameters
    ----------
    entry_id
        Identifier of its entry.
    judgement
        Grade or not evaluable.
    at
        Time, UTC.
    comment
        Comment of the reader, may be empty.
    reason
        Reason for a change; empty for a first judgement.
    after_reveal
        Whether the measured values had been shown before.
    software
        Version of discmri.
    seq
        Position of its entry; 0 if not saved yet.
    viewing
        Display settings, and ``seconds`` of viewing the disc; empty if unknown.
    """

    entry_id: str
    judgement: Judgement
    at: str
    comment: str = ""
    reason: str = ""
    after_reveal: bool = False
    software: str = ""
    seq: int = field(default=0, compare=False)
    viewing: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class LabelEdit:
    """A painted label with the values before and after.

    Parameters
    ----------
    entry_id, at, reason
        Identifier and time of its entry; reason of the reader.
    automatic, edited
        Values by parameter name.
    attachment_sha256
        Hash of the edited label map; empty without one.
    """

    entry_id: str
    at: str
    reason: str
    automatic: Mapping[str, float]
    edited: Mapping[str, float]
    attachment_sha256: str = ""


@dataclass
class DiscHistory:
    """Entries of one disc, without withdrawn ones.

    Attributes
    ----------
    reads
        Oldest first; the last one is valid.
    revealed
        Whether its measured values were shown in a locked session.
    edits
        Oldest first; the last one is valid.
    postponed
        Whether the disc was postponed and not judged since.
    """

    reads: list[Read] = field(default_factory=list)
    revealed: bool = False
    edits: list[LabelEdit] = field(default_factory=list)
    postponed: bool = False

    @property
    def last(self) -> Read | None:
        """The valid read."""
        return self.reads[-1] if self.reads else None

    @property
    def before_reveal(self) -> Read | None:
        """The last read before the measured values were shown."""
        return next((read for read in reversed(self.reads) if not read.after_reveal), None)


@dataclass
class History:
    """State of one reader.

    Attributes
    ----------
    discs
        By item and automatic level; a disc without entries is absent.
    lowest
        By item, the level that the reader gave to the lowest disc.
    undoable
        Valid entries that may be withdrawn, oldest first.
    conflicts
        Late entries, which are not used, oldest first, until a later entry of the same kind lists
        them under ``resolves``.
    entry_ids
        Identifiers of all entries, including withdrawn ones.
    last_at
        Time of the last entry; empty without entries.
    """

    discs: dict[Key, DiscHistory] = field(default_factory=dict)
    lowest: dict[str, DiscLevel] = field(default_factory=dict)
    undoable: list[SessionEntry] = field(default_factory=list)
    conflicts: list[SessionEntry] = field(default_factory=list)
    entry_ids: set[str] = field(default_factory=set)
    last_at: str = ""

    def of(self, item: str, disc: DiscLevel) -> DiscHistory:
        """History of one disc; empty without entries."""
        return self.discs.get((item, disc), DiscHistory())

    def conflicting(self, kind: EntryKind, item: str, disc: DiscLevel | None) -> list[SessionEntry]:
        """Conflicts of one kind on one disc, or on a case as a whole."""
        key = (kind.value, item, "" if disc is None else disc.value)
        return [
            one
            for one in self.conflicts
            if (one.content["of"], one.row["item"], one.row["disc"]) == key
        ]

    def add(self, entry: SessionEntry) -> None:
        """Add an entry, which must not be a withdrawal."""
        row = entry.row
        self.entry_ids.add(entry.entry_id)
        self.last_at = row["at"]
        if entry.kind is EntryKind.CONFLICT:
            self.conflicts.append(entry)
            return
        if entry.kind in UNDOABLE:
            self.undoable.append(entry)
            seen = entry.content.get("resolves", ())
            self.conflicts = [one for one in self.conflicts if one.entry_id not in seen]
        if entry.kind is EntryKind.NUMBERING:
            self.lowest[row["item"]] = DiscLevel(entry.content["lowest"])
        elif row["disc"]:
            key = (row["item"], DiscLevel(row["disc"]))
            _apply(self.discs.setdefault(key, DiscHistory()), entry)


UNDOABLE = (EntryKind.READ, EntryKind.LABEL_EDIT, EntryKind.NUMBERING)


def history(entries: Iterable[SessionEntry]) -> History:
    """State that results from the entries of one reader in order, without withdrawn ones."""
    every = list(entries)
    withdrawals = [entry for entry in every if entry.kind is EntryKind.WITHDRAWAL]
    gone = {entry.content["withdraws"] for entry in withdrawals}
    found = History()
    for entry in every:
        if entry.kind is not EntryKind.WITHDRAWAL and entry.entry_id not in gone:
            found.add(entry)
    found.entry_ids |= {entry.entry_id for entry in every}
    found.last_at = every[-1].row["at"] if every else ""
    return found


def _apply(disc: DiscHistory, entry: SessionEntry) -> None:
    row, content = entry.row, entry.content
    if entry.kind is EntryKind.REVEAL:
        disc.revealed = True
    elif entry.kind is EntryKind.POSTPONED:
        disc.postponed = True
    elif entry.kind is EntryKind.LABEL_EDIT:
        disc.edits.append(
            LabelEdit(
                entry_id=entry.entry_id,
                at=row["at"],
                reason=content["reason"],
                automatic=dict(content["automatic"]),
                edited=dict(content["edited"]),
                attachment_sha256=row["attachment_sha256"],
            )
        )
    elif entry.kind is EntryKind.READ:
        disc.postponed = False
        disc.reads.append(
            Read(
                entry_id=entry.entry_id,
                judgement=from_content(content),
                at=row["at"],
                comment=content["comment"],
                reason=content["reason"],
                after_reveal=content["after_reveal"],
                software=row["software"],
                seq=entry.seq,
                viewing=content.get("viewing", {}),
            )
        )


def names(case: Case, lowest: DiscLevel | None) -> dict[DiscLevel, DiscLevel]:
    """Levels of the discs of a case, including residual ones, by automatic level.

    ``lowest`` is the level of the lowest disc according to the reader; ``None`` keeps the automatic
    levels.  Raises ``ValueError`` if there are not enough levels above it.
    """
    automatic = [disc.level for disc in case.all_discs]
    if lowest is None or not automatic:
        return {level: level for level in automatic}
    six = DiscLevel.L5_L6 in automatic or DiscLevel.L6_S1 in automatic
    before, after = levels_upward(automatic[-1], six), levels_upward(lowest, six)
    places = [before.index(level) for level in automatic]
    if max(places) >= len(after):
        raise ValueError(f"there is no level left for the highest disc above {lowest.value}")
    return {level: after[place] for level, place in zip(automatic, places, strict=True)}


def counted(case: Case, lowest: DiscLevel | None) -> dict[DiscLevel, DiscLevel]:
    """Levels of the lumbar discs of a case, by automatic level.

    A disc that the reader names S1-S2 is excluded; its reads and values are kept and are used again
    if it gets another level.
    """
    return {disc: name for disc, name in names(case, lowest).items() if name.is_measured}


def shifted(lowest: DiscLevel, by: int) -> DiscLevel:
    """Level of the lowest disc after all levels are shifted along the spine.

    L5-S1 is followed by S1-S2, a residual disc that is not measured, and then by L6-S1, for six
    lumbar bodies.

    Parameters
    ----------
    lowest
        Present level of the lowest disc.
    by
        Number of levels; positive is down.

    Returns
    -------
    DiscLevel
        New level of the lowest disc.

    Raises
    ------
    ValueError
        If there is no such level.

    Examples
    --------
    >>> shifted(DiscLevel.L4_L5, 1).value, shifted(DiscLevel.L5_S1, 1).value
    ('L5-S1', 'S1-S2')
    >>> shifted(DiscLevel.S1_S2, 1).value, shifted(DiscLevel.S1_S2, -1).value
    ('L6-S1', 'L5-S1')
    >>> shifted(DiscLevel.L6_S1, -1).value, shifted(DiscLevel.L5_L6, -1).value
    ('S1-S2', 'L4-L5')
    """
    if lowest is DiscLevel.L5_L6:  # between L4-L5 and L6-S1
        return shifted(DiscLevel.L6_S1 if by > 0 else DiscLevel.L4_L5, by - 1 if by > 0 else by + 1)
    chain = [*reversed(levels_upward(DiscLevel.S1_S2)), DiscLevel.L6_S1]
    place = chain.index(lowest) + by
    if not 0 <= place < len(chain):
        raise ValueError(
            f"there is no level {abs(by)} {'below' if by > 0 else 'above'} {lowest.value}"
        )
    return chain[place]
