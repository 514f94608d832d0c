"""From a diffusion series and T2 to their alignment, or a reason why there is none."""

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
        The images with the lowest b-value are used, averaged.
    fixed
        T2 image.
    labels
        Structures on T2; the search is confined to their surroundings.
    fixed_frame_uid
        Frame of Reference UID of T2; empty where unknown (NIfTI).
    max_shift_mm
        Larger displacements are refused (``Settings.max_alignment_mm``).

    Returns
    -------
    Alignment
        T2 to diffusion images: a rigid movement and a shift along the phase direction.

    Raises
    ------
    MeasurementError
        ``ADC_OTHER_FRAME`` where the frames of reference differ, ``ADC_MISALIGNED`` where the
        two do not match or lie too far apart.

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
            f"the diffusion images lie in frame of reference {other}, T2 in {fixed_frame_uid}",
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
        if (residual := residual_at(metric, level, matrix, phase)) is not None
    }
    return Alignment(matrix, phase, (before, after), shift_mm, residuals, float(in_plane.max()))


_Placed = tuple[Array, PhaseShift | None, float]
"""A movement (4, 4), the displacement it leaves, and what they explain together."""


def _best(metric: SimilarityMetric, axis: Array) -> _Placed:
    """Movement and displacement that together explain most; the simplest where in doubt.

    Movements are compared with the displacement each leaves: alone, a wrong movement can take
    the place of a displacement and look better than none.
    """
    shift = _simplest([_placed(metric, matrix, axis) for matrix in candidate_shifts(metric)])
    return _simplest([shift, _placed(metric, register_rigid(metric, shift[0]), axis)])


def _placed(metric: SimilarityMetric, matrix: Array, axis: Array) -> _Placed:
    phase = phase_shift(metric, matrix, axis)
    return matrix, phase, metric.explained(matrix, phase)


def _simplest(found: list[_Placed]) -> _Placed:
    """The first that no later one surpasses by a worthwhile amount."""
    best = found[0]
    for placed in found[1:]:
        if placed[2] > best[2] + WORTHWHILE:
            best = placed
    return best


def lowest_b(moving: DiffusionSeries | AdcMap) -> Volume:
    """The image to be matched: least diffusion weighting, or the map."""
    if isinstance(moving, AdcMap):
        return Volume(np.clip(moving.volume.array, 0.0, 4.0), moving.volume.affine)
    b = moving.b_s_per_mm2
    return Volume(moving.signal[..., b == b.min()].mean(axis=-1), moving.affine)
