"""Two-point height after Dabbs and Dabbs (1990)."""

from __future__ import annotations

import numpy as np

from discmri.results.outline import DiscOutline


def height_dabbs(outline: DiscOutline) -> float:
    """Mean of the anterior and posterior corner distances, (A + P) / 2, mm."""
    corners = outline.corners
    anterior = np.linalg.norm(corners.upper_anterior - corners.lower_anterior)
    posterior = np.linalg.norm(corners.upper_posterior - corners.lower_posterior)
    return float(anterior + posterior) / 2
