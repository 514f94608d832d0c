"""The unit of a scanner's ADC map: Real World Value Mapping, then rescale type, then physics.

No unit is agreed among vendors.  Whatever the header says, values that water in tissue
cannot have are refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from discmri.core.findings import Code, MeasurementError
from discmri.study.frame import Scaling

# One unit in um2/ms (10⁻³ mm²/s), by its text without blanks, carets and multiplication signs.
_UNITS = {
    "mm2/s": 1e3,
    "um2/s": 1e-3,
    "um2/ms": 1.0,
    "10-6mm2/s": 1e-3,
    "1e-6mm2/s": 1e-3,
    "1.0e-6mm2/s": 1e-3,
    "10-3mm2/s": 1.0,
    "1e-3mm2/s": 1.0,
    "1.0e-3mm2/s": 1.0,
}
_CANDIDATES = {"mm2/s": 1e3, "10-3.mm2/s": 1.0, "10-6.mm2/s": 1e-3}
# The median of living tissue and fluid lies well within: fat 0.1, disc 0.2-2.5, CSF 3-4.5.
_MEDIAN_UM2_MS = (0.1, 4.5)


def in_um2_per_ms(
    values: NDArray[np.float32], scalings: Sequence[Scaling]
) -> tuple[NDArray[np.float32], str]:
    """ADC in µm²/ms and the tag or rule that gave the unit.

    Parameters
    ----------
    values
        (i, j, k) values after the modality rescale.
    scalings
        One per slice along k.

    Raises
    ------
    MeasurementError
        ``ADC_UNIT_UNKNOWN`` where the unit that is stated, or every possible one, gives
        values that an ADC cannot have.

    Examples
    --------
    >>> adc, source = in_um2_per_ms(np.full((2, 2, 1), 1500, np.float32), [Scaling()])
    >>> round(float(adc[0, 0, 0]), 4), source
    (1.5, 'only possible factor (10-6.mm2/s)')
    """
    real_unit = _factor(scalings[0].real_unit)
    if real_unit is not None and all(s.real_unit == scalings[0].real_unit for s in scalings):
        real = _real_world(values, scalings) * real_unit
        return _plausible(real, f"Real World Value Mapping ({scalings[0].real_unit})")
    rescale_unit = _factor(scalings[0].rescale_type)
    if rescale_unit is not None:
        return _plausible(values * rescale_unit, f"Rescale Type ({scalings[0].rescale_type})")
    middle = _median(values)
    fitting = {unit: k for unit, k in _CANDIDATES.items() if _possible(middle * k)}
    if len(fitting) != 1:
        raise MeasurementError(
            Code.ADC_UNIT_UNKNOWN,
            f"no unit is stated and a median value of {middle:.4g} fits an ADC in none of "
            f"{', '.join(_CANDIDATES)}",
        )
    ((unit, factor),) = fitting.items()
    return values * np.float32(factor), f"only possible factor ({unit})"


def _factor(text: str) -> float | None:
    plain = re.sub(r"[\s*^·×\[\]{}()]", "", text.lower().replace("µ", "u").replace("μ", "u"))
    plain = plain.replace(".mm", "mm").replace("²", "2").removeprefix("x")
    return _UNITS.get(plain)


def _real_world(values: NDArray[np.float32], scalings: Sequence[Scaling]) -> NDArray[np.float32]:
    """The mapping applies to stored values, so the modality rescale is undone first."""
    slope = np.array([s.real_slope / s.slope for s in scalings])
    intercept = np.array(
        [s.real_intercept - s.intercept * s.real_slope / s.slope for s in scalings]
    )
    background = values == 0
    real = np.where(background, 0.0, values * slope + intercept)
    return np.asarray(real, dtype=np.float32)


def _median(values: NDArray[np.float32]) -> float:
    """Of the voxels that hold a positive value: the background is zero or noise around it."""
    positive = values[np.isfinite(values) & (values > 0)]
    return float(np.median(positive)) if positive.size else 0.0


def _possible(median_um2_ms: float) -> bool:
    return _MEDIAN_UM2_MS[0] <= median_um2_ms <= _MEDIAN_UM2_MS[1]


def _plausible(values: NDArray[np.float32], source: str) -> tuple[NDArray[np.float32], str]:
    middle = _median(values)
    if not _possible(middle):
        raise MeasurementError(
            Code.ADC_UNIT_UNKNOWN,
            f"{source} makes the map's median {middle:.4g} um2/ms, which an ADC cannot be",
        )
    return values.astype(np.float32, copy=False), source
