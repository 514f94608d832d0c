"""Named definitions of disc height, and indices of heights.

A definition is one file with formula, column, codes, uncertainty and known noise.  It belongs to
the model of results, because tables, exporters and reports need all of it except the formula, which
:mod:`discmri.measurement.height` applies.

To add one, write one file with one :class:`HeightDefinition` and add it to :data:`DEFINITIONS`.
"""

from __future__ import annotations

from collections.abc import Mapping

from discmri.results.height.area import AREA
from discmri.results.height.columns import COLUMNS
from discmri.results.height.dabbs import DABBS
from discmri.results.height.definition import HeightDefinition, HeightIndex
from discmri.results.height.hurxthal import HURXTHAL
from discmri.results.height.index_ap import DHI_AP
from discmri.results.height.index_vb import DHI_VB
from discmri.results.height.stations import ANTERIOR, MIDDLE, POSTERIOR
from discmri.results.height.three_d import THREE_D
from discmri.results.height.three_point import THREE_POINT

DEFINITIONS: tuple[HeightIndex, ...] = (
    ANTERIOR,
    MIDDLE,
    POSTERIOR,
    DABBS,
    HURXTHAL,
    THREE_POINT,
    AREA,
    COLUMNS,
    THREE_D,
    DHI_AP,
    DHI_VB,
)
"""All definitions, in the order of their columns."""
HEIGHT_METHODS: Mapping[str, HeightDefinition] = {
    one.code: one for one in DEFINITIONS if isinstance(one, HeightDefinition)
}
"""Definitions that can be the primary height, by code."""


def column_of(parameter: str, method: str) -> str:
    """Column that defines a value; for the primary height, the column of its method.

    >>> column_of("height_mm", "dabbs"), column_of("area_mm2", "")
    ('height_dabbs_mm', 'area_mm2')
    """
    primary = HEIGHT_METHODS.get(method) if parameter == "height_mm" else None
    return parameter if primary is None else primary.parameter
