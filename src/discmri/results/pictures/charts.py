"""Charts of curves and points for pages."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def chart(width_in: float, height_in: float, dpi: float = 100.0) -> tuple[Figure, Axes]:
    """Return a figure with one pair of axes for curves and points."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), dpi=dpi, layout="constrained")
    return figure, figure.add_subplot()


def embedded(figure: Figure, kind: str = "png") -> str:
    """Return a chart for a page as base64, without metadata on dates and software."""
    absent = {"png": ("Software",), "svg": ("Date", "Creator")}[kind]
    file = io.BytesIO()
    figure.savefig(file, format=kind, metadata=dict.fromkeys(absent))
    return base64.b64encode(file.getvalue()).decode()
