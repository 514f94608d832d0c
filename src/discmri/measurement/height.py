"""Every height definition and index applied to one disc."""

from __future__ import annotations

from discmri.core.findings import MeasurementError
from discmri.results.height import DEFINITIONS
from discmri.results.outline import DiscOutline
from discmri.results.records import Measurement


def measure_heights(
    outline: DiscOutline, primary: str = ""
) -> tuple[list[Measurement], list[MeasurementError]]:
    """Every height definition and the height indices of one disc.

    A definition that fails does not cost the others: its error, which says which column
    stays empty, is in the second list.

    Parameters
    ----------
    outline
        The traced disc.
    primary
        Code of the definition that feeds the primary height, which then stays empty too.
    """
    values, errors = [], []
    for one in DEFINITIONS:
        try:
            values.append(Measurement(one.parameter, one.measure(outline), one.code))
        except MeasurementError as error:
            empty = (one.parameter, *(("height_mm",) if one.code == primary else ()))
            errors.append(MeasurementError(error.code, f"{one.parameter}: {error.text}", empty))
    return values, errors
