"""Weights of agreement by the distance of categories."""

from __future__ import annotations

import numpy as np

from discmri.core.volume import Array


def linear(size: int) -> Array:
    """Linear weights, 1 - |i - j| / (K - 1).

    >>> linear(3)[0].tolist()
    [1.0, 0.5, 0.0]
    """
    return 1.0 - _steps(size)


def quadratic(size: int) -> Array:
    """Quadratic weights, 1 - ((i - j) / (K - 1))².

    >>> quadratic(3)[0].tolist()
    [1.0, 0.75, 0.0]
    """
    squared: Array = 1.0 - _steps(size) ** 2
    return squared


def _steps(size: int) -> Array:
    place = np.arange(size, dtype=np.float64)
    return np.abs(place[:, None] - place) / (size - 1)
