"""The network: what it sees of a slice and what it says."""

from __future__ import annotations

from enum import IntEnum
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from discmri.segment.weights import weights
from discmri.volume import Array

PIXEL_MM = 0.8
SIDE_PX = 16  # the network halves a slice four times
_LOCAL_PX = 31  # width of the neighbourhood for local contrast, about 25 mm
_OTHER_GAMMA = 0.7  # of the second look at a slice

Float = NDArray[np.float32]


class Structure(IntEnum):
    """The channels of the network, in order."""

    BACKGROUND = 0
    DISC = 1
    BODY = 2
    SACRUM = 3
    CANAL = 4
    ENDPLATE = 5
    POSTERIOR = 6


def network_input(image: Array) -> Float:
    """What the network sees of a slice: brightness, and contrast within the neighbourhood.

    Parameters
    ----------
    image
        (rows, columns), pixels of :data:`PIXEL_MM`, any scale from zero up.

    Returns
    -------
    NDArray
        (2, rows, columns), without scale.
    """
    from scipy.ndimage import uniform_filter

    image = np.asarray(image, dtype=np.float32)
    lit = image[image > 0]
    bright = float(np.quantile(lit, 0.98)) if lit.size else 1.0
    scaled = np.minimum(image / max(bright, 1e-12), 2.0)

    def mean(values: Float) -> Float:
        return np.asarray(uniform_filter(uniform_filter(values, _LOCAL_PX), _LOCAL_PX))

    centre = mean(scaled)
    spread = np.sqrt(np.maximum(mean(scaled**2) - centre**2, 0.0))
    return np.stack([scaled, np.clip((scaled - centre) / (spread + 0.02), -4.0, 4.0)])


@cache
def _session(threads: int) -> Any:
    """The network, ready to run."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = max(1, threads)
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(weights(), options, providers=["CPUExecutionProvider"])


def shares_of(slices: Float, threads: int) -> tuple[Float, Float]:
    """Which share of each pixel every structure fills, as the network sees it.

    Slices with discs are seen twice, in two contrasts: the first map is the mean of both,
    the second that of the discs in the other contrast alone, to see how steady it is.

    Returns
    -------
    shares
        (structures, slices, rows, columns).
    other
        (slices, rows, columns).
    """
    session = _session(threads)

    def seen(image: Float) -> Float:
        return np.asarray(session.run(None, {"image": network_input(image)[None]})[0][0])

    shares = np.zeros((len(Structure), *slices.shape), dtype=np.float32)
    other = np.zeros(slices.shape, dtype=np.float32)
    for k, image in enumerate(slices):
        shares[:, k] = seen(image)
        if (shares[Structure.DISC, k] > 0.5).any():
            again = seen(image**_OTHER_GAMMA)
            other[k] = again[Structure.DISC]
            shares[:, k] = (shares[:, k] + again) / 2
    return shares, other
