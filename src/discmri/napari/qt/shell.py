"""The shell connects keys and clicks, annotator, dock and canvas.

Long jobs run in workers; their results are drawn when they arrive.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer
from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtWidgets import QApplication, QDockWidget, QMainWindow

from discmri.core.errors import DiscmriError
from discmri.core.levels import DiscLevel
from discmri.core.progress import ProgressCallback
from discmri.napari import opening
from discmri.napari.annotator import Annotator
from discmri.napari.browser import StudyBrowser
from discmri.napari.brush import Brush
from discmri.napari.canvas import ViewerCanvas
from discmri.napari.case import LoadedCase
from discmri.napari.display import Display
from discmri.napari.drawing import Drawing
from discmri.napari.images import Picture
from discmri.napari.key_help import KEY_HELP
from discmri.napari.loader import IMAGES, MEASURES, Job, Loader
from discmri.napari.qt.banner import Banner
from discmri.napari.qt.blinding import hide_slice_numbers, hide_welcome, restrict_window
from discmri.napari.qt.dock import GradingDock
from discmri.napari.qt.holding import DockHolder
from discmri.napari.qt.keys import Keys
from discmri.napari.qt.overlay_view import OverlayView
from discmri.napari.qt.worker import start
from discmri.reading import open_session
from discmri.results.document import RECORD

if TYPE_CHECKING:
    from napari import Viewer

    from discmri.reading import CaseView, Session

_log = logging.getLogger(__name__)

_WHILE_PAINTING = frozenset("12345678/nc")
_SAVE_AGAIN_MS = 10_000
_AHEAD_MS = 250  # the next case is loaded after the current one is drawn: both at once are slow
_LOOK = "look"
_NAPARIS_OWN = ("layer list", "layer controls")


class Shell:
    """A viewer for looking at studies and reading sessions; the dock may join its window later."""

    def __init__(self, viewer: Viewer, dock: GradingDock) -> None:
        self.viewer, self.dock = viewer, dock
        self.window: QMainWindow | None = None
        self.desk: Annotator | StudyBrowser = StudyBrowser(self._begin)
        self.loader = Loader(start, self.refresh, self._show_failure, self._show_progress)
        self.canvas = ViewerCanvas(viewer, self._stroke)
        self.display = Display(self.canvas)
        self.brush = Brush(self.canvas, start, self._brush_moved, self._show_failure)
        self._own: Session | None = None
        self.drawing = Drawing(self.canvas, self.brush)
        dock.placed.connect(self._settle_in)
        self._mender = QTimer(dock, singleShot=True)
        self._mender.timeout.connect(self.refresh)
        self._ahead = QTimer(dock, singleShot=True, interval=_AHEAD_MS)
        self._ahead.timeout.connect(self._load)
        viewer.layers.events.removed.connect(self._layers_changed)
        viewer.layers.events.reordered.connect(self._layers_changed)
        viewer.events.help.connect(self._take_away_hints)
        dock.closing.connect(self.loader.stop)
        dock.closing.connect(self._mender.stop)
        dock.closing.connect(self._ahead.stop)
        dock.pressed.connect(self.press)
        dock.picked.connect(self.pick)
        dock.answered.connect(lambda _text: self.press("answer"))
        dock.worklist.chosen.connect(self.choose)
        dock.worklist.filtered.connect(self.refresh)
        self._saver = QTimer(dock)
        self._saver.timeout.connect(self._save_again)
        self._saver.start(_SAVE_AGAIN_MS)
        QApplication.instance().aboutToQuit.connect(self.leave)
        self.refresh()

    def _settle_in(self, window: QMainWindow) -> None:
        """Install the keys in a window, and disable what a blinded session must not show."""
        self.window = window
        self._shortcuts = Keys(window, self.press, lambda: isinstance(self.desk, Annotator))
        self._overlay = OverlayView(window.findChild(QOpenGLWidget), self.canvas)
        self.dock.scaled.connect(self._overlay.set_points)
        self.dock.scale_text(0)
        self._large = Banner(window.centralWidget(), 64, "bold", 0.3)
        self._loading = Banner(window.centralWidget(), 20, "normal", 0.5)
        self._help = Banner(window.centralWidget(), 15, "normal", 0.5)
        around = [one for one in window.findChildren(QDockWidget) if one.isAncestorOf(self.dock)]
        self._holder = DockHolder(around[0], window)
        self._silence()

    def _silence(self) -> None:
        """Fix the panel in a session, and disable what a blinded session must not show."""
        desk = self.desk
        if self.window is None:
            return
        self._holder.hold(isinstance(desk, Annotator))
        if isinstance(desk, Annotator):
            hide_welcome(self.window)
            self._take_away_hints(None)
            if desk.blinded:
                restrict_window(self.window, self.viewer)

    # ------------------------------------------------------------------ what the reader does
    def press(self, key: str) -> None:
        """Run the action of a key or of its button."""
        if key == "enter" and self.desk.question is not None:
            key = "answer"
        action = self._own_keys().get(key)
        desk = self.desk
        if isinstance(desk, Annotator) and (key == "answer" or desk.records(key)):
            hidden = self._why_unseen(desk)
            if hidden:
                desk.notify(f"Nothing was recorded: {hidden}", alarm=True)
                self.refresh()
                return
        if action is not None:
            action()
        elif self.brush.busy and key not in _WHILE_PAINTING:
            self.desk.notify("Keep the edit or drop it first.", alarm=True)
        else:
            self.desk.press(key)
        self.refresh()

    def _why_unseen(self, desk: Annotator) -> str:
        """Reason why the current disc or the panel is not visible; empty if both are visible."""
        case, window = self.loader.cases.get(desk.item), self.window
        if window is None or window.isMinimized() or self.dock.visibleRegion().isEmpty():
            return "the grading panel is not visible."
        mark = None if case is None else case.mark(desk.key)
        if case is None or mark is None or not self.drawing.shows(case):
            return "the image of the disc is not visible yet."
        if not self.canvas.shows(mark, case.slices(desk.key)):
            return (
                f"{desk.disc.level.value} is not visible; click it in the list, or return to its "
                "slice."
            )
        return ""

    def _enter(self, text: str) -> None:
        """Show the recorded entry in large letters."""
        if self.window is not None:
            self._large.flash(text)

    def _own_keys(self) -> dict[str, Callable[[], object]]:
        """Return the actions of the keys of the window and the brush."""
        return {
            **self.display.keys,
            "answer": lambda: self.desk.answer(self.dock.line.text()),
            "escape": self._escape,
            "layers": self._toggle_layers,
            "k": lambda: self.dock.criteria.setVisible(self.dock.criteria.isHidden()),
            "w": lambda: self.dock.worklist.setVisible(self.dock.worklist.isHidden()),
            "?": self._toggle_help,
            "+": partial(self.dock.scale_text, 1),
            "-": partial(self.dock.scale_text, -1),
            "p": partial(self._paint, False),
            "e": partial(self._paint, True),
            "keep": self._keep,
        }

    def pick(self, key: DiscLevel) -> None:
        """Go to a disc that was clicked in the list."""
        if self.brush.busy:
            self.desk.notify("Keep the edit or drop it first.", alarm=True)
        else:
            self.desk.select(key)
            self.drawing.look_again()
        self.refresh()

    def _toggle_help(self) -> None:
        """Show or hide the list of keys over the pictures."""
        if self.window is None:
            return
        if self._help.isVisible():
            self._help.take_away()
        else:
            self._help.put_table(KEY_HELP)

    def choose(self, item: str, key: DiscLevel) -> None:
        """Go to a disc that was clicked in the worklist."""
        if isinstance(self.desk, Annotator) and not self.brush.busy:
            self.desk.go_to(item, key)
            self.drawing.look_again()
        self.refresh()

    def _escape(self) -> None:
        if self.window is not None and self._help.isVisible():
            self._help.take_away()
        elif self.desk.question is not None:
            self.desk.cancel()
        elif self.brush.busy:
            self.brush.drop()
            self.desk.notify("The label was restored.")

    def _toggle_layers(self) -> None:
        """Show or hide napari's own docks with the contrast and the list of layers."""
        if self.window is None:
            return
        docks = [
            dock
            for dock in self.window.findChildren(QDockWidget)
            if dock.objectName() in _NAPARIS_OWN
        ]
        shown = any(dock.isVisible() for dock in docks)
        for dock in docks:
            dock.setVisible(not shown)

    def _take_away_hints(self, _event: object) -> None:
        """Remove napari's hints about keys that differ in a session."""
        if isinstance(self.desk, Annotator) and self.viewer.help:
            self.viewer.help = ""

    def _save_again(self) -> None:
        if isinstance(self.desk, Annotator) and self.desk.session.unsaved:
            self.desk.save()
            self.refresh()

    def _layers_changed(self, _event: object) -> None:
        """Redraw layers that the user removed from the list of layers or moved in it."""
        if not self.drawing.empty and not self.canvas.complete:
            self._mender.start(0)

    # ------------------------------------------------------------------ painting
    def _paint(self, erase: bool) -> None:
        case, desk = self.loader.cases.get(self._item), self.desk
        if not isinstance(desk, Annotator):
            desk.notify("Labels can be edited only in a session.")
        elif case is None:
            desk.notify("The case is still being loaded; wait until it is finished.")
        elif not desk.key.is_measured:
            desk.notify(
                "This disc was measured as a residual disc, without values: measure the study again "
                "with --lowest-disc to edit its label.",
                alarm=True,
            )
        elif desk.question is None:
            case.to_measure = True
            self.brush.start(case, desk.key, erase)
            self._hold_loader()
            desk.notify(
                "Paint with the left mouse button, then keep the edit or drop it with Escape."
            )

    def _stroke(self) -> None:
        self.brush.stroke()

    def _brush_moved(self) -> None:
        self._hold_loader()
        if isinstance(self.desk, Annotator):
            self.desk.preview = self.brush.values if self.brush.busy else {}
        self.refresh()

    def _hold_loader(self) -> None:
        """Pause loading during painting, except the study that the brush needs."""
        painted = self.brush.case
        self.loader.hold(painted is not None and painted.measured is not None)

    def _keep(self) -> None:
        desk = self.desk
        if not isinstance(desk, Annotator) or not self.brush.busy or desk.question is not None:
            return
        if self.brush.changed:
            desk.notify("The disc is being measured with its new label …")
            self.brush.when_measured(partial(self._ask_why, desk))
        else:
            self.brush.drop()
            desk.notify("Nothing was painted.")

    def _ask_why(self, desk: Annotator) -> None:
        case = self.brush.case
        if case is not None:
            desk.keep_edit(self.brush.values, case.file(), partial(self._kept, desk, case))

    def _kept(self, desk: Annotator, case: LoadedCase) -> None:
        case.edits = _edits(desk.case)
        self.brush.done()

    # ------------------------------------------------------------------ opening
    def read(self, session: Session) -> None:
        """Read a session in this viewer; the caller closes it."""
        self._forget()
        desk = self.desk = Annotator(session, self._enter, self.display.facts)
        self._silence()
        self.canvas.prepare()
        self.display.begin(desk.blinded, session.last_viewing)
        self.refresh()

    def open_path(self, path: Path, study_path: Path | None = None) -> None:
        """Open a study folder or a results folder, or read a session file."""
        kind = opening.path_kind(path)
        if not self._may_open():
            return
        if kind is opening.PathKind.SESSION:
            desk = self.look_away()
            desk.ask("Name of the reader:", partial(self._open_session, path))
            self.refresh()
        elif kind is opening.PathKind.RESULTS:
            folder = path.parent if path.name == RECORD else path
            self._open(lambda progress: opening.open_results(folder, progress, study_path), folder)
        else:
            self._open(lambda progress: opening.open_study(path, progress), path)

    def open_sample(self) -> None:
        """Open a synthetic spine."""
        if self._may_open():
            self._open(opening.open_sample, Path())

    def _may_open(self) -> bool:
        if isinstance(self.desk, StudyBrowser) or self._own is not None:
            return True
        self.desk.notify(
            "This window has a reading session; open other studies in another one.", alarm=True
        )
        self.refresh()
        return False

    def look_away(self) -> StudyBrowser:
        """Close the open study or session, and show nothing."""
        self._forget()
        desk = self.desk = StudyBrowser(self._begin)
        self._silence()
        self.refresh()
        return desk

    def _open(self, job: Job, path: Path) -> None:
        desk = self.look_away()
        self.loader.start(
            (_LOOK, IMAGES),
            job,
            partial(self._opened, desk),
            partial(self._not_found, desk, path),
        )
        self.refresh()

    def _opened(self, desk: StudyBrowser, look: opening.OpenedStudy) -> None:
        for layer in [one for one in self.viewer.layers if one.name == opening.DRAWING]:
            self.viewer.layers.remove(layer)
        desk.show(look, ready=look.results is not None)
        self.loader.cases[_LOOK] = LoadedCase.of(look.loaded, {**look.discs, **look.residual})
        job = partial(opening.complete, look)
        self.loader.start((_LOOK, MEASURES), job, partial(self._completed, desk))

    def _completed(
        self, desk: StudyBrowser, found: tuple[opening.OpenedStudy, Picture | str]
    ) -> None:
        look, adc = found
        desk.show(look, ready=True)
        case = self.loader.cases.get(_LOOK)
        if case is None or case.loaded is not look.loaded:
            case = LoadedCase.of(look.loaded, {**look.discs, **look.residual})
            self.loader.cases[_LOOK] = case
        case.set_adc(adc)

    def _not_found(self, desk: StudyBrowser, folder: Path, error: Exception) -> None:
        """Ask the user for the path of missing images; show any other failure."""
        if isinstance(error, opening.ImagesMissingError):
            desk.ask(
                f"The images of {folder.name} were not found. Path of the images:",
                lambda place: self.open_path(folder, Path(place).expanduser()),
            )
        else:
            self._show_failure(error)

    def _open_session(self, path: Path, reader: str) -> None:
        try:
            session = open_session(path, reader)
        except DiscmriError as error:
            self.desk.notify(str(error), alarm=True)
        else:
            self.read(session)
            self._own = session

    def _begin(self, place: Path, reader: str) -> None:
        """Begin a session on the open study."""
        desk = self.desk
        if isinstance(desk, StudyBrowser) and desk.look is not None:
            look, opened = desk.look, partial(self._open_session, place, reader)

            def planned(progress: ProgressCallback) -> None:
                progress("making the session", 0.0)
                opening.plan_single(look, place, reader)

            self.loader.start((_LOOK, "session"), planned, lambda _none: opened())

    def _forget(self) -> None:
        """Close the open study or session."""
        if self.brush.busy:
            self.brush.drop()
        self.leave()
        self.loader.forget()
        self.drawing.clear()

    def leave(self) -> None:
        """Stop all workers, and close a session that was opened here."""
        self.loader.stop()
        if self._own is not None:
            self._own.close()
            self._own = None

    # ------------------------------------------------------------------ reports of workers
    def _show_progress(self, item: str, text: str, share: float) -> None:
        which = "" if item == self._item else "next case: "
        self.dock.show_busy(f"{which}{text}", share)
        if not which:
            self._tell_loading(f"{text}: {share:.0%}")

    def _tell_loading(self, text: str) -> None:
        """Show the loading step over the empty window until a picture is drawn."""
        if self.window is None:
            return
        if self.loader.busy and self.loader.cases.get(self._item) is None:
            self._loading.put("\n".join(filter(None, (self.desk.panel().title, text))))
        else:
            self._loading.take_away()

    def _show_failure(self, error: Exception) -> None:
        """Show a loading failure; without details in a blinded session."""
        desk = self.desk
        if isinstance(desk, Annotator) and desk.blinded:
            _log.debug("loading failed", exc_info=error)
            told = (
                "The data of a case are missing or changed; ask the person who planned the session."
            )
        elif isinstance(error, DiscmriError):
            told = str(error)
        else:
            _log.error("loading failed", exc_info=error)
            told = f"Internal error ({type(error).__name__})."
        desk.notify(told, alarm=True)

    # ------------------------------------------------------------------ drawing
    @property
    def _item(self) -> str:
        return self.desk.item if isinstance(self.desk, Annotator) else _LOOK

    def refresh(self) -> None:
        """Update dock and canvas; only changes are drawn again."""
        desk, case = self.desk, self.loader.cases.get(self._item)
        if case is not None and case.ready:
            self._ahead.start()
        else:
            self._load()
        if isinstance(desk, Annotator) and case is not None:
            self._apply_edits(desk, case)
        self.brush.catch_up()
        panel = desk.panel()
        self.dock.show_panel(panel, painting=self.brush.busy)
        if isinstance(desk, Annotator) and not self.dock.worklist.isHidden():
            self.dock.worklist.show_rows(desk.worklist(self.dock.worklist.wanted))
        if not self.loader.busy:
            self.dock.show_busy("", 0.0)
        self._tell_loading("loading")
        title = f"discmri – {panel.title}" if panel.title else "discmri"
        if self.viewer.title != title:
            self.viewer.title = title
        if case is not None:
            self._show(case, {row.key: row.name for row in panel.rows}, panel.residual)
        elif not self.drawing.empty:
            self.drawing.clear()
        left_out, empty = () if case is None else case.left_out, self.drawing.empty
        self.dock.show_series(() if empty else self.canvas.series, left_out)
        self.dock.colours.show_scale(None if empty else self.canvas.scale)
        if self.window is not None:
            hide_slice_numbers(self.window)
            self._overlay.look()

    def _load(self) -> None:
        """Load missing cases."""
        if isinstance(self.desk, Annotator):
            desk = self.desk
            self.loader.serve(desk.session, desk.wanted, desk.neighbours)

    def _show(
        self, case: LoadedCase, names: dict[DiscLevel, str], residual: Mapping[DiscLevel, str]
    ) -> None:
        desk = self.desk
        self.drawing.draw(case)
        self.drawing.mark(case, names, residual, desk.may_see)
        if self.drawing.go(self._item, case, desk.key) and isinstance(desk, Annotator):
            desk.start_timer()

    def _apply_edits(self, desk: Annotator, case: LoadedCase) -> None:
        """Draw the labels with this reader's edits where the drawn labels differ."""
        edits = _edits(desk.case)
        if edits != case.edits and not self.brush.busy:
            case.apply_edits(desk.session.painted_labels(desk.item), edits)
            self.canvas.refresh_discs()


def _edits(case: CaseView) -> dict[DiscLevel, str]:
    """Row of the last valid edit of each disc."""
    return {disc.key: disc.edit.entry_id for disc in case.discs if disc.edit is not None}
