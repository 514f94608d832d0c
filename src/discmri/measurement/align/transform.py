"""The transform from diffusion images to T2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from discmri.core.findings import Code, MeasurementError
from discmri.core.levels import DiscLevel
from discmri.core.volume import Array, Grid, Volume


@dataclass(frozen=True, eq=False)
class PhaseShift:
    """Displacement along the phase axis as a piecewise linear function along the spine.

    Parameters
    ----------
    axis
        (3,) RAS+ unit vector.
    superior_mm
        (n,) RAS+ z coordinates on T2, ascending.
    shift_mm
        (n,) displacement from the diffusion image to T2 along ``axis``.
    """

    axis: Array
    superior_mm: Array
    shift_mm: Array

    def at(self, points_mm: Array) -> Array:
        """(..., 3) displacement (mm) at rigidly moved points."""
        return np.asarray(self._along(points_mm[..., 2])[..., None] * self.axis)

    def undone(self, points_mm: Array) -> Array:
        """(..., 3) the points that are displaced to these, by fixed-point iteration in z."""
        before_mm = points_mm[..., 2]
        if self.axis[2]:
            for _ in range(9):  # converges because the displacement changes slowly
                before_mm = points_mm[..., 2] - self._along(before_mm) * self.axis[2]
        return np.asarray(points_mm - self._along(before_mm)[..., None] * self.axis)

    def _along(self, superior_mm: Array) -> Array:
        return np.asarray(np.interp(superior_mm, self.superior_mm, self.shift_mm))


@dataclass(frozen=True, eq=False)
class Alignment:
    """The transform from diffusion images to T2, and its quality.

    Parameters
    ----------
    matrix
        (4, 4) rigid, diffusion RAS+ mm to T2 RAS+ mm.
    phase
        Displacement along the phase axis after that, or ``None``.
    explained
        Share of the diffusion image's variance around the spine that the T2 image and its
        structures explain, before and after alignment.
    shift_mm
        Largest displacement of a disc by the whole transform.
    residual_mm
        Per disc, remaining distance between T2 and the aligned diffusion image.
    tolerance_mm
        Largest accepted residual: one in-plane diffusion voxel.
    """

    matrix: Array
    phase: PhaseShift | None
    explained: tuple[float, float]
    shift_mm: float
    residual_mm: Mapping[DiscLevel, float] = field(default_factory=dict)
    tolerance_mm: float = np.inf

    def to_image(self, points_mm: Array) -> Array:
        """RAS+ points (..., 3) of the diffusion image to T2."""
        moved = np.asarray(points_mm, dtype=float) @ self.matrix[:3, :3].T + self.matrix[:3, 3]
        return moved if self.phase is None else moved + self.phase.at(moved)

    def to_diffusion(self, points_mm: Array) -> Array:
        """RAS+ points (..., 3) of T2 to the diffusion image."""
        points = np.asarray(points_mm, dtype=float)
        moved = points if self.phase is None else self.phase.undone(points)
        return (moved - self.matrix[:3, 3]) @ self.matrix[:3, :3]

    def resampled(self, volume: Volume, grid: Grid) -> Volume:
        """A diffusion image resampled to a grid in T2 space, for pictures only."""
        index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
        values = volume.sample(self.to_diffusion(grid.to_world(index)))
        return Volume(values.astype(np.float32), grid.affine, volume.unit)

    def residual_of(self, level: DiscLevel) -> float:
        """Residual of one disc in mm.

        Raises
        ------
        MeasurementError
            ``ADC_MISALIGNED`` if it is unknown or exceeds one diffusion voxel.
        """
        residual = self.residual_mm.get(level)
        if residual is None:
            raise MeasurementError(
                Code.ADC_MISALIGNED, f"{level.value}: the disc is not in the diffusion images"
            )
        if residual > self.tolerance_mm:
            raise MeasurementError(
                Code.ADC_MISALIGNED,
                f"{level.value}: {residual:.1f} mm remain between T2 and the diffusion image, "
                f"more than one diffusion voxel ({self.tolerance_mm:.1f} mm)",
            )
        return residual
