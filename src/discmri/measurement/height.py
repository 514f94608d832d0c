"""Every height definition and index applied to one disc."""

from __future__ import annotations

from discmri.core.findings import MeasurementError
from discmri.results.height import DEFINITIONS
from discmri.results.outline import DiscOutline
from discmri.results.records import Measurement


def measure_heights(outline: DiscOutline) -> tuple[list[Measurement], list[MeasurementError]]:
    """Every height definition and the height indices of one disc.

    A definition that fails does not cost the others: its error, which says which column
    stays empty, is in the second list.
    """
    values, errors = [], []
    for one in DEFINITIONS:
        try:
            values.append(Measurement(one.parameter, one.measure(outline), one.code))
        except MeasurementError as error:
            errors.append(MeasurementError(error.code, f"{one.parameter}: {error.text}"))
    return values, errors
