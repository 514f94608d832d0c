"""Writes captions over the pictures, readable on black and on white."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, QRectF, Qt
from qtpy.QtGui import QColor, QFontMetricsF, QPainter, QPainterPath, QPaintEvent, QPen
from qtpy.QtWidgets import QWidget

from discmri.napari.captions import Caption

if TYPE_CHECKING:
    from discmri.napari.canvas import Canvas

_EDGE = QColor(0, 0, 0, 200)
_EDGE_PX = 3.0
_LINE_PX = 3.0


class Writing(QWidget):
    """The captions of a canvas; clicks and drags go through them.

    Parameters
    ----------
    over
        The widget that draws the pictures.
    canvas
        Says what is written, and where.
    """

    def __init__(self, over: QWidget, canvas: Canvas) -> None:
        super().__init__(over)
        self._canvas, self._points = canvas, 11
        self._captions: tuple[Caption, ...] = ()
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.resize(over.size())
        over.installEventFilter(self)
        viewer = canvas.viewer
        for event in (
            viewer.scene.camera.events, viewer.dims.events.current_step,
            viewer.dims.events.ndisplay, viewer.canvas.events.size,
            viewer.canvas.grid.events.enabled,
        ):  # fmt: skip
            event.connect(self.look)
        self.show()

    def look(self, _event: object = None) -> None:
        """Write what is to be written now; where it stands already nothing is painted."""
        captions = self._canvas.captions
        if captions != self._captions:
            self._captions = captions
            self.update()

    def text(self) -> str:
        """Everything that is written."""
        return "\n".join(one.text for one in self._captions)

    def set_points(self, points: int) -> None:
        """Make the letters larger or smaller."""
        self._points = points
        self.update()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Be as large as the widget below."""
        if event.type() == QEvent.Type.Resize:
            self.resize(self.parentWidget().size())
            self.look()
        return bool(super().eventFilter(watched, event))

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint letters with a dark edge."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = self.font()
        font.setPointSize(self._points)
        metrics = QFontMetricsF(font)
        edge = QPen(_EDGE, _EDGE_PX, j=Qt.PenJoinStyle.RoundJoin)
        for one in self._captions:
            lines = one.text.split("\n")
            widths = [metrics.horizontalAdvance(line) for line in lines]
            bar_px = 2 * _LINE_PX if one.line_px else 0.0
            width = max(*widths, one.line_px)
            height = bar_px + metrics.height() * len(lines)
            left = one.at_px[0] - one.share[0] * width
            top = one.at_px[1] - one.share[1] * height
            path = QPainterPath()
            for number, (line, long) in enumerate(zip(lines, widths, strict=True)):
                x = left + one.share[0] * (width - long)
                path.addText(
                    x, top + bar_px + metrics.ascent() + number * metrics.height(), font, line
                )
            if one.line_px:
                path.addRect(QRectF(left, top, one.line_px, _LINE_PX))
            painter.strokePath(path, edge)
            painter.fillPath(path, QColor(one.colour))
        painter.end()
