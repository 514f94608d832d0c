"""The thin shell: keys and clicks to the annotator, its panel to the dock, its case to the canvas.

All that takes time runs in workers; what they bring is drawn when it comes.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QTimer
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QApplication, QDockWidget, QMainWindow

from discmri.errors import DiscmriError, UsageError
from discmri.levels import DiscLevel
from discmri.napari import opening
from discmri.napari.annotator import Annotator
from discmri.napari.brush import Brush
from discmri.napari.canvas import Canvas, Mark
from discmri.napari.discreet import make_discreet
from discmri.napari.dock import GradingDock
from discmri.napari.images import level_colour
from discmri.napari.loading import (
    Loaded,
    Measured,
    load_images,
    load_workup,
    measure_painted,
)
from discmri.napari.shelf import LoadedCase, Shelf
from discmri.napari.viewing import Viewing
from discmri.napari.work import Job, Task
from discmri.reading import open_session
from discmri.reading.results import read_record

if TYPE_CHECKING:
    from napari import Viewer

    from discmri.napari.loading import Say
    from discmri.pipeline import Remeasured
    from discmri.reading import CaseView, Session

_log = logging.getLogger(__name__)

_KEYS = {
    **{str(number): str(number) for number in range(9)},
    **{letter.upper(): letter for letter in "ncurpeh"},
    **{"Up": "up", "Down": "down", "Left": "left", "Right": "right"},
    **{"PgUp": "page up", "PgDown": "page down"},
    **{"Return": "enter", "Enter": "enter", "Esc": "escape"},
}
_WHILE_PAINTING = frozenset("12345678nc")
_SAVE_AGAIN_MS = 10_000
_LOOK = "look"
_IMAGES, _MEASURES, _EDITS = "images", "measures", "edits"
PLUGIN, DOCK = "discmri", "Grading"


class Shell:
    """A viewer in which studies are looked at or read.

    Parameters
    ----------
    viewer
        With a window.
    """

    def __init__(self, viewer: Viewer) -> None:
        self.viewer = viewer
        self.window: QMainWindow = viewer.window._qt_window
        self.dock = GradingDock()
        self.dock.shell = self
        self.desk: Annotator | Viewing = Viewing(self._begin)
        self.shelf = Shelf()
        self.canvas = Canvas(viewer, self._stroke)
        self.brush = Brush(self.canvas, self._work, self._brush_moved)
        self._own: Session | None = None
        self._tasks: dict[tuple[str, str], Task] = {}
        self._failed: set[tuple[str, str]] = set()
        self._drawn: tuple[Any, ...] = ()
        self._marked: tuple[Any, ...] = ()
        self._at: tuple[str, DiscLevel | None] = ("", None)
        self._marks_hidden = False
        self._wire()
        self.refresh()

    @classmethod
    def of(cls, viewer: Viewer) -> Shell:
        """The shell of a viewer; it is made, with its dock, on first use."""
        _, dock = viewer.window.add_plugin_dock_widget(PLUGIN, DOCK)
        found: Shell = dock.shell
        return found

    def _wire(self) -> None:
        for sequence, key in _KEYS.items():
            shortcut = QShortcut(QKeySequence(sequence), self.window)
            shortcut.activated.connect(partial(self.press, key))
        self.dock.pressed.connect(self.press)
        self.dock.picked.connect(self.pick)
        self.dock.answered.connect(self.answer)
        self._saver = QTimer(self.dock)
        self._saver.timeout.connect(self._save_again)
        self._saver.start(_SAVE_AGAIN_MS)
        QApplication.instance().aboutToQuit.connect(self.leave)

    # ------------------------------------------------------------------ what the reader does
    def press(self, key: str) -> None:
        """A key, or the button that stands for it."""
        if key == "enter" and self.desk.question is not None:
            self.answer(self.dock.line.text())
            return
        action = self._shell_keys().get(key)
        if action is not None:
            action()
        elif self.brush.busy and key not in _WHILE_PAINTING:
            self.desk.tell("Keep the edit or drop it first.", alarm=True)
        else:
            self.desk.press(key)
        self.refresh()

    def _shell_keys(self) -> dict[str, Callable[[], None]]:
        keys: dict[str, Callable[[], None]] = {
            "0": self.canvas.overview,
            "h": self._toggle_marks,
            "left": partial(self.canvas.scroll, -1),
            "right": partial(self.canvas.scroll, 1),
            "escape": self._escape,
            "layers": self._toggle_layers,
            "p": partial(self._paint, False),
            "e": partial(self._paint, True),
            "keep": self._keep,
        }
        desk = self.desk
        if isinstance(desk, Annotator):
            if not self.brush.busy and desk.question is None:
                keys["names down"] = partial(desk.shift, 1)
                keys["names up"] = partial(desk.shift, -1)
        else:
            keys["begin"] = desk.begin
        return keys

    def pick(self, key: DiscLevel) -> None:
        """A disc that was clicked in the list."""
        if self.brush.busy:
            self.desk.tell("Keep the edit or drop it first.", alarm=True)
        else:
            self.desk.select(key)
        self.refresh()

    def answer(self, text: str) -> None:
        """The answer to a question."""
        self.desk.answer(text)
        self.refresh()

    def _escape(self) -> None:
        if self.desk.question is not None:
            self.desk.cancel()
        elif self.brush.busy:
            self.brush.drop()
            self.desk.tell("The label is as it was.")

    def _toggle_marks(self) -> None:
        self._marks_hidden = not self._marks_hidden
        self.canvas.hide_marks(self._marks_hidden)

    def _toggle_layers(self) -> None:
        """Show or hide napari's own docks, which hold the contrast and the list of layers."""
        docks = [dock for dock in self.window.findChildren(QDockWidget) if _is_napari(dock)]
        shown = any(dock.isVisible() for dock in docks)
        for dock in docks:
            dock.setVisible(not shown)

    def _paint(self, erase: bool) -> None:
        case = self.shelf.get(self._item)
        desk = self.desk
        if not isinstance(desk, Annotator):
            desk.tell("Labels are edited in a session: begin one to grade.")
        elif case is None or case.measured is None:
            desk.tell("The case is still being measured; then its labels can be painted.")
        elif desk.question is None:
            self.brush.take(case, desk.key, erase)
            desk.tell("Paint with the left button; then keep the edit, or drop it with Escape.")

    def _keep(self) -> None:
        desk = self.desk
        if not isinstance(desk, Annotator) or not self.brush.busy or desk.question is not None:
            return
        if not self.brush.changed:
            self.brush.drop()
            desk.tell("Nothing was painted.")
            return
        self.brush.when_measured(partial(self._ask_why, desk))

    def _ask_why(self, desk: Annotator) -> None:
        case = self.brush.case
        if case is not None:
            desk.keep_edit(self.brush.values, case.file(), partial(self._kept, desk, case))
        self.refresh()

    def _kept(self, desk: Annotator, case: LoadedCase) -> None:
        case.edits = _edits(desk.case)
        self.brush.done()

    def _stroke(self) -> None:
        self.brush.stroke()

    def _brush_moved(self) -> None:
        if isinstance(self.desk, Annotator):
            self.desk.preview = self.brush.values if self.brush.busy else {}
        self.refresh()

    def _save_again(self) -> None:
        if isinstance(self.desk, Annotator) and self.desk.session.unsaved:
            self.desk.save()
            self.refresh()

    # ------------------------------------------------------------------ what is opened
    def read(self, session: Session) -> None:
        """Read a session in this viewer; whoever opened it closes it."""
        self._forget()
        self.desk = Annotator(session)
        if not session.mode.shows_identity:
            make_discreet(self.window)
        self.refresh()

    def look_at(self, path: Path, study_path: Path | None = None) -> None:
        """Look at a study folder or a results folder, or read a session file."""
        if not self._may_open():
            return
        kind = opening.kind_of(path)
        if kind is opening.Kind.SESSION:
            self._ask_reader(path)
        elif kind is opening.Kind.RESULTS:
            folder = path.parent if path.name == "study.json" else path
            self._look(lambda say: opening.look_at_results(folder, say, study_path), folder)
        else:
            self._look(lambda say: opening.look_at_study(path, say), path)

    def look_at_sample(self) -> None:
        """Look at a synthetic spine."""
        if self._may_open():
            self._look(opening.look_at_sample, Path())

    def _may_open(self) -> bool:
        if isinstance(self.desk, Annotator) and self._own is None:
            self.desk.tell(
                "A session is being read here; open other studies elsewhere.", alarm=True
            )
            self.refresh()
            return False
        return True

    def _look(self, job: Job, path: Path) -> None:
        self._forget()
        desk = self.desk = Viewing(self._begin)
        self._start((_LOOK, _IMAGES), job, self._looked, partial(self._not_found, desk, path))
        self.refresh()

    def _looked(self, look: opening.Look) -> None:
        desk = self.desk
        if not isinstance(desk, Viewing):
            return
        desk.show(look, ready=False)
        self.shelf.put(_LOOK, LoadedCase.of(look.loaded, look.discs))
        self._start((_LOOK, _MEASURES), partial(opening.complete, look), self._completed)

    def _completed(self, found: tuple[opening.Look, Measured]) -> None:
        desk = self.desk
        if not isinstance(desk, Viewing):
            return
        look, measured = found
        desk.show(look, ready=True)
        case = LoadedCase.of(look.loaded, look.discs)
        case.measured = measured
        self.shelf.put(_LOOK, case)

    def _not_found(self, desk: Viewing, folder: Path, error: Exception) -> None:
        """Ask where the images are; tell any other failure."""
        if not isinstance(error, opening.ImagesMissingError):
            self._tell_failure(error)
            return

        def said(place: str) -> None:
            self.look_at(folder, Path(place).expanduser())

        desk.ask(f"The images of {folder.name} were not found. Where are they?", said)

    def _ask_reader(self, path: Path) -> None:
        desk = self.desk if isinstance(self.desk, Viewing) else Viewing(self._begin)
        self.desk = desk
        desk.ask("Who reads?", partial(self._open_session, path))
        self.refresh()

    def _open_session(self, path: Path, reader: str) -> None:
        try:
            session = open_session(path, reader)
        except DiscmriError as error:
            self.desk.tell(str(error), alarm=True)
            return
        self.read(session)
        self._own = session

    def _begin(self, place: Path, reader: str) -> None:
        """Begin a session on the study that is looked at."""
        desk, case = self.desk, self.shelf.get(_LOOK)
        if not isinstance(desk, Viewing) or desk.look is None or case is None:
            return
        if case.measured is not None:
            job = partial(_begun, desk.look, case.measured, place, reader)
            self._start((_LOOK, "session"), job, self._read_own)

    def _read_own(self, session: Session) -> None:
        self.read(session)
        self._own = session

    def _forget(self) -> None:
        """Leave what is open."""
        self.leave()
        self.brush.drop()
        self.shelf = Shelf()
        self._failed, self._drawn, self._marked, self._at = set(), (), (), ("", None)

    def leave(self) -> None:
        """Stop all workers, and close a session that was opened here."""
        for task in self._tasks.values():
            task.quit()
        self._tasks = {}
        if self._own is not None:
            self._own.close()
            self._own = None

    # ------------------------------------------------------------------ loading
    @property
    def _item(self) -> str:
        return self.desk.item if isinstance(self.desk, Annotator) else _LOOK

    def _load(self) -> None:
        """Load what is needed next: the case at hand, then the one to come."""
        desk = self.desk
        if not isinstance(desk, Annotator):
            return
        wanted = [desk.item] if desk.upcoming is None else [desk.item, desk.upcoming]
        self.shelf.keep({*wanted, *desk.neighbours})
        for (item, stage), task in list(self._tasks.items()):
            if item not in wanted:
                task.quit()
                del self._tasks[item, stage]
        for item in wanted:
            if any(running == item for running, _ in self._tasks):
                return
            if self._load_next(desk, item):
                return

    def _load_next(self, desk: Annotator, item: str) -> bool:
        """Start the next step of loading a case; whether there was one."""
        case, session = self.shelf.get(item), desk.session
        if case is None and (item, _IMAGES) not in self._failed:
            numbers = {disc.key: disc.label_id for disc in session.case(item).discs}
            self._start(
                (item, _IMAGES),
                partial(_images, session, item, numbers),
                lambda loaded: self._put(desk, item, LoadedCase.of(loaded, numbers)),
            )
            return True
        if case is None:
            return False
        if case.measured is None and (item, _MEASURES) not in self._failed:

            def measured(found: Measured) -> None:
                case.measured = found

            self._start((item, _MEASURES), partial(_workup, case.loaded), measured)
            return True
        if case.measured is not None and case.to_measure and not self.brush.busy:
            where = {level: case.where(level) for level in case.to_measure}
            self._start((item, _EDITS), partial(_again, case, where), case.edited.update)
            return True
        return False

    def _put(self, desk: Annotator, item: str, case: LoadedCase) -> None:
        self.shelf.put(item, case)
        self._take_edits(desk, item, case)

    def _take_edits(self, desk: Annotator, item: str, case: LoadedCase) -> None:
        """Draw the labels as this reader left them, where they are drawn otherwise."""
        edits = _edits(desk.session.case(item))
        if edits != case.edits and not self.brush.busy:
            case.take_edits(desk.session.painted_labels(item), edits)
            self.canvas.refresh_discs()

    def _start(
        self,
        name: tuple[str, str],
        job: Job,
        done: Callable[[Any], None],
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        """Do a job in a worker, and draw what it brings."""

        def finished(result: Any) -> None:
            if self._tasks.get(name) is task:
                del self._tasks[name]
                done(result)
                self.refresh()

        def broken(error: Exception) -> None:
            if self._tasks.get(name) is task:
                del self._tasks[name]
                self._failed.add(name)
                (failed or self._tell_failure)(error)
                self.refresh()

        task = self._work(job, finished, broken, partial(self._busy, name[0]))
        self._tasks[name] = task

    def _work(
        self,
        job: Job,
        done: Callable[[Any], None],
        failed: Callable[[Exception], None],
        said: Callable[[str, float], None] | None = None,
    ) -> Task:
        task = Task(job, done, failed, said or (lambda _text, _share: None))
        task.start()
        return task

    def _busy(self, item: str, text: str, share: float) -> None:
        which = "" if item == self._item else "next case: "
        self.dock.show_busy(f"{which}{text}", share)

    def _tell_failure(self, error: Exception) -> None:
        """Say that something could not be loaded; in a blinded session nothing more."""
        desk = self.desk
        if isinstance(desk, Annotator) and not desk.session.mode.shows_identity:
            _log.debug("loading failed", exc_info=error)
            desk.tell(
                "A case cannot be shown as it was measured; ask whoever planned the session.",
                alarm=True,
            )
        elif isinstance(error, DiscmriError):
            desk.tell(str(error), alarm=True)
        else:
            _log.error("loading failed", exc_info=error)
            desk.tell(f"Something went wrong inside ({type(error).__name__}).", alarm=True)

    # ------------------------------------------------------------------ drawing
    def refresh(self) -> None:
        """Show everything as it stands now; only what changed is drawn anew."""
        self._load()
        desk, item = self.desk, self._item
        case = self.shelf.get(item)
        if isinstance(desk, Annotator) and case is not None:
            self._take_edits(desk, item, case)
        panel = desk.panel()
        self.dock.show_panel(panel)
        if not self._tasks:
            self.dock.show_busy("", 0.0)
        self.viewer.title = f"discmri – {panel.title}" if panel.title else "discmri"
        if case is None:
            if self._drawn:
                self.canvas.clear()
                self._drawn, self._marked, self._at = (), (), ("", None)
            return
        self._draw(case)
        self._mark(case, {row.key: row.name for row in panel.rows})
        self._go(case, desk.key)

    def _draw(self, case: LoadedCase) -> None:
        drawn = (case, len(case.pictures))
        if drawn != self._drawn:
            first = not self._drawn
            self.canvas.draw(case.loaded.images.view, case.pictures, case.shown)
            self._drawn, self._marked = drawn, ()
            if first:
                self.canvas.overview()

    def _mark(self, case: LoadedCase, names: dict[DiscLevel, str]) -> None:
        marks = []
        for key, name in names.items():
            mark = self.brush.mark(key) or case.mark(key)
            if mark is not None:
                colour = level_colour(DiscLevel(name))
                lines = self.desk.may_see(key)
                marks.append(Mark(mark, name, colour, case.numbers[key], lines))
        signature = tuple((one.name, one.lines, one.place.lines_mm.tobytes()) for one in marks)
        if signature != self._marked:
            self.canvas.mark(marks)
            self._marked = signature

    def _go(self, case: LoadedCase, key: DiscLevel | None) -> None:
        at = (self._item, key)
        mark = None if key is None else case.mark(key)
        if at != self._at and mark is not None:
            self._at = at
            self.canvas.focus(mark)


def _images(session: Session, item: str, numbers: dict[DiscLevel, int], say: Say) -> Loaded:
    say("reading the images", 0.0)
    study = session.images(item)
    say("reading the labels", 0.6)
    return load_images(study, session.labels_file(item), numbers)


def _workup(loaded: Loaded, say: Say) -> Measured:
    record: dict[str, Any] = {}
    if loaded.labels_file is not None:
        record, _ = read_record(loaded.labels_file.parent)
    return load_workup(loaded, record, say)


def _again(
    case: LoadedCase, where: Mapping[DiscLevel, NDArray[np.bool_]], say: Say
) -> dict[DiscLevel, Remeasured | None]:
    """Discs with an edited label, measured with it."""
    found: dict[DiscLevel, Remeasured | None] = {}
    for level, voxels in where.items():
        say("measuring edited discs", 0.5)
        if case.measured is not None:
            number = case.numbers[level]
            found[level] = measure_painted(
                case.measured.workup, case.loaded.images, level, voxels, number
            )
    return found


def _edits(case: CaseView) -> dict[DiscLevel, str]:
    """By disc, the row of its last edit that counts."""
    return {disc.key: disc.edit.entry_id for disc in case.discs if disc.edit is not None}


def _begun(look: opening.Look, measured: Measured, place: Path, reader: str, say: Say) -> Session:
    say("making the session", 0.0)
    return opening.begin_session(look, measured, place, reader)


def _is_napari(dock: QDockWidget) -> bool:
    return dock.objectName() in ("layer list", "layer controls")


def read_in_a_window(session: Session, reader: str) -> None:
    """Open a window, read the session in it, and return when it is closed.

    Raises
    ------
    UsageError
        Where there is no display.
    """
    import napari

    check_display()
    viewer = napari.Viewer(show=False)
    shell = Shell.of(viewer)
    shell.read(session)
    shell.press("layers")
    shell.window.showMaximized()
    napari.run()


def check_display() -> None:
    """Refuse with a sentence where a window cannot be opened; Qt would end the program."""
    remote = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if sys.platform.startswith("linux") and not remote and "QT_QPA_PLATFORM" not in os.environ:
        raise UsageError("reading needs a screen, and this terminal has none; log in on one")
