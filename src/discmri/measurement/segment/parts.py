"""Connected parts of masks of shape (slices, rows, columns)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from discmri.core.volume import SoftMask, Volume
from discmri.measurement.segment.network import Float

Mask = NDArray[np.bool_]
Box = tuple[slice, ...]


def box_around(where: Mask, margin: int) -> Box:
    """The smallest box around a mask, with a margin within the slices."""
    box, flat = [], np.logical_or.reduce(where)
    for k, along in enumerate((where.any(axis=(1, 2)), flat.any(axis=1), flat.any(axis=0))):
        filled = np.flatnonzero(along)
        low, high = (int(filled[0]), int(filled[-1]) + 1) if filled.size else (0, 0)
        grow = margin if k else 0
        box.append(slice(max(0, low - grow), high + grow))
    return tuple(box)


def main_part(where: Mask, least: float = 1.0) -> Mask:
    """The largest connected part, and parts of at least the share ``least`` of its size."""
    from scipy import ndimage

    box = box_around(where, margin=0)
    parts, count = ndimage.label(where[box], structure=np.ones((3, 3, 3)))
    if count <= 1:
        return where
    sizes = np.bincount(parts.ravel())[1:]
    kept = np.zeros_like(where)
    kept[box] = np.isin(parts, 1 + np.flatnonzero(sizes >= least * sizes.max()))
    return kept


def near_main_part(where: Mask, near_px: int) -> Mask:
    """The largest part of a mask and all pixels within ``2 * near_px`` of it."""
    from scipy.ndimage import binary_dilation

    if not where.any():
        return where
    box = box_around(where, margin=near_px)
    kept = np.zeros_like(where)
    kept[box] = where[box] & main_part(
        binary_dilation(where[box], np.ones((1, 3, 3)), iterations=near_px)
    )
    return kept


def soft(share: Float, mask: Mask, margin_px: int = 2) -> tuple[Float, Box]:
    """A box around a mask: the share in it, zero beyond a margin around the mask, and its slices."""
    from scipy.ndimage import binary_dilation

    box = box_around(mask, margin=margin_px)
    around = binary_dilation(mask[box], np.ones((1, 3, 3)), iterations=margin_px)
    return np.where(around, share[box], np.float32(0)), box


def signal_in(image: Volume, mask: SoftMask, least: float) -> float:
    """Median signal of voxels that a structure fills by at least ``least``; NaN without any.

    Only slices with more than half of its largest area are used.
    """
    area = np.moveaxis(mask.array > 0.5, mask.sagittal_axis, 0).sum(axis=(1, 2))
    index = np.argwhere(mask.array >= least)
    index = index[area[index[:, mask.sagittal_axis]] > 0.5 * area.max()]
    if not len(index):
        return float("nan")
    return float(np.median(image.sample(mask.grid.to_world(index), order=0)))
