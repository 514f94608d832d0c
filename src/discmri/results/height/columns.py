"""Mean column height: the default definition."""

from __future__ import annotations

import numpy as np

from discmri.results.height.definition import HeightDefinition
from discmri.results.height.published import BOOS_MEAN
from discmri.results.outline import DiscOutline, DiscSection


def height_columns(outline: DiscOutline) -> float:
    """Mean height along the normal, from border to border, over 10 to 90 % of the AP width, mm."""
    return mean_column(outline.mid)


def mean_column(cut: DiscSection) -> float:
    """Mean column height of any sagittal section, mm."""
    x, upper, lower = cut.between(0.10, 0.90)
    return float(np.trapezoid(upper - lower, x) / (x[-1] - x[0]))


COLUMNS = HeightDefinition(
    code="columns", label="mean of columns", measure=height_columns,
    meaning="Mean height of columns along the normal, 10 to 90 % of the AP width.",
    sdtm_code="DSCHCOL",
    uncertainty_factor=1.0, segmenter_factor=1.0,
    published=BOOS_MEAN, phantom_sd={"masks": 0.067, "builtin": 0.055},
)  # fmt: skip
