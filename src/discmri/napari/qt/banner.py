"""Large text over the pictures: the last entry, or the loading step."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import QLabel, QWidget

SHOWN_MS = 1000
_STYLE = (
    "color: #ffffff; background: rgba(0, 0, 0, 170); border-radius: 10px; padding: 10px 26px; "
    "font-size: {size}px; font-weight: {weight};"
)


class Banner(QLabel):
    """Text over a widget, in its middle or near its top; it ignores clicks and drags.

    ``weight`` of the letters is as in a style sheet; ``share`` is the height of the middle of the
    text as a share of the widget, 0 (top) to 1.
    """

    def __init__(self, over: QWidget, size_px: int, weight: str, share: float) -> None:
        super().__init__(over)
        self._share = share
        self.setStyleSheet(_STYLE.format(size=size_px, weight=weight))
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._end = QTimer(self, singleShot=True)
        self._end.timeout.connect(self.take_away)
        over.installEventFilter(self)
        self.hide()

    def flash(self, text: str) -> None:
        """Show a text for a second."""
        self.put(text)
        self._end.start(SHOWN_MS)

    def put(self, text: str) -> None:
        """Show a text until :meth:`take_away`."""
        self._put(escape(text).replace("\n", "<br>"))

    def put_table(self, rows: Sequence[tuple[str, str]]) -> None:
        """Show a table of two columns until :meth:`take_away`."""
        told = (
            f'<tr><td align="right"><b>{escape(left)}</b></td><td>&nbsp;&nbsp;{escape(right)}</td></tr>'
            for left, right in rows
        )
        self._put(f"<table>{''.join(told)}</table>")

    def _put(self, shown: str) -> None:
        if shown != self.text() or not self.isVisible():
            self.setText(shown)
            self.show()
            self.raise_()
            self._place()

    def take_away(self) -> None:
        """Hide the text."""
        self.hide()
        self.clear()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Follow changes of the size of the widget below."""
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self._place()
        return bool(super().eventFilter(watched, event))

    def _place(self) -> None:
        self.adjustSize()
        room = self.parentWidget().size()
        left = (room.width() - self.width()) // 2
        self.move(left, round(self._share * room.height()) - self.height() // 2)
