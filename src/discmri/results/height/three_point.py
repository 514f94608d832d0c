"""Three-point height."""

from __future__ import annotations

from discmri.results.height.dabbs import height_dabbs
from discmri.results.height.definition import HeightDefinition
from discmri.results.height.hurxthal import height_hurxthal
from discmri.results.height.published import BOOS_POINTS
from discmri.results.outline import DiscOutline


def height_three_point(outline: DiscOutline) -> float:
    """Mean of the anterior, middle and posterior distances, (A + M + P) / 3, mm."""
    return (2 * height_dabbs(outline) + height_hurxthal(outline)) / 3


THREE_POINT = HeightDefinition(
    code="three_point", label="three-point", source="Fyllos", measure=height_three_point,
    meaning="Mean of the anterior, middle and posterior distances.", sdtm_code="DSCH3PT",
    uncertainty_factor=2.2, segmenter_factor=2.0,
    published=BOOS_POINTS, phantom_sd={"masks": 0.26, "builtin": 0.15},
)  # fmt: skip
