"""A colour bar with its unit; the one of napari 0.9.2 fails before its panel is drawn."""

from __future__ import annotations

import numpy as np
from napari.utils.colormaps import ensure_colormap
from qtpy.QtWidgets import QHBoxLayout, QLabel, QWidget

from discmri.core.text import number
from discmri.napari.images import Picture

_SIZE_PX = (140, 10)
_STOPS = 12


class ColourBar(QWidget):
    """Colour scale of a picture; hidden if all pictures are grey."""

    def __init__(self) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self.low, self.bar, self.high = QLabel(), QLabel(), QLabel()
        for one in (self.low, self.bar, self.high):
            row.addWidget(one)
        row.addStretch(1)
        self.bar.setFixedSize(*_SIZE_PX)
        self.hide()

    def show_scale(self, scale: tuple[Picture, tuple[float, float]] | None) -> None:
        """Show the colours of a picture between two values, or hide the bar."""
        self.setVisible(scale is not None)
        if scale is None:
            return
        picture, (low, high) = scale
        self.low.setText(f"{picture.name} {number(low, 1)}")
        self.high.setText(f"{number(high, 1)} {picture.unit}")
        colours = ensure_colormap(picture.colours).map(np.linspace(0, 1, _STOPS))
        parts = ((255 * colours[:, :3]).round().astype(int)).tolist()
        stops = ", ".join(
            f"stop:{n / (_STOPS - 1):.3f} rgb({red}, {green}, {blue})"
            for n, (red, green, blue) in enumerate(parts)
        )
        gradient = f"qlineargradient(x1:0, y1:0, x2:1, y2:0, {stops})"
        self.bar.setStyleSheet(f"background: {gradient};")
