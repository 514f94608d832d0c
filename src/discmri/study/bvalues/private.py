"""Private tags, found by the name of their creator."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, cast

from pydicom import Dataset
from pydicom.multival import MultiValue

from discmri.core.diffusion import DirectionKind

_FORMATS = {"FD": "d", "FL": "f", "US": "H", "SS": "h", "UL": "I", "SL": "i"}


def private_value(ds: Dataset, group: int, creator: str, offset: int, vr: str) -> Any:
    """The value of private element ``offset`` that ``creator`` reserved in ``group``.

    Such as ``0x0019, "SIEMENS MR HEADER", 0x0C``; the reserved block is looked up.  ``vr`` is used
    if the file has no value representation (implicit VR, or copied as UN).  ``None`` if absent or
    empty.
    """
    block = _block(ds, group, creator)
    if block is None:
        return None
    tag = (group << 16) + (block << 8) + offset
    if tag not in ds.keys():  # noqa: SIM118  (Dataset's own test is slow)
        return None
    value = ds[tag].value
    if isinstance(value, bytes) and vr not in ("OB", "OW", "UN"):
        return _decoded(value, vr)
    return None if isinstance(value, str) and not value else value


def _block(ds: Dataset, group: int, creator: str) -> int | None:
    """Like ``ds.private_block``, without copying the group: this runs for every image."""
    present = ds.keys()
    reserved = range((group << 16) + 0x10, (group << 16) + 0x100)
    if present.isdisjoint(reserved):
        return None
    for tag in [tag for tag in reserved if tag in present]:
        if str(ds[tag].value).strip() == creator:
            return tag & 0xFF
    return None


def floats(value: object) -> list[float]:
    """A header value as numbers; empty if it is not numeric.

    >>> floats("0.5"), floats([1, 2.0]), floats(None), floats("abc")
    ([0.5], [1.0, 2.0], [], [])
    """
    if value is None:
        return []
    items = value if isinstance(value, list | tuple | MultiValue) else [value]
    try:
        return [float(cast(Any, item)) for item in items]
    except (TypeError, ValueError):
        return []


def direction_from_lps(vector: Sequence[float]) -> tuple[float, float, float] | None:
    """A gradient vector in DICOM's LPS as a unit vector in RAS+; ``None`` for a zero vector.

    >>> direction_from_lps([0.0, 2.0, 0.0])
    (-0.0, -1.0, 0.0)
    """
    if len(vector) != 3:
        return None
    length = sum(x * x for x in vector) ** 0.5
    if not 1e-3 < length < 1e3:
        return None
    return (-vector[0] / length, -vector[1] / length, vector[2] / length)


def kind_of_vector(vector: Sequence[float]) -> DirectionKind:
    """The kind of an image of b > 0 by its gradient vector: zero for a combined image."""
    if len(vector) != 3:
        return DirectionKind.UNKNOWN
    zero = sum(x * x for x in vector) < 1e-6
    return DirectionKind.TRACE if zero else DirectionKind.DIRECTIONAL


def _decoded(raw: bytes, vr: str) -> Any:
    if vr in _FORMATS:
        size = struct.calcsize(_FORMATS[vr])
        count = len(raw) // size
        numbers = struct.unpack(f"<{count}{_FORMATS[vr]}", raw[: count * size])
        return numbers[0] if count == 1 else list(numbers) or None
    parts = raw.decode("latin-1").rstrip("\0 ").split("\\")
    return parts[0] or None if len(parts) == 1 else parts
