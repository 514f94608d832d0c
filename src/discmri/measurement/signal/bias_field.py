"""Correction of the receive coil's bias field around the spine."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from discmri.core.labels import SpineLabels
from discmri.core.levels import Vertebra
from discmri.core.volume import Array, Volume
from discmri.measurement.signal.comparators import BRIGHT_FROM
from discmri.measurement.signal.samples import inside_of, percentile

_LEAST_FLUID = 10  # voxels in a centimetre of the canal


def correct_bias_field(image: Volume, labels: SpineLabels) -> Volume:
    """Correct the bias field of the receive coil around the spine.

    Marrow of the bodies, marrow of the sacrum and CSF are each assumed to have a constant
    signal.  A cubic surface in the sagittal plane, common to all of them, is fitted to the
    logarithm of their signal (least squares with Huber's weights); its exponential is the bias
    field.  Outside the labelled spine the field of its border is used.  The mean field over the
    discs is kept.  An image whose labels hold neither bodies nor canal is returned unchanged.

    Parameters
    ----------
    image
        The segmented T2 image.
    labels
        Named structures on the image's grid.

    Returns
    -------
    Volume
        Same grid and unit.

    Examples
    --------
    >>> corrected = correct_bias_field(image, labels)  # doctest: +SKIP
    >>> corrected.unit == image.unit  # doctest: +SKIP
    True
    """
    tissues = _uniform_tissues(image, labels)
    if not tissues:
        return image
    plane = np.concatenate([points[:, 1:] for points, _ in tissues])
    centre, half = plane.mean(axis=0), np.maximum(np.ptp(plane, axis=0) / 2, 20.0)
    low, high = (np.percentile(plane, q, axis=0) for q in (1, 99))
    terms = np.concatenate([_surface((points[:, 1:] - centre) / half) for points, _ in tissues])
    constants = np.zeros((len(terms), len(tissues)))
    start = 0
    for n, (points, _) in enumerate(tissues):
        constants[start : start + len(points), n] = 1.0
        start += len(points)
    log_signal = np.concatenate([np.log(values) for _, values in tissues])
    balance = 1.0 / (constants.sum(axis=0) @ constants.T)
    surface = _huber(np.hstack([terms, constants]), log_signal, balance)[: terms.shape[1]]

    def shading(points_mm: Array) -> Array:
        """Logarithm of the bias field at RAS+ points."""
        inside = np.clip(points_mm[..., 1:], low, high)
        return np.asarray(_surface((inside - centre) / half) @ surface)

    structures = list(labels.discs.values()) or list(labels.vertebrae.values())
    level = float(np.mean([shading(mask.centroid_mm) for mask in structures]))
    field = _on_grid(image, shading)
    return Volume(image.array * np.exp(level - field), image.affine, image.unit)


def _uniform_tissues(image: Volume, labels: SpineLabels) -> list[tuple[Array, Array]]:
    """Points and signal of each tissue with constant signal."""
    bodies = [m for v, m in labels.vertebrae.items() if v is not Vertebra.SACRUM]
    sacrum = [m for v, m in labels.vertebrae.items() if v is Vertebra.SACRUM]
    tissues = []
    for masks in (bodies, sacrum):
        inside = [inside_of(image, mask, 0.98) for mask in masks]
        tissues.append(_joined(inside))
    if labels.canal is not None:
        points, values = inside_of(image, labels.canal, 0.8)
        bins = np.floor(points[:, 2] / 10.0).astype(int)
        bright = []
        for at in (bins == b for b in np.unique(bins)):
            if (top := percentile(values[at], 95)) > 0 and at.sum() >= _LEAST_FLUID:
                kept = at & (values >= BRIGHT_FROM * top)
                bright.append((points[kept], values[kept]))
        tissues.append(_joined(bright))
    return [(points, values) for points, values in tissues if len(values) >= 50]


def _joined(pieces: list[tuple[Array, Array]]) -> tuple[Array, Array]:
    """Concatenated points and values."""
    if not pieces:
        return np.empty((0, 3)), np.empty(0)
    return np.concatenate([p for p, _ in pieces]), np.concatenate([v for _, v in pieces])


def _surface(plane: Array) -> Array:
    """(..., 6) polynomial terms of (anterior, superior) coordinates within about -1 to 1."""
    a, s = plane[..., 0], plane[..., 1]
    return np.stack([a, s, a * a, a * s, s * s, s**3], axis=-1)


def _huber(design: Array, target: Array, weights: Array) -> Array:
    """Least squares with Huber's weights and a small ridge term for undetermined directions."""
    w = weights
    ridge = 1e-4 * np.trace(design.T @ (design * w[:, None])) / design.shape[1]
    solution = np.zeros(design.shape[1])
    for _ in range(6):
        normal = design.T @ (design * w[:, None]) + ridge * np.eye(design.shape[1])
        solution = np.linalg.solve(normal, design.T @ (target * w))
        residual = np.abs(target - design @ solution)
        knee = max(1.345 * 1.4826 * float(np.median(residual)), 1e-6)
        w = weights * np.minimum(1.0, knee / np.maximum(residual, 1e-12))
    return solution


def _on_grid(image: Volume, shading: Callable[[Array], Array]) -> Array:
    """A smooth field on the grid of an image: every eighth voxel, linear between."""
    nodes = [np.unique(np.append(np.arange(0, n, 8), n - 1)) for n in image.shape]
    mesh = np.stack(np.meshgrid(*nodes, indexing="ij"), axis=-1)
    field = shading(image.grid.to_world(mesh)).astype(np.float32)
    for size, at in zip(image.shape, nodes, strict=True):
        hats = np.array([np.interp(np.arange(size), at, row) for row in np.eye(len(at))])
        field = np.tensordot(field, hats.astype(np.float32), axes=(0, 0))  # axes rotate once
    return field
