"""Conversion of data to plain JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import PurePath
from typing import Any

from discmri.core.findings import Finding


def dumps(data: Mapping[str, object]) -> str:
    """JSON text in the format of all JSON files of discmri."""
    return json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def jsonable(value: object) -> Any:
    """JSON-like copy of nested data: dataclasses to mappings, enums to values, NaN to ``None``.

    Of a path only the name is kept, so that no home folder is disclosed.  A finding without level
    or series has no such key.

    >>> jsonable({"b": (0, 800.0), "masks": PurePath("/home/ann/a.nii"), 3: float("nan")})
    {'b': [0, 800.0], 'masks': 'a.nii', '3': None}
    """
    value = value.value if isinstance(value, Enum) else value
    value = value.tolist() if hasattr(value, "tolist") else value  # numpy's arrays and scalars
    if is_dataclass(value):
        entries = {one.name: jsonable(getattr(value, one.name)) for one in fields(value)}
        return present(entries) if isinstance(value, Finding) else entries
    if isinstance(value, Mapping):
        return {str(jsonable(key)): jsonable(entry) for key, entry in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted((jsonable(entry) for entry in value), key=str)
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        return [jsonable(entry) for entry in value]
    return _plain_scalar(value)


def present(entries: Mapping[str, Any]) -> dict[str, Any]:
    """The entries that are not ``None``.

    >>> present({"level": None, "text": ""})
    {'text': ''}
    """
    return {name: entry for name, entry in entries.items() if entry is not None}


def _plain_scalar(value: object) -> bool | int | float | str | None:
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    text = value.name if isinstance(value, PurePath) else str(value)
    return text.encode("utf-8", "replace").decode("utf-8")
