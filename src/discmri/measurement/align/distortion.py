"""Displacement along the phase axis of echo-planar images, and the residual at a disc."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from discmri.core.levels import DiscLevel
from discmri.core.volume import Array
from discmri.measurement.align.similarity import SimilarityMetric, best_shift
from discmri.measurement.align.transform import Alignment, PhaseShift

PHASE_SEARCH_MM = 6.0
PHASE_STEP_MM = 0.5
PATCH_POINTS = 1200
RESIDUAL_SEARCH_MM = 6.0
RESIDUAL_STEP_MM = 1.0
PATCH_MM = np.array([12.0, 30.0, 16.0])  # half size of a disc's surroundings
WORTHWHILE = 0.0005  # gain of explained variance for which the displacement is kept


def phase_shift(metric: SimilarityMetric, matrix: Array, axis: Array) -> PhaseShift | None:
    """Displacement along the phase axis, one value per disc, smoothed along the spine.

    ``None`` if it does not increase the explained variance by :data:`WORTHWHILE`.
    """
    axis = matrix[:3, :3] @ axis
    found = []
    for level, centre in metric.discs.items():
        peak = _peak(metric, level, matrix, axis)
        if peak is not None:
            found.append((centre[2], *peak))
    if not found:
        return None
    superior, shift, weight = np.array(sorted(found)).T
    distance = (superior[:, None] - superior[None, :]) / 30.0
    kernel = np.exp(-0.5 * distance**2) * np.maximum(weight, 1e-6)
    smooth = kernel @ shift / kernel.sum(axis=1)
    phase = PhaseShift(axis, superior, smooth)
    gain = metric.explained(matrix, phase) - metric.explained(matrix)
    return phase if gain > WORTHWHILE else None


def residual_at(
    metric: SimilarityMetric, level: DiscLevel, matrix: Array, phase: PhaseShift | None
) -> float | None:
    """Residual shift (mm) at one disc in the sagittal plane; ``None`` without diffusion there.

    Both directions are searched together, because an oblique disc can match at a wrong shift along
    one direction.
    """
    patch = _patch(metric, level, matrix, phase)
    if patch is None:
        return None

    def score(shifts: Array) -> Array:
        return patch.shifted(np.insert(shifts, 0, 0.0, axis=1))

    lattice = best_shift(score, np.zeros(2), RESIDUAL_SEARCH_MM, 2 * RESIDUAL_STEP_MM)
    best = best_shift(score, lattice, RESIDUAL_STEP_MM, RESIDUAL_STEP_MM)
    steps = RESIDUAL_STEP_MM * np.array([(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)])
    at, *beside = score(best + steps).tolist()
    beyond = [_vertex(below, at, above) for below, above in (beside[:2], beside[2:])]
    return float(np.linalg.norm(best + RESIDUAL_STEP_MM * np.array(beyond)))


def _patch(
    metric: SimilarityMetric, level: DiscLevel, matrix: Array, phase: PhaseShift | None
) -> SimilarityMetric | None:
    """The surroundings of a disc, with their points moved to T2; ``None`` for too few."""
    placed = Alignment(matrix, phase, (0, 0), 0.0)
    offset = np.abs(metric.points - placed.to_diffusion(metric.discs[level]))
    near = np.flatnonzero((offset <= PATCH_MM).all(axis=1))
    if len(near) < 60:
        return None
    near = near[:: max(len(near) // PATCH_POINTS, 1)]
    points = placed.to_image(metric.points[near])
    return replace(metric, points=points, values=metric.values[near])


def _peak(
    metric: SimilarityMetric, level: DiscLevel, matrix: Array, axis: Array
) -> tuple[float, float] | None:
    """Best shift of one disc's surroundings along an axis (mm), and sharpness of the maximum."""
    patch = _patch(metric, level, matrix, None)
    if patch is None:
        return None
    steps = np.arange(-PHASE_SEARCH_MM, PHASE_SEARCH_MM + 1e-9, PHASE_STEP_MM)
    scores = patch.shifted(steps[:, None] * axis)
    top = int(np.argmax(scores))
    if top in (0, len(steps) - 1):
        return float(steps[top]), 0.0
    below, at, above = scores[top - 1 : top + 2]
    fraction = _vertex(below, at, above)
    return float(steps[top] + fraction * PHASE_STEP_MM), float(2 * at - below - above)


def _vertex(below: float, at: float, above: float) -> float:
    """Maximum of the parabola through three equally spaced values, -0.5 to 0.5 steps."""
    curve = below - 2 * at + above
    return float(np.clip(0.5 * (below - above) / curve, -0.5, 0.5)) if curve < 0 else 0.0
