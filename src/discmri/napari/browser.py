"""Looking at a study without a session: measurements are shown, and nothing is recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from discmri.core.levels import DiscLevel
from discmri.napari import panel_text
from discmri.napari.opening import OpenedStudy, session_place
from discmri.napari.panel import DiscRow, Panel, Question
from discmri.reading import DiscMetrics
from discmri.results.pictures.canvas import LEVEL_COLOURS

Begin = Callable[[Path, str], None]
"""Opens a session: its file, and who reads."""


class StudyBrowser:
    """A study that is looked at; ``begin`` is called when the reader wants to grade."""

    def __init__(self, begin: Begin) -> None:
        self.look: OpenedStudy | None = None
        self.key: DiscLevel | None = None
        self.question: Question | None = None
        self._begin = begin
        self._ready = False
        self._notice, self._alarm = "", False

    def show(self, look: OpenedStudy, ready: bool) -> None:
        """Look at a study; ``ready`` once it is measured."""
        self.look, self._ready = look, ready
        if self.key not in look.discs:
            self.key = next(iter(look.discs), None)

    @property
    def keys(self) -> tuple[DiscLevel, ...]:
        """Levels of the discs, cranial to caudal."""
        return () if self.look is None else tuple(self.look.discs)

    def may_see(self, key: DiscLevel) -> bool:
        """Whether anything measured on a disc may be shown."""
        return self.look is not None and key in self.look.metrics

    def press(self, key: str) -> None:
        """What a key does: the arrows step; grading needs a session."""
        if self.question is not None:
            return
        self.notify("")
        if key in ("up", "down"):
            self._step(1 if key == "down" else -1)
        elif key == "begin":
            self.begin()
        elif key in set("12345678nc"):
            self.notify("Begin a session to grade.")

    def _step(self, by: int) -> None:
        if self.key is not None:
            place = self.keys.index(self.key) + by
            self.key = self.keys[min(max(place, 0), len(self.keys) - 1)]

    def select(self, key: DiscLevel) -> None:
        """Go to a disc."""
        self.key, self.question = key, None

    def begin(self) -> None:
        """Ask who reads and where the grades go, then begin a session."""
        look = self.look
        if look is None or not self._ready:
            self.notify("The study is still being measured; wait until it is finished.")
            return

        def named(reader: str) -> None:
            def placed(place: str) -> None:
                self._begin(Path(place), reader)

            self.question = Question("File of the session:", placed, str(session_place(look)))

        self.question = Question("Name of the reader:", named)

    def ask(self, text: str, answered: Callable[[str], None]) -> None:
        """Ask something on behalf of the shell."""
        self.question = Question(text, answered)

    def answer(self, text: str) -> None:
        """The answer to the question; without words the question stays."""
        question = self.question
        if question is not None and text.strip():
            self.question = None
            self.notify("")
            question.answered(text.strip())

    def cancel(self) -> None:
        """Leave the question."""
        self.question = None

    def notify(self, notice: str, alarm: bool = False) -> None:
        """Show a notice."""
        self._notice, self._alarm = notice, alarm

    def panel(self) -> Panel:
        """Everything the dock shows now."""
        look = self.look
        shown = Panel(notice=self._notice, alarm=self._alarm, question=self.question)
        if look is None:
            return replace(
                shown,
                rule="Drop a study or a results folder here, or open a session.",
            )
        shown = replace(shown, title=look.title, rule="Study without a session.")
        if self.key is None:
            return replace(shown, hidden="The study is being measured.")
        metrics = look.metrics.get(self.key, DiscMetrics({}))
        return replace(
            shown,
            rows=tuple(_row(level, look) for level in look.discs),
            residual={level: level.value for level in look.residual},
            current=self.keys.index(self.key),
            metrics=panel_text.metric_rows(metrics),
            reasons=panel_text.evidence(metrics),
            flags=panel_text.flags(metrics),
        )


def _row(level: DiscLevel, look: OpenedStudy) -> DiscRow:
    suggested = look.metrics.get(level, DiscMetrics({})).values.get("suggested_grade")
    grade = "" if suggested is None else str(suggested.value)
    return DiscRow(level, level.value, LEVEL_COLOURS[level], state=f"suggested {grade}".strip())
