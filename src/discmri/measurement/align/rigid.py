"""Movement of the patient between the two scans: a search on lattices, then SimpleITK."""

# SimpleITK declares itself typed but most of its functions are not.
# mypy: disable-error-code="no-untyped-call"
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from discmri.core.volume import Array, Grid
from discmri.measurement.align.similarity import SimilarityMetric, best_shift

if TYPE_CHECKING:
    import SimpleITK

SEARCH_MM = 15.0  # coarse search for the shift between the two scans
SEARCH_STEP_MM = 3.0
FINE_STEP_MM = 1.0
SEARCH_POINTS = 4000
MAX_ROTATION_DEG = 10.0
REGISTRATION_SAMPLES = 20_000


def candidate_shifts(metric: SimilarityMetric) -> list[Array]:
    """Shifts in the sagittal plane from which the search goes on, as matrices; none comes first.

    The best of a coarse lattice, and no shift at all, each with its surroundings searched finely:
    an oblique spine lets a small displacement along one axis look like a larger one along the
    other, and a lattice too coarse for the one then prefers the other.
    """
    every = max(len(metric.points) // SEARCH_POINTS, 1)

    def score(shift: Array) -> float:
        return metric.explained(_shifted(shift), every=every)

    none = np.zeros(2)
    wide = best_shift(score, none, SEARCH_MM, SEARCH_STEP_MM)
    near, far = (best_shift(score, at, SEARCH_STEP_MM, FINE_STEP_MM) for at in (none, wide))
    return [_shifted(np.array(shift)) for shift in dict.fromkeys(map(tuple, (none, near, far)))]


def _shifted(shift: Array) -> Array:
    matrix = np.eye(4)
    matrix[1:3, 3] = shift
    return matrix


def register_rigid(metric: SimilarityMetric, start: Array) -> Array:
    """Rigid registration by correlation over the spine region (SimpleITK).

    The diffusion image is matched to its likeness made from T2 and the structures, so both
    have one contrast; mutual information with T2 itself has a poorer optimum, because discs,
    marrow and CSF are few levels of grey.  One thread and a regular lattice of samples: two runs
    give the same bits.
    """
    import SimpleITK

    box = metric.picture.grid.to_index(metric.points)
    region = np.zeros(metric.picture.shape, dtype=np.uint8)
    region[tuple(np.round(box).astype(int).T)] = 1
    diffusion = _itk(metric.picture.array.astype(np.float32), metric.picture.grid)
    mask = _itk(region, metric.picture.grid)
    likeness = _itk(metric.predicted(start), metric.grid)
    centre = np.diag([-1.0, -1.0, 1.0]) @ metric.points.mean(axis=0)
    transform = SimpleITK.Euler3DTransform()
    transform.SetCenter(centre.tolist())
    transform.SetTranslation((np.diag([-1.0, -1.0, 1.0]) @ start[:3, 3]).tolist())
    method = SimpleITK.ImageRegistrationMethod()
    method.SetNumberOfThreads(1)
    method.SetMetricAsCorrelation()
    method.SetMetricSamplingStrategy(method.REGULAR)
    share = min(1.0, REGISTRATION_SAMPLES / region.sum())
    method.SetMetricSamplingPercentage(share, seed=1)
    method.SetMetricFixedMask(mask)
    method.SetInterpolator(SimpleITK.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=1.0, minStep=0.01, numberOfIterations=60, relaxationFactor=0.6
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel([1, 1])
    method.SetSmoothingSigmasPerLevel([2.0, 0.0])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    method.SetInitialTransform(transform, inPlace=True)
    try:
        method.Execute(diffusion, likeness)
    except RuntimeError:  # ITK: the images do not overlap enough
        return start
    return _matrix(transform)


def _itk(array: NDArray[np.generic], grid: Grid) -> SimpleITK.Image:
    """An array on a RAS+ grid as a SimpleITK image, which lives in LPS+."""
    import SimpleITK

    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(np.transpose(array)))
    flip = np.diag([-1.0, -1.0, 1.0])
    image.SetSpacing(grid.spacing_mm.tolist())
    image.SetOrigin((flip @ grid.affine[:3, 3]).tolist())
    image.SetDirection((flip @ grid.directions).ravel().tolist())
    return image


def _matrix(transform: SimpleITK.Euler3DTransform) -> Array:
    """A rigid SimpleITK transform as a RAS+ matrix; identity where it turns too far."""
    flip = np.diag([-1.0, -1.0, 1.0])
    rotation = np.array(transform.GetMatrix()).reshape(3, 3)
    angle = np.degrees(np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1.0, 1.0)))
    if angle > MAX_ROTATION_DEG:
        return np.eye(4)
    centre, shift = np.array(transform.GetCenter()), np.array(transform.GetTranslation())
    matrix = np.eye(4)
    matrix[:3, :3] = flip @ rotation @ flip
    matrix[:3, 3] = flip @ (shift + centre - rotation @ centre)
    return matrix
