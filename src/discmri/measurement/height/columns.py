"""Mean column height: the default definition."""

from __future__ import annotations

import numpy as np

from discmri.results.outline import DiscOutline


def height_columns(outline: DiscOutline) -> float:
    """Mean of border to border along the normal over 10 to 90 % of the AP width, mm."""
    x, upper, lower = outline.mid.between(0.10, 0.90)
    return float(np.trapezoid(upper - lower, x) / (x[-1] - x[0]))
