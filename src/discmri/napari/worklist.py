"""What is left to do in a case, and its discs as lines of the list."""

from __future__ import annotations

from discmri.core.levels import DiscLevel
from discmri.napari.images import level_colour
from discmri.napari.panel import DiscRow
from discmri.reading import CaseView, DiscState, DiscView

_STATES = {DiscState.OPEN: "", DiscState.GRADED: "not revealed", DiscState.DONE: "done"}


def first_open(case: CaseView) -> DiscLevel:
    """The first disc with something left to do, else the first."""
    left = (disc.key for disc in case.discs if disc.state is not DiscState.DONE)
    return next(left, case.discs[0].key)


def discs_done(case: CaseView) -> int:
    """How many discs of a case are done."""
    return sum(disc.state is DiscState.DONE for disc in case.discs)


def disc_row(disc: DiscView) -> DiscRow:
    """A disc as a line of the list."""
    grade = "" if disc.read is None else str(disc.read.judgement)
    states = [_STATES[disc.state], "" if disc.edit is None else "edited"]
    states += [f"elsewhere: {one}" for one in disc.conflicts]
    before = disc.before_reveal
    if before is not None and disc.read is not None and before.judgement != disc.read.judgement:
        states.append(f"before: {before.judgement}")
    return DiscRow(
        key=disc.key,
        name=disc.level.value,
        colour=level_colour(disc.level),
        grade=grade,
        state=", ".join(filter(None, states)),
        note="" if disc.read is None else disc.read.comment,
    )
