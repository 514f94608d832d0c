"""Position and size of residual discs, which are not measured as lumbar discs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from discmri.core.labels import SpineLabels
from discmri.core.levels import DiscLevel
from discmri.core.volume import Array, SoftMask


@dataclass(frozen=True)
class ResidualDisc:
    """A disc that is shown but not measured as a lumbar disc."""

    level: DiscLevel  # S1-S2
    centre_mm: tuple[float, float, float]  # (3,) centre of the mask, RAS+ mm
    depth_mm: float  # extent along the longest direction in the sagittal plane
    height_mm: float  # area on the middle sagittal slice divided by `depth_mm`
    outlined: bool = True  # as a disc by the segmenter; otherwise found within the sacrum


def residual_discs(labels: SpineLabels) -> tuple[ResidualDisc, ...]:
    """Place and size of every residual disc."""
    return tuple(
        replace(_described(level, mask), outlined=level not in labels.remnants)
        for level, mask in labels.residual_discs.items()
    )


def _described(level: DiscLevel, mask: SoftMask) -> ResidualDisc:
    x, y, z = (round(float(one), 3) for one in mask.centroid_mm)
    depth_mm, height_mm = _size(mask)
    return ResidualDisc(level, (x, y, z), round(depth_mm, 3), round(height_mm, 3))


def border_mm(mask: SoftMask) -> Array:
    """(n, 3) closed border of a mask on its middle slice, RAS+ mm."""
    from skimage.measure import find_contours

    axis = mask.sagittal_axis
    number, plane = _middle_slice(mask)
    level = min(0.5, float(plane.max()) / 2)
    loops = find_contours(np.pad(plane, 1), level)
    in_plane = max(loops, key=len) - 1.0
    return mask.grid.to_world(np.insert(in_plane, axis, number, axis=1))


def _middle_slice(mask: SoftMask) -> tuple[int, Array]:
    """The slice at the centre of mass; the fullest slice if the mask is empty there."""
    slices = np.moveaxis(mask.array, mask.sagittal_axis, 0)
    filled = slices.sum(axis=(1, 2))
    number = round(float(np.average(np.arange(len(filled)), weights=filled)))
    if slices[number].max() < 0.5:
        number = int(np.argmax(filled))
    return number, slices[number]


def _size(mask: SoftMask) -> tuple[float, float]:
    """Depth and height in mm on the middle slice."""
    border = border_mm(mask)
    across = mask.grid.directions[:, mask.sagittal_axis]
    centred = border - border.mean(axis=0)
    _, _, axes = np.linalg.svd(centred - np.outer(centred @ across, across), full_matrices=False)
    depth = float(np.ptp(centred @ axes[0]))
    pixel_mm2 = float(np.prod(np.delete(mask.spacing_mm, mask.sagittal_axis)))
    return depth, float(_middle_slice(mask)[1].sum()) * pixel_mm2 / depth
