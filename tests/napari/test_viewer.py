"""A reader at a real viewer: keys, brush, what is drawn, closing and coming back, kill -9."""

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

import numpy as np
import pytest
from tests.napari.person import Reader, at_work, keep_edit
from tests.napari.waiting import settle

from discmri import reading
from discmri.core.errors import UsageError
from discmri.core.levels import DiscLevel
from discmri.reading import Grade, Mode, open_session
from discmri.results.pictures.canvas import LEVEL_COLOURS

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::PendingDeprecationWarning",
    "ignore::ResourceWarning",
)  # fmt: skip
L45 = DiscLevel.L4_L5


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


def test_a_session_from_the_first_key_to_the_tables(viewer, session_on, tmp_path):
    where = session_on(Mode.OPEN)
    with at_work(viewer, where) as (reader, session):
        first = reader.desk.item
        grade_everything(reader, viewer, session)
        assert reader.panel.notice == "All discs of this session are done."
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
        automatic = np.count_nonzero(reader.case.loaded.images.labels == reader.case.numbers[L45])
        assert np.count_nonzero(reader.case.where(L45)) == automatic + painted
        kept = session.case(first).disc(L45).edit.edited
        reader.shell.pick(L45)
        shown = {row.name: row.edited for row in reader.panel.metrics}
        assert shown["Height (mm)"] == f"{kept['height_mm']:.1f}", "kept, not measured again"
        assert reader.case.measured is None

    reading.export_session(reading.Store.open(where), tmp_path / "out")
    reads = rows(tmp_path / "out", "reads_long.csv")
    assert {one["grade"] for one in reads if one["level"] != "L4-L5"} == {"3"}
    assert reading.verify(reading.Store.open(where)).sound


def test_what_is_drawn(viewer, session_on, tmp_path):
    with at_work(viewer, session_on(Mode.OPEN)) as (reader, _):
        reader.press("0")
        assert len(reader.case.pictures) == 3
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
        zoom = reader.viewer.scene.camera.zoom
        reader.press("H", "Down", "0")
        assert reader.viewer.scene.camera.zoom > zoom


def test_another_slice_with_another_text_is_drawn_once(viewer, session_on):
    with at_work(viewer, session_on(Mode.OPEN)) as (reader, _):
        reader.wait_for_case()
        settle(lambda: reader.case.ready and not reader.shell.loader.busy)
        scene, drawn = viewer.window._qt_viewer.canvas._scene_canvas, []
        scene.events.draw.connect(drawn.append)
        try:
            reader.press("Right")
            settle()
        finally:
            scene.events.draw.disconnect(drawn.append)
        assert len(drawn) == 1


def names(reader):
    """Names of discs that are written over the first panel."""
    captions = reader.shell._overlay.panels[0].captions
    return [one.text for one in captions if "-" in one.text]


def test_names_down_draws_the_lowest_disc_dashed_and_names_up_takes_that_back(viewer, session_on):
    with at_work(viewer, session_on(Mode.OPEN)) as (reader, _):
        reader.press("0")
        reader.press("O")
        lines = reader.lines()
        reader.click("Level names ▼")
        reader.type("a remnant")
        assert names(reader)[-2:] == ["L5-S1", "S1-S2"]
        assert reader.lines()[LEVEL_COLOURS[DiscLevel.S1_S2]] > 5, "dashes"
        assert [row.name for row in reader.panel.rows][-1] == "L5-S1"
        reader.click("Level names ▲")
        reader.type("a full disc")
        assert names(reader)[-1] == "L5-S1"
        assert reader.lines() == lines


def test_pictures_of_another_size_are_smoothed_as_large_as_they_are(viewer):
    from discmri.core.volume import Grid
    from discmri.napari.images import Picture
    from discmri.napari.view import SagittalView

    reader, rng = Reader(viewer), np.random.default_rng(1)
    for rows in (20, 90):
        view = SagittalView.of(Grid((3, rows, rows), np.diag([4.0, 1.0, 1.0, 1.0])))
        picture = Picture("T2", rng.random(view.shape), (0.0, 1.0))
        reader.shell.canvas.draw(view, [picture], np.zeros(view.shape, np.uint8))
        reader.viewer.scene.camera.center = (0.0, rows / 2, rows / 2)
        seen = reader.pixels()
    for way in ("nearest", "linear"):
        viewer.layers["T2"].interpolation2d = way
    np.testing.assert_array_equal(reader.pixels(), seen)


def test_layers_that_the_reader_takes_away_come_back(viewer, session_on):
    with at_work(viewer, session_on(Mode.OPEN)) as (reader, _):
        reader.press("Down", "Down", "P")
        number, before = reader.case.numbers[reader.desk.key], reader.pixels()
        for change in (lambda: viewer.layers.remove("T2 discs"), lambda: viewer.layers.move(0, 5)):
            change()
            settle(lambda: reader.shell.canvas.complete)
            changed = np.abs(reader.pixels().astype(int) - before) > 10  # letters differ by 5
            assert np.mean(changed) < 0.001
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
        reader.shell.loader.hold(True)  # the first step takes as long as the test needs
        reader.shell.read(session)
        assert reader.shell.loader.busy
        settle()
        shown = [one for one in seen(viewer) if one]
        assert any(text.startswith(reader.panel.title + "<br>") for text in shown), (
            "loading is told"
        )
        assert not [text for text in shown if "napari.org" in text or "Ctrl" in text]
        reader.press("5")
        assert "the image of the disc is not visible yet" in reader.panel.notice
        viewer.close()
        settle()
        assert not reader.shell.loader.busy
        assert session.cases[0].discs[0].read is None, "not graded before it was on the screen"


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
while not shell.canvas.complete or shell.loader.cases.get(shell.desk.item) is None:
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
            with pytest.raises(UsageError, match="needs a display"):
                launch(session)


def test_no_word_of_the_dock_promises_a_key_that_is_not_there():
    from discmri.napari.qt import dock, keys

    shown = " ".join(
        text
        for text, _, _ in (
            *dock._GRADING,
            *dock._LOOKING,
            *dock._MARKING,
            *dock._EDITING,
            *dock._AIDS,
        )
    )
    letters = {key.lower() for key in re.findall(r"\((\w)\)", shown)}
    assert letters <= {key.lower() for key in keys._KEYS}
