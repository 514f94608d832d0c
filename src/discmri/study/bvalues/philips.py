"""Philips: (2001,xx03) and (2001,xx04) of ``Philips Imaging DD 001``."""

from __future__ import annotations

from pydicom import Dataset

from discmri.core.diffusion import BValue, DirectionKind
from discmri.study.bvalues.private import direction_from_lps, floats, kind_of_vector, private_value

_IMAGING = "Philips Imaging DD 001"
_MR_IMAGING = "Philips MR Imaging DD 001"
_UNSET = 1e30  # an unset number reads about 1.7e38


def read(ds: Dataset) -> BValue | None:
    """Diffusion B-Factor; the direction from (2005,xxB0..B2), which are RL, AP and FH."""
    value = floats(private_value(ds, 0x2001, _IMAGING, 0x03, "FL"))
    if not value or value[0] > _UNSET:
        return None
    letters = str(private_value(ds, 0x2001, _IMAGING, 0x04, "CS") or "").strip().upper()
    vector = [
        component
        for offset in (0xB0, 0xB1, 0xB2)
        for component in floats(private_value(ds, 0x2005, _MR_IMAGING, offset, "FL"))[:1]
        if abs(component) < _UNSET
    ]
    kind = DirectionKind.TRACE if letters == "I" else kind_of_vector(vector)
    if kind is DirectionKind.UNKNOWN and letters:
        kind = DirectionKind.DIRECTIONAL
    direction = direction_from_lps(vector) if kind is DirectionKind.DIRECTIONAL else None
    return BValue(value[0], "Philips (2001,xx03)", kind, direction)
