"""Movement of the patient between two scans: search on lattices, then Gauss-Newton."""

from __future__ import annotations

import numpy as np

from discmri.core.volume import Array
from discmri.measurement.align.similarity import SimilarityMetric, best_shift, normal_equations

SEARCH_MM = 15.0  # coarse search for the shift between the two scans
SEARCH_STEP_MM = 3.0
FINE_STEP_MM = 1.0
SEARCH_POINTS = 4000
MAX_ROTATION_DEG = 10.0
REGISTRATION_POINTS = 20_000
ITERATIONS = 20
TRIES = 4  # per step, each shorter
LEAST_GAIN = 1e-5  # in explained variance; such a step moves discs by hundredths of a millimetre


def candidate_shifts(metric: SimilarityMetric) -> list[Array]:
    """Starting shifts in the sagittal plane as (4, 4) matrices, no shift first.

    They are: no shift, the best shift near it, and the best shift near the best one of a coarse
    lattice.  With an oblique spine a small shift along one axis resembles a larger one along the
    other, so the coarse lattice alone may choose the wrong one.
    """
    search = metric.thinned(SEARCH_POINTS)

    def score(shifts: Array) -> Array:
        return search.shifted(np.insert(shifts, 0, 0.0, axis=1))

    none = np.zeros(2)
    wide = best_shift(score, none, SEARCH_MM, SEARCH_STEP_MM)
    near, far = (best_shift(score, at, SEARCH_STEP_MM, FINE_STEP_MM) for at in (none, wide))
    return [_shifted(np.array(shift)) for shift in dict.fromkeys(map(tuple, (none, near, far)))]


def _shifted(shift: Array) -> Array:
    matrix = np.eye(4)
    matrix[1:3, 3] = shift
    return matrix


def register_rigid(metric: SimilarityMetric, start: Array) -> Array:
    """Rigid registration that maximises the explained variance by Gauss-Newton steps.

    At each position the features have their optimal weights (variable projection, Golub and Pereyra
    1973, with Kaufman's derivative).  Steps are damped (Levenberg-Marquardt) and accepted only if
    they explain more.  The matrix is ``start`` if the rotation would exceed
    :data:`MAX_ROTATION_DEG`.
    """
    metric = metric.thinned(REGISTRATION_POINTS)
    matrix, damping = start, 1e-3
    explained = metric.explained(matrix)
    for _ in range(ITERATIONS):
        normal, product = _step_equations(metric, matrix)
        for _ in range(TRIES):
            damped = normal + damping * np.diag(np.diag(normal)) + 1e-9 * np.eye(6)
            step = np.linalg.solve(damped, product)
            moved = _moved(matrix, step, metric.points)
            here = metric.explained(moved)
            if here > explained:
                break
            damping *= 8.0
        else:
            break
        gain = here - explained
        matrix, explained, damping = moved, here, damping / 8.0
        if gain < LEAST_GAIN:
            break
    turn = np.degrees(np.arccos(np.clip((np.trace(matrix[:3, :3]) - 1) / 2, -1.0, 1.0)))
    return matrix if turn <= MAX_ROTATION_DEG else start


def _step_equations(metric: SimilarityMetric, matrix: Array) -> tuple[Array, Array]:
    """(6, 6) and (6,) equations of a step: rotation (rad) about the points' centre, shift (mm)."""
    points = metric.points @ matrix[:3, :3].T + matrix[:3, 3]
    index = metric.grid.to_index(points)
    design, slopes = (one.astype(float) for one in metric.features.at(index, slopes=True))
    target = metric.values - metric.values.mean()
    normal, product = normal_equations(design, target)
    weights = np.linalg.solve(normal, product)
    uphill = np.einsum("nfa,f->na", slopes, weights) @ metric.grid.inverse[:3, :3]
    design -= design.mean(axis=0)
    turning = np.hstack([np.cross(points - points.mean(axis=0), uphill), uphill])
    turning -= turning.mean(axis=0)
    turning -= design @ np.linalg.solve(normal, design.T @ turning)  # explained by other weights
    residual = target - design @ weights
    return turning.T @ turning, turning.T @ residual


def _moved(matrix: Array, step: Array, points: Array) -> Array:
    """A matrix followed by a step of :func:`_step_equations`."""
    middle = matrix[:3, :3] @ points.mean(axis=0) + matrix[:3, 3]
    turn = np.eye(4)
    turn[:3, :3] = _rotation(step[:3])
    turn[:3, 3] = middle + step[3:] - turn[:3, :3] @ middle
    return np.asarray(turn @ matrix)


def _rotation(vector: Array) -> Array:
    """(3, 3) rotation about a vector by its length in radians (Rodrigues' formula)."""
    angle = float(np.linalg.norm(vector))
    x, y, z = vector / max(angle, 1e-12)
    across = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) + np.sin(angle) * across + (1 - np.cos(angle)) * across @ across)
