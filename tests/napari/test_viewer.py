"""A reader at a real viewer: keys, brush, closing and coming back, three modes, dropped folders."""

from __future__ import annotations

import csv
import gc
import os
import re
import signal
import subprocess
import sys
import threading
import weakref
from contextlib import contextmanager

import numpy as np
import pytest
from tests.napari.conftest import PATIENT, SUBJECT
from tests.napari.waiting import settle
from tests.napari.walking import texts

from discmri import reading
from discmri.core.errors import UsageError
from discmri.core.levels import DiscLevel
from discmri.napari.cache import edited_values
from discmri.phantoms import PulseSequence
from discmri.reading import Grade, Mode, open_session
from discmri.results.pictures.canvas import LEVEL_COLOURS

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::PendingDeprecationWarning",
    "ignore::ResourceWarning",
)  # fmt: skip
L45 = DiscLevel.L4_L5


class Reader:
    """Somebody in front of the screen."""

    def __init__(self, viewer):
        from discmri.napari.qt.window import shell_of

        self.viewer, self.shell = viewer, shell_of(viewer)

    @property
    def desk(self):
        return self.shell.desk

    @property
    def case(self):
        return self.shell.loader.case(getattr(self.desk, "item", "look"))

    @property
    def panel(self):
        return self.desk.panel()

    def wait_for_case(self):
        settle(lambda: self.case is not None and self.case.measured is not None)

    def press(self, *keys):
        """Keys on the canvas, as from a keyboard."""
        from qtpy.QtCore import Qt
        from qtpy.QtTest import QTest

        canvas = self.viewer.window._qt_viewer.canvas.native
        for key in keys:
            QTest.keyClick(canvas, getattr(Qt.Key, f"Key_{key}"))
            settle()

    def type(self, text):
        """Words into the line below the question, and Return."""
        from qtpy.QtCore import Qt
        from qtpy.QtTest import QTest

        settle(self.shell.dock.line.isVisible)
        self.shell.dock.line.clear()
        QTest.keyClicks(self.shell.dock.line, text)
        QTest.keyClick(self.shell.dock.line, Qt.Key.Key_Return)
        settle()

    def click(self, start):
        """The button of the dock whose text starts so."""
        from qtpy.QtWidgets import QPushButton

        buttons = self.shell.dock.findChildren(QPushButton)
        next(one for one in buttons if one.text().startswith(start)).click()
        settle()

    def paint(self, rows=3):
        """A stroke of the brush above the disc at hand; gives the voxels it added."""
        self.press("P")
        return self.paint_more(rows)

    def paint_more(self, rows=3):
        """The same with the brush in hand."""
        layer = self.viewer.layers["T2 discs"]
        assert str(layer.mode) == "paint"
        number = self.case.numbers[self.desk.key]
        voxels = np.argwhere(self.case.shown == number)
        middle = int(self.viewer.dims.current_step[0])
        column = int(np.median(voxels[:, 2]))
        on_slice = voxels[(voxels[:, 0] == middle) & (voxels[:, 2] == column)]
        layer.brush_size = 2 * rows
        with layer.block_history():  # as while the mouse is dragged: told when it is painted
            layer.paint((middle, int(on_slice[:, 1].min()), column), number)
        settle(lambda: self.shell.brush.values)
        return int(np.count_nonzero(self.case.shown == number)) - len(voxels)

    def pixels(self):
        settle()
        return self.viewer.screenshot(canvas_only=True, flash=False)[..., :3]


@contextmanager
def at_work(viewer, session_path, reader="ann"):
    """A reader with a session open in a viewer, the first case loaded and measured."""
    with open_session(session_path, reader) as session:
        person = Reader(viewer)
        person.shell.read(session)
        person.wait_for_case()
        settle()
        yield person, session
        person.shell.look_away()


def rows(path, name):
    with (path / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# ------------------------------------------------------------------ a session from end to end
def grade_everything(reader, viewer, session):
    """All discs of both cases by keyboard; each is in the store before the next key."""
    titles = [one.title for one in session.cases]
    for title in titles:
        reader.wait_for_case()
        assert viewer.title == f"discmri – {title}"
        for disc in range(6):
            assert reader.panel.rows[disc].name in reader.shell.dock.at_hand.text()
            before = len(session.store.entries("ann"))
            reader.press(*("4", "Slash", "7") if disc == 4 else "3")
            assert len(session.store.entries("ann")) == before + (2 if disc == 4 else 1)
            reader.press("Return")


def automatic_voxels(reader):
    return np.count_nonzero(reader.case.loaded.images.labels == reader.case.numbers[L45])


def keep_edit(reader, why):
    reader.click("Keep")
    settle(lambda: reader.desk.question is not None)
    reader.type(why)


def test_a_session_from_the_first_key_to_the_tables(viewer, session_on, tmp_path):
    where = session_on(Mode.OPEN)
    with at_work(viewer, where) as (reader, session):
        first = reader.desk.item
        grade_everything(reader, viewer, session)
        assert reader.panel.notice == "Every disc of this session is done."
        assert session.progress == (12, 12)

        reader.press("PageUp")
        reader.wait_for_case()
        reader.desk.select(L45)
        reader.shell.refresh()
        painted = reader.paint()
        assert any(row.edited for row in reader.panel.metrics), "shown while it is painted"
        automatic = reader.desk.metrics(L45)
        changed = {n: v - automatic.number(n) for n, v in reader.shell.brush.values.items()}
        assert any(changed.values())
        reader.press("Down")
        assert reader.panel.notice == "Keep the edit or drop it first."
        keep_edit(reader, "osteophyte 1")
        assert reader.panel.rows[4].state == "done, edited"
        assert not viewer.layers["T2 discs"].editable
        reader.press("U")
        assert reader.panel.notice == "The edited label of L4-L5 was taken back."
        assert reader.case.where(L45).sum() == automatic_voxels(reader)
        assert reader.paint() == painted > 0
        keep_edit(reader, "osteophyte 2")

    with at_work(viewer, where) as (reader, session):
        assert [row.grade for row in reader.panel.rows] == ["3", "3", "3", "3", "4/7", "3"]
        assert reader.panel.rows[4].state == "done, edited"
        settle(lambda: L45 in reader.case.edited)
        automatic = np.count_nonzero(reader.case.loaded.images.labels == reader.case.numbers[L45])
        assert np.count_nonzero(reader.case.where(L45)) == automatic + painted
        kept = session.case(first).disc(L45).edit.edited
        again = edited_values(reader.case.edited[L45])
        assert again == pytest.approx(kept), "measured alike after coming back"

    reading.export_session(reading.Store.open(where), tmp_path / "out")
    reads = rows(tmp_path / "out", "reads_long.csv")
    assert {one["grade"] for one in reads if one["level"] != "L4-L5"} == {"3"}
    assert reading.verify(reading.Store.open(where)).sound


def test_what_is_drawn(viewer, session_on, tmp_path):
    with at_work(viewer, session_on(Mode.OPEN)) as (reader, _):
        reader.press("0")
        settle(lambda: len(reader.case.pictures) == 3)
        path = tmp_path / "screenshot.png"
        viewer.window.screenshot(path=str(path), flash=False)
        assert path.stat().st_size > 20_000
        with_marks = reader.pixels()
        height, width = with_marks.shape[:2]
        cells = np.array_split(with_marks, 3, axis=1)
        for cell in cells:
            assert cell.std() > 20, "a picture in every cell"
        grey = [np.ptp(cell.astype(int), axis=2) < 8 for cell in cells]
        assert grey[0].mean() > 0.9, "T2 is grey"
        assert grey[2].mean() < 0.7, "ADC is not"
        for row in reader.panel.rows:
            colour = LEVEL_COLOURS[row.key]
            wanted = np.array([int(colour[n : n + 2], 16) for n in (1, 3, 5)])
            near = np.abs(cells[0].astype(int) - wanted).max(axis=2) < 40
            assert near.sum() > 20, f"{row.name} is drawn in its colour"
        reader.press("H")
        without = reader.pixels()
        assert without.shape == (height, width, 3)
        colourful = [np.ptp(cells[0].astype(int), axis=2) > 60, np.ptp(
            np.array_split(without, 3, axis=1)[0].astype(int), axis=2) > 60]  # fmt: skip
        assert colourful[1].sum() < 0.2 * colourful[0].sum(), "h hides the marks"
        reader.press("H", "Down")
        size = reader.viewer.scene.camera.zoom
        reader.press("0")
        assert reader.viewer.scene.camera.zoom < size


def test_names_down_draws_the_lowest_disc_dashed_and_names_up_takes_that_back(viewer, session_on):
    with at_work(viewer, session_on(Mode.OPEN)) as (reader, session):
        lowest = session.case(reader.desk.item).discs[-1]
        border = viewer.layers["T2 discs"].get_color(lowest.label_id)
        shapes = len(viewer.layers["T2 heights"].data)
        reader.click("Names ▼")
        reader.type("a remnant")
        assert list(viewer.layers["T2 names"].features["name"])[-2:] == ["L5-S1", "S1-S2"]
        assert viewer.layers["T2 discs"].get_color(lowest.label_id)[3] == 0.0
        assert len(viewer.layers["T2 heights"].data) > shapes, "dashes instead of height lines"
        assert [row.name for row in reader.panel.rows][-1] == "L5-S1"
        reader.click("Names ▲")
        reader.type("a full disc")
        assert list(viewer.layers["T2 names"].features["name"])[-1] == "L5-S1"
        again = viewer.layers["T2 discs"].get_color(lowest.label_id)
        np.testing.assert_allclose(again, border)
        assert len(viewer.layers["T2 heights"].data) == shapes


def test_pictures_of_another_size_are_smoothed_as_large_as_they_are(viewer):
    from discmri.core.volume import Grid
    from discmri.napari.images import Picture
    from discmri.napari.view import SagittalView

    reader, rng = Reader(viewer), np.random.default_rng(1)
    for rows in (20, 90):
        view = SagittalView.of(Grid((3, rows, rows), np.diag([4.0, 1.0, 1.0, 1.0])))
        picture = Picture("T2", rng.random(view.shape), (0.0, 1.0))
        reader.shell.canvas.draw(view, [picture], np.zeros(view.shape, np.uint8))
        reader.shell.canvas.overview()
        seen = reader.pixels()
    for way in ("nearest", "cubic"):
        viewer.layers["T2"].interpolation2d = way
    np.testing.assert_array_equal(reader.pixels(), seen)


def test_layers_that_the_reader_takes_away_come_back(viewer, session_on):
    with at_work(viewer, session_on(Mode.OPEN)) as (reader, _):
        reader.press("Down", "Down", "P")
        number, before = reader.case.numbers[reader.desk.key], reader.pixels()
        for change in (lambda: viewer.layers.remove("T2 discs"), lambda: viewer.layers.move(0, 5)):
            change()
            settle(lambda: reader.shell.canvas.complete)
            assert np.mean(reader.pixels() != before) < 0.001
            assert viewer.layers["T2 discs"].selected_label == number
        assert reader.paint_more() > 0


def test_every_worker_answers_in_the_viewers_thread(viewer, session_on):
    heard = []
    with at_work(viewer, session_on(Mode.OPEN)) as (reader, _):
        reader.shell.loader.start(
            ("x", "thread"),
            lambda progress: (progress("working", 0.5), threading.current_thread())[1],
            lambda thread: heard.append((thread, threading.current_thread())),
        )
        settle(lambda: heard)
        worked, answered = heard[0]
        assert answered is threading.main_thread()
        assert worked is not threading.main_thread()


def test_the_binding_of_qt_keeps_python_alive(viewer):
    """PySide6 6.12.0 takes None away bit by bit; Python 3.11 ends when the last is gone."""
    label, many = Reader(viewer).shell.dock.notice, 1000
    before = sys.getrefcount(None)
    for number in range(many):
        label.setText(str(number))
    assert sys.getrefcount(None) > before - many / 2


def test_a_case_that_is_far_away_is_let_go(viewer, session_on):
    with at_work(viewer, session_on(Mode.OPEN)) as (reader, _):
        settle(lambda: not reader.shell.loader.busy)
        case = weakref.ref(reader.case)
        reader.shell.look_away()
    settle()
    gc.collect()
    assert case() is None


def test_a_worker_that_has_ended_holds_nothing(viewer):
    """Qt gives a worker back only when its loop is idle, which may be long after."""
    from discmri.napari.qt.worker import Task

    case = np.zeros(3)
    free = weakref.ref(case)
    came = []
    task = Task(
        lambda _progress, case=case: came.append(len(case)), came.append, came.append, print
    )
    del case
    task.run()
    settle(lambda: len(came) == 2)
    gc.collect()
    assert came == [3, None]
    assert free() is None
    assert not task.abort_requested


def seen(viewer):
    """Texts of labels and buttons that are on the screen."""
    from qtpy.QtWidgets import QAbstractButton, QLabel

    window = viewer.window._qt_window
    both = (*window.findChildren(QLabel), *window.findChildren(QAbstractButton))
    return [one.text() for one in both if one.isVisible()]


def test_closing_in_the_middle_of_loading_stops_the_work(own_viewer, session_on):
    viewer = own_viewer
    with open_session(session_on(Mode.OPEN), "ann") as session:
        reader = Reader(viewer)
        reader.shell.read(session)
        assert reader.shell.loader.busy
        settle()
        shown = [one for one in seen(viewer) if one]
        assert any(text.startswith(reader.panel.title + "<br>") for text in shown), (
            "loading is told"
        )
        assert not [text for text in shown if "napari.org" in text or "Ctrl" in text]
        reader.press("5")
        assert "the picture of the disc is not on the screen yet" in reader.panel.notice
        viewer.close()
        settle()
        assert not reader.shell.loader.busy
        assert session.cases[0].discs[0].read is None, "not graded before it was on the screen"


# ------------------------------------------------------------------ three modes
MEASURED = ("Height (mm)", "Suggested", "Signal ratio", "DHI", "±")


def leaks(viewer, forbidden):
    """Forbidden words that stand anywhere, with the text they stand in."""
    found = []
    for text in texts(viewer):
        found += [(word, text[:200]) for word in forbidden if word.lower() in text.lower()]
    return found


def identity(visits, session):
    """Everything that tells whose images these are, or that a case is shown again."""
    words = [SUBJECT, *PATIENT.split("^")]
    for visit in visits:
        words += [visit.study.name, str(visit.study.parent), str(visit.results.parent)]
        year, month, day = visit.date[:4], visit.date[4:6], visit.date[6:]
        words += [visit.date, f"{year}-{month}-{day}", f"{day}.{month}.{year}"]
        words += visit.uids
    return [*words, *(case.item for case in session.cases)]


def test_blinded_tells_nothing_anywhere_at_any_time(own_viewer, session_on, visits):
    viewer = own_viewer
    from discmri.napari.qt.window import shell_of

    with at_work(viewer, session_on(Mode.BLINDED, repeats=0.5)) as (reader, session):
        forbidden = [*identity(visits, session), *MEASURED]
        assert leaks(viewer, forbidden) == []
        assert viewer.title == "discmri – Case 1 of 3"
        assert len(viewer.layers["T2 heights"].data) == 0
        reader.press("4", "Slash", "7", "Return", "R")
        reader.paint()
        assert leaks(viewer, forbidden) == []
        keep_edit(reader, "border")
        assert session.case(reader.desk.item).disc(reader.desk.key).edit.edited["height_mm"] > 0
        assert leaks(viewer, forbidden) == []
        settle(lambda: not reader.shell.loader.busy)
        reader.press("PageDown")
        assert leaks(viewer, forbidden) == []

        bar = viewer.window._qt_window.menuBar()
        assert not bar.isVisible()
        assert not any(action.isVisible() or action.isEnabled() for action in bar.actions())
        assert not viewer.window._qt_viewer.acceptDrops()
        shell_of(viewer).open_path(visits[0].study)
        assert "open other studies elsewhere" in reader.panel.notice
        assert leaks(viewer, forbidden) == []


def test_no_key_of_napari_opens_the_console_or_a_palette_in_a_blinded_session(
    own_viewer, session_on
):
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest
    from qtpy.QtWidgets import QApplication

    window = own_viewer.window
    keys = ("C", "P", "O", "N", "Slash")
    control, more = Qt.KeyboardModifier.ControlModifier, (
        Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier,
        Qt.KeyboardModifier.AltModifier,
    )  # fmt: skip
    with at_work(own_viewer, session_on(Mode.BLINDED)):
        for key in keys:
            for other in more:
                canvas = window._qt_viewer.canvas.native
                QTest.keyClick(canvas, getattr(Qt.Key, f"Key_{key}"), control | other)
                settle()
        assert window._qt_viewer._console is None, "a console reads any variable"
        assert not window._qt_window._command_palette.isVisible()
        shown = [one for one in QApplication.topLevelWidgets() if one.isVisible()]
        assert {type(one).__name__ for one in shown} == {"_QtMainWindow"}


def test_a_blinded_case_that_fails_to_load_tells_nothing(own_viewer, session_on, visits, caplog):
    viewer = own_viewer
    hidden = visits[0].results.with_name("elsewhere")
    with open_session(session_on(Mode.BLINDED), "ann") as session:
        reader = Reader(viewer)
        visits[0].results.rename(hidden)
        try:
            reader.shell.read(session)
            reader.shell.press("page down")
            settle(lambda: reader.panel.alarm and not reader.shell.loader.busy)
        finally:
            hidden.rename(visits[0].results)
        assert "ask the person who planned the session" in reader.panel.notice
        reader.press("3")
        assert leaks(viewer, identity(visits, session)) == []
        reader.shell.loader.forget()
    assert SUBJECT not in caplog.text


def test_locked_shows_what_was_measured_only_after_the_grade(viewer, session_on):
    with at_work(viewer, session_on(Mode.LOCKED)) as (reader, session):
        assert SUBJECT in viewer.title, "identity is no secret here"
        assert leaks(viewer, MEASURED) == []
        reader.press("3")
        assert leaks(viewer, MEASURED) == []
        assert len(viewer.layers["T2 heights"].data) == 0
        reader.press("Return")
        assert {word for word, _ in leaks(viewer, MEASURED)} >= {"Height (mm)", "±"}
        assert len(viewer.layers["T2 heights"].data) == 7, "three lines and four corners"
        reader.press("4")
        reader.type("the annulus is blurred")
        disc = session.cases[0].discs[0]
        assert (str(disc.before_reveal.judgement), str(disc.read.judgement)) == ("3", "4")
        assert disc.read.reason == "the annulus is blurred"
        reader.press("Return")
        assert leaks(viewer, MEASURED) == [], "the next disc is not revealed"


def test_open_shows_it_all_in_the_dock(viewer, session_on):
    with at_work(viewer, session_on(Mode.OPEN)) as (reader, _):
        assert {word for word, _ in leaks(viewer, MEASURED)} == set(MEASURED)
        shown = reader.shell.dock.metrics.text()
        for row in reader.panel.metrics:
            assert row.automatic in shown
        assert not reader.shell.dock.criteria.isVisible()
        reader.click("Criteria")
        assert reader.shell.dock.criteria.isVisible()
        assert "30 to 60 % reduction" in reader.shell.dock.criteria.text()


# ------------------------------------------------------------------ dropped and sampled
def drop(viewer, path):
    """Drop a folder on the canvas."""
    from qtpy.QtCore import QMimeData, QPoint, Qt, QUrl
    from qtpy.QtGui import QDropEvent

    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    where = viewer.window._qt_viewer
    event = QDropEvent(
        QPoint(10, 10), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    where.dropEvent(event)
    settle()


@pytest.fixture
def preferred(screen):
    """discmri opens folders; else napari asks which of its readers shall."""
    from napari.settings import get_settings

    get_settings().plugins.extension2reader = {"*": "discmri"}


def test_a_dropped_results_folder_finds_its_images_and_can_be_graded(
    viewer, visits, preferred, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    reader = Reader(viewer)
    drop(viewer, visits[0].results)
    settle(lambda: reader.desk.question is not None)
    assert "Where are they?" in reader.desk.question.text
    reader.type(str(visits[0].study))
    reader.wait_for_case()
    settle()
    assert [row.state for row in reader.panel.rows][:2] == ["suggested 2", "suggested 2"]
    assert [layer.name for layer in viewer.layers if layer.visible][::5] == ["T2", "T1", "ADC"]
    reader.press("4")
    assert "begin a session" in reader.panel.notice
    reader.click("Grade this study")
    reader.type("ann")
    reader.type(str(tmp_path / "mine.session"))
    settle(lambda: hasattr(reader.desk, "session"))
    reader.wait_for_case()
    settle()
    reader.press("4")
    assert reader.panel.rows[0].grade == "4"
    drop(viewer, visits[1].study)
    assert not hasattr(reader.desk, "session"), "a session begun here gives way"
    reader.shell.loader.forget()
    with open_session(tmp_path / "mine.session", "ann") as session:
        assert str(session.cases[0].discs[0].read.judgement) == "4"


def test_a_session_file_asks_who_reads(viewer, session_on, preferred):
    where = session_on(Mode.LOCKED)
    reader = Reader(viewer)
    viewer.open(str(where), plugin="discmri")
    reader.type("nobody")
    assert "nobody is not a reader of this session" in reader.panel.notice
    viewer.open(str(where), plugin="discmri")
    reader.type("ann")
    assert reader.panel.place == "Case 1 of 2"
    reader.wait_for_case()
    settle()
    reader.press("2")
    assert reader.panel.rows[0].grade == "2"


def test_what_cannot_be_opened_is_told(viewer, tmp_path, preferred):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "a.dcm").write_bytes(b"no image")
    reader = Reader(viewer)
    drop(viewer, tmp_path / "broken")
    settle(lambda: reader.panel.alarm)
    assert "broken" in reader.panel.notice
    assert not reader.shell.loader.busy


def test_sample_data_is_drawn_in_a_worker(viewer, monkeypatch):
    from discmri.napari import opening

    quick = {"spacing_mm": 1.4, "slices": 5, "sequences": (PulseSequence.T2,)}
    monkeypatch.setattr(opening, "SAMPLE", dict(opening.SAMPLE, **quick))
    reader = Reader(viewer)
    placeholder = viewer.open_sample("discmri", "spine")
    assert reader.shell.loader.busy
    reader.wait_for_case()
    settle()
    assert not any(layer in viewer.layers for layer in placeholder)
    assert [row.name for row in reader.panel.rows][-1] == "L5-S1"
    assert reader.panel.title.startswith("PHANTOM")


def test_the_dock_comes_from_the_menu_of_napari_once(viewer):
    from discmri.napari.qt.window import GradingWidget, shell_of

    docks = viewer.window.dock_widgets
    assert sum(isinstance(one, GradingWidget) for one in docks.values()) == 1
    _, widget = viewer.window.add_plugin_dock_widget("discmri", "Grading")
    assert widget.shell is shell_of(viewer)


def test_outside_a_session_the_panel_is_hidden_by_its_button_and_shown_by_a_menu(viewer):
    from qtpy.QtWidgets import QDockWidget, QPushButton

    shell = Reader(viewer).shell
    docks = shell.window.findChildren(QDockWidget)
    dock = next(one for one in docks if one.isAncestorOf(shell.dock))

    def button(name):
        return dock.titleBarWidget().findChild(QPushButton, name)

    assert button("QTitleBarCloseButton").isHidden(), "it would remove the panel for good"
    button("QTitleBarFloatButton").click()
    settle(dock.isFloating)
    settle(button("QTitleBarCloseButton").isHidden)
    button("QTitleBarFloatButton").click()
    settle(lambda: not dock.isFloating())
    button("QTitleBarHideButton").click()
    settle(lambda: not dock.isVisible())
    menus = viewer.window._qt_window.menuBar().actions()
    menu = next(one.menu() for one in menus if one.text().replace("&", "") == "Window")
    next(one for one in menu.actions() if one.text() == "Grading panel (discmri)").trigger()
    settle(dock.isVisible)


# ------------------------------------------------------------------ kill -9, and no screen
KILLED = """
import os, signal, sys, warnings
warnings.simplefilter("ignore")
import napari
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication
from discmri.napari.qt.window import shell_of
from discmri.reading import open_session

session = open_session(sys.argv[1], "ann")
viewer = napari.Viewer(show=False)
shell = shell_of(viewer)
shell.read(session)
viewer.window.show()
shell.window.activateWindow()
while not shell.canvas.complete or shell.loader.case(shell.desk.item) is None:
    QApplication.processEvents()
canvas = viewer.window._qt_viewer.canvas.native
for key in (Qt.Key.Key_4, Qt.Key.Key_Slash, Qt.Key.Key_7, Qt.Key.Key_Down, Qt.Key.Key_2, Qt.Key.Key_Down):
    QTest.keyClick(canvas, key)
QTest.keyClick(canvas, Qt.Key.Key_5)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_kill_9_right_after_a_key_loses_no_grade(screen, session_on):
    where = session_on(Mode.LOCKED)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(where)],
        capture_output=True, text=True, env=os.environ.copy(), timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    with open_session(where, "ann") as session:
        grades = [disc.read and disc.read.judgement for disc in session.cases[0].discs]
        assert grades[:4] == [Grade(4, 7), Grade(2), Grade(5), None]
        assert session.unsaved == 0
    assert reading.verify(reading.Store.open(where)).sound


def test_without_a_screen_it_says_so_instead_of_dying(session_on, monkeypatch):
    from discmri.napari import launch

    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    with open_session(session_on(Mode.OPEN), "ann") as session:
        if sys.platform.startswith("linux"):
            with pytest.raises(UsageError, match="needs a screen"):
                launch(session)


def test_no_word_of_the_dock_promises_a_key_that_is_not_there():
    from discmri.napari.qt import dock, keys

    shown = " ".join(
        text for text, _, _ in (*dock._GRADING, *dock._LOOKING, *dock._MARKING, *dock._EDITING)
    )
    letters = {key.lower() for key in re.findall(r"\((\w)\)", shown)}
    assert letters <= {key.lower() for key in keys._KEYS}
