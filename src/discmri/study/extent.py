"""A check of the image size in headers against the largest size of a person."""

from __future__ import annotations

import numpy as np

from discmri.core.errors import GeometryError
from discmri.core.volume import Grid

MAX_VOXEL_MM = 50.0
MAX_SIDE_MM = 2500.0
MAX_SLICE_MM2 = 1.5e6
MAX_FROM_ORIGIN_MM = 10_000.0


def refuse_absurd_extent(grid: Grid) -> None:
    """Refuse a grid larger than a scanner's bore, whose resampling would exhaust the memory.

    Raises ``GeometryError`` if a voxel is larger than 50 mm, a side longer than 2.5 m or a slice
    larger than 1.5 m², or if the grid is more than 10 m from the scanner's isocentre.

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
            f"by its header the image is {size} mm large and {far:.3g} mm from the isocentre, "
            "which is impossible; check its pixel spacing and positions"
        )
