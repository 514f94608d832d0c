"""What is written over the panels: titles, slices, directions, names of discs and a scale bar.

Places are pixels of the canvas, (x, y) from its upper left corner.  Qt writes them: as texts of
napari every one of them would need a shader program of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from discmri.core.volume import Array

WHITE = "#ffffff"
SCALE_MM = 20.0
_MARGIN_PX = 5.0
_EDGE_PX = np.array([0.0, 40.0])
"""Room of the texts at the upper and lower edge of a panel, where no disc is named."""
_DIRECTIONS = {"A": (0.0, 0.5), "P": (1.0, 0.5), "H": (0.5, 0.0), "F": (0.5, 1.0)}
"""Where the patient's directions are written, as shares of the width and height of a panel."""


@dataclass(frozen=True)
class Caption:
    """One text.

    Parameters
    ----------
    text
        In one or more lines.
    at_px
        Where it stands.
    share
        Which point of the text stands there, as shares of its width and height.
    colour
        ``#rrggbb``.
    line_px
        Length of a line that is drawn above it; 0 for none.
    """

    text: str
    at_px: tuple[float, float]
    share: tuple[float, float]
    colour: str = WHITE
    line_px: float = 0.0


@dataclass(frozen=True, eq=False)
class PanelArea:
    """The part of the canvas on which one picture is shown, and which part of it that is.

    Parameters
    ----------
    corner_px, size_px
        (2,) upper left corner; width and height.
    centre_mm
        (2,) row and column in the middle of the panel, shown millimetres.
    zoom
        Pixels a millimetre.
    """

    corner_px: Array
    size_px: Array
    centre_mm: Array
    zoom: float

    def place(self, share: tuple[float, float]) -> tuple[float, float]:
        """A point near the edge, or in the middle, by shares of the width and height.

        >>> area = PanelArea(np.zeros(2), np.array([100.0, 60.0]), np.zeros(2), 2.0)
        >>> area.place((0.0, 0.5)), area.place((1.0, 1.0))
        ((5.0, 30.0), (95.0, 55.0))
        """
        shares = np.array(share)
        x, y = self.corner_px + _MARGIN_PX + shares * (self.size_px - 2 * _MARGIN_PX)
        return float(x), float(y)

    def to_px(self, place_mm: Array) -> tuple[float, float] | None:
        """Where a row and column in millimetres are seen; ``None`` outside the panel or at its edge.

        >>> area = PanelArea(np.zeros(2), np.array([100.0, 120.0]), np.array([7.0, 3.0]), 2.0)
        >>> area.to_px(np.array([9.0, 13.0])), area.to_px(np.array([30.0, 3.0]))
        ((70.0, 64.0), None)
        """
        away = (np.asarray(place_mm) - self.centre_mm)[::-1] * self.zoom
        if np.any(np.abs(away) > self.size_px / 2 - _EDGE_PX):
            return None
        x, y = self.corner_px + self.size_px / 2 + away
        return float(x), float(y)


def panel_captions(
    area: PanelArea, title: str, where: str, names: Iterable[tuple[str, str, Array]]
) -> Iterator[Caption]:
    """What is written over one panel.

    Parameters
    ----------
    area
        Where it lies.
    title, where
        What it shows, and which slice.
    names
        Name, colour and (2,) place of each disc, shown millimetres.
    """
    for name, colour, place_mm in names:
        at_px = area.to_px(place_mm)
        if at_px is not None:
            yield Caption(name, at_px, (0.5, 0.5), colour)
    for letter, share in _DIRECTIONS.items():
        yield Caption(letter, area.place(share), share)
    yield Caption(title, area.place((0.0, 0.0)), (0.0, 0.0))
    yield Caption(where, area.place((0.0, 1.0)), (0.0, 1.0))


def scale_caption(area: PanelArea) -> Caption:
    """The scale bar in the lower right corner of a panel."""
    corner = (1.0, 1.0)
    return Caption(f"{SCALE_MM:.0f} mm", area.place(corner), corner, line_px=SCALE_MM * area.zoom)
