"""Layers of one panel: the image, and the labels during painting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from discmri.core.volume import Array
from discmri.napari.images import Picture

if TYPE_CHECKING:
    from napari.layers import Image, Labels, Layer

EMPTY = np.zeros((2, 1, 1), dtype=np.uint8)
"""Shown where there is no picture; of two slices, since napari's slider comes and goes with them,
and moves everything else in the window."""
_PAINTED = 0.5
_CALLED = ("", " discs")


@dataclass(frozen=True, eq=False)
class Cell:
    """The layers of one picture."""

    image: Image
    discs: Labels

    @classmethod
    def made(cls) -> Cell:
        """Make an empty, hidden cell; hidden layers need no shader program."""
        from napari.layers import Image, Labels

        space: Mapping[str, Any] = {"units": "mm", "visible": False}
        cell = cls(Image(EMPTY, **space), Labels(EMPTY.copy(), opacity=_PAINTED, **space))
        cell.discs.editable = False
        return cell

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Layers from bottom to top."""
        return self.image, self.discs

    def scale(self, spacing_mm: Array) -> None:
        """Voxel spacing of the layers: one slider step is one slice."""
        for layer in self.layers:
            if not np.allclose(layer.scale, spacing_mm):
                layer.scale = spacing_mm

    def fill(self, picture: Picture, limits: tuple[float, float]) -> None:
        """Show a picture with a window of two grey values."""
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
        self._call("no picture")

    def _call(self, name: str) -> None:
        for layer, what in zip(self.layers, _CALLED, strict=True):
            layer.name = f"{name}{what}"

    def take_labels(self, discs: NDArray[np.uint8], number: int, colour: str) -> None:
        """Show one label for painting."""
        from napari.utils.colormaps import DirectLabelColormap

        layer = self.discs
        layer.data = discs
        nothing: dict[int | None, str] = {None: "transparent", 0: "transparent"}
        layer.colormap = DirectLabelColormap(color_dict={**nothing, number: colour})
        layer.editable = True
        layer.selected_label = number
        layer.preserve_labels = layer.show_selected_label = True

    def put_labels_away(self) -> None:
        """Remove the painted label; this also clears napari's undo history."""
        self.discs.data = EMPTY.copy()
        self.discs.editable = False
