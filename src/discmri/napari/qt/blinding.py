"""Removal of napari features that would break the blinding of a session.

Menus open other studies and show recent folders, the console reads any variable, and a folder
dropped on the canvas shows its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.qt import QtViewer
from napari.settings import get_settings
from qtpy.QtWidgets import QMainWindow, QPushButton, QWidget

if TYPE_CHECKING:
    from napari import Viewer

_CONSOLE = "console"
_WITH_A_KEY = ("napari:toggle_console_visibility", "napari:show_shortcuts")
"""What opens the console, and the preferences, which could give it another key."""


def restrict_window(window: QMainWindow, viewer: Viewer) -> None:
    """Disable menus, console and preferences with their keys, and dropping of files.

    Other viewers keep their console.
    """
    keys = get_settings().shortcuts.shortcuts
    for key in (one for name in _WITH_A_KEY for one in keys.get(name, ())):
        viewer.bind_key(str(key), _do_nothing, overwrite=True)
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


def hide_slice_numbers(window: QMainWindow) -> None:
    """Hide napari's slice numbers, which begin at 0; the panels count from 1."""
    for name in ("slice_label", "slice_label_sep"):
        for label in window.findChildren(QWidget, name):
            label.hide()


def hide_welcome(window: QMainWindow) -> None:
    """Hide napari's welcome screen with its links and shortcuts while a case is loaded."""
    for inside in window.findChildren(QtViewer):
        inside.show_welcome_screen = False


def _do_nothing(_viewer: Viewer) -> None:
    """Action of a disabled key."""
