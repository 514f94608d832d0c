"""The weights that ship with the package; MODEL_CARD.md beside them says what they are."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

WEIGHTS_FILE = "spine.onnx"


def weights() -> bytes:
    """The network as an ONNX model."""
    return files(__name__).joinpath(WEIGHTS_FILE).read_bytes()


@cache
def weights_sha256() -> str:
    """Hexadecimal SHA-256 of the weights, for the record of a measurement."""
    from hashlib import sha256

    return sha256(weights()).hexdigest()
