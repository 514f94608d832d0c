"""Every text that a napari window holds, shown or hidden."""

from __future__ import annotations

from collections.abc import Iterator


def texts(viewer) -> Iterator[str]:
    """Texts of windows, docks, menus, lists, layers, overlays and notifications."""
    from napari.utils.notifications import notification_manager
    from qtpy.QtWidgets import QAbstractItemView, QApplication, QComboBox, QWidget

    yield from (viewer.title, str(viewer.status), viewer.help, viewer.tooltip.text)
    yield from (str(overlay) for overlay in viewer.canvas.overlays.values())
    for layer in viewer.layers:
        yield from _layer(layer)
    for window in QApplication.topLevelWidgets():
        for widget in (window, *window.findChildren(QWidget)):
            yield from _widget(widget)
            if isinstance(widget, QComboBox):
                yield from (widget.itemText(n) for n in range(widget.count()))
            if isinstance(widget, QAbstractItemView) and widget.model() is not None:
                yield from _items(widget.model())
    yield from (record.message for record in notification_manager.records)


def _widget(widget) -> Iterator[str]:
    asked = (
        "windowTitle", "toolTip", "statusTip", "whatsThis", "accessibleName", "objectName", "text",
        "title", "placeholderText", "toPlainText", "currentText", "windowFilePath", "format",
    )  # fmt: skip
    for name in asked:
        ask = getattr(widget, name, None)
        if callable(ask):
            yield str(ask())
    for action in widget.actions():
        yield from (action.text(), action.toolTip(), action.statusTip())


def _items(model) -> Iterator[str]:
    from qtpy.QtCore import QAbstractListModel, QAbstractTableModel, QModelIndex, Qt

    roles = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.EditRole)
    waiting = [QModelIndex()]
    while waiting:
        parent = waiting.pop()
        for row in range(model.rowCount(parent)):
            columns = 1 if isinstance(model, QAbstractListModel) else model.columnCount(parent)
            for column in range(columns):
                index = model.index(row, column, parent)
                yield from (str(model.data(index, role)) for role in roles)
                flat = isinstance(model, (QAbstractListModel, QAbstractTableModel))
                if not flat and model.hasChildren(index):
                    waiting.append(index)


def _layer(layer) -> Iterator[str]:
    yield from (layer.name, repr(layer.metadata), repr(layer.source), repr(layer.axis_labels))
    if hasattr(layer, "features"):
        yield layer.features.to_csv()
    if hasattr(layer, "text"):
        yield repr(layer.text)
    for at in ((0.0, 0.0, 0.0), (8.8, 100.0, 60.0)):
        yield repr(layer.get_status(at, world=True))
