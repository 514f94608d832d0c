"""Human names of parameters for all pages; CSV and JSON use column names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from discmri.core.findings import REACH, Finding
from discmri.results.height import HEIGHT_METHODS
from discmri.results.records import PARAMETER

_UNITS = {"um2/ms": "µm²/ms", "mm2": "mm²", "mm3": "mm³", "deg": "°", "1": ""}
_NAMES: Mapping[str, str] = {
    "height_mm": "disc height",
    **{one.parameter: f"height, {one.label.split(', ')[0]}" for one in HEIGHT_METHODS.values()},
    "height_sd_mm": "uncertainty of the height",
    "dhi_ap": "height index (height / depth)",
    "dhi_vb": "height index (disc / vertebra)",
    "width_ap_mm": "depth front to back",
    "width_lr_mm": "width left to right",
    "area_mm2": "mid-sagittal area",
    "volume_mm3": "disc volume",
    "wedge_deg": "wedge angle",
    "bulge_posterior_mm": "posterior bulge",
    "listhesis_mm": "listhesis",
    "signal_ratio_csf": "T2 signal / CSF",
    "signal_contrast": "T2 contrast nucleus to annulus",
    "signal_bimodality": "bimodality of T2 signal",
    "adc_disc_um2_ms": "ADC of the disc",
    "adc_disc_median_um2_ms": "median ADC of the disc",
    "adc_disc_sd_um2_ms": "spread of ADC in the disc",
    "adc_nucleus_um2_ms": "ADC of the nucleus",
    "adc_voxels": "diffusion voxels used",
    "adc_rejected_voxels": "diffusion voxels left out",
    "adc_residual_mm": "distance from T2 to diffusion",
    "suggested_grade": "suggested grade",
    "suggested_grade_probability": "probability of the suggested grade",
    "suggested_signal": "suggested signal grade",
    "suggested_collapse": "suggested collapse grade",
    "confidence": "confidence of the segmenter",
}


def unit(parameter: str) -> str:
    """Printed unit of a parameter; empty for a ratio.

    >>> unit("adc_disc_um2_ms"), unit("dhi_vb")
    ('µm²/ms', '')
    """
    code = PARAMETER[parameter].unit
    return "" if code.startswith("{") else _UNITS.get(code, code)


def human(parameter: str) -> str:
    """Name of a parameter within a sentence.

    >>> human("height_mm"), human("height_three_point_mm"), human("height_posterior_mm")
    ('disc height', 'height, three-point', 'height, posterior')
    """
    suffix = PARAMETER[parameter].unit.replace("/", "_").strip("{}1")
    return _NAMES.get(parameter) or parameter.removesuffix(f"_{suffix}").replace("_", " ")


def titled(parameter: str) -> str:
    """Name and unit.

    >>> titled("height_mm"), titled("dhi_vb")
    ('disc height (mm)', 'height index (disc / vertebra)')
    """
    return f"{human(parameter)} ({unit(parameter)})" if unit(parameter) else human(parameter)


def listed(parameters: Iterable[str]) -> str:
    """Several parameters in a sentence."""
    return " and ".join(map(human, parameters))


def in_words(text: str) -> str:
    """Replace column names in a text by human names.

    >>> in_words("listhesis_mm: the body above was not found")
    'listhesis: the body above was not found'
    """
    return _COLUMN.sub(lambda found: human(found[0]), text)


_COLUMN = re.compile(rf"\b({'|'.join(sorted(PARAMETER, key=len, reverse=True))})\b")
_KINDS: Mapping[str, str] = {
    "height_": "heights", "dhi_": "height indices", "width_": "widths", "area_": "area",
    "volume_": "volume", "wedge_": "wedge angle", "bulge_": "bulge", "listhesis_": "listhesis",
    "signal_": "signal", "signal_ratio": "T2 signal / CSF", "adc_": "ADC", "suggested_": "grade",
    "dhi_vb": "height index (disc / vertebra)",
}  # fmt: skip


def kinds(touches: Iterable[str]) -> str:
    """Human names of parameters or of groups given by prefixes such as ``height_``.

    >>> kinds(("height_", "adc_")), kinds(("volume_mm3", "everything"))
    ('heights, ADC', 'disc volume, everything')
    """
    return ", ".join(_KINDS.get(one) or _NAMES.get(one, one) for one in touches)


def touched(finding: Finding) -> str:
    """Values that a finding affects, in words.

    >>> from discmri.core.findings import Code, warning
    >>> touched(warning(Code.BODY_MISSING, "")), touched(warning(Code.LOW_CONFIDENCE, ""))
    ('height index (disc / vertebra), listhesis', 'all values')
    """
    reach = REACH.get(finding.code) if finding.values is None else finding.values
    return "all values" if reach is None else kinds(reach)
