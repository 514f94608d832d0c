"""Displacement along the phase axis of echo-planar images, and what remains at a disc."""

from __future__ import annotations

import numpy as np

from discmri.align.scene import Scene, explained_share
from discmri.align.transform import Alignment, PhaseShift
from discmri.levels import DiscLevel
from discmri.volume import Array

PHASE_SEARCH_MM = 6.0
PHASE_STEP_MM = 0.5
PATCH_MM = np.array([12.0, 30.0, 16.0])  # half size of a disc's surroundings
WORTHWHILE = 0.0005  # gain of explained variance for which the displacement is kept


def phase_shift(scene: Scene, matrix: Array, axis: Array) -> PhaseShift | None:
    """Displacement along the phase axis: one value per disc, smoothed along the spine."""
    axis = matrix[:3, :3] @ axis
    found = []
    for level, centre in scene.discs.items():
        peak = _peak(scene, level, matrix, None, axis)
        if peak is not None:
            found.append((centre[2], *peak))
    if not found:
        return None
    superior, shift, weight = np.array(sorted(found)).T
    distance = (superior[:, None] - superior[None, :]) / 30.0
    kernel = np.exp(-0.5 * distance**2) * np.maximum(weight, 1e-6)
    smooth = kernel @ shift / kernel.sum(axis=1)
    phase = PhaseShift(axis, superior, smooth)
    gain = scene.explained(matrix, phase) - scene.explained(matrix)
    return phase if gain > WORTHWHILE else None


def residual_at(
    scene: Scene, level: DiscLevel, matrix: Array, phase: PhaseShift | None
) -> float | None:
    """Shift still found at one disc, in the sagittal plane; ``None`` without diffusion there."""
    offsets = []
    for axis in (np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])):
        peak = _peak(scene, level, matrix, phase, axis)
        if peak is None:
            return None
        offsets.append(peak[0])
    return float(np.hypot(offsets[0], offsets[1]))


def _peak(
    scene: Scene, level: DiscLevel, matrix: Array, phase: PhaseShift | None, axis: Array
) -> tuple[float, float] | None:
    """Best shift of one disc's surroundings along an axis (mm) and how sharp it is."""
    placed = Alignment(matrix, phase, (0, 0), 0.0)
    offset = np.abs(scene.points - placed.to_diffusion(scene.discs[level]))
    near = (offset <= PATCH_MM).all(axis=1)
    if near.sum() < 60:
        return None
    steps = np.arange(-PHASE_SEARCH_MM, PHASE_SEARCH_MM + 1e-9, PHASE_STEP_MM)
    patch, values = placed.to_image(scene.points[near]), scene.values[near]
    scores = np.array(
        [explained_share(scene.design(patch + step * axis), values) for step in steps]
    )
    top = int(np.argmax(scores))
    if top in (0, len(steps) - 1):
        return float(steps[top]), 0.0
    below, at, above = scores[top - 1 : top + 2]
    curve = below - 2 * at + above
    fraction = 0.5 * (below - above) / curve if curve < 0 else 0.0
    return float(steps[top] + fraction * PHASE_STEP_MM), float(-curve)
