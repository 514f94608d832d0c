"""Last resort: a b-value written in the name of the sequence or the series.

Only a text that names exactly one value counts: ``DWI b0 b500`` says nothing about one image.
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
_B = re.compile(r"(?<![a-z0-9])b[ =_]?(\d{1,5})(?![\d.]*\d)(?=$|[^a-z0-9]|t\b)", re.IGNORECASE)


def read(ds: Dataset) -> BValue | None:
    """The one b-value that a text field names, such as ``ep_b800#2``."""
    for field in _FIELDS:
        values = set(_B.findall(str(ds.get(field) or "").replace("_", " ")))
        if len(values) == 1:
            return BValue(float(values.pop()), SOURCE_PREFIX + field, DirectionKind.UNKNOWN)
    return None


def is_from_text(value: BValue) -> bool:
    """Whether a b-value rests on free text, which deserves a warning."""
    return value.source.startswith(SOURCE_PREFIX)
