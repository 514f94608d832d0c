"""A layout that wraps its widgets into rows."""

from __future__ import annotations

from qtpy.QtCore import QRect, QSize
from qtpy.QtWidgets import QLayout, QLayoutItem, QWidget

_GAP_PX = 4


class FlowLayout(QLayout):
    """Widgets in rows that fill the available width.

    Parameters
    ----------
    parent
        The widget with this layout.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self.setContentsMargins(0, 0, 0, 0)

    def addItem(self, item: QLayoutItem) -> None:  # noqa: N802 - Qt's name
        """Called by ``addWidget``."""
        self._items.append(item)

    def count(self) -> int:
        """Number of widgets."""
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:  # noqa: N802 - Qt's name
        """Return the item at an index; ``None`` beyond the last."""
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:  # noqa: N802 - Qt's name
        """Remove and return an item."""
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def hasHeightForWidth(self) -> bool:  # noqa: N802 - Qt's name
        """Return true: a narrower layout has more rows."""
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802 - Qt's name
        """Height of all rows in pixels."""
        rows = self._rows(width)
        return sum(map(_height, rows)) + _GAP_PX * max(len(rows) - 1, 0)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return the minimum size; the layout grows with its parent."""
        return self.minimumSize()

    def minimumSize(self) -> QSize:  # noqa: N802 - Qt's name
        """Size of the largest widget."""
        hints = [one.sizeHint() for one in self._items]
        return QSize(
            max((one.width() for one in hints), default=0),
            max((one.height() for one in hints), default=0),
        )

    def setGeometry(self, rect: QRect) -> None:  # noqa: N802 - Qt's name
        """Place every widget; the free width of a row is divided equally among its widgets."""
        super().setGeometry(rect)
        top = rect.top()
        for row in self._rows(rect.width()):
            widths = [one.sizeHint().width() for one in row]
            spare = rect.width() - sum(widths) - _GAP_PX * (len(row) - 1)
            left = rect.left()
            for number, (item, width) in enumerate(zip(row, widths, strict=True)):
                share = spare * (number + 1) // len(row) - spare * number // len(row)
                item.setGeometry(QRect(left, top, width + max(share, 0), _height(row)))
                left += width + max(share, 0) + _GAP_PX
            top += _height(row) + _GAP_PX

    def _rows(self, width: int) -> list[list[QLayoutItem]]:
        rows: list[list[QLayoutItem]] = []
        used = 0
        for item in self._items:
            needed = item.sizeHint().width()
            if not rows or used + _GAP_PX + needed > width:
                rows.append([])
                used = -_GAP_PX
            rows[-1].append(item)
            used += _GAP_PX + needed
        return rows


def _height(row: list[QLayoutItem]) -> int:
    return max((int(one.sizeHint().height()) for one in row), default=0)
