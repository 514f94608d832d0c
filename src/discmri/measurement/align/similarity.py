"""The variance of a diffusion image that T2 and its structures explain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from discmri.core.findings import Code, MeasurementError
from discmri.core.labels import SpineLabels
from discmri.core.levels import DiscLevel
from discmri.core.volume import Array, Grid, Volume
from discmri.measurement.align.transform import Alignment, PhaseShift

REACH_MM = np.array([22.0, 38.0, 24.0])  # region around the disc centres: right, anterior, superior
BEYOND_MM = 25.0  # margin of T2 around it, larger than any shift of the search
_POINTS_AT_A_TIME = 60_000  # so that their neighbours fit into the processor's cache


@dataclass(frozen=True, eq=False)
class SimilarityMetric:
    """The diffusion image's voxels around the spine and the T2 features that explain them."""

    picture: Volume  # diffusion image
    points: Array  # (n, 3) RAS+ centres (mm) of its voxels around the spine
    values: Array  # (n,) their signal
    grid: Grid  # t2 grid, subsampled to about the resolution of the diffusion image
    features: Features  # on `grid`: T2 signal, share of disc, of vertebra and of canal
    discs: Mapping[DiscLevel, Array]  # per disc: centre (3,) on T2, RAS+ mm

    @classmethod
    def of(cls, picture: Volume, fixed: Volume, labels: SpineLabels) -> SimilarityMetric:
        """Prepare the metric from both images and the labels."""
        discs = {level: mask.centroid_mm for level, mask in labels.discs.items()}
        centres = np.array(list(discs.values()))
        box = np.stack([centres.min(axis=0) - REACH_MM, centres.max(axis=0) + REACH_MM])
        t2, grid = _thinned(fixed, picture, box + np.array([[-BEYOND_MM], [BEYOND_MM]]))
        groups = [list(labels.discs.values()), list(labels.vertebrae.values())]
        groups.append([labels.canal] if labels.canal is not None else [])
        shares = [
            np.clip(np.sum([mask.on(grid) for mask in masks], axis=0), 0.0, 1.0)
            for masks in groups
            if masks
        ]
        index = _voxels_about(picture.grid, box)
        points = picture.grid.to_world(index)
        near = ((points >= box[0]) & (points <= box[1])).all(axis=1)
        if near.sum() < 200:
            raise MeasurementError(
                Code.ADC_MISALIGNED, "the diffusion images do not cover the spine seen on T2"
            )
        features = Features(np.stack([t2, *shares], axis=-1).astype(np.float32))
        values = picture.array[tuple(index[near].T)].astype(float)
        return cls(picture, points[near], values, grid, features, discs)

    def design(self, points_mm: Array) -> Array:
        """(..., n, f) features at RAS+ points (..., n, 3) on T2."""
        return self.features.at(self.grid.to_index(points_mm))[0]

    def explained(self, matrix: Array, phase: PhaseShift | None = None) -> float:
        """Explained share of variance over the whole region, 0 to 1."""
        points = Alignment(matrix, phase, (0, 0), 0.0).to_image(self.points)
        return float(explained_variance(self.design(points), self.values))

    def thinned(self, most: int) -> SimilarityMetric:
        """The same metric with about ``most`` points, chosen evenly."""
        every = max(len(self.points) // most, 1)
        return replace(self, points=self.points[::every], values=self.values[::every])

    def shifted(self, shifts_mm: Array) -> Array:
        """(s,) explained share of variance with all points moved by (s, 3) shifts."""
        together = max(1, _POINTS_AT_A_TIME // len(self.points))
        scores = [
            explained_variance(self.design(self.points + some[:, None]), self.values)
            for some in np.split(shifts_mm, range(together, len(shifts_mm), together))
        ]
        return np.concatenate(scores)


@dataclass(frozen=True, eq=False)
class Features:
    """Several images on one grid that are interpolated together."""

    array: Array  # (i, j, k, f)

    def at(self, index: Array, slopes: bool = False) -> tuple[Array, Array]:
        """Linear interpolation at (..., 3) voxel indices; outside the grid that of its border.

        Values (..., f), and with ``slopes`` their derivatives (..., f, 3) per voxel, otherwise
        nothing.
        """
        shape = np.array(self.array.shape[:3])
        inside = np.clip(index, 0, shape - 1)
        low = np.minimum(inside.astype(np.intp), np.maximum(shape - 2, 0))
        share = np.asarray(inside - low, dtype=self.array.dtype)[..., None]
        strides = np.array([shape[1] * shape[2], shape[2], 1])
        i, j, k = np.where(shape > 1, strides, 0)
        flat = self.array.reshape(-1, self.array.shape[3])
        base = low[..., 0] * strides[0] + low[..., 1] * strides[1] + low[..., 2]
        # no index lies outside: the mode only spares numpy the check, half of the time
        corners = [
            flat.take(base + (i * a + j * b + k * c), axis=0, mode="clip")
            for a, b, c in np.ndindex(2, 2, 2)
        ]
        along_k = [_between(corners[n], corners[n + 1], share[..., 2, :]) for n in (0, 2, 4, 6)]
        along_j = [_between(along_k[n], along_k[n + 1], share[..., 1, :]) for n in (0, 2)]
        values = _between(along_j[0], along_j[1], share[..., 0, :])
        if not slopes:
            return values, np.empty(0)
        steps_k = [corners[n + 1] - corners[n] for n in (0, 2, 4, 6)]
        steps_j = [along_k[n + 1] - along_k[n] for n in (0, 2)]
        by_k = [_between(steps_k[n], steps_k[n + 1], share[..., 1, :]) for n in (0, 2)]
        slope = [
            along_j[1] - along_j[0],
            _between(steps_j[0], steps_j[1], share[..., 0, :]),
            _between(by_k[0], by_k[1], share[..., 0, :]),
        ]
        return values, np.stack(slope, axis=-1)


def _between(low: Array, high: Array, share: Array) -> Array:
    between = high - low
    between *= share  # in place: a new array costs as much as the sum
    between += low
    return np.asarray(between)


def explained_variance(design: Array, values: Array) -> Array:
    """Share of the variance of (n,) values that a linear fit of (..., n, f) designs explains."""
    target = values - values.mean()
    total = float(target @ target)
    if total <= 0:
        return np.zeros(design.shape[:-2])
    normal, product = normal_equations(design, target)
    solution = np.linalg.solve(normal, product[..., None])[..., 0]
    return np.asarray((product * solution).sum(axis=-1)) / total


def normal_equations(design: Array, target: Array) -> tuple[Array, Array]:
    """(..., f, f) and (..., f) normal equations of a fit with a constant.

    The target (n,) must have zero mean.  A small ridge term handles constant features.
    """
    centred = design - design.mean(axis=-2, keepdims=True, dtype=float)
    turned = np.swapaxes(centred, -1, -2)
    normal = turned @ centred
    count = normal.shape[-1]
    ridge = 1e-9 + 1e-6 * np.trace(normal, axis1=-2, axis2=-1) / count
    return normal + ridge[..., None, None] * np.eye(count), turned @ target


def best_shift(
    score: Callable[[Array], Array], about: Array, reach_mm: float, step_mm: float
) -> Array:
    """The (anterior, superior) shift of a lattice with the highest score; ``about`` if equal.

    ``score`` returns (s,) scores for (s, 2) shifts in mm.
    """
    steps = np.arange(-reach_mm, reach_mm + 1e-9, step_mm)
    lattice = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
    shifts = about + np.concatenate([np.zeros((1, 2)), lattice])
    scores = score(shifts)
    best = 0
    for n, here in enumerate(scores):
        if here > scores[best] + 1e-9:
            best = n
    return np.asarray(shifts[best])


def _thinned(fixed: Volume, picture: Volume, box: Array) -> tuple[Array, Grid]:
    """T2 in a box (2, 3), smoothed in-plane to the diffusion resolution and subsampled."""
    from scipy.ndimage import gaussian_filter

    target_mm = float(np.delete(picture.spacing_mm, picture.sagittal_axis).mean())
    sigma = np.sqrt(np.maximum(target_mm**2 - fixed.spacing_mm**2, 0.0)) / 2.355 / fixed.spacing_mm
    step = np.maximum(np.floor(0.75 * target_mm / fixed.spacing_mm).astype(int), 1)
    sigma[fixed.sagittal_axis], step[fixed.sagittal_axis] = 0.0, 1
    start, stop = _bounds(fixed.grid, box)
    part = fixed.array[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))]
    smooth = gaussian_filter(part.astype(np.float32), sigma)
    thin = smooth[:: step[0], :: step[1], :: step[2]]
    affine = fixed.grid.cropped((int(start[0]), int(start[1]), int(start[2])), part.shape).affine
    affine = np.hstack([affine[:, :3] * [*step], affine[:, 3:]])
    return thin / max(float(np.percentile(thin, 99)), 1e-6), Grid(thin.shape, affine)


def _voxels_about(grid: Grid, box: Array) -> NDArray[np.intp]:
    """(n, 3) indices of the voxels around a box with corners (2, 3), RAS+ mm."""
    ranges = [np.arange(a, b) for a, b in zip(*_bounds(grid, box), strict=True)]
    return np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, 3)


def _bounds(grid: Grid, box: Array) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First and one-past-last voxels (3,) around a box with corners (2, 3), RAS+ mm."""
    corners = np.array(np.meshgrid(*box.T)).reshape(3, -1).T
    index = grid.to_index(corners)
    start = np.clip(np.floor(index.min(axis=0)).astype(int), 0, grid.shape)
    stop = np.clip(np.ceil(index.max(axis=0)).astype(int) + 1, 0, grid.shape)
    return start, stop
