"""The definitions of height, each drawn on the outline of one drawn disc with its value."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from discmri.core.levels import DiscLevel
from discmri.measurement.outline import trace_disc
from discmri.phantoms import Protocol, PulseSequence, SpineOptions, lumbar_spine, make_phantom
from discmri.results.height import HEIGHT_METHODS
from discmri.results.height.hurxthal import _mid_point
from discmri.results.height.stations import STATIONS
from discmri.results.outline import DiscOutline

_LINE, _FILL, _SOFT = "#0072b2", "#56b4e9", "#52606d"


def draw() -> bytes:
    """A PNG with one panel per definition."""
    outline = _outline()
    figure = Figure(figsize=(9.6, 4.6), dpi=110, layout="constrained")
    for axes, (code, one) in zip(figure.subplots(3, 3).flat, HEIGHT_METHODS.items(), strict=True):
        x, y = np.vstack([outline.mid.contour_mm, outline.mid.contour_mm[:1]]).T
        axes.plot(x, y, color=_SOFT, lw=1.2)
        _DRAWN[code](axes, outline)
        axes.set_title(f"{one.label}: {one.measure(outline):.2f} mm", fontsize=9)
        axes.set_aspect("equal")
        axes.invert_xaxis()  # anterior on the left
        axes.axis("off")
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _outline() -> DiscOutline:
    protocol = Protocol(
        sequences=(PulseSequence.T2,), spacing_mm=0.9, slices=13, fov_mm=(130.0, 130.0)
    )
    phantom = make_phantom(lumbar_spine(SpineOptions(grades=[2, 3, 4, 5, 7]), seed=4))
    labels = phantom.labels(phantom.grid(protocol), protocol.slice_thickness_mm)
    return trace_disc(labels, DiscLevel.L4_L5)


def _station(code: str) -> Callable[[Axes, DiscOutline], None]:
    def drawn(axes: Axes, outline: DiscOutline) -> None:
        x = outline.mid.position(STATIONS[code])
        ends = [np.interp(x, outline.mid.x_mm, one)
                for one in (outline.mid.lower_mm, outline.mid.upper_mm)]  # fmt: skip
        axes.plot([x, x], ends, color=_LINE, lw=2)

    return drawn


def _dabbs(axes: Axes, outline: DiscOutline) -> None:
    corners = outline.corners
    for one, other in ((corners.upper_anterior, corners.lower_anterior),
                       (corners.upper_posterior, corners.lower_posterior)):  # fmt: skip
        axes.plot(*np.stack([one, other]).T, "o-", color=_LINE, lw=2, ms=4)


def _hurxthal(axes: Axes, outline: DiscOutline) -> None:
    corners = outline.corners
    chords = ((corners.upper_anterior, corners.upper_posterior, 1),
              (corners.lower_anterior, corners.lower_posterior, -1))  # fmt: skip
    for front, back, _ in chords:
        axes.plot(*np.stack([front, back]).T, ":", color=_SOFT, lw=1)
    middles = np.stack([_mid_point(outline, *chord) for chord in chords])
    axes.plot(*middles.T, "o-", color=_LINE, lw=2, ms=4)


def _three_point(axes: Axes, outline: DiscOutline) -> None:
    _dabbs(axes, outline)
    _hurxthal(axes, outline)


def _area(axes: Axes, outline: DiscOutline) -> None:
    axes.fill(*outline.mid.contour_mm.T, color=_FILL, alpha=0.6, lw=0)
    low = outline.mid.contour_mm[:, 1].min() - 1.5
    axes.plot(outline.mid.x_mm[[0, -1]], [low, low], "|-", color=_LINE, lw=2)


def _columns(axes: Axes, outline: DiscOutline) -> None:
    x, upper, lower = outline.mid.between(0.10, 0.90)
    axes.vlines(x[::6], lower[::6], upper[::6], color=_LINE, lw=1)


def _three_d(axes: Axes, outline: DiscOutline) -> None:
    axes.vlines(outline.mid.x_mm[::6], outline.mid.lower_mm[::6], outline.mid.upper_mm[::6],
                color=_LINE, lw=1)  # fmt: skip
    axes.text(*outline.mid.contour_mm.mean(axis=0), "in every slice", ha="center", va="center",
              fontsize=8, backgroundcolor="white")  # fmt: skip


_DRAWN: Mapping[str, Callable[[Axes, DiscOutline], None]] = {
    **{code: _station(code) for code in STATIONS},
    "dabbs": _dabbs, "hurxthal": _hurxthal, "three_point": _three_point, "area": _area,
    "columns": _columns, "3d": _three_d,
}  # fmt: skip
