"""The plugin widget of napari, the shell of a viewer, and a window for one session."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from discmri.core.errors import UsageError
from discmri.napari.qt.dock import GradingDock
from discmri.napari.qt.shell import Shell

if TYPE_CHECKING:
    from napari import Viewer

    from discmri.reading import Session

_NAME = "Grading (discmri)"  # napari's name for the widget of the manifest


class GradingWidget(GradingDock):
    """The grading dock with its shell, for a viewer or napari's proxy of one for plugins."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self.shell = Shell(getattr(napari_viewer, "__wrapped__", napari_viewer), self)


def shell_of(viewer: Viewer) -> Shell:
    """Return the shell of a viewer; the first call makes it with its dock."""
    for widget in viewer.window.dock_widgets.values():
        if isinstance(widget, GradingWidget):
            return widget.shell
    made = GradingWidget(viewer)
    viewer.window.add_dock_widget(made, name=_NAME, area="right", add_vertical_stretch=False)
    return made.shell


def read_in_a_window(session: Session) -> None:
    """Open a window, read the session in it, and return when it is closed."""
    import napari

    viewer = napari.Viewer(show=False, show_welcome_screen=False)
    shell = shell_of(viewer)
    shell.read(session)
    viewer.window.show()
    shell.press("layers")
    if shell.window is not None:
        shell.window.showMaximized()
    napari.run()


def check_display() -> None:
    """Check that a window can be opened; without this, Qt would end the program.

    Raises ``UsageError`` on Linux without X and Wayland.
    """
    named = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    if sys.platform.startswith("linux") and not any(map(os.environ.get, named)):
        raise UsageError("the viewer needs a display, which is missing; use a graphical session")
