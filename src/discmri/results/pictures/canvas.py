"""Shared by all pictures: colours of levels, a canvas in millimetres, PNG bytes.

Pillow draws the pictures: importing matplotlib and its layout took a quarter of the time of a
measurement.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from discmri.core.levels import DiscLevel
from discmri.core.volume import Array

if TYPE_CHECKING:
    from PIL.Image import Image, Resampling
    from PIL.ImageFont import FreeTypeFont

# Paul Tol's "light" scheme: distinct for colour-blind readers, bright enough on grey images.
LEVEL_COLOURS: dict[DiscLevel, str] = {
    DiscLevel.T10_T11: "#dddddd",
    DiscLevel.T11_T12: "#ee8866",
    DiscLevel.T12_L1: "#77aadd",
    DiscLevel.L1_L2: "#ffaabb",
    DiscLevel.L2_L3: "#44bb99",
    DiscLevel.L3_L4: "#eedd88",
    DiscLevel.L4_L5: "#99ddff",
    DiscLevel.L5_S1: "#bbcc33",
    DiscLevel.L5_L6: "#ee8866",
    DiscLevel.L6_S1: "#bbcc33",
    DiscLevel.S1_S2: "#ee8866",
}
BLACK, WHITE = "#000000", "#ffffff"
_POINTS_PER_INCH, _PIXELS_PER_INCH = 72, 120
_FINER = 4  # supersampling factor that smooths the edges of lines
_RIM_PT = 1.25  # dark rim of text and bars, readable on any grey
# DejaVu Sans, as shares of its size: height above and depth below the base line
_ASCENT, _DESCENT = 0.76, 0.24
# The colour map viridis (Smith, van der Walt; CC0) at 24 equidistant points; linear interpolation
# between them is accurate to 1 %.
_VIRIDIS = (
    "440154", "471164", "482071", "472e7c", "443c84", "3f4889", "39558c", "34618d",
    "2f6c8e", "2a768e", "26818e", "228b8d", "1f958b", "1fa088", "24aa83", "30b47c",
    "41bd72", "57c666", "6fcf57", "8ad647", "a7db35", "c4e021", "e2e418", "fde725",
)  # fmt: skip
Rectangle = tuple[float, float, float, float]


def rgb(colour: str) -> tuple[int, int, int]:
    """Return red, green and blue (0 to 255) of ``#rrggbb``.

    >>> rgb("#ee8866")
    (238, 136, 102)
    """
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def viridis(shares: Array) -> NDArray[np.uint8]:
    """Return (..., 3) red, green and blue (0 to 255) at positions 0 to 1 of the colour map.

    >>> viridis(np.array([0.0, 1.0])).tolist()
    [[68, 1, 84], [253, 231, 37]]
    """
    places = np.linspace(0, 1, len(_VIRIDIS))
    stops = np.array([rgb(f"#{one}") for one in _VIRIDIS])
    channels = [np.interp(shares, places, stops[:, k]) for k in range(3)]
    return np.round(np.stack(channels, axis=-1)).astype(np.uint8)


@dataclass(frozen=True)
class Style:
    """Style of a text."""

    points: float  # size in typographic points
    colour: str = WHITE  # `#rrggbb`
    across: str = "m"  # part of the text at its position: `l`, `m` or `r`
    up: str = "middle"  # `bottom`, `middle` or `top`
    bold: bool = False
    rim: bool = True  # whether a dark rim makes the text readable on any grey


class Canvas:
    """A picture with coordinates in millimetres; later drawing covers earlier drawing.

    ``edges`` are left, right, bottom and top, mm; the left may be larger than the right.
    """

    def __init__(self, edges: Rectangle, pixels_per_mm: float) -> None:
        from PIL import Image

        self.edges, self.pixels_per_mm = edges, pixels_per_mm
        left, right, bottom, top = edges
        size = (int(abs(right - left) * pixels_per_mm), int((top - bottom) * pixels_per_mm))
        self._drawn = Image.new("RGB", size, BLACK)

    @property
    def point_mm(self) -> float:
        """Length of a typographic point, mm."""
        return _PIXELS_PER_INCH / _POINTS_PER_INCH / self.pixels_per_mm

    def greys(
        self, values: Array, box: Rectangle, black: float, white: float, smooth: bool
    ) -> None:
        """Draw a grey image in a box: rows from bottom to top, columns from left to right."""
        from PIL import Image

        shares = np.clip((np.nan_to_num(values) - black) / (white - black), 0.0, 1.0)
        how = Image.Resampling.BICUBIC if smooth else Image.Resampling.BILINEAR
        self._paste(Image.fromarray(np.round(255 * shares).astype(np.uint8)), box, how)

    def colours(self, shares: Array, box: Rectangle, within: Array) -> None:
        """Draw finite values (0 to 1 on the colour map) as squares within a border (n, 2), mm."""
        from PIL import Image, ImageChops

        known = np.isfinite(shares)
        coloured = Image.fromarray(viridis(np.where(known, shares, 0.0)))
        inside = Image.new("L", self._drawn.size)
        how = Image.Resampling.NEAREST
        self._paste(Image.fromarray(255 * known.astype(np.uint8)), box, how, onto=inside)
        picture = Image.new("RGB", self._drawn.size)
        self._paste(coloured, box, how, onto=picture)
        self._drawn.paste(picture, mask=ImageChops.multiply(inside, self._filled(within)))

    def box(self, box: Rectangle, colour: str) -> None:
        """Fill a box with one colour."""
        left, right, bottom, top = box
        corners = np.array([[left, bottom], [right, bottom], [right, top], [left, top]])
        self._drawn.paste(colour, mask=self._filled(corners))

    def line(
        self,
        points: Array,
        colour: str,
        width_pt: float,
        dashes: tuple[float, float] | None = None,
        opacity: float = 1.0,
    ) -> None:
        """Draw a line through (n, 2) points, mm; dashes and gaps are multiples of its width."""
        from PIL import Image, ImageDraw

        whole, width = self._pixels(points), width_pt * _PIXELS_PER_INCH / _POINTS_PER_INCH
        pieces = [whole] if dashes is None else _dashed(whole, *(width * one for one in dashes))
        start = np.floor(whole.min(axis=0) - width - 1)
        right, down = (np.ceil(whole.max(axis=0) + width + 1) - start).astype(int) * _FINER
        mask = Image.new("L", (int(right), int(down)))
        draw = ImageDraw.Draw(mask)
        for piece in pieces:
            finer = (piece - start) * _FINER - 0.5
            draw.line(finer.ravel().tolist(), round(255 * opacity), round(width * _FINER))
            for x, y in finer[1:-1][_bends(finer)].tolist():  # joins of lines would have gaps
                draw.circle((x, y), width * _FINER / 2, round(255 * opacity))
        self._drawn.paste(colour, (int(start[0]), int(start[1])), mask.reduce(_FINER))

    def text(self, x: float, y: float, text: str, style: Style) -> None:
        """Draw one line of text at (x, y), mm."""
        from PIL import ImageDraw

        size = style.points * _PIXELS_PER_INCH / _POINTS_PER_INCH
        ascent = {"bottom": -_DESCENT, "middle": (_ASCENT - _DESCENT) / 2, "top": _ASCENT}
        (right, down) = self._pixels(np.array([[x, y]]))[0].tolist()
        rim = round(_RIM_PT * _PIXELS_PER_INCH / _POINTS_PER_INCH) if style.rim else 0
        ImageDraw.Draw(self._drawn).text(
            (right, down + ascent[style.up] * size), text, style.colour,
            font(size, style.bold), f"{style.across}s", stroke_width=rim, stroke_fill=BLACK,
        )  # fmt: skip

    def scale_bar(self, x: float, y: float, length_mm: float) -> None:
        """Draw a scale bar in millimetres from ``x`` towards the left of the picture."""
        way = np.sign(self.edges[0] - self.edges[1])
        bar = np.array([[x, y], [x + way * length_mm, y]])
        rim = np.array([[-way, 0.0], [way, 0.0]]) * _RIM_PT * self.point_mm
        self.line(bar + rim, BLACK, 2.5 + 2 * _RIM_PT)
        self.line(bar, WHITE, 2.5)
        self.text(
            float(bar[:, 0].mean()), y + 4.0 * self.point_mm, f"{length_mm:g} mm",
            Style(8.0, up="bottom"),
        )  # fmt: skip

    def png(self, colours: Sequence[str], coloured: bool = False) -> bytes:
        """Return PNG bytes with a small palette and no metadata such as dates or software.

        The palette has the colours of lines, their blends with greys, greys, and with ``coloured``
        the colour map.
        """
        from PIL import Image

        palette = Image.new("P", (1, 1))
        entries = _palette(colours, coloured).tobytes()
        palette.putpalette(entries)
        indices = np.array(self._drawn.quantize(palette=palette, dither=Image.Dither.NONE))
        # the nearest-colour search is approximate
        red, green, blue = np.moveaxis(np.asarray(self._drawn), -1, 0)
        indices[red & green & blue == 255] = 255
        exact = Image.fromarray(indices, "P")
        exact.putpalette(entries)
        file = io.BytesIO()
        exact.save(file, format="PNG", compress_level=4)
        return file.getvalue()

    def _pixels(self, points: Array) -> Array:
        """Convert (n, 2) millimetres to pixels right and down from the upper left corner."""
        left, right, _, top = self.edges
        turned = (np.asarray(points) - [left, top]) * [np.sign(right - left), -1.0]
        return np.asarray(turned * self.pixels_per_mm)

    def _filled(self, border: Array) -> Image:
        """Fraction of each pixel within a border."""
        from PIL import Image, ImageDraw

        width, height = self._drawn.size
        mask = Image.new("L", (width * _FINER, height * _FINER))
        corners = [tuple(point) for point in (self._pixels(border) * _FINER - 0.5).tolist()]
        ImageDraw.Draw(mask).polygon(corners, 255)
        return mask.reduce(_FINER)

    def _paste(
        self, image: Image, box: Rectangle, how: Resampling, onto: Image | None = None
    ) -> None:
        """Paste an array: rows from the bottom to the top of a box, columns from left to right."""
        from PIL.Image import Transpose

        left, right, bottom, top = box
        start, stop = self._pixels(np.array([[left, top], [right, bottom]]))
        image = image.transpose(Transpose.FLIP_TOP_BOTTOM)
        if stop[0] < start[0]:
            image = image.transpose(Transpose.FLIP_LEFT_RIGHT)
            start[0], stop[0] = stop[0], start[0]
        whole = np.array([image.width, image.height]) / (stop - start)
        # the part of the image on the canvas, with one sample for each pixel of the canvas
        size = np.array(self._drawn.size)
        low, high = np.maximum(np.round(start), 0), np.minimum(np.round(stop), size)
        part = np.clip(np.r_[(low - start) * whole, (high - start) * whole], 0, None)
        part[2:] = np.minimum(part[2:], [image.width, image.height])
        w, h = (int(n) for n in high - low)
        fitted = image.resize((w, h), how, tuple(part.tolist()))
        (onto or self._drawn).paste(fitted, (int(low[0]), int(low[1])))


@cache
def font(pixels: float, bold: bool) -> FreeTypeFont:
    """Return DejaVu Sans from the files of matplotlib, which is not imported."""
    from importlib.util import find_spec
    from pathlib import Path

    from PIL import ImageFont

    found: Any = find_spec("matplotlib")
    folder = Path(found.submodule_search_locations[0]) / "mpl-data/fonts/ttf"
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(folder / name), pixels)


def _dashed(points: Array, dash: float, gap: float) -> list[Array]:
    """Cut a line into dashes."""
    along = np.r_[0.0, np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))]
    pieces: list[Array] = []
    for start in np.arange(0.0, along[-1], dash + gap):
        stop = min(start + dash, along[-1])
        at = np.r_[start, along[(along > start) & (along < stop)], stop]
        pieces.append(np.stack([np.interp(at, along, points[:, k]) for k in (0, 1)], axis=1))
    return pieces


def _bends(points: Array) -> NDArray[np.bool_]:
    """(n - 2,) whether a line turns by more than about 15 degrees at each inner point.

    >>> _bends(np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.1], [2.0, 3.0]])).tolist()
    [False, True]
    """
    ways = np.diff(points, axis=0)
    ways = ways / np.maximum(np.linalg.norm(ways, axis=1, keepdims=True), 1e-9)
    return np.asarray((ways[1:] * ways[:-1]).sum(axis=1) < 0.96)


def _palette(colours: Sequence[str], coloured: bool) -> NDArray[np.uint8]:
    """(256, 3) red, green, blue: colours, their blends with greys, the colour map, greys."""
    entries = [np.empty((0, 3))]
    for colour in map(rgb, colours):
        for grey in (0.1, 0.4, 0.7, 1.0):
            share = np.array([0.3, 0.6, 1.0])[:, None]
            entries.append(share * np.array(colour) + (1 - share) * 255 * grey)
    if coloured:
        entries.append(viridis(np.linspace(0, 1, 72)).astype(float))
    used = np.vstack(entries)
    greys = np.linspace(0, 255, 256 - len(used))[:, None].repeat(3, axis=1)
    return np.asarray(np.round(np.vstack([used, greys])), dtype=np.uint8)


def window(values: Array) -> tuple[float, float]:
    """Return display limits of an image: the 1st and 99.5th percentiles of its finite values."""
    finite = values[np.isfinite(values)]
    low, high = np.percentile(finite, (1.0, 99.5)) if finite.size else (0.0, 1.0)
    return float(low), float(max(high, low + 1e-6))


def closed(border: Array) -> Array:
    """Return a border (n + 1, 2) with the first of its n points repeated at the end."""
    return np.vstack([border, border[:1]])
