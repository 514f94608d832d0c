"""The layers of one panel: its image, and everything that lies over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from discmri.core.volume import Array
from discmri.napari.images import Picture

if TYPE_CHECKING:
    from napari.layers import Image, Labels, Layer, Vectors

EMPTY = np.zeros((2, 1, 1), dtype=np.uint8)
"""Shown where there is no picture; of two slices, since napari's slider comes and goes with them,
and moves everything else in the window."""
_LINE_MM = 0.5
_OUTLINE_MM = 0.3
_PAINTED = 0.5
_CALLED = ("", " discs", " borders", " heights")


@cache
def _lines() -> type[Vectors]:
    """A layer of lines without a thumbnail, which would cost more than drawing them."""
    from napari.layers import Vectors

    class Lines(Vectors):
        """Straight pieces."""

        def _update_thumbnail(self) -> None:
            """Nobody looks at it."""

    return Lines


@dataclass(frozen=True, eq=False)
class Cell:
    """The layers of one picture."""

    image: Image
    discs: Labels
    borders: Vectors
    heights: Vectors

    @classmethod
    def made(cls) -> Cell:
        """A cell that holds nothing yet and is hidden: what is hidden needs no shader program."""
        from napari.layers import Image, Labels

        lines = _lines()
        space: Mapping[str, Any] = {"units": "mm", "visible": False}
        pieces: Mapping[str, Any] = {"ndim": 3, "vector_style": "line", **space}
        cell = cls(
            Image(EMPTY, **space),
            Labels(EMPTY.copy(), opacity=0.0, **space),
            lines(edge_width=_OUTLINE_MM, **pieces),
            lines(edge_width=_LINE_MM, **pieces),
        )
        cell.discs.editable = False
        return cell

    @property
    def layers(self) -> tuple[Layer, ...]:
        """From the lowest to the highest."""
        return self.image, self.discs, self.borders, self.heights

    def scale(self, spacing_mm: Array) -> None:
        """One step of the slider is one slice; lines are drawn in millimetres."""
        in_mm = np.array([spacing_mm[0], 1.0, 1.0])
        for layer, scale in zip(self.layers, (*[spacing_mm] * 2, *[in_mm] * 2), strict=True):
            if not np.allclose(layer.scale, scale):
                layer.scale = scale

    def fill(self, picture: Picture, limits: tuple[float, float]) -> None:
        """Show a picture between two grey values."""
        image = self.image
        image.data = picture.array
        if image.colormap.name != picture.colours:
            image.colormap = picture.colours
        low, high = picture.limits
        between = (min(low, limits[0], 0.0), max(high, limits[1]) + high - low)
        if (tuple(image.contrast_limits_range), tuple(image.contrast_limits)) != (between, limits):
            image.contrast_limits_range = between
            image.contrast_limits = limits
        self._call(picture.title)

    def empty(self) -> None:
        """Show nothing."""
        if self.image.data is EMPTY:
            return
        self.image.data = EMPTY
        draw(self.heights, (), 1.0)
        draw(self.borders, (), 1.0)
        self._call("no picture")

    def _call(self, name: str) -> None:
        for layer, what in zip(self.layers, _CALLED, strict=True):
            layer.name = f"{name}{what}"

    def take_labels(self, discs: NDArray[np.uint8], number: int, colour: str) -> None:
        """Show one label, which can be painted now."""
        from napari.utils.colormaps import DirectLabelColormap

        layer = self.discs
        layer.data = discs
        nothing: dict[int | None, str] = {None: "transparent", 0: "transparent"}
        layer.colormap = DirectLabelColormap(color_dict={**nothing, number: colour})
        layer.editable = True
        layer.selected_label = number
        layer.preserve_labels = layer.show_selected_label = True
        layer.opacity = _PAINTED

    def put_labels_away(self) -> None:
        """No label can be painted any more; napari forgets earlier strokes with that."""
        self.discs.data = EMPTY.copy()
        self.discs.editable = False
        self.discs.opacity = 0.0

    def show_marks(self, marked: bool, outlined: bool) -> None:
        """Show or hide what lies over the image; napari lays out all panels for hidden layers."""
        for layer, shown in ((self.borders, outlined), (self.heights, marked)):
            if layer.opacity != float(shown):
                layer.opacity = float(shown)


def draw(layer: Vectors, lines: Sequence[tuple[Array, str]], slice_mm: float) -> None:
    """Draw straight pieces (n, 2, 3) in shown millimetres, each group in its colour."""
    from napari.utils.colormaps.standardize_color import transform_color

    filled = [(pieces, colour) for pieces, colour in lines if len(pieces)]
    if not filled:
        layer.data = np.empty((0, 2, 3))
        return
    pieces = np.concatenate([one for one, _ in filled]) / np.array([slice_mm, 1.0, 1.0])
    layer.data = np.stack([pieces[:, 0], pieces[:, 1] - pieces[:, 0]], axis=1)
    counts = [len(one) for one, _ in filled]
    layer.edge_color = np.repeat(transform_color([one for _, one in filled]), counts, axis=0)
