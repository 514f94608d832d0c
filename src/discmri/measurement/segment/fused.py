"""Whether bone continues across a disc: the mark of a remnant between fused vertebrae.

A disc is separated from both bones by dark endplates along its whole depth, whatever its own signal.
Where two segments of the sacrum have fused around a small residual disc, the marrow in front of it or
behind it continues across the joint, so no dark line is crossed there.
"""

from __future__ import annotations

import numpy as np

from discmri.core.volume import Array, SoftMask, Volume

_SHOWN = 0.5  # smallest section, as a share of the largest
_ENDS = (0.02, 0.98)  # quantiles for the ends of a section
_STEP_MM = 1.0
_FINE_MM = 0.5
_BEYOND_MM = 2.0  # a line across includes both endplates
_BONE_MM = (3.5, 8.0)  # bone for comparison, from the border of the disc
_LEAST_LINES = 5
_BRIDGED = 0.8  # quantile over the lines: a fifth of the depth has to be bridged


def bone_across(image: Volume, mask: SoftMask) -> float:
    """How bright the bone is that continues across a disc.

    The darkest point of each line across the disc, from bone to bone, is compared with the signal of
    these bones.  The result is its 0.8 quantile over the depth of the disc.

    Parameters
    ----------
    image
        The image in which the disc was found.
    mask
        The disc.

    Returns
    -------
    float
        Median over the slices: below 0.7 with endplates (SPIDER), near 1 if at least a fifth of the
        depth is fused; NaN if too little of the disc is visible.
    """
    index = np.argwhere(mask.array > 0.5)
    number = index[:, mask.sagittal_axis]
    sizes = np.bincount(number)
    shown = np.flatnonzero(sizes > _SHOWN * sizes.max(initial=0))
    ratios = [_of_slice(image, mask.grid.to_world(index[number == k])) for k in shown]
    known = [ratio for ratio in ratios if np.isfinite(ratio)]
    return float(np.median(known)) if known else float("nan")


def _of_slice(image: Volume, points: Array) -> float:
    from scipy.ndimage import uniform_filter1d

    centre = points.mean(axis=0)
    _, _, axes = np.linalg.svd(points - centre, full_matrices=False)
    along, up = ((points - centre) @ axis for axis in axes[:2])
    low, high = np.quantile(along, _ENDS)
    at = np.arange(low + _STEP_MM, high - _STEP_MM, _STEP_MM)
    columns = [up[np.abs(along - a) < 1.5 * _STEP_MM] for a in at]
    if len(at) < _LEAST_LINES or min(map(len, columns)) == 0:
        return float("nan")
    half = np.array([np.ptp(column) / 2 for column in columns])[:, None]
    middle = uniform_filter1d([float(np.median(column)) for column in columns], _LEAST_LINES)
    far = half.max() + _BONE_MM[1]
    across = np.arange(-far, far, _FINE_MM)
    lines = centre + at[:, None, None] * axes[0]
    lines = lines + (middle[:, None] + across)[..., None] * axes[1]
    signal = image.sample(lines.reshape(-1, 3)).reshape(len(at), len(across))
    signal = uniform_filter1d(uniform_filter1d(signal, 3, axis=0), 3, axis=1)  # against noise
    beyond = np.abs(across) - half
    beside = signal[(beyond > _BONE_MM[0]) & (beyond < _BONE_MM[1]) & (signal > 0)]
    if not len(beside):
        return float("nan")
    darkest = np.where(beyond < _BEYOND_MM, signal, np.inf).min(axis=1)
    return float(np.quantile(darkest, _BRIDGED) / np.median(beside))
