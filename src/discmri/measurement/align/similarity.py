"""How well T2 and its structures explain a diffusion image laid over them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from discmri.core.findings import Code, MeasurementError
from discmri.core.labels import SpineLabels
from discmri.core.levels import DiscLevel
from discmri.core.volume import Array, Grid, Volume
from discmri.measurement.align.transform import Alignment, PhaseShift

REACH_MM = np.array([22.0, 38.0, 24.0])  # what counts as around the spine


@dataclass(frozen=True, eq=False)
class SimilarityMetric:
    """The diffusion image's voxels around the spine and the T2 pictures that explain them.

    Parameters
    ----------
    picture
        Diffusion image.
    points, values
        (n, 3) centres of its voxels around the spine, (n,) their signal.
    grid
        T2 grid thinned to about the resolution of the diffusion image.
    features
        (f, i, j, k) on ``grid``: T2 signal, share of disc, of vertebra and of canal.
    discs
        Per disc: centre (3,) on T2.
    """

    picture: Volume
    points: Array
    values: Array
    grid: Grid
    features: Array
    discs: Mapping[DiscLevel, Array]

    @classmethod
    def of(cls, picture: Volume, fixed: Volume, labels: SpineLabels) -> SimilarityMetric:
        """Gather what the search needs, once."""
        t2, grid = _thinned(fixed, picture)
        groups = [list(labels.discs.values()), list(labels.vertebrae.values())]
        groups.append([labels.canal] if labels.canal is not None else [])
        shares = [
            np.clip(np.sum([mask.on(grid) for mask in masks], axis=0), 0.0, 1.0)
            for masks in groups
            if masks
        ]
        discs = {level: mask.centroid_mm for level, mask in labels.discs.items()}
        centres = np.array(list(discs.values()))
        box = np.stack([centres.min(axis=0) - REACH_MM, centres.max(axis=0) + REACH_MM])
        index = _voxels_about(picture.grid, box)
        points = picture.grid.to_world(index)
        near = ((points >= box[0]) & (points <= box[1])).all(axis=1)
        if near.sum() < 200:
            raise MeasurementError(
                Code.ADC_MISALIGNED, "the diffusion images do not cover the spine seen on T2"
            )
        features = np.stack([t2, *shares]).astype(np.float32)
        values = picture.array[tuple(index[near].T)].astype(float)
        return cls(picture, points[near], values, grid, features, discs)

    def design(self, points_mm: Array) -> Array:
        """(n, f + 1) features at RAS+ points on T2, and a constant."""
        from scipy.ndimage import map_coordinates

        index = np.moveaxis(self.grid.to_index(points_mm), -1, 0)
        columns = [map_coordinates(f, index, order=1, mode="nearest") for f in self.features]
        return np.stack([*columns, np.ones(len(points_mm))], axis=1)

    def predicted(self, matrix: Array) -> Array:
        """(i, j, k) on ``grid``: the diffusion image as the features best explain it."""
        design = self.design(Alignment(matrix, None, (0, 0), 0.0).to_image(self.points))
        weights = np.linalg.lstsq(design, self.values, rcond=None)[0]
        picture = np.tensordot(weights[:-1], self.features, axes=1) + weights[-1]
        return np.asarray(picture, dtype=np.float32)

    def explained(self, matrix: Array, phase: PhaseShift | None = None, every: int = 1) -> float:
        """Explained share of variance over the whole region."""
        points = Alignment(matrix, phase, (0, 0), 0.0).to_image(self.points[::every])
        return explained_variance(self.design(points), self.values[::every])


def explained_variance(design: Array, values: Array) -> float:
    """Share of the variance of values that a linear fit of the design explains."""
    total = float(np.var(values)) * len(values)
    if total <= 0:
        return 0.0
    centred = design[:, :-1] - design[:, :-1].mean(axis=0)
    target = values - values.mean()
    normal = centred.T @ centred
    normal += np.eye(len(normal)) * (1e-9 + 1e-6 * np.trace(normal) / len(normal))
    product = centred.T @ target
    return float(product @ np.linalg.solve(normal, product)) / total


def best_shift(
    score: Callable[[Array], float], about: Array, reach_mm: float, step_mm: float
) -> Array:
    """The (anterior, superior) shift of a lattice that scores most; the middle where in doubt."""
    steps = np.arange(-reach_mm, reach_mm + 1e-9, step_mm)
    best, best_score = about, score(about)
    for offset in itertools.product(steps, steps):
        shift = about + np.array(offset)
        here = score(shift)
        if here > best_score + 1e-9:
            best, best_score = shift, here
    return best


def _thinned(fixed: Volume, picture: Volume) -> tuple[Array, Grid]:
    """T2 smoothed in its slices to the diffusion image's resolution, and every n-th voxel."""
    from scipy.ndimage import gaussian_filter

    target_mm = float(np.delete(picture.spacing_mm, picture.sagittal_axis).mean())
    sigma = np.sqrt(np.maximum(target_mm**2 - fixed.spacing_mm**2, 0.0)) / 2.355 / fixed.spacing_mm
    step = np.maximum(np.floor(0.75 * target_mm / fixed.spacing_mm).astype(int), 1)
    sigma[fixed.sagittal_axis], step[fixed.sagittal_axis] = 0.0, 1
    smooth = gaussian_filter(fixed.array.astype(np.float32), sigma)
    thin = smooth[:: step[0], :: step[1], :: step[2]]
    affine = fixed.affine.copy()
    affine[:3, :3] *= step
    return thin / max(float(np.percentile(thin, 99)), 1e-6), Grid(thin.shape, affine)


def _voxels_about(grid: Grid, box: Array) -> NDArray[np.intp]:
    """(n, 3) indices of the voxels about a box with corners (2, 3), RAS+ mm."""
    corners = np.array(np.meshgrid(*box.T)).reshape(3, -1).T
    index = grid.to_index(corners)
    start = np.clip(np.floor(index.min(axis=0)).astype(int), 0, grid.shape)
    stop = np.clip(np.ceil(index.max(axis=0)).astype(int) + 1, 0, grid.shape)
    ranges = [np.arange(a, b) for a, b in zip(start, stop, strict=True)]
    return np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, 3)
