"""A layout that wraps its widgets into rows."""

from __future__ import annotations

from itertools import groupby

from qtpy.QtCore import QRect, QSize
from qtpy.QtWidgets import QLayoutItem, QWidget
from superqt import QFlowLayout

_GAP_PX = 4


class FlowLayout(QFlowLayout):
    """Widgets in rows that fill the available width.

    Parameters
    ----------
    parent
        The widget with this layout.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setContentsMargins(0, 0, 0, 0)
        self.setHorizontalSpacing(_GAP_PX)
        self.setVerticalSpacing(_GAP_PX)

    def minimumSize(self) -> QSize:  # noqa: N802 - Qt's name
        """Size of the largest widget."""
        hints = [one.sizeHint() for one in self._own_items()]
        return QSize(
            max((one.width() for one in hints), default=0),
            max((one.height() for one in hints), default=0),
        )

    def setGeometry(self, rect: QRect) -> None:  # noqa: N802 - Qt's name
        """Place every widget; the free width of a row is divided equally among its widgets."""
        super().setGeometry(rect)
        for _, row in groupby(self._own_items(), key=lambda one: one.geometry().top()):
            own = list(row)
            spare = max(rect.right() - own[-1].geometry().right(), 0)
            for number, item in enumerate(own):
                start, end = (spare * n // len(own) for n in (number, number + 1))
                item.setGeometry(item.geometry().adjusted(start, 0, end, 0))

    def _own_items(self) -> list[QLayoutItem]:
        return [item for n in range(self.count()) if (item := self.itemAt(n)) is not None]
