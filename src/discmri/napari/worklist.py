"""What is left to do in a session, and its discs as lines of lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from discmri.core.levels import DiscLevel
from discmri.napari.panel import DiscRow
from discmri.reading import CaseView, DiscState, DiscView
from discmri.results.pictures.canvas import LEVEL_COLOURS

_STATES = {DiscState.OPEN: "", DiscState.GRADED: "not revealed", DiscState.DONE: "done"}


def first_open(case: CaseView) -> DiscLevel:
    """The first disc with something left to do, postponed ones last; else the first."""
    return (case.left or case.discs)[0].key


@dataclass(frozen=True)
class WorkRow:
    """One disc of the worklist."""

    item: str  # item and key identify the disc; they are not shown
    key: DiscLevel
    text: str  # what the list says of it


WORK_FILTERS: Mapping[str, Callable[[DiscView], bool]] = {
    "not read": lambda disc: disc.read is None or bool(disc.conflicts),
    "postponed": lambda disc: disc.postponed,
    "commented": lambda disc: disc.read is not None and bool(disc.read.comment),
    "all discs": lambda _disc: True,
}
"""What the worklist can show."""


def work_rows(cases: Iterable[CaseView], wanted: str) -> tuple[WorkRow, ...]:
    """The discs that one of :data:`WORK_FILTERS` lets through, in the order of reading."""
    chosen = WORK_FILTERS[wanted]
    return tuple(
        WorkRow(case.item, disc.key, _work_text(case, disc))
        for case in cases
        for disc in case.discs
        if chosen(disc)
    )


def _work_text(case: CaseView, disc: DiscView) -> str:
    read = disc.read
    grade = "not read" if read is None else str(read.judgement)
    later = "postponed" if disc.postponed else ""
    comment = "" if read is None else read.comment
    return " · ".join(filter(None, (f"{case.number}", disc.level.value, grade, later, comment)))


def discs_done(case: CaseView) -> int:
    """How many discs of a case are done."""
    return sum(disc.state is DiscState.DONE for disc in case.discs)


def disc_row(disc: DiscView) -> DiscRow:
    """A disc as a line of the list."""
    grade = "" if disc.read is None else str(disc.read.judgement)
    states = [_STATES[disc.state], "" if disc.edit is None else "edited"]
    states += ["postponed"] if disc.postponed else []
    states += [f"elsewhere: {one}" for one in disc.conflicts]
    before = disc.before_reveal
    if before is not None and disc.read is not None and before.judgement != disc.read.judgement:
        states.append(f"before: {before.judgement}")
    return DiscRow(
        key=disc.key,
        name=disc.level.value,
        colour=LEVEL_COLOURS[disc.level],
        grade=grade,
        state=", ".join(filter(None, states)),
        note="" if disc.read is None else disc.read.comment,
    )
