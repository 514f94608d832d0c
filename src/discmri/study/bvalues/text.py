"""Last resort: a b-value written in the name of the sequence or the series.

Only a text with exactly one value is used: ``DWI b0 b500`` and ``DWI_b400_800`` do not tell the
b-value of one image.
"""

from __future__ import annotations

import re

from pydicom import Dataset

from discmri.core.diffusion import BValue, DirectionKind

SOURCE_PREFIX = "text of "
_FIELDS = (
    "SequenceName",
    "PulseSequenceName",
    "ImageComments",
    "SeriesDescription",
    "ProtocolName",
)
# One value, or a list of them: b800, b=0,500, b 400/800, b0-1000, b50+400+800.
_B = re.compile(
    r"(?<![a-z0-9])b(?:[ -]?val\w*)?[ =]*"
    r"(\d{1,5}(?:(?:[ ,;/+&|\\-]+|[ ]*(?:and|und|et|y|e|to)[ ]+)b?[ =]*\d{1,5})*)"
    r"(?![\d.]*\d)(?=$|[^a-z0-9]|t\b)",
    re.IGNORECASE,
)


def read(ds: Dataset) -> BValue | None:
    """The one b-value that a text field names, such as ``ep_b800#2``."""
    for field in _FIELDS:
        values = named_values(str(ds.get(field) or ""))
        if len(values) == 1:
            return BValue(values.pop(), SOURCE_PREFIX + field, DirectionKind.UNKNOWN)
    return None


def named_values(text: str) -> set[float]:
    """All b-values in a text, s/mm².

    >>> sorted(named_values("DWI_b400_800")), sorted(named_values("*ep_b800#2"))
    ([400.0, 800.0], [800.0])
    """
    lists = _B.findall(text.replace("_", " "))
    return {float(value) for found in lists for value in re.findall(r"\d+", found)}


def names_series(value: BValue) -> bool:
    """Whether a b-value comes from a text that all images of a series share."""
    return value.source in (SOURCE_PREFIX + "SeriesDescription", SOURCE_PREFIX + "ProtocolName")


def is_from_text(value: BValue) -> bool:
    """Whether a b-value comes from free text."""
    return value.source.startswith(SOURCE_PREFIX)
