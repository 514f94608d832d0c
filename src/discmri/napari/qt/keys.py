"""Keys of a session that work with any focus except in text fields."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QLineEdit,
    QMainWindow,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)

from discmri.napari.display import SERIES_KEYS

_KEYS = {
    **{str(number): str(number) for number in range(9)},
    **{letter.upper(): letter for letter in "ncurpehoixlwk"},
    **{sign: sign for sign in "?+-"},
    **{key.upper(): key for key in SERIES_KEYS},
    **{"/": "/", "Up": "up", "Down": "down", "Left": "left", "Right": "right"},
    **{"PgUp": "page up", "PgDown": "page down"},
    **{"Return": "enter", "Enter": "enter", "Esc": "escape"},
}
_WALKING = frozenset(("up", "down", "left", "right"))
"""Keys that go on while they are held down; all others count once."""
_SLIDERS = "QtDims"
"""napari's class around the slice number and the names of the axes."""


def asks_for_text(widget: QObject | None) -> bool:
    """Whether a widget is a text field for typing.

    Number boxes and the slice number of napari do not count: a reader who clicked one before
    would take a digit typed there for a grade.
    """
    if isinstance(widget, QTextEdit | QPlainTextEdit):
        return not widget.isReadOnly()
    if not isinstance(widget, QLineEdit) or widget.isReadOnly() or widget.validator() is not None:
        return False
    above = widget.parentWidget()
    while above is not None:
        if isinstance(above, QAbstractSpinBox) or type(above).__name__ == _SLIDERS:
            return False
        above = above.parentWidget()
    return True


class Keys(QObject):
    """The keys of a window; ``press`` is called with the name of each.

    They override other widgets only while a session is being read.
    """

    def __init__(
        self, window: QMainWindow, press: Callable[[str], None], reading: Callable[[], bool]
    ) -> None:
        super().__init__(window)
        self._reading = reading
        self._codes = set()
        for text, name in _KEYS.items():
            sequence = QKeySequence(text)
            self._codes.add(sequence[0].key())
            shortcut = QShortcut(sequence, window)
            shortcut.setAutoRepeat(name in _WALKING)
            shortcut.activated.connect(lambda name=name: press(name))
        QApplication.instance().focusChanged.connect(self._focus_moved)
        self._focus_moved(None, window.focusWidget())

    def _focus_moved(self, _before: QWidget | None, now: QWidget | None) -> None:
        if now is not None and (now.window() is self.parent() or _belongs(now, self.parent())):
            now.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Prevent other widgets from overriding these keys."""
        if event.type() != QEvent.Type.ShortcutOverride or not self._reading():
            return False
        plain = not event.modifiers() & ~(
            Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.ShiftModifier
        )
        if not plain or event.key() not in self._codes or asks_for_text(watched):
            return False
        event.ignore()
        return True


def _belongs(widget: QWidget, window: QObject | None) -> bool:
    """Whether a widget is in a floating part of a window."""
    above = widget.window().parentWidget()
    return above is not None and above.window() is window
