"""What a session tells a viewer: cases and discs as one reader may see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from discmri.core.errors import UsageError
from discmri.core.levels import DiscLevel
from discmri.reading.entry import Entry, EntryKind
from discmri.reading.history import LabelEdit, Read
from discmri.reading.judgement import Judgement, from_content


class DiscState(Enum):
    """How far a reader is with a disc."""

    OPEN = "open"
    """No judgement yet, or two that conflict."""
    GRADED = "graded"
    """Locked sessions only: judged, its metrics not yet shown."""
    DONE = "done"
    """Nothing more is needed."""


@dataclass(frozen=True)
class DiscView:
    """One disc as the reader sees it.

    Parameters
    ----------
    key
        Automatic level: what the methods of the session take.
    level
        What to call it, after the reader's own numbering.
    label_id
        Its number in ``labels.nii.gz``.
    state
        How far the reader is with it.
    read
        The judgement that counts; ``None`` before the first.
    before_reveal
        In a locked session, the judgement before the metrics were shown.
    edit
        The last edit of its label.
    conflicts
        Judgements of this reader from another machine that came late and do not count, until the
        disc is judged again with a reason.
    postponed
        Whether the reader wants to come back to it.
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
    """A case as the reader may see it.

    Parameters
    ----------
    item
        Its name for the methods of the session; not for the reader's eyes.
    title
        The only text about the case that may be shown.
    number
        Place in this reader's order, from 1.
    discs
        Those to be read, cranial to caudal.
    lowest
        What the lowest disc of the case is called, a residual one included.
    residual
        Discs that are called S1-S2 now: shown, and neither read nor counted.
    """

    item: str
    title: str
    number: int
    discs: tuple[DiscView, ...]
    lowest: DiscLevel
    residual: tuple[DiscView, ...] = ()

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return all(disc.state is DiscState.DONE for disc in self.discs)

    @property
    def left(self) -> tuple[DiscView, ...]:
        """Discs with something left to do, those that were postponed last."""
        left = [disc for disc in self.discs if disc.state is not DiscState.DONE]
        return tuple(sorted(left, key=lambda disc: disc.postponed))

    @property
    def postponed(self) -> bool:
        """Whether all that is left was postponed."""
        return all(disc.postponed for disc in self.left)

    def disc(self, key: DiscLevel) -> DiscView:
        """One of its discs.

        Raises
        ------
        UsageError
            Where the case has none of that level.
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
    """What one reader is to read, in order.

    Parameters
    ----------
    discs
        Per item, the automatic levels of its discs.
    opinions
        What others said before, for an adjudicator only.
    """

    discs: Mapping[str, frozenset[DiscLevel]]
    opinions: Mapping[tuple[str, DiscLevel], tuple[Judgement, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Undone:
    """What :meth:`Session.undo` took back.

    Parameters
    ----------
    kind
        A read, an edit of a label or a numbering.
    item, disc
        Where; ``disc`` is ``None`` for a numbering.
    taken
        The judgement that was taken back; ``None`` for an edit or a numbering.
    """

    kind: EntryKind
    item: str
    disc: DiscLevel | None
    taken: Judgement | None = None


def conflict_text(entry: Entry, where: str, counts: Read | None) -> str:
    """What is told of an entry that came late, for the reader who made it.

    Parameters
    ----------
    entry
        The conflict.
    where
        Title of its case.
    counts
        What counts of its disc instead.
    """
    disc, at = entry.row["disc"], f"{entry.row['at'][:16].replace('T', ' ')} UTC"
    if entry.content["of"] != EntryKind.READ.value:
        what = entry.content["of"].replace("_", " ")
        return f"{where}: the {what} of {at} came late and does not count; do it again"
    other = "was withdrawn" if counts is None else f"was graded {counts.judgement}"
    return (
        f"{where}: {disc} {other} at another machine; {from_content(entry.content)} of {at} is kept "
        "and does not count; grade it again and give a reason"
    )
