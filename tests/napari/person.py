"""Somebody at a real viewer."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
from tests.napari.waiting import settle

from discmri.reading import open_session


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
        return self.shell.loader.cases.get(getattr(self.desk, "item", "look"))

    @property
    def panel(self):
        return self.desk.panel()

    def wait_for_case(self):
        settle(lambda: self.case is not None and self.case.complete)

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
        """A stroke of the brush above the current disc; gives the voxels it added."""
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
        """What is seen of the panels, everything over them included."""
        from qtpy.QtGui import QImage

        settle()
        grabbed = self.viewer.window._qt_viewer.canvas.native.grab().toImage()
        image = grabbed.convertToFormat(QImage.Format.Format_RGB888)
        rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
        return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()

    def lines(self, panel=0):
        """Colours of the straight pieces that are drawn over a panel, and how many of each."""
        found = {}
        for one in self.shell._overlay.panels[panel].lines:
            if len(one.pieces):
                found[one.colour] = found.get(one.colour, 0) + len(one.pieces)
        return found


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


def keep_edit(reader, why):
    reader.click("Keep")
    settle(lambda: reader.desk.question is not None)
    reader.type(why)
