"""Diffusion images onto T2, in patient space.

First the patient's movement between the two (rigid, SimpleITK), then what echo-planar
imaging does to the picture: displacement along the phase axis, changing slowly along the
spine.  Each step is kept only where it makes the diffusion image easier to explain by the
T2 image and its structures, and what remains is measured at every disc.
"""

# SimpleITK declares itself typed but most of its functions are not.
# mypy: disable-error-code="no-untyped-call"
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from discmri.diffusion import AdcMap, DiffusionSeries
from discmri.findings import Code, MeasurementError
from discmri.labels import SpineLabels
from discmri.levels import DiscLevel
from discmri.volume import Array, Grid, Volume

if TYPE_CHECKING:
    import SimpleITK

SEARCH_MM = 15.0  # coarse search for the shift between the two scans
SEARCH_STEP_MM = 3.0
PHASE_SEARCH_MM = 6.0
PHASE_STEP_MM = 0.5
MAX_ROTATION_DEG = 10.0
MIN_EXPLAINED = 0.15
WORTHWHILE = 0.002  # gain of explained variance for which a step is kept


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
        """(..., 3) displacement at rigidly moved points."""
        shift = np.interp(points_mm[..., 2], self.superior_mm, self.shift_mm)
        return np.asarray(shift[..., None] * self.axis)


@dataclass(frozen=True, eq=False)
class Alignment:
    """Where diffusion voxels lie on T2, and how well that is known.

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
        Per disc, distance still left between T2 and the aligned diffusion image.
    tolerance_mm
        Largest residual that is safe: one diffusion voxel in the slice.
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
        moved = points
        if self.phase is not None:
            for _ in range(10):  # the displacement is slow: a fixed point
                moved = points - self.phase.at(moved)
        return (moved - self.matrix[:3, 3]) @ self.matrix[:3, :3]

    def carried(self, volume: Volume, grid: Grid) -> Volume:
        """A diffusion-space image drawn on a grid in T2 space, for pictures only."""
        index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
        values = volume.sample(self.to_diffusion(grid.to_world(index)))
        return Volume(values.astype(np.float32), grid.affine, volume.unit)

    def residual_of(self, level: DiscLevel) -> float:
        """Residual of one disc in mm.

        Raises
        ------
        MeasurementError
            ``ADC_MISALIGNED`` where it is unknown or exceeds one diffusion voxel.
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


def align(
    moving: DiffusionSeries | AdcMap,
    fixed: Volume,
    labels: SpineLabels,
    fixed_frame_uid: str = "",
    max_shift_mm: float = 10.0,
) -> Alignment:
    """Align diffusion images (or an ADC map) with the T2 image.

    Parameters
    ----------
    moving
        The images with the lowest b-value are used, averaged.
    fixed
        T2 image.
    labels
        Structures on T2; the search is confined to their surroundings.
    fixed_frame_uid
        Frame of Reference UID of T2; empty where unknown (NIfTI).
    max_shift_mm
        Larger displacements are refused (``Settings.max_alignment_mm``).

    Raises
    ------
    MeasurementError
        ``ADC_OTHER_FRAME`` where the frames of reference differ, ``ADC_MISALIGNED`` where the
        two do not match or lie too far apart.
    """
    other = moving.frame_of_reference_uid
    if fixed_frame_uid and other and fixed_frame_uid != other:
        raise MeasurementError(
            Code.ADC_OTHER_FRAME,
            f"the diffusion images lie in frame of reference {other}, T2 in {fixed_frame_uid}",
        )
    picture = _picture(moving)
    scene = _Scene.of(picture, fixed, labels)
    before = scene.explained(np.eye(4))
    start = _coarse(scene)
    matrix = _best(scene, [np.eye(4), start, _rigid(scene, start)])
    axis = moving.phase_axis if isinstance(moving, DiffusionSeries) else None
    phase = _phase_shift(scene, matrix, np.array(axis or (0.0, 1.0, 0.0)))
    after = scene.explained(matrix, phase)
    centres = np.array([mask.centroid_mm for mask in labels.discs.values()])
    bare = Alignment(matrix, phase, (before, after), 0.0)
    shift_mm = float(np.linalg.norm(bare.to_diffusion(centres) - centres, axis=1).max())
    if shift_mm > max_shift_mm:
        raise MeasurementError(
            Code.ADC_MISALIGNED,
            f"the diffusion images lie {shift_mm:.1f} mm off T2, more than {max_shift_mm:g} mm",
        )
    if after < MIN_EXPLAINED:
        raise MeasurementError(
            Code.ADC_MISALIGNED,
            f"the diffusion images do not match T2: {100 * after:.0f} % of their variance "
            f"is explained, {100 * MIN_EXPLAINED:.0f} % are needed",
        )
    in_plane = np.delete(picture.spacing_mm, picture.sagittal_axis)
    residuals = {
        level: residual
        for level in labels.discs
        if (residual := _residual_mm(scene, level, matrix, phase)) is not None
    }
    return Alignment(matrix, phase, (before, after), shift_mm, residuals, float(in_plane.max()))


def _picture(moving: DiffusionSeries | AdcMap) -> Volume:
    """The image to be matched: least diffusion weighting, or the map."""
    if isinstance(moving, AdcMap):
        return Volume(np.clip(moving.volume.array, 0.0, 4.0), moving.volume.affine)
    b = moving.b_s_per_mm2
    return Volume(moving.signal[..., b == b.min()].mean(axis=-1), moving.affine)


# ------------------------------------------------------------------ explaining one by the other
@dataclass(frozen=True, eq=False)
class _Scene:
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
    def of(cls, picture: Volume, fixed: Volume, labels: SpineLabels) -> _Scene:
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
        index = np.stack(np.meshgrid(*map(np.arange, picture.shape), indexing="ij"), axis=-1)
        points = picture.grid.to_world(index.reshape(-1, 3))
        reach = np.array([30.0, 45.0, 25.0])
        box = (centres.min(axis=0) - reach, centres.max(axis=0) + reach)
        near = ((points >= box[0]) & (points <= box[1])).all(axis=1)
        if near.sum() < 200:
            raise MeasurementError(
                Code.ADC_MISALIGNED, "the diffusion images do not cover the spine seen on T2"
            )
        features = np.stack([t2, *shares]).astype(np.float32)
        values = picture.array.reshape(-1)[near].astype(float)
        return cls(picture, points[near], values, grid, features, discs)

    def design(self, points_mm: Array) -> Array:
        """(n, f + 1) features at RAS+ points on T2, and a constant."""
        from scipy.ndimage import map_coordinates

        index = np.moveaxis(self.grid.to_index(points_mm), -1, 0)
        columns = [map_coordinates(f, index, order=1, mode="nearest") for f in self.features]
        return np.stack([*columns, np.ones(len(points_mm))], axis=1)

    def likeness(self, matrix: Array) -> Array:
        """(i, j, k) on ``grid``: the diffusion image as the features best explain it."""
        design = self.design(Alignment(matrix, None, (0, 0), 0.0).to_image(self.points))
        weights = np.linalg.lstsq(design, self.values, rcond=None)[0]
        picture = np.tensordot(weights[:-1], self.features, axes=1) + weights[-1]
        return np.asarray(picture, dtype=np.float32)

    def explained(self, matrix: Array, phase: PhaseShift | None = None, every: int = 1) -> float:
        """Explained share of variance over the whole region."""
        points = Alignment(matrix, phase, (0, 0), 0.0).to_image(self.points[::every])
        return _r2(self.design(points), self.values[::every])


def _r2(design: Array, values: Array) -> float:
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


# ------------------------------------------------------------------ movement of the patient
def _coarse(scene: _Scene) -> Array:
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


def _best(scene: _Scene, candidates: list[Array]) -> Array:
    """The simplest transform that is not worse than a later one by a worthwhile amount."""
    best, best_score = candidates[0], scene.explained(candidates[0])
    for matrix in candidates[1:]:
        score = scene.explained(matrix)
        if score > best_score + WORTHWHILE:
            best, best_score = matrix, score
    return best


def _rigid(scene: _Scene, start: Array) -> Array:
    """Rigid registration by correlation over the spine region (SimpleITK).

    The diffusion image is matched to its likeness made from T2 and the structures, so both
    have one contrast; mutual information with T2 itself has a poorer optimum, because discs,
    marrow and CSF are few levels of grey.  One thread and every voxel of the region: two runs
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
    method.SetMetricSamplingStrategy(method.NONE)
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


# ------------------------------------------------------------------ distortion, what remains
def _phase_shift(scene: _Scene, matrix: Array, axis: Array) -> PhaseShift | None:
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


def _residual_mm(
    scene: _Scene, level: DiscLevel, matrix: Array, phase: PhaseShift | None
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
    scene: _Scene, level: DiscLevel, matrix: Array, phase: PhaseShift | None, axis: Array
) -> tuple[float, float] | None:
    """Best shift of one disc's surroundings along an axis (mm) and how sharp it is."""
    points = Alignment(matrix, phase, (0, 0), 0.0).to_image(scene.points)
    offset = np.abs(points - scene.discs[level])
    near = (offset <= np.array([12.0, 32.0, 16.0])).all(axis=1)
    if near.sum() < 60:
        return None
    steps = np.arange(-PHASE_SEARCH_MM, PHASE_SEARCH_MM + 1e-9, PHASE_STEP_MM)
    patch, values = points[near], scene.values[near]
    scores = np.array([_r2(scene.design(patch + step * axis), values) for step in steps])
    top = int(np.argmax(scores))
    if top in (0, len(steps) - 1):
        return float(steps[top]), 0.0
    below, at, above = scores[top - 1 : top + 2]
    curve = below - 2 * at + above
    fraction = 0.5 * (below - above) / curve if curve < 0 else 0.0
    return float(steps[top] + fraction * PHASE_STEP_MM), float(-curve)
