"""The weights that ship with the package; MODEL_CARD.md beside them says what they are."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

WEIGHTS_FILE = "spine.onnx"
CALIBRATION_FILE = "calibration.json"
SCAN_SHARE = 0.6
"""Of the error on drawn pictures, which hold more wear and worse contrast than scans do, so much is
stated.  With 0.4, 95 % of the differences of T1 and T2 heights lie within two stated uncertainties
(``python -m benchmarks.contrasts``); with 0.6 so do the errors of dark and collapsed discs of the
sample phantoms, which are larger than those of other discs."""


def weights() -> bytes:
    """The network as an ONNX model."""
    return files(__name__).joinpath(WEIGHTS_FILE).read_bytes()


@cache
def weights_sha256() -> str:
    """Hexadecimal SHA-256 of the weights, for the record of a measurement."""
    from hashlib import sha256

    return sha256(weights()).hexdigest()


def height_sd_mm(confidence: float) -> float:
    """Standard error of a mean height at a confidence from 0 to 1.

    How it depends on the confidence was found on drawn pictures that the network was never
    trained on (``python -m training.calibrate``), its size on scans (:data:`SCAN_SHARE`).
    """
    import numpy as np

    table = _calibration()
    return SCAN_SHARE * float(np.interp(confidence, table["confidence"], table["height_sd_mm"]))


@cache
def _calibration() -> dict[str, list[float]]:
    text = files(__name__).joinpath(CALIBRATION_FILE).read_text(encoding="utf-8")
    return {name: [float(value) for value in column] for name, column in json.loads(text).items()}
