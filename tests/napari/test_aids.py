"""What helps a reader besides grading: series, contrast, help, worklist, criteria; with real keys."""

from __future__ import annotations

import numpy as np
import pytest
from tests.napari.person import at_work
from tests.napari.waiting import settle

from discmri.napari.key_help import KEY_HELP
from discmri.reading import Mode

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::PendingDeprecationWarning",
    "ignore::ResourceWarning",
)  # fmt: skip


def images(viewer):
    from napari.layers import Image

    return [one.name for one in viewer.layers if isinstance(one, Image) and one.visible]


def test_how_a_reader_looks_is_kept_recorded_and_there_again(viewer, session_on):
    where = session_on(Mode.BLINDED)
    with at_work(viewer, where) as (reader, session):
        assert not reader.lines(), "outlines are off in a blinded session"
        reader.press("O")
        assert len(reader.lines()) > 3, "borders in the colours of their levels"
        assert images(viewer) == ["T2", "T1", "ADC µm²/ms"]
        colours = reader.shell.dock.colours
        assert (colours.low.text(), colours.high.text()) == ("ADC 0.0", "3.0 µm²/ms")
        ends = [colours.bar.grab().toImage().pixelColor(x, 5) for x in (1, 138)]
        assert ends[0].blue() > ends[0].green() + 50, "viridis begins in violet"
        assert ends[1].green() > ends[1].blue() + 100, "and ends in yellow"
        reader.press("F3")
        assert not colours.isVisible()
        reader.press("F3", "F2", "I", "0")
        assert images(viewer) == ["T2", "ADC µm²/ms"]
        low, high = viewer.layers["T2"].contrast_limits
        viewer.layers["T2"].contrast_limits = (low, (low + high) / 2)
        reader.press("3")
        seen = dict(session.case(reader.desk.item).disc(reader.desk.key).read.viewing)
        assert seen.pop("seconds") > 0
        assert seen == {
            "framing": "spine",
            "smooth": False,
            "outlines": True,
            "series": ["T2", "ADC µm²/ms"],
            "windows": {"T2": [0.0, 0.5]},
        }
    with at_work(viewer, where) as (reader, _):
        assert reader.shell.canvas.framing.value == "spine"
        assert viewer.layers["T2"].interpolation2d == "nearest"
        assert reader.shell.canvas.windows == {"T2": (0.0, 0.5)}
        assert list(reader.lines().values()) == [8], "off again, but for the frame"
        reader.press("X")
        assert reader.shell.canvas.windows == {}
        reader.press("F2", "0", "I")


def test_postponed_discs_come_last_and_stand_in_the_worklist(viewer, session_on):
    with at_work(viewer, session_on(Mode.OPEN)) as (reader, session):
        work = reader.shell.dock.worklist
        reader.press("L")
        first, second = (row.name for row in reader.panel.rows[:2])
        assert reader.panel.rows[reader.panel.current].name == second, "it went on"
        assert f"{first} is postponed" in reader.shell.dock.notice.text()
        reader.press("W")
        settle(work.isVisible)
        work.filter.setCurrentText("postponed")
        settle()
        assert [work.list.item(n).text() for n in range(work.list.count())] == [
            f"1 · {first} · not read · postponed"
        ]
        work.list.setCurrentRow(0)
        work.list.itemClicked.emit(work.list.item(0))
        settle()
        assert reader.panel.rows[reader.panel.current].name == first
        reader.press("3")
        assert work.list.count() == 0, "a grade ends that"
        reader.press("W")
        assert not work.isVisible()
        assert not session.case(reader.desk.item).disc(reader.desk.key).postponed


def picture_letters(reader):
    """Where something is written over the pictures."""
    from qtpy.QtCore import QPoint
    from qtpy.QtGui import QImage, QRegion
    from qtpy.QtWidgets import QWidget

    overlay = reader.shell._overlay
    image = QImage(overlay.size(), QImage.Format.Format_ARGB32)
    image.fill(0)
    overlay.render(image, QPoint(), QRegion(), QWidget.RenderFlag.DrawChildren)
    return np.frombuffer(image.constBits(), np.uint8).reshape(-1, 4)[:, 3] > 100


def test_help_names_every_key_and_letters_grow(viewer, session_on):
    from discmri.napari.qt.keys import _KEYS

    with at_work(viewer, session_on(Mode.BLINDED)) as (reader, _):
        assert viewer.help == "", "napari offers no keys that mean something else here"
        reader.press("Question")
        assert reader.shell._help.isVisible()
        assert "postpone the disc" in reader.shell._help.text()
        reader.press("Escape")
        assert not reader.shell._help.isVisible()
        words = " ".join(key for key, _ in KEY_HELP)
        letters = [key for key in _KEYS.values() if len(key) == 1 and not key.isdigit()]
        assert [key for key in letters if key not in words] == []
        before = reader.shell.dock.notice.fontInfo().pointSize()
        letters = picture_letters(reader)
        reader.press("Plus", "Plus")
        assert picture_letters(reader).sum() > 1.1 * letters.sum(), "over the pictures as well"
        assert reader.shell.dock.notice.fontInfo().pointSize() > before
        reader.press("Minus", "Minus")
        assert reader.shell.dock.notice.fontInfo().pointSize() == before
        assert np.array_equal(picture_letters(reader), letters)


def cut(dock):
    """Texts of buttons that have too little room, and of what is wider than its part of the panel."""
    from qtpy.QtWidgets import QPushButton, QScrollArea

    buttons = [one for one in dock.findChildren(QPushButton) if one.isVisible()]
    found = [one.text() for one in buttons if one.width() < one.sizeHint().width()]
    scrolled = dock.findChild(QScrollArea)
    wide = scrolled.widget().width() > scrolled.viewport().width()
    return [*found, *(["scrolled"] if wide else [])]


def test_the_window_fits_a_small_screen(viewer, session_on):
    window = viewer.window._qt_window
    with at_work(viewer, session_on(Mode.BLINDED)) as (reader, _):
        window.resize(1280, 720)
        settle()
        assert (window.width(), window.height()) == (1280, 720)
        assert cut(reader.shell.dock) == []
        reader.press("K", "Plus", "Plus")
        assert cut(reader.shell.dock) == [], "with larger letters"
        reader.press("K", "Minus", "Minus")
        window.resize(1200, 700)
        settle()


def test_a_reader_who_practises_is_told_the_truth_after_the_grade(viewer, session_on, monkeypatch):
    from discmri.core.grade import Grade
    from discmri.reading import Session

    with at_work(viewer, session_on(Mode.BLINDED)) as (reader, _):
        monkeypatch.setattr(Session, "truth", lambda *_: Grade.parse("2"))
        reader.press("4")
        assert "your grade 4, true grade 2" in reader.shell.dock.notice.text()
        reader.press("2")
        assert "2 is correct" in reader.shell.dock.notice.text()
