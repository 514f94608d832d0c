"""The worklist of a session: its discs in the order of reading, through a filter."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QListWidget, QVBoxLayout, QWidget

from discmri.napari.worklist import WORK_FILTERS, WorkRow


class WorklistView(QWidget):
    """List of discs to choose from; its only state is the filter.

    Signals
    -------
    chosen(str, object)
        Item and level of a clicked disc.
    filtered()
        Another filter was chosen.
    """

    chosen = Signal(str, object)
    filtered = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._rows: tuple[WorkRow, ...] = ()
        self.filter, self.list = QComboBox(), QListWidget()
        self.filter.addItems(list(WORK_FILTERS))
        for one in (self.filter, self.list):
            one.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.filter.currentTextChanged.connect(lambda _text: self.filtered.emit())
        self.list.itemClicked.connect(lambda _item: self._choose(self.list.currentRow()))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.filter)
        layout.addWidget(self.list)
        self.hide()

    @property
    def wanted(self) -> str:
        """The selected filter."""
        return str(self.filter.currentText())

    def show_rows(self, rows: Sequence[WorkRow]) -> None:
        """Show the discs that pass the filter."""
        if tuple(rows) != self._rows:
            self._rows = tuple(rows)
            self.list.clear()
            self.list.addItems([row.text for row in rows])

    def _choose(self, place: int) -> None:
        if 0 <= place < len(self._rows):
            self.chosen.emit(self._rows[place].item, self._rows[place].key)
