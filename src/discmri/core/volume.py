"""Images and soft masks on regular grids in patient space.

Arrays are indexed (i, j, k) in any order and direction.  The affine maps voxel indices to patient
millimetres in RAS+, the convention of nibabel: +x points to the patient's right, +y anterior, +z
superior.  Readers convert from the LPS of DICOM.  Geometry is checked once, in constructors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from discmri.core.errors import GeometryError

Array = NDArray[np.floating]

FILLED_FROM = 0.02
"""Share of a voxel below which a structure is not in it."""
_HARD_WITHIN = 0.02  # of 0 or 1, and share of the voxels that may lie between
_CUT_FROM = 0.6  # area of the outermost slice, as a share of the largest


@dataclass(frozen=True, eq=False)
class Grid:
    """A regular, possibly oblique, right-handed or left-handed grid of voxels.

    Parameters
    ----------
    shape
        Voxels along i, j, k.
    affine
        (4, 4), voxel index to RAS+ millimetres at voxel centres.

    Raises
    ------
    GeometryError
        If the shape is empty or the axes are not finite and orthogonal to within 1e-3.
    """

    shape: tuple[int, int, int]
    affine: Array

    def __post_init__(self) -> None:
        affine = np.array(self.affine, dtype=float)
        if affine.shape != (4, 4) or not np.isfinite(affine).all():
            raise GeometryError(f"the affine must be 4 x 4 and finite, got {affine.tolist()}")
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise GeometryError(f"a volume needs three axes with voxels, got {self.shape}")
        spacing = np.linalg.norm(affine[:3, :3], axis=0)
        if spacing.min() <= 0:
            raise GeometryError(f"voxel sizes must be positive, got {spacing.tolist()} mm")
        cosines = affine[:3, :3] / spacing
        if np.abs(cosines.T @ cosines - np.eye(3)).max() > 1e-3:
            raise GeometryError("the axes of a volume must be orthogonal; resample the image first")
        affine.setflags(write=False)
        object.__setattr__(self, "affine", affine)
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))

    @cached_property
    def spacing_mm(self) -> Array:
        """(3,) distance between voxel centres along i, j, k."""
        return np.asarray(np.linalg.norm(self.affine[:3, :3], axis=0))

    @cached_property
    def directions(self) -> Array:
        """(3, 3) unit vectors of i, j, k as columns, RAS+."""
        return np.asarray(self.affine[:3, :3] / self.spacing_mm)

    @cached_property
    def inverse(self) -> Array:
        """(4, 4), RAS+ millimetres to voxel index."""
        return np.asarray(np.linalg.inv(self.affine))

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel, gaps between slices included."""
        return float(np.prod(self.spacing_mm))

    def axis_along(self, direction: ArrayLike) -> int:
        """The array axis (0, 1 or 2) most parallel to a RAS+ direction.

        >>> Grid((4, 5, 6), np.diag([3.0, 1.0, 1.0, 1.0])).axis_along([1, 0, 0])
        0
        """
        return int(np.argmax(np.abs(np.asarray(direction, dtype=float) @ self.directions)))

    @property
    def sagittal_axis(self) -> int:
        """The array axis across sagittal slices."""
        return self.axis_along((1.0, 0.0, 0.0))

    def to_world(self, index: ArrayLike) -> Array:
        """Voxel indices (..., 3) to RAS+ millimetres (..., 3)."""
        return np.asarray(
            np.asarray(index, dtype=float) @ self.affine[:3, :3].T + self.affine[:3, 3]
        )

    def to_index(self, points_mm: ArrayLike) -> Array:
        """RAS+ millimetres (..., 3) to fractional voxel indices (..., 3)."""
        points = np.asarray(points_mm, dtype=float)
        return np.asarray(points @ self.inverse[:3, :3].T + self.inverse[:3, 3])

    def cropped(self, start: tuple[int, int, int], shape: tuple[int, int, int]) -> Grid:
        """The sub-grid of ``shape`` voxels that begins at voxel ``start``."""
        affine = self.affine.copy()
        affine[:3, 3] = self.to_world(start)
        return Grid(shape, affine)


@dataclass(frozen=True, eq=False)
class Volume:
    """A scalar image in patient space.

    Parameters
    ----------
    array
        (i, j, k), any real dtype.
    affine
        (4, 4), voxel index to RAS+ millimetres.
    unit
        Unit of the values, ``""`` for arbitrary MR signal, ``"um2/ms"`` for ADC.
    """

    array: Array
    affine: Array
    unit: str = ""
    grid: Grid = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.array.ndim != 3:
            raise GeometryError(f"a volume needs three axes, got an array of {self.array.shape}")
        object.__setattr__(self, "grid", Grid(self.array.shape, self.affine))
        object.__setattr__(self, "affine", self.grid.affine)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along i, j, k."""
        return self.grid.shape

    @property
    def spacing_mm(self) -> Array:
        """(3,) distance between voxel centres along i, j, k."""
        return self.grid.spacing_mm

    @property
    def sagittal_axis(self) -> int:
        """The array axis across sagittal slices."""
        return self.grid.sagittal_axis

    def sample(self, points_mm: ArrayLike, order: int = 1, outside: float = 0.0) -> Array:
        """Values at RAS+ points (..., 3) by spline interpolation of the given order.

        Up to half a voxel beyond the outermost voxel centres the edge value is used, beyond that
        ``outside``.
        """
        from scipy.ndimage import map_coordinates

        index = self.grid.to_index(points_mm)
        last = np.array(self.shape) - 1.0
        inside = ((index > -0.5 - 1e-9) & (index < last + 0.5 + 1e-9)).all(axis=-1)
        coordinates = np.moveaxis(np.clip(index, 0.0, last), -1, 0)
        # no coordinate is outside, and of all modes "mirror" alone needs no margin around the array
        values = map_coordinates(
            self.array.astype(np.float32, copy=False), coordinates, order=order, mode="mirror"
        )
        return np.where(inside, values, outside)

    def resampled(self, grid: Grid, order: int = 1, outside: float = 0.0) -> Volume:
        """The same image on another grid."""
        index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
        values = self.sample(grid.to_world(index), order=order, outside=outside)
        return Volume(values, grid.affine, self.unit)


@dataclass(frozen=True, eq=False)
class SoftMask(Volume):
    """The fraction of each voxel that one structure fills, 0 to 1; its border is the 0.5 level.

    Usually cropped to the structure with a margin; it is zero outside the crop.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.array.size and (self.array.min() < -1e-3 or self.array.max() > 1 + 1e-3):
            raise ValueError("a soft mask must lie within 0 and 1")

    @classmethod
    def from_fractions(cls, array: Array, affine: Array, margin: int = 2) -> SoftMask:
        """Crop a full-grid map of fractions to where it is above zero, with a margin in voxels."""
        grid = Grid(array.shape, affine)
        filled = array > FILLED_FROM
        along = [np.flatnonzero(filled.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))]
        if not along[0].size:
            raise ValueError("a soft mask must fill some voxel")
        start = np.maximum([one[0] - margin for one in along], 0)
        stop = np.minimum([one[-1] + 1 + margin for one in along], array.shape)
        box = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
        part = np.clip(array[box], 0.0, 1.0).astype(np.float32)
        return cls(part, grid.cropped(tuple(start), part.shape).affine)

    @property
    def volume_mm3(self) -> float:
        """Sum of the fractions times the voxel volume."""
        return float(self.array.sum() * self.grid.voxel_volume_mm3)

    @cached_property
    def centroid_mm(self) -> Array:
        """(3,) centre of mass, RAS+."""
        index = np.indices(self.shape).reshape(3, -1)
        weights = self.array.ravel()
        return self.grid.to_world((index * weights).sum(axis=1) / weights.sum())

    @cached_property
    def filled(self) -> tuple[Array, Array]:
        """(n, 3) RAS+ centres of the voxels that it fills by more than :data:`FILLED_FROM`, and (n,) how far."""
        index = np.argwhere(self.array > FILLED_FROM)
        return self.grid.to_world(index), self.array[tuple(index.T)]

    @property
    def is_hard(self) -> bool:
        """Whether it is practically 0 or 1 everywhere, like a drawn label."""
        filled = self.array > FILLED_FROM
        between = filled & (self.array < 1 - _HARD_WITHIN)
        return bool(between.sum() < _HARD_WITHIN * filled.sum())

    @property
    def is_cut_at_sides(self) -> bool:
        """Whether the stack ends while it is still well inside the structure."""
        area = np.moveaxis(self.array, self.sagittal_axis, 0).sum(axis=(1, 2))
        return bool(max(area[0], area[-1]) > _CUT_FROM * area.max())

    def on(self, grid: Grid) -> Array:
        """The fractions as a full array on another grid, zero outside the crop."""
        full = np.zeros(grid.shape, dtype=np.float32)
        box, part = self.part_on(grid)
        full[box] = part
        return full

    def part_on(self, grid: Grid) -> tuple[tuple[slice, ...], Array]:
        """A box of another grid with all that is above zero, and the fractions in it."""
        if (first := self._first_voxel_on(grid)) is not None:
            return _box(first, self.shape), self.array
        corners = np.array(np.meshgrid(*([-0.5, n - 0.5] for n in self.shape))).reshape(3, -1).T
        index = grid.to_index(self.grid.to_world(corners))
        start = np.clip(np.floor(index.min(axis=0)).astype(int), 0, grid.shape)
        stop = np.clip(np.ceil(index.max(axis=0)).astype(int) + 1, 0, grid.shape)
        first = (int(start[0]), int(start[1]), int(start[2]))
        i, j, k = (int(n) for n in stop - start)
        if min(i, j, k) < 1:
            return _box((0, 0, 0), (0, 0, 0)), np.zeros((0, 0, 0), dtype=np.float32)
        return _box(first, (i, j, k)), self.resampled(grid.cropped(first, (i, j, k))).array

    def _first_voxel_on(self, grid: Grid) -> tuple[int, ...] | None:
        """Where a crop of a grid begins on it; ``None`` where it is no crop."""
        if np.abs(self.affine[:3, :3] - grid.affine[:3, :3]).max() > 1e-9:
            return None
        index = grid.to_index(self.affine[:3, 3])
        first = np.round(index).astype(int)
        inside = (first >= 0).all() and (first + self.shape <= grid.shape).all()
        return tuple(first.tolist()) if inside and np.abs(index - first).max() < 1e-6 else None


def _box(first: Sequence[int], shape: Sequence[int]) -> tuple[slice, ...]:
    return tuple(slice(a, a + n) for a, n in zip(first, shape, strict=True))
