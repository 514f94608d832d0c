"""Keep the grading panel docked during a session; otherwise a menu shows it again."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QDockWidget, QMainWindow, QPushButton, QWidget

_MENU = "Window"
_CLOSE = "QTitleBarCloseButton"
_LOOSE = QDockWidget.DockWidgetFeature
_ALL = _LOOSE.DockWidgetClosable | _LOOSE.DockWidgetMovable | _LOOSE.DockWidgetFloatable


class DockHolder(QObject):
    """Fixes a dock in its window during a session; otherwise the user can hide and move it.

    napari's × deletes a dock with its session, so that button is removed.  The button that hides a
    dock is removed during sessions only; otherwise the menu *Window* shows the dock again.
    """

    def __init__(self, dock: QDockWidget, window: QMainWindow) -> None:
        super().__init__(dock)
        self._dock, self._window, self._held = dock, window, False
        self._bar: QWidget | None = None
        dock.installEventFilter(self)
        dock.topLevelChanged.connect(self._moved)
        dock.dockLocationChanged.connect(self._moved)
        self._take_close_button()
        for action in window.menuBar().actions():
            if action.text().replace("&", "") == _MENU and action.menu() is not None:
                shown = dock.toggleViewAction()
                shown.setText("Grading panel (discmri)")
                action.menu().addAction(shown)

    def hold(self, held: bool) -> None:
        """Fix the dock, docked and visible, or release it."""
        if held == self._held:
            return
        self._held = held
        dock = self._dock
        if held:
            dock.setFloating(False)
            dock.show()
            self._bar = dock.titleBarWidget()
            dock.setTitleBarWidget(QWidget(dock))
            dock.setFeatures(_LOOSE.NoDockWidgetFeatures)
            if self._bar is not None:
                self._bar.hide()
            return
        dock.setFeatures(_ALL)
        empty = dock.titleBarWidget()
        dock.setTitleBarWidget(self._bar)
        if self._bar is not None:
            self._bar.show()
        if empty is not None:
            empty.deleteLater()
        self._take_close_button()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Prevent closing of a fixed dock, and show it again if it was hidden."""
        if not self._held:
            return False
        if event.type() == QEvent.Type.Close:
            event.ignore()
            return True
        if event.type() == QEvent.Type.Hide and not event.spontaneous():
            QTimer.singleShot(0, self, self._show)
        return False

    def _show(self) -> None:
        if self._held and self._window.isVisible():
            self._dock.show()

    def _moved(self, _where: object) -> None:
        if self._held and self._dock.isFloating():
            self._dock.setFloating(False)
        QTimer.singleShot(0, self, self._take_close_button)  # napari makes a new title bar

    def _take_close_button(self) -> None:
        bar = self._dock.titleBarWidget()
        if bar is not None:
            for button in bar.findChildren(QPushButton, _CLOSE):
                button.hide()
