"""A grade is a deliberate, visible act: real keys and clicks on a real viewer."""

from __future__ import annotations

import pytest
from tests.napari.person import at_work
from tests.napari.waiting import settle

from discmri.reading import Mode

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::PendingDeprecationWarning",
    "ignore::ResourceWarning",
)  # fmt: skip


@pytest.fixture(scope="module")
def case_on_screen(visits, open_window, measured_once, tmp_path_factory):
    """A viewer with a case in it, for all tests of this file: loading one takes seconds."""
    from discmri import reading
    from discmri.reading import Order, SessionOptions

    folder = tmp_path_factory.mktemp("keys")
    where = folder / "open.session"
    studies = {visit.results: visit.study for visit in visits}
    options = SessionOptions(("ann",), Mode.OPEN, Order.AS_GIVEN)
    reading.create_session(where, reading.plan_session(studies, options, folder))
    viewer = open_window()
    with at_work(viewer, where) as (reader, session):
        settle(lambda: not reader.shell.loader.busy)
        yield reader, session


@pytest.fixture
def reader(case_on_screen, nothing_goes_wrong):
    """At the first disc, nothing graded, nothing asked, before and after."""
    person, session = case_on_screen
    person.shell.window.activateWindow()
    settle(person.shell.window.isActiveWindow)
    yield person
    person.desk.cancel()
    person.shell.dock.window().showNormal()
    settle()
    while session.store.entries("ann") and any(d.read for c in session.cases for d in c.discs):
        person.desk.undo()
    person.desk.open(session.cases[0].item)
    person.shell._at = ()
    person.shell.refresh()
    person.viewer.window._qt_viewer.canvas.native.setFocus()
    settle()


def grades(reader):
    return [row.grade for row in reader.panel.rows]


def key(widget, *names):
    """Keys on a widget, as from a keyboard."""
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest

    for name in names:
        QTest.keyClick(widget, getattr(Qt.Key, f"Key_{name}"))
        settle()


def click(widget):
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest

    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)
    settle()


def focused():
    from qtpy.QtWidgets import QApplication

    return QApplication.focusWidget()


def axis_name(reader):
    return reader.viewer.window._qt_viewer.dims.slider_widgets[0].axis_label


def test_slices_have_one_number_on_the_screen(reader):
    slider = reader.viewer.window._qt_viewer.dims.slider_widgets[0]
    assert slider.isVisible()
    assert not slider.curslice_label.isVisible(), "napari counts from 0, the panels from 1"
    assert not slider.totslice_label.isVisible()


def test_a_digit_after_a_click_on_the_name_of_the_slider_is_a_grade(reader):
    box = axis_name(reader)
    before = box.text()
    click(box)
    assert focused() is box
    key(focused(), "5")
    assert grades(reader)[0] == "5"
    assert box.text() == before, "nothing was typed into it"
    key(focused(), "Down", "3")
    assert grades(reader)[:2] == ["5", "3"]


def test_a_digit_in_a_number_box_of_napari_is_a_grade(reader):
    from qtpy.QtWidgets import QDoubleSpinBox

    box = QDoubleSpinBox(reader.shell.window)
    box.show()
    box.setFocus()
    settle(lambda: focused() is box)
    key(box, "4", "Slash", "7")
    assert grades(reader)[0] == "4/7"
    assert box.value() == 0.0
    box.deleteLater()


def test_a_digit_in_a_text_field_that_asks_is_text(reader):
    reader.press("3", "Down", "Up", "5")
    line = reader.shell.dock.line
    settle(line.isVisible)
    click(line)
    key(focused(), "5", "Return")
    assert line.text() == "5"
    assert reader.desk.question is not None, "a digit is no reason"
    assert "three letters" in reader.panel.notice
    reader.type("darker than the one above")
    assert grades(reader)[0] == "5"


def test_a_second_digit_replaces_in_sight_and_a_slash_makes_a_double_grade(reader):
    reader.press("4", "7")
    assert grades(reader)[0] == "7"
    assert "7 replaces 4" in reader.shell.dock.notice.text()
    reader.press("Down", "4", "Slash", "7")
    assert grades(reader)[1] == "4/7"
    reader.press("U")
    name = reader.panel.rows[1].name
    assert f"4/7 was taken back: {name} is 4 again" in reader.shell.dock.notice.text()


def test_a_grade_stands_large_over_the_picture_for_a_second(reader):
    from time import monotonic

    from qtpy.QtCore import QPoint, QRect

    large, canvas = reader.shell._large, reader.viewer.window._qt_viewer.canvas.native
    reader.press("4")
    began = monotonic()
    assert large.isVisible()
    assert large.text() == f"{reader.panel.rows[0].name}  4"
    assert large.fontInfo().pixelSize() == 64
    over = QRect(canvas.mapTo(reader.shell.window, QPoint(0, 0)), canvas.size())
    middle = large.mapTo(reader.shell.window, large.rect().center())
    assert over.contains(middle)
    settle(lambda: not large.isVisible())
    assert 0.7 < monotonic() - began < 3.0
    assert large.text() == ""


def hide_dock(reader):
    reader.shell.dock.hide()
    return reader.shell.dock.show


def leave_the_slice(reader):
    step, case, disc = reader.viewer.dims.current_step[0], reader.case, reader.desk.key
    last = case.where(disc).copy()
    case.shown[0][case.shown[0] == case.numbers[disc]] = 0  # as in a disc that ends before
    reader.viewer.dims.set_current_step(0, 0)

    def give_back():
        case.discs[last] = case.numbers[disc]
        reader.viewer.dims.set_current_step(0, step)

    return give_back


def drag_away(reader):
    camera = reader.viewer.scene.camera
    before = camera.center
    camera.center = (0.0, before[1] + 1000.0, before[2])
    return lambda: setattr(camera, "center", before)


def hide_pictures(reader):
    images = [layer for layer in reader.viewer.layers if layer.visible]
    for layer in images:
        layer.visible = False
    return lambda: [setattr(layer, "visible", True) for layer in images]


def turn_the_axes(reader):
    order = reader.viewer.dims.order
    reader.viewer.dims.order = (1, 0, 2)
    return lambda: setattr(reader.viewer.dims, "order", order)


@pytest.mark.parametrize(
    "lose", [hide_dock, leave_the_slice, drag_away, hide_pictures, turn_the_axes]
)
def test_nothing_is_recorded_of_what_is_not_on_the_screen(reader, case_on_screen, lose):
    _, session = case_on_screen
    before = len(session.store.entries("ann"))
    give_back = lose(reader)
    settle()
    reader.press("4", "N", "U")
    assert len(session.store.entries("ann")) == before
    assert reader.desk.question is None
    assert "Nothing was recorded" in reader.panel.notice
    give_back()
    settle()
    reader.press("4")
    assert grades(reader)[0] == "4"


def test_an_answer_is_not_recorded_while_the_disc_is_out_of_sight(reader):
    reader.press("3", "N")
    give_back = leave_the_slice(reader)
    reader.type("metal from surgery")
    assert grades(reader)[0] == "3"
    assert "Nothing was recorded" in reader.panel.notice
    give_back()
    reader.type("metal from surgery")
    assert grades(reader)[0] == "not evaluable"


def test_a_click_on_the_disc_at_hand_brings_it_back(reader):
    drag_away(reader)
    leave = leave_the_slice(reader)
    reader.shell.pick(reader.desk.key)
    reader.press("2")
    assert grades(reader)[0] == "2"
    leave()


def test_a_key_that_is_held_down_counts_once(reader, case_on_screen):
    from qtpy.QtCore import QEvent, Qt
    from qtpy.QtGui import QKeyEvent
    from qtpy.QtWidgets import QApplication

    _, session = case_on_screen
    reader.press("3", "Down", "Up", "3")
    before = len(session.store.entries("ann"))
    none = Qt.KeyboardModifier.NoModifier
    held = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_4, none, "4", True, 1)
    QApplication.sendEvent(reader.viewer.window._qt_viewer.canvas.native, held)
    settle()
    assert len(session.store.entries("ann")) == before
    assert reader.desk.question is None


# ------------------------------------------------------------------ the panel stays
def dock_of(reader):
    from qtpy.QtWidgets import QDockWidget

    docks = reader.shell.window.findChildren(QDockWidget)
    return next(one for one in docks if one.isAncestorOf(reader.shell.dock))


def test_the_panel_cannot_be_closed_floated_or_hidden_in_a_session(reader):
    from qtpy.QtWidgets import QPushButton

    dock = dock_of(reader)
    assert list(dock.titleBarWidget().findChildren(QPushButton)) == []
    dock.close()
    settle()
    assert dock.isVisible()
    dock.hide()
    settle()
    assert dock.isVisible()
    assert not dock.toggleViewAction().isEnabled()
    dock.setFloating(True)
    settle()
    features = dock.DockWidgetFeature
    assert dock.features() == features.NoDockWidgetFeatures
    assert not dock.isFloating()
    reader.press("4")
    assert grades(reader)[0] == "4"


# ------------------------------------------------------------------ thin outlines
def test_one_key_shows_and_hides_the_outlines(reader):
    shown = reader.lines()
    assert len(shown) > 3, "borders are shown in an open session"
    assert not reader.viewer.layers["T2 discs"].visible, "no voxel is covered"
    key(axis_name(reader), "O")
    assert len(reader.lines()) <= 1, "height lines alone"
    reader.press("O")
    assert reader.lines() == shown


def test_the_outline_is_the_border_that_is_measured(reader):
    import numpy as np

    from discmri import read_results

    case, disc = reader.case, reader.desk.key
    result = read_results(case.loaded.labels_file.parent)
    view = case.loaded.images.view
    measured = view.place(result.borders[disc].contour_world_mm)[:, 1:]
    middle = case.mark(disc).centre_mm[0]
    pieces = case.border(disc)
    own = pieces[pieces[:, 0, 0] == middle]
    np.testing.assert_allclose(own[:, 0, 1:], measured)
    assert len({piece[0, 0] for piece in pieces}) > 1, "the other slices have theirs"
    assert case.border(disc) is pieces, "traced once"
