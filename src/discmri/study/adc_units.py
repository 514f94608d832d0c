"""The unit of a scanner's ADC map: Real World Value Mapping, then rescale type, then the values.

Vendors use different units.  A unit whose median is impossible for tissue is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from discmri.core.findings import Code, MeasurementError
from discmri.study.frame import Scaling

_LENGTHS_UM = {"um": 1.0, "mm": 1e3, "cm": 1e4, "m": 1e6}
_TIMES_MS = {"ms": 1.0, "s": 1e3, "sec": 1e3}
# By the text without blanks, carets and multiplication signs, as in 10*-6.mm2/s or 1E-3 mm2/s.
_UNIT = re.compile(
    r"x?(?:10(?P<power>-?\d)|(?P<number>\d+(?:\.\d+)?(?:e-?\d+)?))?"
    r"(?P<length>um|mm|cm|m)2/?(?P<time>ms|sec|s)(?P<inverse>-1)?"
)
_SILENT = {"", "1", "us", "normalized", "none", "unspecified", "nounits", "na", "n/a"}
_CANDIDATES = {"mm2/s": 1e3, "10-3.mm2/s": 1.0, "10-6.mm2/s": 1e-3}
# The median of living tissue and fluid lies well within: fat 0.1, disc 0.2-2.5, CSF 3-4.5.
_MEDIAN_UM2_MS = (0.1, 4.5)
# A factor is guessed from the median of a whole image, which shows more than fat.
_GUESSED_UM2_MS = (0.2, 3.2)


def in_um2_per_ms(
    values: NDArray[np.float32], scalings: Sequence[Scaling]
) -> tuple[NDArray[np.float32], str]:
    """ADC in µm²/ms and the tag or rule that gave the unit.

    ``values`` (i, j, k) are those after the modality rescale, ``scalings`` one per slice along k.
    Raises ``MeasurementError`` (``ADC_UNIT_UNKNOWN``) if the stated unit is unknown or gives a
    median that is impossible for an ADC, or if none is stated and not exactly one unit fits.

    Examples
    --------
    >>> adc, source = in_um2_per_ms(np.full((2, 2, 1), 1500, np.float32), [Scaling()])
    >>> round(float(adc[0, 0, 0]), 4), source
    (1.5, 'only possible factor (10-6.mm2/s)')
    """
    real, rescale = _one_unit(scalings, "real_unit"), _one_unit(scalings, "rescale_type")
    if real is not None:
        unit = f"Real World Value Mapping ({scalings[0].real_unit})"
        return _plausible(_real_world(values, scalings) * real, unit)
    wrong = next((scaling.problem for scaling in scalings if scaling.problem), "")
    if wrong:
        raise MeasurementError(Code.ADC_UNIT_UNKNOWN, f"an image of the ADC map states {wrong}")
    if rescale is not None:
        return _plausible(values * rescale, f"Rescale Type ({scalings[0].rescale_type})")
    middle = _median(values)
    fitting = [unit for unit, factor in _CANDIDATES.items() if _guessed(middle * factor)]
    if len(fitting) != 1:
        raise MeasurementError(
            Code.ADC_UNIT_UNKNOWN,
            f"no unit is stated, and the median value {middle:.4g} does not fit exactly one of the "
            f"units {', '.join(_CANDIDATES)}",
        )
    (unit,) = fitting
    return values * np.float32(_CANDIDATES[unit]), f"only possible factor ({unit})"


def _one_unit(scalings: Sequence[Scaling], name: str) -> float | None:
    """Factor to um2/ms of the unit that all slices state; ``None`` if none states one.

    Raises ``MeasurementError`` if the unit is unknown or differs between slices.
    """
    stated = {str(getattr(scaling, name)) for scaling in scalings}
    if all(_plain(text) in _SILENT for text in stated):
        return None
    factor = _factor(next(iter(stated)))
    if len(stated) > 1 or factor is None:
        raise MeasurementError(
            Code.ADC_UNIT_UNKNOWN,
            f"the ADC map states the unit {', '.join(sorted(stated))[:80]!r}, "
            + ("slices differ" if len(stated) > 1 else "which is not a known unit of an ADC"),
        )
    return factor


def _plain(text: str) -> str:
    plain = re.sub(r"[\s*^·×\[\]{}()]", "", text.lower().replace("µ", "u").replace("μ", "u"))
    return re.sub(r"\.(?=[a-z])|(?<=[a-z0-9])\.(?=s-1)", "", plain).replace("²", "2")


def _factor(text: str) -> float | None:
    """One unit in um2/ms (10⁻³ mm²/s).

    >>> _factor("10*-6.mm2/s"), _factor("1.0E-3 mm2/s"), _factor("furlong")
    (0.001, 1.0, None)
    """
    found = _UNIT.fullmatch(_plain(text))
    if found is None or ("/" in found[0]) is bool(found["inverse"]):
        return None
    size = _LENGTHS_UM[found["length"]] ** 2 / _TIMES_MS[found["time"]]
    if found["power"]:
        size *= 10.0 ** int(found["power"])
    return float(f"{size * float(found['number'] or 1.0):.12g}")


def _guessed(median_um2_ms: float) -> bool:
    """Whether tissue can have this median, but neither ten times nor a tenth of it."""
    low, high = _GUESSED_UM2_MS
    return low <= median_um2_ms <= high and not any(
        low <= median_um2_ms * factor <= high for factor in (10.0, 0.1)
    )


def _real_world(values: NDArray[np.float32], scalings: Sequence[Scaling]) -> NDArray[np.float32]:
    """Undo the modality rescale, then apply the mapping, which is for stored values."""
    slope = np.array([s.real_slope / s.slope for s in scalings])
    intercept = np.array(
        [s.real_intercept - s.intercept * s.real_slope / s.slope for s in scalings]
    )
    background = values == 0
    real = np.where(background, 0.0, values * slope + intercept)
    return np.asarray(real, dtype=np.float32)


def _median(values: NDArray[np.float32]) -> float:
    """Median of the positive values: the background is zero or noise around it."""
    positive = values[np.isfinite(values) & (values > 0)]
    return float(np.median(positive)) if positive.size else 0.0


def _plausible(values: NDArray[np.float32], source: str) -> tuple[NDArray[np.float32], str]:
    middle = _median(values)
    if not _MEDIAN_UM2_MS[0] <= middle <= _MEDIAN_UM2_MS[1]:
        raise MeasurementError(
            Code.ADC_UNIT_UNKNOWN,
            f"{source} gives a median of {middle:.4g} um2/ms, which is impossible for an ADC",
        )
    return values.astype(np.float32, copy=False), source
