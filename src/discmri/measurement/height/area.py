"""Area over width."""

from __future__ import annotations

from discmri.results.outline import DiscOutline


def height_area(outline: DiscOutline) -> float:
    """Mid-sagittal area divided by the AP width, bulges included, mm."""
    return outline.mid.area_mm2 / outline.mid.width_mm
