"""Area over width."""

from __future__ import annotations

from discmri.results.height.definition import HeightDefinition
from discmri.results.height.published import BOOS_MEAN
from discmri.results.outline import DiscOutline


def height_area(outline: DiscOutline) -> float:
    """Mid-sagittal area divided by the AP width, bulges included, mm."""
    return outline.mid.area_mm2 / outline.mid.width_mm


AREA = HeightDefinition(
    code="area", label="area / width", measure=height_area,
    meaning="Mid-sagittal area divided by the AP width.", sdtm_code="DSCHARE",
    uncertainty_factor=1.1, segmenter_factor=1.0,
    published=BOOS_MEAN, phantom_sd={"masks": 0.13, "builtin": 0.12},
)  # fmt: skip
