"""A layout that begins another row where the next widget has no room, whatever the size of letters."""

from __future__ import annotations

from qtpy.QtCore import QRect, QSize
from qtpy.QtWidgets import QLayout, QLayoutItem, QWidget

_GAP_PX = 4


class FlowLayout(QLayout):
    """Widgets in rows as wide as there is room; each row is filled.

    Parameters
    ----------
    parent
        The widget whose layout it is.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self.setContentsMargins(0, 0, 0, 0)

    def addItem(self, item: QLayoutItem) -> None:  # noqa: N802 - Qt's name
        """Called by ``addWidget``."""
        self._items.append(item)

    def count(self) -> int:
        """How many widgets there are."""
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:  # noqa: N802 - Qt's name
        """The item at a place; ``None`` beyond the last."""
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:  # noqa: N802 - Qt's name
        """Take an item out."""
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def hasHeightForWidth(self) -> bool:  # noqa: N802 - Qt's name
        """It does: fewer columns need more rows."""
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802 - Qt's name
        """Height of all rows."""
        rows = self._rows(width)
        return sum(map(_height, rows)) + _GAP_PX * max(len(rows) - 1, 0)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As small as it can be; it grows with its parent."""
        return self.minimumSize()

    def minimumSize(self) -> QSize:  # noqa: N802 - Qt's name
        """The widest widget in a row of its own."""
        hints = [one.sizeHint() for one in self._items]
        return QSize(
            max((one.width() for one in hints), default=0),
            max((one.height() for one in hints), default=0),
        )

    def setGeometry(self, rect: QRect) -> None:  # noqa: N802 - Qt's name
        """Place every widget; what a row has left goes to its widgets alike."""
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
