"""Two-point height after Dabbs and Dabbs (1990)."""

from __future__ import annotations

import numpy as np

from discmri.results.height.definition import HeightDefinition
from discmri.results.height.published import BOOS_POINTS
from discmri.results.outline import DiscOutline


def height_dabbs(outline: DiscOutline) -> float:
    """Mean of the anterior and posterior corner distances, (A + P) / 2, mm."""
    corners = outline.corners
    anterior = np.linalg.norm(corners.upper_anterior - corners.lower_anterior)
    posterior = np.linalg.norm(corners.upper_posterior - corners.lower_posterior)
    return float(anterior + posterior) / 2


DABBS = HeightDefinition(
    code="dabbs", label="Dabbs", source="Dabbs and Dabbs 1990", measure=height_dabbs,
    meaning="Mean of the anterior and posterior corner distances.", sdtm_code="DSCHDAB",
    uncertainty_factor=2.8, segmenter_factor=3.2,
    published=BOOS_POINTS, phantom_sd={"masks": 0.33, "builtin": 0.19},
)  # fmt: skip
