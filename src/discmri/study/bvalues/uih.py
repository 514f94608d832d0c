"""United Imaging: nominal and actual b-value of ``Image Private Header``; the nominal one is used.

The actual value includes the imaging gradients, such as 1.25 and 929.75 for nominal 0 and 1000; it
is kept as the measured one.
"""

from __future__ import annotations

from pydicom import Dataset

from discmri.core.diffusion import BValue, DirectionKind
from discmri.study.bvalues.private import direction_from_lps, floats, kind_of_vector, private_value

_IMAGE = "Image Private Header"


def read(ds: Dataset) -> BValue | None:
    """(0065,xx0A) nominal, (0065,xx09) measured, (0065,xx37) direction."""
    nominal = floats(private_value(ds, 0x0065, _IMAGE, 0x0A, "FD"))
    measured = floats(private_value(ds, 0x0065, _IMAGE, 0x09, "FD"))
    if not nominal and not measured:
        return None
    vector = floats(private_value(ds, 0x0065, _IMAGE, 0x37, "FD"))
    kind = kind_of_vector(vector)
    direction = direction_from_lps(vector) if kind is DirectionKind.DIRECTIONAL else None
    return BValue(
        (nominal or measured)[0],
        "UIH (0065,xx0A)" if nominal else "UIH (0065,xx09)",
        kind,
        direction,
        measured_s_per_mm2=measured[0] if measured else None,
    )
