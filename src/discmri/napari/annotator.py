"""The annotator: current disc of a session, and the action of each key.

It is independent of napari and Qt.  The rules of reading are in the session; the annotator has the
position of the reader, the open question and the content of the dock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

from discmri.core.errors import DiscmriError, NotSavedYetError
from discmri.core.levels import DiscLevel
from discmri.napari import panel_text
from discmri.napari.navigator import Navigator
from discmri.napari.panel import Panel, Question, has_word
from discmri.napari.worklist import disc_row
from discmri.reading import (
    DiscMetrics,
    DiscState,
    EntryKind,
    Grade,
    Judgement,
    NotEvaluable,
    Session,
    Undone,
    shifted,
)

SECOND_ENTRY = "second entry"
"""Recorded reason of a grade to which the collapse part was added after a ``/``."""
REPLACED = "replaced before going on"
"""Recorded reason of a grade that replaced another before the reader left the disc."""
_RECORDING = frozenset((*"12345678/ncurl", "names up", "names down"))

_KINDS = {
    EntryKind.READ: "grade",
    EntryKind.LABEL_EDIT: "edited label",
    EntryKind.NUMBERING: "numbering",
}


@dataclass(frozen=True)
class _NewGrade:
    """A grade that was entered since the reader came to the disc: further keys may change it.

    ``reason`` is the one to record with that, empty for the first grade of the disc; ``None``
    where it has to be asked for, because the grade stood there before.
    """

    reason: str | None


class Annotator(Navigator):
    """One reader at work.

    ``entered`` is called with a short text about the entry that was recorded or undone; ``viewing``
    returns the display settings, for the record.
    """

    def __init__(
        self,
        session: Session,
        entered: Callable[[str], None] = lambda _: None,
        viewing: Callable[[], Mapping[str, Any]] = dict,
    ) -> None:
        super().__init__(session)
        self._entered, self._viewing = entered, viewing
        self.start_timer()
        self.question: Question | None = None
        self.preview: Mapping[str, float] = {}
        self._entry: _NewGrade | None = None
        self._double = False
        self._keys: Mapping[str, Callable[[], None]] = {
            "/": self.begin_double,
            "n": self.not_evaluable,
            "c": self.comment,
            "u": self.undo,
            "r": self.reveal,
            "up": lambda: self.step(-1),
            "down": lambda: self.step(1),
            "page up": lambda: self.turn(-1),
            "page down": lambda: self.turn(1),
            "enter": self.resume,
            "l": self.postpone,
            "names up": lambda: self.shift(-1),
            "names down": lambda: self.shift(1),
        } | {str(number): self._grading(number) for number in range(1, 9)}

    def arrive(self) -> None:
        """Drop an open question after a change of the current disc."""
        self._entry = self.question = None
        self._double = False

    # ------------------------------------------------------------------ keys
    def metrics(self, key: DiscLevel) -> DiscMetrics | None:
        """Measured values of a disc of the case; ``None`` if hidden."""
        return self.session.metrics(self.item, key)

    def may_see(self, key: DiscLevel) -> bool:
        """Whether anything measured on a disc may be shown now."""
        try:
            return self.metrics(key) is not None
        except DiscmriError:
            return False

    def press(self, key: str) -> None:
        """Run the action of a key; nothing happens during a question."""
        action = self._keys.get(key)
        if action is None or self.question is not None:
            return
        self.notify("")
        double, self._double = self._double, False
        if double and key.isdigit():
            self._add_collapse(int(key))
        else:
            action()

    def records(self, key: str) -> bool:
        """Whether a key records something, or opens a question."""
        reveals = key == "enter" and self.disc.state is DiscState.GRADED
        return key in _RECORDING or reveals

    def resume(self) -> None:
        """Reveal the disc if it is locked, otherwise go to the next disc that is not done."""
        if self.disc.state is DiscState.GRADED:
            self.reveal()
            return
        self._go_on()

    def postpone(self) -> None:
        """Postpone the disc and go to the next."""
        name, item = self.disc.level.value, self.item
        if self._attempt(
            lambda: self.session.postpone(item, self.key), f"{name} is postponed to the end."
        ):
            notice = self._notice
            self._go_on()
            self.notify(notice)

    # ------------------------------------------------------------------ entries
    def _grading(self, number: int) -> Callable[[], None]:
        return lambda: self.grade(number)

    def grade(self, number: int) -> None:
        """Enter a grade, which replaces an earlier one."""
        disc = self.disc
        earlier = None if disc.read is None else disc.read.judgement
        judgement = Grade.parse(str(number))
        if disc.conflicts:
            self._settle(judgement)
        elif earlier is None:
            if self._record(judgement, ""):
                self._entry = _NewGrade("")
        elif earlier == judgement:
            self.notify(f"{disc.level.value} is {earlier} already.")
            self._entry = self._entry or _NewGrade(None)
        else:
            self._change(judgement, earlier, REPLACED)

    def begin_double(self) -> None:
        """Wait for the collapse part of a double grade after its signal part."""
        read = self.disc.read
        if read is None or not isinstance(read.judgement, Grade):
            self.notify("Enter the signal grade first: 4, then /, then 7 makes 4/7.", alarm=True)
            return
        self._double = True
        self.notify(f"{self.disc.level.value}: {read.judgement.signal}/… Now 6, 7 or 8.")
        self._entered(f"{self.disc.level.value}  {read.judgement.signal}/…")

    def _add_collapse(self, number: int) -> None:
        """The digit behind a ``/``."""
        disc = self.disc
        earlier = None if disc.read is None else disc.read.judgement
        if not isinstance(earlier, Grade):
            return
        if number < 6:
            self.notify(
                f"{number} is not a collapse grade; enter 6, 7 or 8 after /. {disc.level.value} is "
                f"still {earlier}.",
                alarm=True,
            )
            return
        judgement = Grade(earlier.signal, number)
        if judgement == earlier:
            self.notify(f"{disc.level.value} is {earlier} already.")
        else:
            self._change(judgement, earlier, SECOND_ENTRY)

    def _change(self, judgement: Grade, earlier: Judgement, usual: str) -> None:
        """Record another grade than before, with a reason or after asking for it.

        ``usual`` is the reason where the first grade was entered since the reader came to the disc.
        """
        name, entry = self.disc.level.value, self._entry

        def changed(reason: str) -> None:
            if self._record(judgement, reason, f" (was {earlier})"):
                self._entry = _NewGrade(reason)

        if entry is None or entry.reason is None:
            self._ask(f"{name} was {earlier}. Reason for {judgement}:", changed)
            return
        first = entry.reason in ("", SECOND_ENTRY, REPLACED)
        changed(usual if first else entry.reason)
        told = self.session.truth(self.item, self.key) is not None
        if usual == REPLACED and not (self._alarm or told):
            hint = " A double grade is 4, then /, then 7." if judgement.collapse else ""
            self.notify(f"{name}: {judgement} replaces {earlier}.{hint}", alarm=True)

    def _settle(self, judgement: Grade) -> None:
        """Decide between judgements of this reader from two machines; the reason is asked for."""
        name, others = self.disc.level.value, ", ".join(map(str, self.disc.conflicts))

        def said(reason: str) -> None:
            self._record(judgement, reason)

        self._ask(
            f"You also judged {name} on another machine ({others}). Reason for {judgement}:",
            said,
        )

    def not_evaluable(self) -> None:
        """Record that the disc is not evaluable, after a question for the reason."""
        name = self.disc.level.value

        def said(reason: str) -> None:
            self._record(NotEvaluable(reason), reason if self.disc.read is not None else "")

        self._ask(f"{name} is not evaluable. Reason:", said)

    def comment(self) -> None:
        """Add a comment to the judgement of the disc."""
        read = self.disc.read
        if read is None:
            self.notify("Grade the disc first; the comment is stored with its grade.")
            return
        key, judgement = self.key, read.judgement

        def said(comment: str) -> None:
            self._attempt(
                lambda: self.session.record(self.item, key, judgement, comment=comment),
                f"Comment on {self.disc.level.value} saved.",
            )

        self._ask(f"Comment on {self.disc.level.value}:", said, read.comment)

    def reveal(self) -> None:
        """Show what was measured on a disc that was graded in a locked session."""
        name = self.disc.level.value
        self._attempt(
            lambda: self.session.reveal(self.item, self.key),
            f"What was measured on {name} is shown. A change of its grade now needs a reason.",
        )
        self._entry = None

    def undo(self) -> None:
        """Take back the last read, edit or numbering, and go where it was."""
        taken: list[Undone] = []
        self._entry = None
        self._attempt(lambda: taken.append(self.session.undo()), "Taken back.")
        for undone in taken:
            self.item = undone.item
            self.select(self.case.discs[0].key if undone.disc is None else undone.disc)
            self._count(undone.item)
            self._tell_undone(undone)

    def _tell_undone(self, undone: Undone) -> None:
        """Say what was taken back, and which grade stands now."""
        name, read = self.disc.level.value, self.disc.read
        if undone.taken is None or self.key is not undone.disc:
            where = f" of {name}" if self.key is undone.disc else ""
            self.notify(f"The {_KINDS[undone.kind]}{where} was taken back.")
            return
        if read is None:
            now, large = f"{name} has no grade now", "–"
        elif read.judgement == undone.taken:
            now, large = f"{name} stays {read.judgement}", str(read.judgement)
        else:
            now, large = f"{name} is {read.judgement} again", str(read.judgement)
        what = (
            "The comment" if read is not None and read.judgement == undone.taken else undone.taken
        )
        self.notify(f"{what} was taken back: {now}.")
        self._entered(f"{name}  {large}")

    def shift(self, by: int) -> None:
        """Ask why, then name all discs of the case one level down (1) or up (-1).

        A disc that is called S1-S2 then is shown and not read.
        """
        lowest = self.case.lowest
        try:
            name = shifted(lowest, by)
        except ValueError as error:
            self.notify(f"{error}.", alarm=True)
            return

        def said(reason: str) -> None:
            self._attempt(
                lambda: self.session.number(self.item, name, reason),
                f"The lowest disc is now {name.value}.",
            )

        self._ask(f"{lowest.value} becomes {name.value}, the others follow. Reason:", said)

    def keep_edit(
        self,
        edited: Mapping[str, float],
        labels: bytes,
        kept: Callable[[], None],
    ) -> None:
        """Ask for the reason of an edit, record values and label file, then call ``kept``."""
        item, key, name = self.item, self.key, self.disc.level.value

        def said(reason: str) -> None:
            if self._attempt(
                lambda: self.session.edit_label(item, key, edited, reason, labels),
                f"The edited label of {name} is stored besides the automatic one.",
            ):
                kept()

        self._ask(f"Reason for the change of the label of {name}:", said)

    # ------------------------------------------------------------------ questions
    def _ask(self, text: str, answered: Callable[[str], None], given: str = "") -> None:
        self._entry = None
        self.question = Question(text, answered, given)

    def answer(self, text: str) -> None:
        """The answer to the question; an empty answer is ignored."""
        question = self.question
        if question is None:
            return
        if not has_word(text):
            self.notify(
                "Enter a word of at least three letters, or cancel with Escape.",
                alarm=True,
            )
            return
        self.question = None
        self.notify("")
        question.answered(text)

    def cancel(self) -> None:
        """Cancel the question."""
        if self.question is not None:
            self.question = None
            self.notify("Nothing was changed.")

    def save(self) -> None:
        """Try again to save unsaved entries."""
        if self.session.unsaved:
            self._attempt(self.session.save, "All entries are saved.")

    def _record(self, judgement: Judgement, reason: str, note: str = "") -> bool:
        """Record a judgement of the current disc; return whether it is valid."""
        disc = self.disc
        comment = "" if disc.read is None else disc.read.comment
        name = disc.level.value
        counts = self._attempt(
            lambda: self.session.record(self.item, disc.key, judgement, comment, reason),
            f"{name}: {judgement}{note}.",
        )
        self._entry = None
        if counts:
            self._entered(f"{name}  {judgement}")
            truth = self.session.truth(self.item, disc.key)
            if truth is not None and judgement != truth:
                told = panel_text.told_truth(name, judgement, truth)
                self.notify(told, alarm=True)
            elif truth is not None:
                self.notify(f"{name}: {judgement} is correct.")
        return counts

    def start_timer(self) -> None:
        """Start the viewing time of the current disc."""
        self._began_s = monotonic()

    def _attempt(self, act: Callable[[], object], told: str) -> bool:
        """Run an action and show its result; return whether it was recorded."""
        counts = True
        seconds = round(monotonic() - self._began_s, 1)
        self.session.viewing = {**self._viewing(), "seconds": seconds}
        try:
            act()
            self.notify(told)
        except NotSavedYetError as error:
            self.notify(str(error), alarm=True)
        except DiscmriError as error:
            self.notify(str(error), alarm=True)
            counts = False
        self._count(self.item)
        return counts

    # ------------------------------------------------------------------ content of the dock
    def panel(self) -> Panel:
        """Everything the dock shows now."""
        case = self.case
        keys = [disc.key for disc in case.discs]
        shown = Panel(
            title=case.title,
            place=f"Case {case.number} of {len(self.items)}",
            done=sum(self._done.values()),
            total=sum(self._discs.values()),
            rule=panel_text.RULES[self.session.mode],
            notices=self.session.notices,
            rows=tuple(disc_row(disc) for disc in case.discs),
            residual={disc.key: disc.level.value for disc in case.residual},
            current=keys.index(self.key),
            opinions=tuple(map(str, self.session.opinions(self.item, self.key))),
            can_grade=True,
            can_reveal=self.disc.state is DiscState.GRADED,
            unsaved=self.session.unsaved,
            notice=self._notice,
            alarm=self._alarm,
            question=self.question,
        )
        try:
            metrics = self.metrics(self.key)
        except DiscmriError as error:
            return replace(shown, hidden=str(error))
        if metrics is None:
            return replace(shown, hidden=panel_text.why_hidden(self.session.mode, self.disc.state))
        return replace(
            shown,
            metrics=panel_text.metric_rows(metrics, self._edited()),
            reasons=panel_text.evidence(metrics),
            flags=panel_text.flags(metrics),
        )

    def _edited(self) -> Mapping[str, float] | None:
        """Values of the painted label; ``None`` without edit."""
        edit = self.disc.edit
        return self.preview or (None if edit is None else edit.edited)
