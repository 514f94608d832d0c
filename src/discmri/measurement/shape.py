"""Size and shape of one disc: pure functions of its outline.

``u`` is the frame's anterior axis.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from discmri.core.findings import Code, MeasurementError
from discmri.results.face import check_whole, disc_face
from discmri.results.outline import DiscOutline
from discmri.results.records import Measurement


def width_ap(outline: DiscOutline) -> float:
    """Extent of the mid-sagittal outline along u, bulges included, mm."""
    return outline.mid.width_mm


def width_lr(outline: DiscOutline) -> float:
    """Left-to-right extent, mm; from the mask's projection, so partly filled slices count in part."""
    return disc_face(outline).width_lr_mm


def area(outline: DiscOutline) -> float:
    """Mid-sagittal area, mm² (shoelace formula on the sub-voxel outline)."""
    return outline.mid.area_mm2


def volume(outline: DiscOutline) -> float:
    """Sum of the voxel fractions times the voxel volume, mm³.

    The thickness of a voxel is the distance between slices, so gaps are included.  Raises
    ``MeasurementError`` if the slices do not show the whole disc.
    """
    check_whole(outline)
    return outline.mask.volume_mm3


def wedge(outline: DiscOutline) -> float:
    """Angle between the corner chords in degrees, positive if the disc is higher anteriorly."""
    corners = outline.corners
    upper = corners.upper_anterior - corners.upper_posterior
    lower = corners.lower_anterior - corners.lower_posterior
    return float(np.degrees(np.arctan2(upper[1], upper[0]) - np.arctan2(lower[1], lower[0])))


def bulge_posterior(outline: DiscOutline) -> float:
    """Largest distance of the border behind the line of both posterior corners, mm, at least 0."""
    top, bottom = outline.corners.upper_posterior, outline.corners.lower_posterior
    line = (top - bottom) / max(float(np.linalg.norm(top - bottom)), 1e-6)
    backwards = np.array([-line[1], line[0]])
    return max(0.0, float(((outline.mid.contour_mm - bottom) @ backwards).max()))


def listhesis(outline: DiscOutline) -> float:
    """Slip of the upper body's posterior corner along u, positive forward, mm.

    Raises ``MeasurementError`` (``BODY_MISSING``) if a body was not found.
    """
    if outline.above is None or outline.below is None:
        side = "above" if outline.above is None else "below"
        raise MeasurementError(Code.BODY_MISSING, f"the body {side} was not found")
    return float(outline.above.lower_posterior[0] - outline.below.upper_posterior[0])


SHAPE_MEASURES: Mapping[str, Callable[[DiscOutline], float]] = {
    "width_ap_mm": width_ap,
    "width_lr_mm": width_lr,
    "area_mm2": area,
    "volume_mm3": volume,
    "wedge_deg": wedge,
    "bulge_posterior_mm": bulge_posterior,
    "listhesis_mm": listhesis,
}


def measure_shape(outline: DiscOutline) -> tuple[list[Measurement], list[MeasurementError]]:
    """All shape measures of one disc, and errors with the columns that stay empty."""
    values, errors = [], []
    for parameter, measure in SHAPE_MEASURES.items():
        try:
            values.append(Measurement(parameter, measure(outline)))
        except MeasurementError as error:
            text = f"{parameter}: {error.text}"
            errors.append(MeasurementError(error.code, text, (parameter,)))
    return values, errors
