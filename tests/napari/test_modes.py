"""What open, locked and blinded sessions show, anywhere in the window and at any time."""

from __future__ import annotations

import pytest
from tests.napari.conftest import PATIENT, SUBJECT
from tests.napari.person import Reader, at_work, keep_edit
from tests.napari.waiting import settle
from tests.napari.walking import texts

from discmri.napari.overlay import WHITE
from discmri.reading import Mode, open_session

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::PendingDeprecationWarning",
    "ignore::ResourceWarning",
)  # fmt: skip

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


def test_blinded_tells_nothing_anywhere_at_any_time(viewer, session_on, visits):
    from discmri.napari.qt.window import shell_of

    with at_work(viewer, session_on(Mode.BLINDED, repeats=0.5)) as (reader, session):
        forbidden = [*identity(visits, session), *MEASURED]
        assert leaks(viewer, forbidden) == []
        assert viewer.title == "discmri – Case 1 of 3"
        assert WHITE not in reader.lines()
        reader.press("4", "Slash", "7", "Return", "R")
        reader.press("L", "K", "W", "Question", "0")
        reader.shell.dock.worklist.filter.setCurrentText("all discs")
        settle()
        assert reader.shell.dock.worklist.list.count() > 6
        assert leaks(viewer, forbidden) == []
        reader.press("Escape", "K", "W", "0")
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
        assert "open other studies in another" in reader.panel.notice
        assert leaks(viewer, forbidden) == []


def test_no_key_of_napari_opens_the_console_or_a_palette_in_a_blinded_session(viewer, session_on):
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest
    from qtpy.QtWidgets import QApplication

    window = viewer.window
    keys = ("C", "P", "O", "N", "Slash")
    control, more = Qt.KeyboardModifier.ControlModifier, (
        Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier,
        Qt.KeyboardModifier.AltModifier,
    )  # fmt: skip
    with at_work(viewer, session_on(Mode.BLINDED)):
        for key in keys:
            for other in more:
                canvas = window._qt_viewer.canvas.native
                QTest.keyClick(canvas, getattr(Qt.Key, f"Key_{key}"), control | other)
                settle()
        assert window._qt_viewer._console is None, "a console reads any variable"
        assert not window._qt_window._command_palette.isVisible()
        shown = [one for one in QApplication.topLevelWidgets() if one.isVisible()]
        assert {type(one).__name__ for one in shown} == {"_QtMainWindow"}


def test_a_blinded_case_that_fails_to_load_tells_nothing(viewer, session_on, visits, caplog):
    hidden = visits[0].results.with_name("elsewhere")
    with open_session(session_on(Mode.BLINDED), "ann") as session:
        reader = Reader(viewer)
        reader.shell.loader.hold(True)
        reader.shell.read(session)
        settle(reader.shell._loading.isVisible)
        assert leaks(viewer, identity(visits, session)) == [], "while it is loaded"
        reader.shell.loader.forget()
        reader.shell.loader.hold(False)
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
        assert WHITE not in reader.lines()
        reader.press("Return")
        assert {word for word, _ in leaks(viewer, MEASURED)} >= {"Height (mm)", "±"}
        assert reader.lines()[WHITE] == 3, "three height lines"
        reader.press("4")
        reader.type("the annulus is blurred")
        disc = session.cases[0].discs[0]
        assert (str(disc.before_reveal.judgement), str(disc.read.judgement)) == ("3", "4")
        assert disc.read.reason == "the annulus is blurred"
        reader.press("Return")
        assert leaks(viewer, MEASURED) == [], "the next disc is not revealed"


def test_open_shows_it_all_in_the_dock(viewer, session_on):
    from qtpy.QtWidgets import QLabel

    with at_work(viewer, session_on(Mode.OPEN)) as (reader, _):
        assert {word for word, _ in leaks(viewer, MEASURED)} == set(MEASURED)
        shown = reader.shell.dock.metrics.text()
        for row in reader.panel.metrics:
            assert row.automatic in shown
        assert not reader.shell.dock.criteria.isVisible()
        reader.click("Criteria")
        assert reader.shell.dock.criteria.isVisible()
        words = [one.text() for one in reader.shell.dock.criteria.findChildren(QLabel)]
        assert any("30 to 60 % reduction" in one for one in words)
        drawn = [one for one in reader.shell.dock.criteria.findChildren(QLabel) if one.pixmap()]
        assert len([one for one in drawn if not one.pixmap().isNull()]) == 8
