"""Signal inside soft masks, and robust figures of it."""

from __future__ import annotations

import numpy as np

from discmri.core.volume import Array, SoftMask, Volume


def inside_of(image: Volume, mask: SoftMask, fraction: float) -> tuple[Array, Array]:
    """RAS+ centres and positive image values of (at most 4000) voxels well inside a mask."""
    index = np.argwhere(mask.array >= fraction)
    index = index[:: max(len(index) // 4000, 1)]
    points = mask.grid.to_world(index)
    values = image.sample(points)
    return points[values > 0], values[values > 0]


def median(values: Array) -> float:
    """Median as a plain number."""
    return float(np.median(values))


def percentile(values: Array, q: float) -> float:
    """The ``q``-th percentile as a plain number."""
    return float(np.percentile(values, q))
