"""Cases and discs as one reader may see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from discmri.core.errors import UsageError
from discmri.core.levels import DiscLevel
from discmri.reading.entry import EntryKind, SessionEntry
from discmri.reading.history import LabelEdit, Read
from discmri.reading.judgement import Judgement, from_content


class DiscState(Enum):
    """State of a disc for one reader."""

    OPEN = "open"
    """No judgement yet, or two that conflict."""
    GRADED = "graded"
    """Locked sessions only: judged, measured values not yet shown."""
    DONE = "done"
    """Completed."""


@dataclass(frozen=True)
class DiscView:
    """One disc for one reader.

    Parameters
    ----------
    key
        Automatic level, the argument of methods of the session.
    level
        Level to display, by the numbering of the reader.
    label_id
        Label id in ``labels.nii.gz``.
    state
        State of the disc.
    read
        The valid read; ``None`` before the first.
    before_reveal
        In a locked session, the read before the measured values were shown.
    edit
        The last edit of the label.
    conflicts
        Late judgements of this reader from another machine, not used; the disc must be judged
        again with a reason.
    postponed
        Whether the disc was postponed.
    """

    key: DiscLevel
    level: DiscLevel
    label_id: int
    state: DiscState
    read: Read | None
    before_reveal: Read | None
    edit: LabelEdit | None
    conflicts: tuple[Judgement, ...] = ()
    postponed: bool = False


@dataclass(frozen=True)
class CaseView:
    """A case for one reader.

    Parameters
    ----------
    item
        Argument of methods of the session; must not be displayed.
    title
        The only text about the case that may be displayed.
    number
        Position in the order of this reader, from 1.
    discs
        Discs to read, cranial to caudal.
    lowest
        Level of the lowest disc, including a residual one.
    residual
        Discs with the level S1-S2, which are shown but not read; one of them within the sacrum is not
        the lowest disc.
    """

    item: str
    title: str
    number: int
    discs: tuple[DiscView, ...]
    lowest: DiscLevel
    residual: tuple[DiscView, ...] = ()

    @property
    def done(self) -> bool:
        """Whether all discs are done."""
        return all(disc.state is DiscState.DONE for disc in self.discs)

    @property
    def left(self) -> tuple[DiscView, ...]:
        """Discs that are not done, postponed ones last."""
        left = [disc for disc in self.discs if disc.state is not DiscState.DONE]
        return tuple(sorted(left, key=lambda disc: disc.postponed))

    @property
    def postponed(self) -> bool:
        """Whether all discs that are left were postponed."""
        return all(disc.postponed for disc in self.left)

    def disc(self, key: DiscLevel) -> DiscView:
        """A disc by its automatic level.

        Raises
        ------
        UsageError
            If there is no such disc to read.
        """
        for disc in self.discs:
            if disc.key is key:
                return disc
        raise UsageError(
            f"{self.title} has no disc {key.value}; it has "
            f"{', '.join(disc.key.value for disc in self.discs)}"
        )


@dataclass(frozen=True)
class Agenda:
    """Cases and discs for one reader, in order."""

    discs: Mapping[str, frozenset[DiscLevel]]  # automatic levels of the discs, by item
    # judgements of the readers, for an adjudicator only
    opinions: Mapping[tuple[str, DiscLevel], tuple[Judgement, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Undone:
    """An entry withdrawn by :meth:`Session.undo`.

    Parameters
    ----------
    kind
        A read, an edit of a label or a numbering.
    item, disc
        Case and disc; ``disc`` is ``None`` for a numbering.
    taken
        The withdrawn judgement; ``None`` for an edit or a numbering.
    """

    kind: EntryKind
    item: str
    disc: DiscLevel | None
    taken: Judgement | None = None


def conflict_text(entry: SessionEntry, where: str, counts: Read | None) -> str:
    """Message about a late entry for its reader.

    ``where`` is the title of its case, ``counts`` the valid read of the disc.
    """
    disc, at = entry.row["disc"], f"{entry.row['at'][:16].replace('T', ' ')} UTC"
    if entry.content["of"] != EntryKind.READ.value:
        what = entry.content["of"].replace("_", " ")
        return f"{where}: the {what} of {at} was saved late and is not used; do it again"
    other = "was withdrawn" if counts is None else f"was graded {counts.judgement}"
    return (
        f"{where}: {disc} {other} on another machine; {from_content(entry.content)} of {at} is kept "
        "but not used; grade the disc again and give a reason"
    )
