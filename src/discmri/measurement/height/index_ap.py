"""Disc height index by the disc's own depth."""

from __future__ import annotations

import numpy as np

from discmri.measurement.height.dabbs import height_dabbs
from discmri.results.outline import DiscOutline


def dhi_ap(outline: DiscOutline) -> float:
    """Sum of the corner distances over the sum of both disc depths, (A + P) / (Dsup + Dinf)."""
    corners = outline.corners
    upper = np.linalg.norm(corners.upper_anterior - corners.upper_posterior)
    lower = np.linalg.norm(corners.lower_anterior - corners.lower_posterior)
    return 2 * height_dabbs(outline) / float(upper + lower)
