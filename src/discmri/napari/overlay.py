"""Drawing over the panels: borders and names of discs, titles, directions, a scale bar.

Positions are pixels of the canvas, (x, y) from its upper left corner.  Qt draws the overlay:
napari would need one shader program for each layer or text and would not smooth thin lines.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from discmri.core.volume import Array

WHITE = "#ffffff"
BORDER_PX, LINE_PX = 1.3, 2.0
"""Width of borders, and of height lines, dashes and the frame."""
SCALE_MM = 20.0
_MARGIN_PX = 5.0
_EDGE_PX = np.array([0.0, 40.0])
"""Room of the texts at the upper and lower edge of a panel, where no disc is named."""
_DIRECTIONS = {"A": (0.0, 0.5), "P": (1.0, 0.5), "H": (0.5, 0.0), "F": (0.5, 1.0)}
"""Where the patient's directions are written, as shares of the width and height of a panel."""


@dataclass(frozen=True)
class Caption:
    """One text."""

    text: str  # one or more lines
    at_px: tuple[float, float]  # position of the text
    # point of the text at that position, as shares of its width and height
    share: tuple[float, float]
    colour: str = WHITE  # `#rrggbb`
    line_px: float = 0.0  # length of a line above the text; 0 for none


@dataclass(frozen=True, eq=False)
class Lines:
    """Straight segments of one colour."""

    # (n, 2, 2) ends of the segments: row and column in shown millimetres, or x and y in pixels
    pieces: Array
    colour: str  # `#rrggbb`
    width_px: float

    def same(self, other: Lines) -> bool:
        """Whether another looks like this one."""
        alike = (self.colour, self.width_px) == (other.colour, other.width_px)
        return alike and np.array_equal(self.pieces, other.pieces)


@dataclass(frozen=True, eq=False)
class PanelArea:
    """Area of the canvas with one picture, and the visible part of that picture."""

    corner_px: Array  # (2,) upper left corner
    size_px: Array  # (2,) width and height
    centre_mm: Array  # (2,) row and column in the middle of the panel, shown millimetres
    zoom: float  # pixels per millimetre

    def place(self, share: tuple[float, float]) -> tuple[float, float]:
        """Pixel position at shares of the width and height, inset from the edges.

        >>> area = PanelArea(np.zeros(2), np.array([100.0, 60.0]), np.zeros(2), 2.0)
        >>> area.place((0.0, 0.5)), area.place((1.0, 1.0))
        ((5.0, 30.0), (95.0, 55.0))
        """
        shares = np.array(share)
        x, y = self.corner_px + _MARGIN_PX + shares * (self.size_px - 2 * _MARGIN_PX)
        return float(x), float(y)

    def to_px(self, places_mm: Array) -> Array:
        """Convert rows and columns (..., 2) in millimetres to x and y in pixels.

        >>> area = PanelArea(np.zeros(2), np.array([100.0, 120.0]), np.array([7.0, 3.0]), 2.0)
        >>> area.to_px(np.array([9.0, 13.0])).tolist()
        [70.0, 64.0]
        """
        away = (np.asarray(places_mm) - self.centre_mm)[..., ::-1] * self.zoom
        return np.asarray(self.corner_px + self.size_px / 2 + away)

    def fits_name(self, at_px: Array) -> bool:
        """Whether a name fits at a position: inside the panel and not at its edge."""
        away = np.abs(at_px - self.corner_px - self.size_px / 2)
        return bool(np.all(away <= self.size_px / 2 - _EDGE_PX))


@dataclass(frozen=True, eq=False)
class PanelOverlay:
    """Drawing over one panel."""

    area: PanelArea  # area that clips the drawing
    lines: tuple[Lines, ...]  # in pixels
    captions: tuple[Caption, ...]  # texts above the lines

    @classmethod
    def of(
        cls,
        area: PanelArea,
        title: str,
        where: str,
        names: Iterable[tuple[str, str, Array]],
        lines: Iterable[Lines],
    ) -> PanelOverlay:
        """The overlay of a panel; lines and (2,) positions of names are in shown millimetres."""
        captions = [
            Caption(name, (float(at_px[0]), float(at_px[1])), (0.5, 0.5), colour)
            for name, colour, place_mm in names
            if area.fits_name(at_px := area.to_px(place_mm))
        ]
        captions += [Caption(one, area.place(share), share) for one, share in _DIRECTIONS.items()]
        captions.append(Caption(title, area.place((0.0, 0.0)), (0.0, 0.0)))
        captions.append(Caption(where, area.place((0.0, 1.0)), (0.0, 1.0)))
        in_px = (Lines(area.to_px(one.pieces), one.colour, one.width_px) for one in lines)
        return cls(area, tuple(in_px), tuple(captions))

    def scaled(self) -> PanelOverlay:
        """Return a copy with a scale bar in the lower right corner."""
        corner, length_px = (1.0, 1.0), SCALE_MM * self.area.zoom
        bar = Caption(f"{SCALE_MM:.0f} mm", self.area.place(corner), corner, line_px=length_px)
        return PanelOverlay(self.area, self.lines, (*self.captions, bar))

    def same(self, other: PanelOverlay) -> bool:
        """Whether another looks like this one."""
        if self.captions != other.captions or len(self.lines) != len(other.lines):
            return False
        return all(one.same(two) for one, two in zip(self.lines, other.lines, strict=True))


def on_slice(pieces_mm: Array, number: int, slice_mm: float) -> Array:
    """Select the segments (n, 2, 3) on one slice as (m, 2, 2) rows and columns.

    >>> pieces_mm = np.array([[[8.0, 1, 2], [8.0, 3, 4]], [[12.0, 5, 6], [12.0, 7, 8]]])
    >>> on_slice(pieces_mm, 3, 4.0).tolist()
    [[[5.0, 6.0], [7.0, 8.0]]]
    """
    there = np.round(pieces_mm[:, 0, 0] / slice_mm) == number
    return np.asarray(pieces_mm[there, :, 1:])
