"""How large a picture of a person can be: a check on headers that claim otherwise."""

from __future__ import annotations

import numpy as np

from discmri.core.errors import GeometryError
from discmri.core.volume import Grid

MAX_VOXEL_MM = 50.0
MAX_SIDE_MM = 2500.0
MAX_SLICE_MM2 = 1.5e6
MAX_FROM_ORIGIN_MM = 10_000.0


def refuse_absurd_extent(grid: Grid) -> None:
    """Refuse a grid that no scanner has room for.

    Whoever resamples such a grid to millimetres would run out of memory.

    Raises
    ------
    GeometryError
        Voxels, sides or slices beyond a person's size, or metres away from the scanner.

    Examples
    --------
    >>> refuse_absurd_extent(Grid((448, 448, 15), np.diag([0.6, 0.6, 4.4, 1.0])))
    """
    sides = np.sort(grid.spacing_mm * grid.shape)
    far = np.abs(grid.affine[:3, 3]).max()
    if (
        grid.spacing_mm.max() > MAX_VOXEL_MM
        or sides[2] > MAX_SIDE_MM
        or sides[1] * sides[2] > MAX_SLICE_MM2
        or far > MAX_FROM_ORIGIN_MM
    ):
        size = " x ".join(f"{side:.3g}" for side in grid.spacing_mm * grid.shape)
        raise GeometryError(
            f"the headers claim a picture of {size} mm, {far:.3g} mm from the scanner's middle, "
            "beyond any person; check its pixel spacing and positions"
        )
