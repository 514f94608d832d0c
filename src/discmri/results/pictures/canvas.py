"""What all pictures share: colours of levels, a canvas, a scale bar, PNG bytes."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from discmri.core.levels import DiscLevel
from discmri.core.volume import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Paul Tol's "light" scheme: told apart by colour-blind readers, bright enough on grey images.
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
DPI = 120


def canvas(width_mm: float, height_mm: float, pixels_per_mm: float) -> tuple[Figure, Axes]:
    """A figure whose axes fill it and show millimetres at a fixed scale."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    scale = pixels_per_mm / DPI
    figure = Figure(figsize=(width_mm * scale, height_mm * scale), dpi=DPI, facecolor="black")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    return figure, axes


def chart(width_in: float, height_in: float, dpi: float = 100.0) -> tuple[Figure, Axes]:
    """A figure with one pair of axes for curves and points."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), dpi=dpi, layout="constrained")
    return figure, figure.add_subplot()


def embedded(figure: Figure, kind: str = "png") -> str:
    """A chart for a page, base64, without dates and software."""
    absent = {"png": ("Software",), "svg": ("Date", "Creator")}[kind]
    file = io.BytesIO()
    figure.savefig(file, format=kind, metadata=dict.fromkeys(absent))
    return base64.b64encode(file.getvalue()).decode()


def png(figure: Figure, colours: Sequence[str], colour_map: str = "") -> bytes:
    """PNG bytes in a small palette and without dates, software or other metadata.

    Parameters
    ----------
    figure
        What to draw.
    colours
        Colours of lines; the palette holds them, their blends with greys, and greys.
    colour_map
        Name of a matplotlib colour map that is shown as well.
    """
    from PIL import Image

    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3]  # type: ignore[attr-defined]
    image = Image.fromarray(np.ascontiguousarray(pixels), "RGB")
    palette = Image.new("P", (1, 1))
    entries = _palette(colours, colour_map).tobytes()
    palette.putpalette(entries)
    file = io.BytesIO()
    small = image.quantize(palette=palette, dither=Image.Dither.NONE)
    indices = np.array(small)
    indices[(pixels == 255).all(axis=-1)] = 255  # the nearest-colour search is a little coarse
    exact = Image.fromarray(indices, "P")
    exact.putpalette(entries)
    exact.save(file, format="PNG", compress_level=6)
    return file.getvalue()


def _palette(colours: Sequence[str], colour_map: str) -> NDArray[np.uint8]:
    """(256, 3) red, green, blue: colours, their blends with greys, a colour map, greys."""
    from matplotlib import colormaps
    from matplotlib.colors import to_rgb

    entries = [np.empty((0, 3))]
    for colour in map(to_rgb, colours):
        for grey in (0.1, 0.4, 0.7, 1.0):
            share = np.array([0.3, 0.6, 1.0])[:, None]
            entries.append(share * np.array(colour) + (1 - share) * grey)
    if colour_map:
        entries.append(colormaps[colour_map](np.linspace(0, 1, 72))[:, :3])
    used = np.vstack(entries)
    greys = np.linspace(0, 1, 256 - len(used))[:, None].repeat(3, axis=1)
    return np.asarray(np.round(255 * np.vstack([used, greys])), dtype=np.uint8)


def window(values: Array) -> tuple[float, float]:
    """Display limits of an image: the 1st and 99.5th percentile of its finite values."""
    finite = values[np.isfinite(values)]
    low, high = np.percentile(finite, (1.0, 99.5)) if finite.size else (0.0, 1.0)
    return float(low), float(max(high, low + 1e-6))


def outlined(axes: Axes, x: float, y: float, text: str, **style: object) -> None:
    """Text with a dark rim, readable on any grey."""
    from matplotlib.patheffects import withStroke

    rim = [withStroke(linewidth=2.5, foreground="black")]
    axes.text(x, y, text, path_effects=rim, zorder=6, **style)  # type: ignore[arg-type]


def scale_bar(axes: Axes, x: float, y: float, length_mm: float) -> None:
    """A bar of a length in millimetres, its right end at ``x``."""
    from matplotlib.patheffects import withStroke

    rim = [withStroke(linewidth=4.5, foreground="black")]
    axes.plot(
        [x - length_mm, x], [y, y], color="white", lw=2.5, path_effects=rim,
        solid_capstyle="butt", zorder=5,
    )  # fmt: skip
    outlined(
        axes, x - length_mm / 2, y, f"{length_mm:g} mm\n", color="white", fontsize=8,
        ha="center", va="bottom", linespacing=0.6,
    )  # fmt: skip
