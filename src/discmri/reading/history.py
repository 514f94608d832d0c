"""What a reader's rows add up to: which judgement counts now, and what came before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from discmri.core.levels import DiscLevel, levels_upward
from discmri.reading.entry import Entry, EntryKind
from discmri.reading.judgement import Judgement, from_content
from discmri.reading.plan import Case

Key = tuple[str, DiscLevel]
"""A disc in one showing of its case: item and automatic level."""


@dataclass(frozen=True)
class Read:
    """One judgement that counts or counted.

    Parameters
    ----------
    entry_id
        Of its row.
    judgement
        What was said.
    at
        When, UTC.
    comment
        In the reader's words, may be empty.
    reason
        Why an earlier judgement was changed; empty for a first one.
    after_reveal
        Whether the metrics had been shown before.
    software
        Version of discmri it was made with.
    seq
        Place of its row; 0 while it waits to be saved.
    viewing
        How the images were shown, and ``seconds`` for which the disc had been looked at; empty
        where no viewer told.
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
    """A painted label and what was measured before and after.

    Parameters
    ----------
    entry_id, at, reason
        Of its row.
    automatic, edited
        Values by parameter name.
    attachment_sha256
        Of the edited label map; empty where none was given.
    """

    entry_id: str
    at: str
    reason: str
    automatic: Mapping[str, float]
    edited: Mapping[str, float]
    attachment_sha256: str = ""


@dataclass
class DiscHistory:
    """All that counts of one disc; withdrawn rows are gone from it.

    Attributes
    ----------
    reads
        Oldest first; the last one counts.
    revealed
        Whether its metrics were shown in a locked session.
    edits
        Oldest first; the last one counts.
    postponed
        Whether the reader wants to come back to it, and has not judged it since.
    """

    reads: list[Read] = field(default_factory=list)
    revealed: bool = False
    edits: list[LabelEdit] = field(default_factory=list)
    postponed: bool = False

    @property
    def last(self) -> Read | None:
        """The read that counts."""
        return self.reads[-1] if self.reads else None

    @property
    def before_reveal(self) -> Read | None:
        """The last read before the metrics were shown."""
        return next((read for read in reversed(self.reads) if not read.after_reveal), None)


@dataclass
class History:
    """All that counts of one reader.

    Attributes
    ----------
    discs
        By item and automatic level; a disc without rows is absent.
    lowest
        By item, the reader's name for the lowest disc.
    undoable
        Rows that count and may be withdrawn, oldest first.
    conflicts
        Rows that came late and do not count, oldest first, until the reader has looked at them:
        a later row of the same kind names them under ``resolves``.
    entry_ids
        Of all rows, withdrawn ones included.
    last_at
        When the last row was made; empty before.
    """

    discs: dict[Key, DiscHistory] = field(default_factory=dict)
    lowest: dict[str, DiscLevel] = field(default_factory=dict)
    undoable: list[Entry] = field(default_factory=list)
    conflicts: list[Entry] = field(default_factory=list)
    entry_ids: set[str] = field(default_factory=set)
    last_at: str = ""

    def of(self, item: str, disc: DiscLevel) -> DiscHistory:
        """History of one disc; an empty one where nothing happened."""
        return self.discs.get((item, disc), DiscHistory())

    def conflicting(self, kind: EntryKind, item: str, disc: DiscLevel | None) -> list[Entry]:
        """Conflicts of one kind on one disc, or on a case as a whole."""
        key = (kind.value, item, "" if disc is None else disc.value)
        return [
            one
            for one in self.conflicts
            if (one.content["of"], one.row["item"], one.row["disc"]) == key
        ]

    def add(self, entry: Entry) -> None:
        """Take in one more row, which must not be a withdrawal."""
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


def history(entries: Iterable[Entry]) -> History:
    """Add up the rows of one reader; what was withdrawn does not count.

    Parameters
    ----------
    entries
        In order; those that wait to be saved at the end.
    """
    rows = list(entries)
    withdrawals = [entry for entry in rows if entry.kind is EntryKind.WITHDRAWAL]
    gone = {entry.content["withdraws"] for entry in withdrawals}
    found = History()
    for entry in rows:
        if entry.kind is not EntryKind.WITHDRAWAL and entry.entry_id not in gone:
            found.add(entry)
    found.entry_ids |= {entry.entry_id for entry in rows}
    found.last_at = rows[-1].row["at"] if rows else ""
    return found


def _apply(disc: DiscHistory, entry: Entry) -> None:
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
    """What the discs of a case are called, by automatic level; residual ones included.

    Parameters
    ----------
    case
        The case.
    lowest
        The reader's name for its lowest disc, a residual one included; ``None`` leaves the
        automatic names.

    Raises
    ------
    ValueError
        Where the chain of names does not reach up to the highest disc.
    """
    automatic = [disc.level for disc in case.all_discs]
    if lowest is None or not automatic:
        return {level: level for level in automatic}
    six = DiscLevel.L5_L6 in automatic or DiscLevel.L6_S1 in automatic
    before, after = levels_upward(automatic[-1], six), levels_upward(lowest, six)
    places = [before.index(level) for level in automatic]
    if max(places) >= len(after):
        raise ValueError(f"no name is left for the highest disc below {lowest.value}")
    return {level: after[place] for level, place in zip(automatic, places, strict=True)}


def counted(case: Case, lowest: DiscLevel | None) -> dict[DiscLevel, DiscLevel]:
    """Names of the discs of a case that count, by automatic level.

    A disc that the reader calls S1-S2 does not: what was read and measured on it is kept and
    counts again as soon as it has another name.
    """
    return {disc: name for disc, name in names(case, lowest).items() if name.is_measured}


def shifted(lowest: DiscLevel, by: int) -> DiscLevel:
    """What the lowest disc is called when all names move up (negative) or down the spine.

    Below L5-S1 comes S1-S2, a residual disc that is not measured, and then L6-S1, with the names
    of six lumbar bodies above it.

    Parameters
    ----------
    lowest
        Level of the lowest disc now.
    by
        Levels to move; positive moves down.

    Returns
    -------
    DiscLevel
        Of the lowest disc then.

    Raises
    ------
    ValueError
        Where no name is left.

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
            f"no name is left {abs(by)} {'below' if by > 0 else 'above'} {lowest.value}"
        )
    return chain[place]
