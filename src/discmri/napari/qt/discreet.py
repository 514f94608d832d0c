"""A window that tells nothing: what a blinded session takes away from napari.

Menus open other studies and show folders that were opened before, the console reads any
variable, and a folder that is dropped on the canvas brings its name along.
"""

from __future__ import annotations

from qtpy.QtWidgets import QMainWindow, QPushButton, QWidget

_CONSOLE = "console"


def make_discreet(window: QMainWindow) -> None:
    """Take away menus with their shortcuts, the console, and dropping of files.

    Parameters
    ----------
    window
        napari's main window.
    """
    bar = window.menuBar()
    for action in bar.actions():
        action.setVisible(False)
        action.setEnabled(False)
    bar.setVisible(False)
    for widget in window.findChildren(QWidget):
        widget.setAcceptDrops(False)
    window.setAcceptDrops(False)
    for button in window.findChildren(QPushButton):
        if button.property("mode") == _CONSOLE:
            button.setVisible(False)
            button.setEnabled(False)
