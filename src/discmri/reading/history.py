"""What a reader's rows add up to: which judgement counts now, and what came before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from discmri.levels import DiscLevel, levels_upward
from discmri.reading.entry import Entry, Kind
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
    """

    entry_id: str
    judgement: Judgement
    at: str
    comment: str = ""
    reason: str = ""
    after_reveal: bool = False
    software: str = ""


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
    """

    reads: list[Read] = field(default_factory=list)
    revealed: bool = False
    edits: list[LabelEdit] = field(default_factory=list)

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
        By item, the reader's word on the lowest disc.
    undoable
        Rows that count and may be withdrawn, oldest first.
    entry_ids
        Of all rows, withdrawn ones included.
    first_at, last_at
        When the first and the last row were made; empty before.
    """

    discs: dict[Key, DiscHistory] = field(default_factory=dict)
    lowest: dict[str, DiscLevel] = field(default_factory=dict)
    undoable: list[Entry] = field(default_factory=list)
    entry_ids: set[str] = field(default_factory=set)
    first_at: str = ""
    last_at: str = ""

    def of(self, item: str, disc: DiscLevel) -> DiscHistory:
        """History of one disc; an empty one where nothing happened."""
        return self.discs.get((item, disc), DiscHistory())


_UNDOABLE = (Kind.READ, Kind.LABEL_EDIT, Kind.NUMBERING)


def history(entries: Iterable[Entry]) -> History:
    """Add up the rows of one reader.

    Parameters
    ----------
    entries
        In order; those that wait to be saved at the end.
    """
    rows = [(entry, entry.kind, entry.content) for entry in entries]
    withdrawn = {content["withdraws"] for _, kind, content in rows if kind is Kind.WITHDRAWAL}
    found = History()
    for entry, kind, content in rows:
        found.entry_ids.add(entry.entry_id)
        found.first_at = found.first_at or entry.row["at"]
        found.last_at = entry.row["at"]
        if kind in (Kind.PLAN, Kind.WITHDRAWAL) or entry.entry_id in withdrawn:
            continue
        if kind in _UNDOABLE:
            found.undoable.append(entry)
        _take(found, entry, content)
    return found


def _take(found: History, entry: Entry, content: dict[str, Any]) -> None:
    row = entry.row
    if entry.kind is Kind.NUMBERING:
        found.lowest[row["item"]] = DiscLevel(content["lowest"])
        return
    disc = found.discs.setdefault((row["item"], DiscLevel(row["disc"])), DiscHistory())
    if entry.kind is Kind.REVEAL:
        disc.revealed = True
    elif entry.kind is Kind.LABEL_EDIT:
        disc.edits.append(
            LabelEdit(
                entry.entry_id,
                row["at"],
                content["reason"],
                content["automatic"],
                content["edited"],
                row["attachment_sha256"],
            )
        )
    else:
        disc.reads.append(
            Read(
                entry.entry_id,
                from_content(content),
                row["at"],
                content["comment"],
                content["reason"],
                content["after_reveal"],
                row["software"],
            )
        )


def names(case: Case, lowest: DiscLevel | None) -> dict[DiscLevel, DiscLevel]:
    """What the discs of a case are called, by automatic level.

    Parameters
    ----------
    case
        The case.
    lowest
        The reader's word on its lowest disc; ``None`` leaves the automatic names.

    Raises
    ------
    ValueError
        Where the chain of names does not reach up to the highest disc.
    """
    automatic = [disc.level for disc in case.discs]
    if lowest is None or not automatic:
        return {level: level for level in automatic}
    before, after = levels_upward(automatic[-1]), levels_upward(lowest)
    places = [before.index(level) for level in automatic]
    if max(places) >= len(after):
        raise ValueError(f"no name is left for the highest disc below {lowest.value}")
    return {level: after[place] for level, place in zip(automatic, places, strict=True)}


def shifted(lowest: DiscLevel, by: int) -> DiscLevel:
    """What the lowest disc is called when all names move up (negative) or down the spine.

    Below L5-S1 comes L6-S1, with the names of six lumbar bodies above it.

    Raises
    ------
    ValueError
        Where no name is left.

    Examples
    --------
    >>> shifted(DiscLevel.L4_L5, 1).value, shifted(DiscLevel.L5_S1, 1).value
    ('L5-S1', 'L6-S1')
    >>> shifted(DiscLevel.L6_S1, -1).value, shifted(DiscLevel.L5_L6, -1).value
    ('L5-S1', 'L4-L5')
    """
    if lowest is DiscLevel.L5_L6:  # between L4-L5 and L6-S1
        return shifted(DiscLevel.L6_S1 if by > 0 else DiscLevel.L4_L5, by - 1 if by > 0 else by + 1)
    chain = [*reversed(levels_upward(DiscLevel.L5_S1)), DiscLevel.L6_S1]
    place = chain.index(lowest) + by
    if not 0 <= place < len(chain):
        raise ValueError(
            f"no name is left {abs(by)} {'below' if by > 0 else 'above'} {lowest.value}"
        )
    return chain[place]
