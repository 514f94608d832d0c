"""The weights of the built-in network, described in MODEL_CARD.md beside them."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

WEIGHTS_FILE = "spine.onnx"
SURE_SD_MM = 0.15
"""Standard error of a mean height at a confidence of 1."""
UNSURE_GROWTH = 1.5
"""Logarithm of the factor by which it is larger at a confidence of 0."""
HIDDEN_SD_MM = 0.7
"""Standard error for a disc as dark as its endplates, from which it cannot be separated."""
BLACK_SHARE = 0.48
"""Signal, relative to the bones beside it, at which this part of the error has fallen to 37 %."""


def weights() -> bytes:
    """The network as an ONNX model."""
    return files(__name__).joinpath(WEIGHTS_FILE).read_bytes()


@cache
def weights_sha256() -> str:
    """Hexadecimal SHA-256 of the weights, for the record of a measurement."""
    from hashlib import sha256

    return sha256(weights()).hexdigest()


def height_sd_mm(confidence: float, signal_share: float) -> float:
    """Standard error (mm) of a mean height.

    Its four constants come from ``python -m benchmarks.segmenter_sd``.  They were chosen so that
    68 and 95 % of errors are within one and two standard errors, on scans (one disc in two
    contrasts) and on phantoms.

    Parameters
    ----------
    confidence
        0 to 1.
    signal_share
        Signal of the disc / signal of the bones beside it; NaN counts as zero.

    Examples
    --------
    >>> [round(height_sd_mm(0.9, share), 2) for share in (1.0, 0.4, 0.2)]
    [0.17, 0.39, 0.61]
    """
    import numpy as np

    shown = np.nan_to_num(signal_share / BLACK_SHARE, nan=0.0)
    hidden = HIDDEN_SD_MM * np.exp(-(shown**2))
    return float(np.hypot(SURE_SD_MM * np.exp(UNSURE_GROWTH * (1 - confidence)), hidden))
