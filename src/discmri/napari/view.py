"""Display geometry of a sagittal stack: voxels and patient points on the screen.

Shown arrays are (slice, row, column): slices run from the patient's right to the left, rows
downwards from cranial to caudal, columns from anterior on the left to posterior.  Shown
millimetres count from the centre of the first shown voxel along the same axes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from discmri.core.volume import Array, Grid

_SHOWN = np.array([[-1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, -1.0, 0.0]])
"""RAS+ directions in which slices, rows and columns count up: left, caudal, posterior."""


@dataclass(frozen=True, eq=False)
class SagittalView:
    """Display geometry of a sagittal grid."""

    grid: Grid  # grid of the images, in any axis order and direction
    axes: tuple[int, int, int]  # array axes that become slice, row and column
    backwards: tuple[bool, bool, bool]  # whether each of these is shown by descending index

    @classmethod
    def of(cls, grid: Grid) -> Self:
        """The view of a grid; oblique grids are shown along their own axes.

        >>> view = SagittalView.of(Grid((4, 5, 6), np.diag([3.0, 1.0, 1.0, 1.0])))
        >>> view.axes, view.backwards, view.shape
        ((0, 2, 1), (True, True, True), (4, 6, 5))
        """
        slices = grid.sagittal_axis
        others = [axis for axis in range(3) if axis != slices]
        row = max(others, key=lambda axis: abs(grid.directions[2, axis]))
        column = next(axis for axis in others if axis != row)
        axes = (slices, row, column)
        towards = [
            float(grid.directions[:, axis] @ direction)
            for axis, direction in zip(axes, _SHOWN, strict=True)
        ]
        return cls(grid, axes, (towards[0] < 0, towards[1] < 0, towards[2] < 0))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Slices, rows, columns."""
        i, j, k = (self.grid.shape[axis] for axis in self.axes)
        return i, j, k

    @property
    def spacing_mm(self) -> Array:
        """(3,) distance between slices, rows and columns, to a billionth of a millimetre.

        The values are binary fractions, so that sums of steps are exact: napari rounds the number
        of steps down, which could make the last slice unreachable.
        """
        return np.asarray(np.round(self.grid.spacing_mm[list(self.axes)] * 2**32) / 2**32)

    def shown(self, array: NDArray[Any]) -> NDArray[Any]:
        """(slice, row, column) view of an (i, j, k) array; shares its memory."""
        steps = tuple(slice(None, None, -1 if one else 1) for one in self.backwards)
        return array.transpose(self.axes)[steps]

    def place(self, points_mm: ArrayLike) -> Array:
        """Convert RAS+ points (..., 3) in mm to shown millimetres (..., 3)."""
        index = self.grid.to_index(points_mm)[..., list(self.axes)]
        last = np.array(self.shape) - 1.0
        return np.where(self.backwards, last - index, index) * self.spacing_mm

    def slice_at(self, shown_mm: float) -> int:
        """Number of the slice nearest to a position (mm) along the slices."""
        return int(np.clip(round(shown_mm / self.spacing_mm[0]), 0, self.shape[0] - 1))

    def side(self, number: int) -> str:
        """Patient position of the middle of a slice: ``R 12 mm`` or ``L 3 mm``.

        >>> view = SagittalView.of(Grid((4, 5, 6), np.diag([3.0, 1.0, 1.0, 1.0])))
        >>> [view.side(number) for number in range(view.shape[0])]
        ['R 9 mm', 'R 6 mm', 'R 3 mm', 'R 0 mm']
        """
        middle = (np.array(self.grid.shape) - 1) / 2
        axis = self.axes[0]
        middle[axis] = self.shape[0] - 1 - number if self.backwards[0] else number
        right_mm = float(self.grid.to_world(middle)[0])
        return f"{'R' if round(right_mm) >= 0 else 'L'} {abs(right_mm):.0f} mm"
