"""The texts on the canvas: titles, slice numbers and letters."""

from __future__ import annotations

from napari.qt import QtViewer
from qtpy.QtWidgets import QMainWindow


def place_texts(window: QMainWindow) -> None:
    """Put the texts in their places before the picture is drawn.

    napari does so while it draws, and draws all of it a second time because something moved.
    This step of napari is not public: where it has another name the picture is drawn twice.

    Parameters
    ----------
    window
        napari's main window.
    """
    canvas = getattr(window.findChild(QtViewer), "canvas", None)
    if getattr(canvas, "_needs_overlay_position_update", False):
        getattr(canvas, "_update_overlay_canvas_positions", lambda: None)()
