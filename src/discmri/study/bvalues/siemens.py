"""Siemens: (0019,xx0C) of ``SIEMENS MR HEADER``, else the CSA image header."""

from __future__ import annotations

import struct

from pydicom import Dataset

from discmri.core.diffusion import BValue, DirectionKind
from discmri.study.bvalues.private import direction_from_lps, floats, kind_of_vector, private_value

_MR = "SIEMENS MR HEADER"
_CSA = "SIEMENS CSA HEADER"
_KINDS = {
    "NONE": DirectionKind.NONE,
    "ISOTROPIC": DirectionKind.TRACE,
    "DIRECTIONAL": DirectionKind.DIRECTIONAL,
}


def read(ds: Dataset) -> BValue | None:
    """B_value, DiffusionDirectionality and DiffusionGradientDirection."""
    value = floats(private_value(ds, 0x0019, _MR, 0x0C, "IS"))
    directionality = private_value(ds, 0x0019, _MR, 0x0D, "CS")
    vector = floats(private_value(ds, 0x0019, _MR, 0x0E, "FD"))
    source = "Siemens (0019,xx0C)"
    if not value:
        raw = private_value(ds, 0x0029, _CSA, 0x10, "OB")
        header = parse_csa(raw) if isinstance(raw, bytes) and b"B_value" in raw else {}
        value = floats(header.get("B_value"))
        if not value:
            return None
        directionality = next(iter(header.get("DiffusionDirectionality", [])), None)
        vector = floats(header.get("DiffusionGradientDirection"))
        source = "Siemens CSA B_value"
    kind = _KINDS.get(str(directionality or "").strip().upper())
    if "TRACEW" in (ds.get("ImageType") or ()):
        kind = DirectionKind.TRACE
    if kind is None:
        kind = kind_of_vector(vector)
    direction = direction_from_lps(vector) if kind is DirectionKind.DIRECTIONAL else None
    return BValue(value[0], source, kind, direction)


def parse_csa(raw: bytes) -> dict[str, list[str]]:
    """Tags of a CSA header as lists of text; empty lists are left out.

    Both layouts are read: ``SV10`` and the older one without that mark, in which the
    length of an item is written relative to the number of items of the first tag.  A truncated
    header gives the tags before its end.
    """
    newer = raw[:4] == b"SV10"
    position = 8 if newer else 0
    tags: dict[str, list[str]] = {}
    try:
        count, _ = struct.unpack_from("<2I", raw, position)
        position += 8
        first_items = None
        for _ in range(min(count, 512)):
            name, _vm, _vr, _type, n_items, _mark = struct.unpack_from("<64si4s3i", raw, position)
            position += 84
            first_items = n_items if first_items is None else first_items
            values = []
            for _item in range(n_items):
                numbers = struct.unpack_from("<4i", raw, position)
                position += 16
                length = numbers[1] if newer else numbers[0] - first_items
                if not 0 <= length <= len(raw) - position:
                    return tags
                values.append(_text(raw[position : position + length]))
                position += -(-length // 4) * 4
            if any(values):
                tags[_text(name)] = [value for value in values if value]
    except struct.error:
        pass
    return tags


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("latin-1").strip()
