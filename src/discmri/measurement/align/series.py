"""Alignment of a diffusion series with T2."""

from __future__ import annotations

import numpy as np

from discmri.core.diffusion import AdcMap, DiffusionSeries
from discmri.core.findings import Code, MeasurementError
from discmri.core.labels import SpineLabels
from discmri.core.volume import Array, Volume
from discmri.measurement.align.distortion import WORTHWHILE, phase_shift, residual_at
from discmri.measurement.align.rigid import candidate_shifts, register_rigid
from discmri.measurement.align.similarity import SimilarityMetric
from discmri.measurement.align.transform import Alignment, PhaseShift

MIN_EXPLAINED = 0.15


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
        The mean of the images with the lowest b-value is used.
    fixed
        T2 image.
    labels
        Structures on T2; only their surroundings are used.
    fixed_frame_uid
        Frame of Reference UID of T2; empty if unknown (NIfTI).
    max_shift_mm
        Larger displacements are refused (``Settings.max_alignment_mm``).

    Returns
    -------
    Alignment
        Diffusion images to T2: a rigid movement and a displacement along the phase axis.

    Raises
    ------
    MeasurementError
        ``ADC_OTHER_FRAME`` if the frames of reference differ, ``ADC_MISALIGNED`` if the two do not
        match or are too far apart.

    Examples
    --------
    >>> found = align(study.diffusion(), image, labels)  # doctest: +SKIP
    >>> found.to_diffusion(labels.discs[DiscLevel.L4_L5].centroid_mm)  # doctest: +SKIP
    array([  1.2, -40.3,  12.8])
    """
    other = moving.frame_of_reference_uid
    if fixed_frame_uid and other and fixed_frame_uid != other:
        raise MeasurementError(
            Code.ADC_OTHER_FRAME,
            f"the diffusion images have frame of reference {other}, T2 has {fixed_frame_uid}",
        )
    picture = lowest_b(moving)
    metric = SimilarityMetric.of(picture, fixed, labels)
    before = metric.explained(np.eye(4))
    axis = moving.phase_axis if isinstance(moving, DiffusionSeries) else None
    matrix, phase, after = _best(metric, np.array(axis or (0.0, 1.0, 0.0)))
    centres = np.array([mask.centroid_mm for mask in labels.discs.values()])
    bare = Alignment(matrix, phase, (before, after), 0.0)
    shift_mm = float(np.linalg.norm(bare.to_diffusion(centres) - centres, axis=1).max())
    if shift_mm > max_shift_mm:
        raise MeasurementError(
            Code.ADC_MISALIGNED,
            f"the diffusion images are {shift_mm:.1f} mm away from T2, more than {max_shift_mm:g} mm",
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
        if (residual := residual_at(metric, level, matrix, phase)) is not None
    }
    return Alignment(matrix, phase, (before, after), shift_mm, residuals, float(in_plane.max()))


_Placed = tuple[Array, PhaseShift | None, float]
"""A movement (4, 4), the displacement after it, and the variance that both explain."""


def _best(metric: SimilarityMetric, axis: Array) -> _Placed:
    """Movement and displacement that together explain most; of equal ones the simplest.

    Movements are compared together with their displacement: without it, a wrong movement can
    compensate the displacement and explain more than no movement.
    """
    shift = _simplest([_placed(metric, matrix, axis) for matrix in candidate_shifts(metric)])
    return _simplest([shift, _placed(metric, register_rigid(metric, shift[0]), axis)])


def _placed(metric: SimilarityMetric, matrix: Array, axis: Array) -> _Placed:
    phase = phase_shift(metric, matrix, axis)
    return matrix, phase, metric.explained(matrix, phase)


def _simplest(found: list[_Placed]) -> _Placed:
    """The first one, unless a later one explains more by at least :data:`WORTHWHILE`."""
    best = found[0]
    for placed in found[1:]:
        if placed[2] > best[2] + WORTHWHILE:
            best = placed
    return best


def lowest_b(moving: DiffusionSeries | AdcMap) -> Volume:
    """The image to match: the mean at the lowest b-value, or the map."""
    if isinstance(moving, AdcMap):
        return Volume(np.clip(moving.volume.array, 0.0, 4.0), moving.volume.affine)
    b = moving.b_s_per_mm2
    return Volume(moving.signal[..., b == b.min()].mean(axis=-1), moving.affine)
