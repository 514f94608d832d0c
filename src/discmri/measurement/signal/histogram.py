"""Two peaks in the histogram of a disc: annulus and nucleus."""

from __future__ import annotations

import numpy as np

from discmri.core.volume import Array


def ashman_d(values: Array) -> float | None:
    """Separation of the two Gaussians that best fit a histogram.

    D = sqrt(2) |m1 - m2| / sqrt(s1^2 + s2^2); above 2 the two are clearly separated (Ashman,
    Bird and Zepf 1994).  Fitted by expectation maximisation, starting from the quartiles.  The
    peaks of annulus and nucleus approach each other as a disc degenerates (Waldenberg 2018).

    Parameters
    ----------
    values
        (n,) signal of the disc's voxels.

    Returns
    -------
    float or None
        ``None`` for fewer than 20 values or a constant signal.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> two_peaks = np.concatenate([rng.normal(100, 10, 500), rng.normal(200, 10, 500)])
    >>> ashman_d(two_peaks) > 8.0, ashman_d(np.ones(100)) is None
    (True, True)
    """
    values = np.asarray(values, dtype=float)
    spread = float(np.std(values)) if values.size >= 20 else 0.0
    if spread == 0.0:
        return None
    z = (values - values.mean()) / spread
    mean, sd = np.percentile(z, [25, 75]), np.array([0.7, 0.7])
    share = np.array([0.5, 0.5])
    for _ in range(200):
        apart = (z - mean[:, None]) / sd[:, None]  # (2, n): one long row per peak
        density = (share / sd)[:, None] * np.exp(-0.5 * apart**2) + 1e-300
        belongs = density / density.sum(axis=0)
        total = belongs.sum(axis=1) + 1e-9
        before = mean
        mean = belongs @ z / total
        sd = np.sqrt((belongs * (z - mean[:, None]) ** 2).sum(axis=1) / total + 1e-4)
        share = total / len(z)
        if np.abs(mean - before).max() < 1e-6:
            break
    return float(np.sqrt(2.0) * abs(mean[1] - mean[0]) / np.hypot(*sd))
