"""GE: (0043,xx39) of ``GEMS_PARM_01`` with its offset of 10⁹; the kind in (0043,xx30)."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from pydicom import Dataset

from discmri.core.diffusion import BValue, DirectionKind
from discmri.study.bvalues.private import floats, private_value

_PARM = "GEMS_PARM_01"
_ACQU = "GEMS_ACQU_01"
_T2, _COMBINED, _EADC, _FA, _ADC, _COLOUR_FA = 14, 15, 17, 18, 20, 31
_MAPS = {_EADC: "EADC", _FA: "FA", _ADC: "ADC", _COLOUR_FA: "FA"}
_NO_DIRECTION = 0.03  # shorter gradient vectors are zero
_SHORTENED = 0.97  # shorter ones scale the nominal b-value, which is that of the outer shell
_DIRECTIONAL = {3, 4, 5, 16, 43, 44, 45, 46}


def read(ds: Dataset) -> BValue | None:
    """First value of (0043,xx39) modulo 10⁹; zero if (0043,xx30) is ``T2``."""
    values = floats(private_value(ds, 0x0043, _PARM, 0x39, "IS"))
    if not values or not 0 <= values[0] <= 0x7FFFFFFF:
        return None
    nominal = float(int(values[0]) % 1_000_000_000)
    kind_number = _kind_number(ds)
    if kind_number == _T2:
        nominal = 0.0
    vector = [
        component
        for offset in (0xBB, 0xBC, 0xBD)
        for component in floats(private_value(ds, 0x0019, _ACQU, offset, "DS"))[:1]
    ]
    length = float(np.linalg.norm(vector)) if len(vector) == 3 else 0.0
    if (
        _NO_DIRECTION < length < _SHORTENED
    ):  # several shells: the vector's length scales the nominal value
        nominal = 5.0 * round(nominal * length**2 / 5.0)
    direction = None
    if kind_number == _COMBINED:
        kind = DirectionKind.TRACE
    elif length > _NO_DIRECTION:
        kind, direction = DirectionKind.DIRECTIONAL, _to_ras(ds, np.array(vector) / length)
    elif kind_number in _DIRECTIONAL:
        kind = DirectionKind.DIRECTIONAL
    else:
        kind = DirectionKind.TRACE if len(vector) == 3 else DirectionKind.UNKNOWN
    return BValue(nominal, "GE (0043,xx39)", kind, direction)


def map_name(ds: Dataset) -> str | None:
    """``"ADC"``, ``"EADC"`` or ``"FA"`` if (0043,xx30) marks the image as such a map."""
    return _MAPS.get(_kind_number(ds) or 0)


def is_computed_map(ds: Dataset) -> bool:
    """Whether the image was computed from several weightings and so has no b-value."""
    return map_name(ds) is not None


def release(software_versions: Sequence[str]) -> int | None:
    """GE's software release.

    >>> release(["28", "LX", "MR29.1_EA_2039.g"]), release(["27", "LX", "MR Software release:DV26.0"])
    (29, 26)
    """
    for text in software_versions:
        found = re.search(r"(?:MR|DV|RX|HD|SV|PX)\s*(\d{2})[._]", str(text))
        if found:
            return int(found.group(1))
    return None


def _kind_number(ds: Dataset) -> int | None:
    values = floats(private_value(ds, 0x0043, _PARM, 0x30, "SS"))
    return int(values[0]) if values else None


def _to_ras(ds: Dataset, vector: np.ndarray) -> tuple[float, float, float] | None:
    """From the frame of frequency, phase and slice to RAS+; the sign of each axis is unknown.

    Directions are only compared with each other, so a mirrored frame does not matter.
    """
    cosines = floats(ds.get("ImageOrientationPatient"))
    if len(cosines) != 6:
        return None
    row, column = np.array(cosines[:3]), np.array(cosines[3:])
    if str(ds.get("InPlanePhaseEncodingDirection", "")).upper().startswith("ROW"):
        row, column = column, row
    lps = vector[0] * row + vector[1] * column + vector[2] * np.cross(row, column)
    return (float(-lps[0]), float(-lps[1]), float(lps[2]))
