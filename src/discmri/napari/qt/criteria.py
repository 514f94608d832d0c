"""The criteria of the scale with an example of each grade."""

from __future__ import annotations

from importlib.resources import files

from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import QGridLayout, QLabel, QWidget

from discmri.napari.panel_text import scale


class Criteria(QWidget):
    """The modified Pfirrmann scale as a table; hidden at first."""

    def __init__(self) -> None:
        super().__init__()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(2)
        title = QLabel("<b>Modified Pfirrmann scale</b> (Griffith 2007), with synthetic examples.")
        title.setWordWrap(True)
        grid.addWidget(title, 0, 0, 1, 3)
        for number, (grade, nucleus, annulus, height) in enumerate(scale(), start=1):
            picture = QPixmap()
            picture.loadFromData(example(int(grade)))
            drawn = QLabel()
            drawn.setPixmap(picture)
            grid.addWidget(QLabel(f"<b>{grade}</b>"), number, 0)
            grid.addWidget(drawn, number, 1)
            words = QLabel(
                f"Nucleus and inner annulus {nucleus}; posterior annulus {annulus}; "
                f"height: {height}."
            )
            words.setWordWrap(True)
            grid.addWidget(words, number, 2)
        double = QLabel("A collapsed disc with preserved signal has both grades, such as 4/7.")
        double.setWordWrap(True)
        grid.addWidget(double, 9, 0, 1, 3)
        grid.setColumnStretch(2, 1)
        self.hide()


def example(grade: int) -> bytes:
    """A phantom disc of a grade on T2, as PNG."""
    return files("discmri.napari").joinpath("examples", f"grade_{grade}.png").read_bytes()
