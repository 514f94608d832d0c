"""Conversion between the voxels of an image and the slices for the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from discmri.core.volume import FILLED_FROM, Array, Grid, SoftMask, Volume
from discmri.measurement.segment.network import PIXEL_MM, SIDE_PX, Float
from discmri.measurement.segment.parts import Box, Mask, box_around

_WHOLE = (slice(0, None),) * 3
_EDGE_MM = 2.0  # margin at the border of an image that counts as outside


@dataclass(frozen=True, eq=False)
class NetworkSlices:
    """Conversion between the voxels of an image and the slices for the network.

    Slices are (slice, down, back): rows run to the feet, columns to the back, pixels are
    :data:`PIXEL_MM` and the image is centred.  Order and direction of the image's axes do not
    matter.
    """

    grid: Grid
    axes: tuple[int, int, int]  # array axis of slice, down, back
    flips: tuple[bool, bool, bool]
    shape: tuple[int, int, int]

    @classmethod
    def of(cls, grid: Grid) -> NetworkSlices:
        """The order and orientation of a grid's slices, padded for the network."""
        left = grid.sagittal_axis
        rest = [axis for axis in range(3) if axis != left]
        down = max(rest, key=lambda axis: abs(grid.directions[2, axis]))
        back = next(axis for axis in rest if axis != down)
        axes = (left, down, back)
        wanted = ((left, 0), (down, 2), (back, 1))
        flips = tuple(bool(grid.directions[world, axis] > 0) for axis, world in wanted)
        size = [int(np.ceil(grid.shape[a] * grid.spacing_mm[a] / PIXEL_MM)) for a in axes[1:]]
        rows, columns = (-(-n // SIDE_PX) * SIDE_PX for n in size)
        return cls(grid, axes, flips, (grid.shape[left], rows, columns))  # type: ignore[arg-type]

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance of slices, rows and columns."""
        return (float(self.grid.spacing_mm[self.axes[0]]), PIXEL_MM, PIXEL_MM)

    @property
    def _turned(self) -> tuple[int, ...]:
        return tuple(k for k, flip in enumerate(self.flips) if flip)

    def slices(self, image: Volume) -> Float:
        """(slices, rows, columns) the image at the network's resolution."""
        array = np.transpose(np.asarray(image.array, dtype=np.float32), self.axes)
        array = np.flip(array, self._turned)
        array = np.maximum(array - min(0.0, float(array.min())), 0.0)
        down, back = self._to_network(1), self._to_network(2)
        return np.asarray(down @ array @ back.T, dtype=np.float32)

    @property
    def shown(self) -> Mask:
        """(rows, columns) pixels within the image, without a margin at its border."""
        inside = []
        for k in (1, 2):
            voxels, pixels = self._positions(k)
            inside.append(np.abs(pixels) < np.abs(voxels).max() - _EDGE_MM)
        return np.asarray(inside[0][:, None] & inside[1][None, :])

    def _positions(self, k: int) -> tuple[Array, Array]:
        """Positions (mm from the centre) of image voxels and of network pixels along axis k."""
        count = self.grid.shape[self.axes[k]]
        step = float(self.grid.spacing_mm[self.axes[k]])
        voxels = (np.arange(count) - (count - 1) / 2) * step
        return voxels, (np.arange(self.shape[k]) - (self.shape[k] - 1) / 2) * PIXEL_MM

    def _to_network(self, k: int) -> Float:
        """Weights from image voxels to network pixels along axis k; zero outside the image."""
        voxels, pixels = self._positions(k)
        step = voxels[1] - voxels[0] if len(voxels) > 1 else PIXEL_MM
        reach = max(step, PIXEL_MM)
        weight = np.maximum(0.0, 1 - np.abs(pixels[:, None] - voxels[None, :]) / reach)
        inside = np.abs(pixels) <= np.abs(voxels).max() + step / 2 + 1e-6
        total = np.maximum(weight.sum(axis=1, keepdims=True), 1e-6)
        return np.asarray(weight / total * inside[:, None], dtype=np.float32)

    def mask(self, fractions: Float, box: Box = _WHOLE) -> SoftMask:
        """A soft mask, on a crop of the image grid, of fractions in a box of the slices.

        At least one fraction must be above :data:`~discmri.core.volume.FILLED_FROM`.
        """
        boxes, parts = [], fractions
        for k, filled in enumerate(box_around(fractions > FILLED_FROM, margin=0)):
            low, high = box[k].start + filled.start, box[k].start + filled.stop - 1
            whole = np.zeros((*parts.shape[:k], self.shape[k], *parts.shape[k + 1 :]), np.float32)
            whole[*(slice(None),) * k, box[k]] = parts
            if k == 0:
                boxes.append((max(low - 1, 0), min(high + 2, self.shape[0])))
                parts = whole[slice(*boxes[0])]
                continue
            voxels, pixels = self._positions(k)
            near = (voxels > pixels[low] - 2 * PIXEL_MM) & (voxels < pixels[high] + 2 * PIXEL_MM)
            index = np.flatnonzero(near)
            boxes.append((int(index[0]), int(index[-1]) + 1))
            weight = np.maximum(0.0, 1 - np.abs(voxels[near][:, None] - pixels[None, :]) / PIXEL_MM)
            parts = np.moveaxis(np.tensordot(weight.astype(np.float32), whole, (1, k)), 0, k)
        return self._in_image(parts, boxes)

    def _in_image(self, part: Float, boxes: Sequence[tuple[int, int]]) -> SoftMask:
        """A part of the slices in the axis order of the image."""
        start, order = [0, 0, 0], np.argsort(self.axes)
        for k, (low, high) in enumerate(boxes):
            axis = self.axes[k]
            start[axis] = self.grid.shape[axis] - high if self.flips[k] else low
        part = np.flip(part, self._turned)
        part = np.ascontiguousarray(np.clip(np.transpose(part, order), 0.0, 1.0))
        place = self.grid.cropped((start[0], start[1], start[2]), part.shape)
        return SoftMask(part.astype(np.float32), place.affine)
