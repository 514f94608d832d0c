"""Three-point height."""

from __future__ import annotations

from discmri.measurement.height.dabbs import height_dabbs
from discmri.measurement.height.hurxthal import height_hurxthal
from discmri.results.outline import DiscOutline


def height_three_point(outline: DiscOutline) -> float:
    """Mean of the anterior, middle and posterior distances, (A + M + P) / 3, mm."""
    return (2 * height_dabbs(outline) + height_hurxthal(outline)) / 3
