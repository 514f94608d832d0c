"""All height definitions and indices of one disc."""

from __future__ import annotations

from discmri.core.findings import MeasurementError
from discmri.results.height import DEFINITIONS
from discmri.results.outline import DiscOutline
from discmri.results.records import Measurement


def measure_heights(
    outline: DiscOutline, primary: str = ""
) -> tuple[list[Measurement], list[MeasurementError]]:
    """All height definitions and height indices of one disc, and the errors of those that failed.

    An error has the columns that stay empty; if the primary definition fails, ``height_mm`` is one.
    """
    values, errors = [], []
    for one in DEFINITIONS:
        try:
            values.append(Measurement(one.parameter, one.measure(outline), one.code))
        except MeasurementError as error:
            empty = (one.parameter, *(("height_mm",) if one.code == primary else ()))
            errors.append(MeasurementError(error.code, f"{one.parameter}: {error.text}", empty))
    return values, errors
