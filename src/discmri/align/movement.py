"""Movement of the patient between the two scans: a coarse search, then SimpleITK."""

# SimpleITK declares itself typed but most of its functions are not.
# mypy: disable-error-code="no-untyped-call"
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from discmri.align.scene import Scene
from discmri.volume import Array, Grid

if TYPE_CHECKING:
    import SimpleITK

SEARCH_MM = 15.0  # coarse search for the shift between the two scans
SEARCH_STEP_MM = 3.0
MAX_ROTATION_DEG = 10.0
REGISTRATION_SAMPLES = 20_000
WORTHWHILE = 0.0005  # gain of explained variance for which a step is kept


def coarse(scene: Scene) -> Array:
    """The best shift in the sagittal plane on a coarse lattice, as a matrix."""
    every = max(len(scene.points) // 4000, 1)
    steps = np.arange(-SEARCH_MM, SEARCH_MM + 0.1, SEARCH_STEP_MM)
    best, best_score = np.eye(4), scene.explained(np.eye(4), every=every)
    for anterior in steps:
        for superior in steps:
            matrix = np.eye(4)
            matrix[1:3, 3] = anterior, superior
            score = scene.explained(matrix, every=every)
            if score > best_score + 1e-9:
                best, best_score = matrix, score
    return best


def best_of(scene: Scene, candidates: list[Array]) -> Array:
    """The simplest transform that is not worse than a later one by a worthwhile amount."""
    best, best_score = candidates[0], scene.explained(candidates[0])
    for matrix in candidates[1:]:
        score = scene.explained(matrix)
        if score > best_score + WORTHWHILE:
            best, best_score = matrix, score
    return best


def rigid(scene: Scene, start: Array) -> Array:
    """Rigid registration by correlation over the spine region (SimpleITK).

    The diffusion image is matched to its likeness made from T2 and the structures, so both
    have one contrast; mutual information with T2 itself has a poorer optimum, because discs,
    marrow and CSF are few levels of grey.  One thread and a regular lattice of samples: two runs
    give the same bits.
    """
    import SimpleITK

    box = scene.picture.grid.to_index(scene.points)
    region = np.zeros(scene.picture.shape, dtype=np.uint8)
    region[tuple(np.round(box).astype(int).T)] = 1
    diffusion = _itk(scene.picture.array.astype(np.float32), scene.picture.grid)
    mask = _itk(region, scene.picture.grid)
    likeness = _itk(scene.likeness(start), scene.grid)
    centre = np.diag([-1.0, -1.0, 1.0]) @ scene.points.mean(axis=0)
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
