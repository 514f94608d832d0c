"""Noise of magnitude images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from discmri.core.volume import Array

AIR_TO_DETAIL = 1.6
"""Noise from air is used up to this multiple of the upper bound from fine detail."""

LEAST_AIR = (200, 0.02)  # voxels, and share of the image
_QUARTILES = 2.195  # ratio of those of a Rayleigh distribution
_QUARTILES_WITHIN = 0.25
ENOUGH_VOXELS = 1 << 16
"""Enough for a median to 0.5 %; larger images are sampled evenly."""


def estimate_noise(images: Sequence[Array], combined: Sequence[int] | None = None) -> float:
    """Standard deviation of the noise of magnitude images, 0 for empty ones.

    The finest diagonal detail of an image (Donoho and Johnstone 1994) is an upper bound of its
    noise, because it contains texture; the lowest bound of all images is used.  Air around the
    body gives the noise more exactly.  If the body nearly fills the image, dark tissue can be
    mistaken for air, so the noise from air is used only up to 1.6 times the bound.

    Parameters
    ----------
    images
        Each (i, j, k).
    combined
        Number of images of which each is the geometric mean (three for trace images); its noise is
        divided by the square root of this number.

    Returns
    -------
    float
        Standard deviation in units of the signal.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> air = np.hypot(*rng.normal(0.0, 5.0, (2, 40, 40, 8)))
    >>> round(estimate_noise([air]), 1)
    4.9
    """
    counts = combined or [1] * len(images)
    bounds = [_noise_of_detail(image) * np.sqrt(n) for image, n in zip(images, counts, strict=True)]
    bound = float(min((one for one in bounds if one > 0), default=0.0))
    from_air = [sigma for image in images if (sigma := _noise_of_air(image)) is not None]
    accepted = [sigma for sigma in from_air if sigma <= AIR_TO_DETAIL * bound]
    return min(accepted) if accepted else bound


def _noise_of_air(image: Array) -> float | None:
    """Noise of the air around the body; ``None`` if no air was found.

    In air the magnitude has a Rayleigh distribution, whose median is 1.1774 times the noise.  The
    estimate is repeated from the values below 3.5 times itself until it converges.  It is used if
    the quartiles of these values have the ratio of a Rayleigh distribution.
    """
    filled = image[image > 0]
    values = np.sort(filled[:: 1 + filled.size // ENOUGH_VOXELS])
    if values.size < LEAST_AIR[0]:
        return None
    sigma, count = float(_quantile(values, 0.02)), values.size
    for _ in range(60):
        count = int(np.searchsorted(values, 3.5 * sigma))
        if not count:
            return None
        before, sigma = sigma, _quantile(values[:count], 0.5) / 1.1774
        if abs(before - sigma) <= 1e-4 * sigma:
            break
    low = values[:count]
    proportion = _quantile(low, 0.75) / _quantile(low, 0.25)
    least, share = LEAST_AIR
    enough = count >= max(least, share * values.size * image.size / filled.size)
    alike = abs(proportion - _QUARTILES) < _QUARTILES_WITHIN
    return sigma if enough and alike else None


def _quantile(ascending: Array, share: float) -> float:
    """The value below which a share of sorted values lies."""
    return float(ascending[int(share * (len(ascending) - 1))])


def _noise_of_detail(image: Array) -> float:
    """Noise from the finest diagonal differences within the slices, without zero voxels."""
    p = np.moveaxis(image, int(np.argmin(image.shape)), 0).astype(np.float32)
    p = p[:, : p.shape[1] // 2 * 2, : p.shape[2] // 2 * 2]
    corners = [p[:, i::2, j::2] for i in (0, 1) for j in (0, 1)]
    detail = 0.5 * (corners[0] - corners[1] - corners[2] + corners[3])
    detail = detail[np.min(corners, axis=0) > 0]
    return float(np.median(np.abs(detail)) / 0.6745) if detail.size else 0.0
