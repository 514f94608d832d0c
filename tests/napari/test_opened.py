"""Folders and session files that are dropped on a viewer, its sample, and its panel outside sessions."""

from __future__ import annotations

import pytest
from tests.napari.person import Reader
from tests.napari.waiting import settle

from discmri.phantoms import PulseSequence
from discmri.reading import Mode, open_session

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::PendingDeprecationWarning",
    "ignore::ResourceWarning",
)  # fmt: skip


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
    assert "Path of the images:" in reader.desk.question.text
    reader.type(str(visits[0].study))
    reader.wait_for_case()
    settle()
    assert [row.state for row in reader.panel.rows][:2] == ["suggested 2", "suggested 2"]
    assert [layer.name for layer in viewer.layers if layer.visible] == [
        "T2",
        "T1",
        "ADC µm²/ms",
    ]
    reader.press("4")
    assert "Begin a session" in reader.panel.notice
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
