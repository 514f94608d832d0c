"""Mean height over the whole face of the disc."""

from __future__ import annotations

from discmri.results.face import disc_face
from discmri.results.height.definition import HeightDefinition
from discmri.results.height.published import BOOS_MEAN
from discmri.results.outline import DiscOutline


def height_3d(outline: DiscOutline) -> float:
    """Volume divided by the area of the disc projected along its normal, mm."""
    return outline.mask.volume_mm3 / disc_face(outline).area_mm2


THREE_D = HeightDefinition(
    code="3d", label="3D mean", measure=height_3d,
    meaning="Mean height of columns over the disc's whole face.", sdtm_code="DSCH3D",
    uncertainty_factor=1.3, segmenter_factor=1.4,
    published=BOOS_MEAN, phantom_sd={"masks": 0.12, "builtin": 0.13},
)  # fmt: skip
