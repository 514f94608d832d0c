"""Parameters as people call them; tables for machines keep the names of columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from discmri.results.records import PARAMETER

_UNITS = {"um2/ms": "µm²/ms", "mm2": "mm²", "mm3": "mm³", "deg": "°"}
_NAMES: Mapping[str, str] = {
    "height_mm": "disc height",
    "dhi_ap": "height index (height / depth)",
    "dhi_vb": "height index (disc / vertebra)",
    "width_ap_mm": "depth front to back",
    "width_lr_mm": "width left to right",
    "area_mm2": "mid-sagittal area",
    "volume_mm3": "disc volume",
    "wedge_deg": "wedge angle",
    "bulge_posterior_mm": "posterior bulge",
    "signal_ratio_csf": "T2 signal / CSF",
    "adc_disc_um2_ms": "ADC of the disc",
    "adc_disc_median_um2_ms": "median ADC of the disc",
    "adc_disc_sd_um2_ms": "spread of ADC in the disc",
    "adc_nucleus_um2_ms": "ADC of the nucleus",
}


def unit(parameter: str) -> str:
    """Unit as printed; empty for a ratio.

    >>> unit("adc_disc_um2_ms"), unit("dhi_vb")
    ('µm²/ms', '')
    """
    code = PARAMETER[parameter].unit
    return "" if code.startswith("{") or code == "1" else _UNITS.get(code, code)


def human(parameter: str) -> str:
    """A parameter's name in a sentence.

    >>> human("height_mm"), human("height_three_point_mm")
    ('disc height', 'height three point')
    """
    if parameter in _NAMES:
        return _NAMES[parameter]
    suffix = PARAMETER[parameter].unit.replace("/", "_").strip("{}")
    return parameter.removesuffix(f"_{suffix}").replace("_", " ")


def titled(parameter: str) -> str:
    """Name and unit.

    >>> titled("height_mm"), titled("dhi_vb")
    ('disc height (mm)', 'height index (disc / vertebra)')
    """
    return f"{human(parameter)} ({unit(parameter)})" if unit(parameter) else human(parameter)


def listed(parameters: Iterable[str]) -> str:
    """Several parameters in a sentence."""
    return " and ".join(map(human, parameters))


_KINDS: Mapping[str, str] = {
    "height_": "heights", "dhi_": "height indices", "width_": "widths", "area_": "area",
    "volume_": "volume", "wedge_": "wedge angle", "bulge_": "bulge", "listhesis_": "listhesis",
    "signal_": "signal", "signal_ratio": "T2 signal / CSF", "adc_": "ADC", "suggested_": "grade",
}  # fmt: skip


def kinds(touches: Iterable[str]) -> str:
    """What beginnings of parameters' names stand for.

    >>> kinds(("height_", "adc_")), kinds(("everything",))
    ('heights, ADC', 'everything')
    """
    return ", ".join(_KINDS.get(one, one) for one in touches)
