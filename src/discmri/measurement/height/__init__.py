"""Named definitions of disc height.

To add one: write one file with a function of type :data:`HeightMethod` and add one line to
:data:`HEIGHT_METHODS`; give it a column in :data:`discmri.results.records.PARAMETERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from discmri.core.findings import MeasurementError
from discmri.measurement.height.area import height_area
from discmri.measurement.height.columns import height_columns
from discmri.measurement.height.dabbs import height_dabbs
from discmri.measurement.height.hurxthal import height_hurxthal
from discmri.measurement.height.index_ap import dhi_ap
from discmri.measurement.height.index_vb import dhi_vb
from discmri.measurement.height.stations import height_anterior, height_middle, height_posterior
from discmri.measurement.height.three_d import height_3d
from discmri.measurement.height.three_point import height_three_point
from discmri.results.outline import DiscOutline
from discmri.results.records import Measurement

HeightMethod = Callable[[DiscOutline], float]
"""The height of a traced disc in mm; raises MeasurementError where it cannot be had."""


@dataclass(frozen=True)
class HeightDefinition:
    """One definition and the column it fills.

    Parameters
    ----------
    measure
        The definition.
    parameter
        Name of its column.
    """

    measure: HeightMethod
    parameter: str


HEIGHT_METHODS: Mapping[str, HeightDefinition] = {
    "columns": HeightDefinition(height_columns, "height_columns_mm"),
    "area": HeightDefinition(height_area, "height_area_mm"),
    "dabbs": HeightDefinition(height_dabbs, "height_dabbs_mm"),
    "hurxthal": HeightDefinition(height_hurxthal, "height_hurxthal_mm"),
    "three_point": HeightDefinition(height_three_point, "height_three_point_mm"),
    "anterior": HeightDefinition(height_anterior, "height_anterior_mm"),
    "middle": HeightDefinition(height_middle, "height_middle_mm"),
    "posterior": HeightDefinition(height_posterior, "height_posterior_mm"),
    "3d": HeightDefinition(height_3d, "height_3d_mm"),
}
_INDICES: Mapping[str, HeightDefinition] = {
    "dhi_ap": HeightDefinition(dhi_ap, "dhi_ap"),
    "dhi_vb": HeightDefinition(dhi_vb, "dhi_vb"),
}


def measure_heights(outline: DiscOutline) -> tuple[list[Measurement], list[MeasurementError]]:
    """Every height definition and the height indices of one disc.

    A definition that fails does not cost the others: its error, which says which column
    stays empty, is in the second list.
    """
    values, errors = [], []
    for code, definition in [*HEIGHT_METHODS.items(), *_INDICES.items()]:
        try:
            values.append(Measurement(definition.parameter, definition.measure(outline), code))
        except MeasurementError as error:
            errors.append(MeasurementError(error.code, f"{definition.parameter}: {error.text}"))
    return values, errors
