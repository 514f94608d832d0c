"""Smooth random fields."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Rng = np.random.Generator
Field = NDArray[np.float32]


def blobs(rng: Rng, shape: tuple[int, int], size_px: tuple[float, float]) -> Field:
    """Smooth noise of unit spread with lumps of the given size (down, back) in pixels.

    Made on a coarse grid and interpolated linearly, which is many times as fast as filtering
    every pixel.
    """
    steps = [max(1.0, size / 2.0) for size in size_px]
    small = tuple(int(n / step) + 4 for n, step in zip(shape, steps, strict=True))
    noise = gaussian_filter(
        rng.standard_normal(small, dtype=np.float32),
        [size / step for size, step in zip(size_px, steps, strict=True)],
    )
    noise = (noise - noise.mean()) / (noise.std() + 1e-6)
    if max(steps) == 1.0:
        return np.asarray(noise[: shape[0], : shape[1]])
    down, back = (_linear(n, m, step) for n, m, step in zip(shape, small, steps, strict=True))
    return np.asarray(down @ noise @ back.T)


def _linear(wanted: int, given: int, step: float) -> Field:
    """(wanted, given) weights of linear interpolation from points a step apart."""
    at = np.clip(np.arange(wanted, dtype=np.float32) / np.float32(step) + 1, 0, given - 1)
    apart = np.abs(at[:, None] - np.arange(given, dtype=np.float32)[None, :])
    return np.asarray(np.maximum(0, 1 - apart))
