"""Signal inside soft masks, with its median and percentiles."""

from __future__ import annotations

import numpy as np

from discmri.core.volume import Array, SoftMask, Volume


def inside_of(image: Volume, mask: SoftMask, fraction: float) -> tuple[Array, Array]:
    """RAS+ centres (mm) and positive image values of about 4000 voxels inside a mask.

    ``fraction`` is the smallest fraction of a voxel that the mask must fill.
    """
    index = np.argwhere(mask.array >= fraction)
    index = index[:: max(len(index) // 4000, 1)]
    points = mask.grid.to_world(index)
    values = image.sample(points)
    return points[values > 0], values[values > 0]


def median(values: Array) -> float:
    """Median as a ``float``."""
    return float(np.median(values))


def percentile(values: Array, q: float) -> float:
    """The ``q``-th percentile as a ``float``."""
    return float(np.percentile(values, q))
