"""Draws the overlays: thin smooth lines, and texts readable on black and white."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, QRectF, Qt
from qtpy.QtGui import QColor, QFontMetricsF, QPainter, QPainterPath, QPaintEvent, QPen
from qtpy.QtWidgets import QWidget

from discmri.napari.overlay import Caption, Lines, PanelOverlay

if TYPE_CHECKING:
    from discmri.napari.canvas import ViewerCanvas

_RIM = QPen(QColor(0, 0, 0, 200), 3.0, j=Qt.PenJoinStyle.RoundJoin)
_BAR_PX = 3.0
_LARGER = 2


class OverlayView(QWidget):
    """Draws the overlays of a canvas over the widget ``over``; it ignores clicks and drags."""

    def __init__(self, over: QWidget, canvas: ViewerCanvas) -> None:
        super().__init__(over)
        self._canvas, self._points = canvas, 0
        self.panels: tuple[PanelOverlay, ...] = ()
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
        """Draw the present overlays; unchanged ones are not painted again."""
        before, self.panels = self.panels, self._canvas.overlays
        if len(before) != len(self.panels) or not all(map(PanelOverlay.same, before, self.panels)):
            self.update()

    def text(self) -> str:
        """All texts of the overlays."""
        return "\n".join(one.text for panel in self.panels for one in panel.captions)

    def set_points(self, points: int) -> None:
        """Make the letters somewhat larger than those of the dock, given in points."""
        self._points = points + _LARGER
        self.update()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Follow the size of the widget below."""
        if event.type() == QEvent.Type.Resize:
            self.resize(self.parentWidget().size())
            self.look()
        return bool(super().eventFilter(watched, event))

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint all panels."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = self.font()
        font.setPointSize(self._points)
        painter.setFont(font)
        for panel in self.panels:
            room = QRectF(*panel.area.corner_px, *panel.area.size_px)
            painter.setClipRect(room)
            for lines in panel.lines:
                _draw_lines(painter, lines)
            for caption in panel.captions:
                _write(painter, caption, room)
        painter.end()


def _draw_lines(painter: QPainter, lines: Lines) -> None:
    """Draw connected segments as one line; separate lines would show dots at their ends."""
    path, last = QPainterPath(), None
    for start, end in lines.pieces.tolist():
        if start != last:
            path.moveTo(*start)
        path.lineTo(*end)
        last = end
    painter.strokePath(path, QPen(QColor(lines.colour), lines.width_px))


def _write(painter: QPainter, caption: Caption, room: QRectF) -> None:
    """Draw letters with a dark rim, moved sideways to fit into the panel."""
    metrics = QFontMetricsF(painter.font())
    lines = caption.text.split("\n")
    widths = [metrics.horizontalAdvance(line) for line in lines]
    above = 2 * _BAR_PX if caption.line_px else 0.0
    width, height = max(*widths, caption.line_px), above + metrics.height() * len(lines)
    (x, y), (across, down) = caption.at_px, caption.share
    left, top = x - across * width, y - down * height
    left = max(min(left, room.right() - width - _RIM.widthF()), room.left() + _RIM.widthF())
    path = QPainterPath()
    for number, (line, long) in enumerate(zip(lines, widths, strict=True)):
        base = top + above + metrics.ascent() + number * metrics.height()
        path.addText(left + across * (width - long), base, painter.font(), line)
    if caption.line_px:
        path.addRect(QRectF(left, top, caption.line_px, _BAR_PX))
    painter.strokePath(path, _RIM)
    painter.fillPath(path, QColor(caption.colour))
