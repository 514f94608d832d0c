"""Disc height index: height relative to the adjacent vertebral bodies."""

from __future__ import annotations

import numpy as np

from discmri.core.findings import Code, MeasurementError
from discmri.results.height.definition import HeightIndex
from discmri.results.height.three_point import height_three_point
from discmri.results.outline import BodyEnd, DiscOutline


def dhi_vb(outline: DiscOutline) -> float:
    """Three-point height over the mean height of the adjacent bodies.

    The height of a body is the mean of its anterior, middle and posterior height; above the
    sacrum only the upper body is used.

    Raises
    ------
    MeasurementError
        ``BODY_MISSING`` if a body was not found or is cut by the field of view.
    """
    bodies = {"above": outline.above, "below": outline.below}
    heights = []
    for side, body in bodies.items():
        if body is None or body.far_end is BodyEnd.CUT:
            raise MeasurementError(
                Code.BODY_MISSING, f"the body {side} is not completely in the image"
            )
        if body.height_mm is not None:
            heights.append(body.height_mm)
    return height_three_point(outline) / float(np.mean(heights))


DHI_VB = HeightIndex(
    code="dhi_vb", measure=dhi_vb,
    meaning="Three-point height / mean height of the adjacent bodies.", sdtm_code="DHIVB",
    phantom_sd={"masks": 0.011, "builtin": 0.0072},
)  # fmt: skip
