"""How noisy magnitude images are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from discmri.volume import Array


def estimate_noise(images: Sequence[Array]) -> float:
    """Standard deviation of the noise of magnitude images (i, j, k), 0 for empty ones.

    The lowest estimate from air counts, since tissue near the noise can only raise it.
    Where no image shows air (blanked, or the body fills the picture), the median of the
    first image's finest diagonal detail is used (Donoho and Johnstone 1994).
    """
    from_air = [sigma for image in images if (sigma := _noise_of_air(image)) is not None]
    return min(from_air) if from_air else _noise_of_detail(images[0])


def _noise_of_air(image: Array) -> float | None:
    """Noise of the air around the body, or ``None`` where there is none.

    In air the magnitude is Rayleigh distributed, so its median is 1.1774 times the noise;
    the estimate is repeated below 3.5 times itself until it stands, and believed where the
    quartiles there stand in a Rayleigh distribution's proportion.
    """
    values = image[image > 0].astype(float)
    if values.size < 200:
        return None
    sigma, low = float(np.percentile(values, 2)), values
    for _ in range(60):
        low = values[values < 3.5 * sigma]
        if not low.size:
            return None
        before, sigma = sigma, float(np.median(low)) / 1.1774
        if abs(before - sigma) <= 1e-4 * sigma:
            break
    quartiles = np.percentile(low, [25, 75])
    enough = low.size >= max(200, 0.02 * image.size)
    return sigma if enough and abs(quartiles[1] / quartiles[0] - 2.195) < 0.25 else None


def _noise_of_detail(image: Array) -> float:
    """Noise from the finest diagonal differences within the slices, blanked voxels left out."""
    p = np.moveaxis(image, int(np.argmin(image.shape)), 0).astype(float)
    p = p[:, : p.shape[1] // 2 * 2, : p.shape[2] // 2 * 2]
    corners = [p[:, i::2, j::2] for i in (0, 1) for j in (0, 1)]
    detail = 0.5 * (corners[0] - corners[1] - corners[2] + corners[3])
    detail = detail[np.min(corners, axis=0) > 0]
    return float(np.median(np.abs(detail)) / 0.6745) if detail.size else 0.0
