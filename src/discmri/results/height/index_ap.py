"""Disc height index: height relative to the depth of the disc."""

from __future__ import annotations

import numpy as np

from discmri.results.height.dabbs import height_dabbs
from discmri.results.height.definition import HeightIndex
from discmri.results.outline import DiscOutline


def dhi_ap(outline: DiscOutline) -> float:
    """Corner distances over upper and lower depth of the disc, (A + P) / (Dsup + Dinf)."""
    corners = outline.corners
    upper = np.linalg.norm(corners.upper_anterior - corners.upper_posterior)
    lower = np.linalg.norm(corners.lower_anterior - corners.lower_posterior)
    return 2 * height_dabbs(outline) / float(upper + lower)


DHI_AP = HeightIndex(
    code="dhi_ap", measure=dhi_ap,
    meaning="(anterior + posterior corner distance) / (upper + lower disc depth).",
    sdtm_code="DHIAP",
    phantom_sd={"masks": 0.011, "builtin": 0.0062},
)  # fmt: skip
