"""Middle height after Hurxthal (1968)."""

from __future__ import annotations

import numpy as np

from discmri.core.findings import Code, MeasurementError
from discmri.core.volume import Array
from discmri.results.height.definition import HeightDefinition
from discmri.results.height.published import BOOS_POINTS
from discmri.results.outline import DiscOutline


def height_hurxthal(outline: DiscOutline) -> float:
    """Distance of the mid-points of the endplates, mm.

    A mid-point is where the perpendicular bisector of the line between two corners meets the border.
    """
    corners = outline.corners
    upper = _mid_point(outline, corners.upper_anterior, corners.upper_posterior, 1)
    lower = _mid_point(outline, corners.lower_anterior, corners.lower_posterior, -1)
    return float(np.linalg.norm(upper - lower))


def _mid_point(outline: DiscOutline, anterior: Array, posterior: Array, side: int) -> Array:
    """(2,) intersection of the perpendicular bisector of a chord with the border on one side."""
    chord = anterior - posterior
    along = chord / np.linalg.norm(chord)
    upwards = np.array([-along[1], along[0]])
    offset = outline.mid.contour_mm - (anterior + posterior) / 2
    x, y = offset @ along, offset @ upwards
    crossed = (x <= 0) != (np.roll(x, -1) <= 0)
    if not crossed.any():
        raise MeasurementError(Code.OUTLINE_FAILED, "the corners do not fit the outline")
    start, stop = (
        np.stack([x, y])[:, crossed],
        np.stack([np.roll(x, -1), np.roll(y, -1)])[:, crossed],
    )
    heights = start[1] - start[0] * (stop[1] - start[1]) / (stop[0] - start[0])
    height = heights.max() if side > 0 else heights.min()
    return np.asarray((anterior + posterior) / 2 + height * upwards)


HURXTHAL = HeightDefinition(
    code="hurxthal", label="Hurxthal", source="Hurxthal 1968", measure=height_hurxthal,
    meaning="Distance between the endplates' mid-points.", sdtm_code="DSCHHUR",
    uncertainty_factor=2.0, segmenter_factor=1.5,
    published=BOOS_POINTS, phantom_sd={"masks": 0.27, "builtin": 0.16},
)  # fmt: skip
