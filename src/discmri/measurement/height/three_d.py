"""Mean height over the whole face of the disc."""

from __future__ import annotations

from discmri.measurement.outline import disc_face
from discmri.results.outline import DiscOutline


def height_3d(outline: DiscOutline) -> float:
    """Volume over the area of the disc projected along its normal, mm.

    Equals the mean column height over the face where every column is filled.
    """
    return outline.mask.volume_mm3 / disc_face(outline).area_mm2
