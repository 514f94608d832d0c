"""Codes in DICOM objects: standard codes where they exist, otherwise private ones.

Private codes are in the scheme ``99DISCMRI``.  The code of a column is its test code in
:data:`~discmri.results.records.PARAMETERS`; every other code is a hash of its name, so codes never
change.  ``python -m discmri.results.dicom`` prints the list.

Sources: discs and their levels, DICOM PS3.16 CID 7604 and SNOMED CT; the others, PS3.16 annex D.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import NamedTuple

from discmri.core.findings import MEANINGS
from discmri.core.grade import Grade
from discmri.core.levels import DiscLevel, Vertebra
from discmri.results.export.csv_wide import AFTER, BEFORE
from discmri.results.height import HEIGHT_METHODS
from discmri.results.records import METHOD_COLUMNS, PARAMETER, PARAMETERS
from discmri.results.report_text import readable

SCHEME = "99DISCMRI"
SCHEME_NAME = "discmri private codes"


class Concept(NamedTuple):
    """A coded concept: value (at most 16 characters), scheme, meaning (at most 64)."""

    value: str
    scheme: str
    meaning: str


DISC: Mapping[DiscLevel, Concept] = {
    DiscLevel.T10_T11: Concept("34959001", "SCT", "T10/T11 disc"),
    DiscLevel.T11_T12: Concept("1537001", "SCT", "T11/T12 disc"),
    DiscLevel.T12_L1: Concept("76206002", "SCT", "T12/L1 disc"),
    DiscLevel.L1_L2: Concept("80064006", "SCT", "L1/L2 disc"),
    DiscLevel.L2_L3: Concept("67459009", "SCT", "L2/L3 disc"),
    DiscLevel.L3_L4: Concept("62551000", "SCT", "L3/L4 disc"),
    DiscLevel.L4_L5: Concept("84020006", "SCT", "L4/L5 disc"),
    DiscLevel.L5_S1: Concept("715056000", "SCT", "L5/S1 disc"),
    DiscLevel.L5_L6: Concept("DISC-L5-L6", SCHEME, "L5/L6 disc"),
    DiscLevel.L6_S1: Concept("DISC-L6-S1", SCHEME, "L6/S1 disc"),
    DiscLevel.S1_S2: Concept("DISC-S1-S2", SCHEME, "Residual S1/S2 disc"),
}
VERTEBRA: Mapping[Vertebra, Concept] = {
    **{
        one: Concept(f"BODY-{one.value}", SCHEME, f"{one.value} vertebral body")
        for one in Vertebra
        if one is not Vertebra.SACRUM
    },
    Vertebra.SACRUM: Concept("54735007", "SCT", "Sacrum"),
}
CANAL = Concept("61853006", "SCT", "Spinal canal")
ANATOMY = Concept("123037004", "SCT", "Anatomical Structure")

MILLIMETRE = Concept("mm", "UCUM", "mm")
HEIGHT = Concept("121207", "DCM", "Height")
METHOD = Concept("370129005", "SCT", "Measurement Method")
MEAN_ADC_FIT = Concept("113290", "DCM", "Mono-exponential Apparent Diffusion Coefficient")
ADC = Concept("113041", "DCM", "Apparent Diffusion Coefficient")
DERIVATION = Concept("121401", "DCM", "Derivation")
B_VALUE = Concept("113240", "DCM", "Source image diffusion b-value")
PER_B = Concept("s/mm2", "UCUM", "s/mm2")
FIT_METHOD = Concept("113241", "DCM", "Model fitting method")
LEAST_SQUARES = Concept("113261", "DCM", "Least squares fit of multiple samples")
MODEL = Concept("113250", "DCM", "Mono-exponential diffusion model")
UPPER_UNCERTAINTY = Concept("371886009", "SCT", "+, range of upper measurement uncertainty")
LOWER_UNCERTAINTY = Concept("371885008", "SCT", "-, range of lower measurement uncertainty")

READ_GRADE = Concept("MPFREAD", SCHEME, "Modified Pfirrmann grade given by a reader")
LINE_PLACE = Concept("LINEPLACE", SCHEME, "Distance of the line from this slice")

_DERIVATIONS = {
    "adc_disc_um2_ms": Concept("373098007", "SCT", "Mean"),
    "adc_nucleus_um2_ms": Concept("373098007", "SCT", "Mean"),
    "adc_disc_median_um2_ms": Concept("373099004", "SCT", "Median"),
    "adc_disc_sd_um2_ms": Concept("386136009", "SCT", "Standard Deviation"),
}
_QUANTITIES = {
    "width_ap_mm": Concept("103355008", "SCT", "Width"),
    "width_lr_mm": Concept("103355008", "SCT", "Width"),
    "area_mm2": Concept("42798000", "SCT", "Area"),
    "volume_mm3": Concept("118565006", "SCT", "Volume"),
}
_UNITS = {
    "": Concept("1", "UCUM", "no units"),
    "1": Concept("1", "UCUM", "no units"),
    "{ratio}": Concept("{ratio}", "UCUM", "ratio"),
}


def quantity(column: str, source: str = "") -> Concept:
    """Concept of a numeric column: a standard one where it fits, else a private one.

    ``source`` of an ADC is ``fit`` or ``map``.
    """
    if column in _DERIVATIONS:
        return ADC if source == "map" else MEAN_ADC_FIT
    if column in _QUANTITIES:
        return _QUANTITIES[column]
    if any(one.parameter == column for one in HEIGHT_METHODS.values()):
        return HEIGHT
    return column_code(column)


def derivation(column: str) -> Concept | None:
    """Mean, median or standard deviation of voxels; ``None`` for other columns."""
    return _DERIVATIONS.get(column)


def column_code(column: str) -> Concept:
    """Private code of a column of ``discs.csv``.

    >>> column_code("height_middle_mm")
    Concept(value='DSCHMID', scheme='99DISCMRI', meaning='Middle height')
    """
    if column in PARAMETER:
        return Concept(PARAMETER[column].sdtm_code, SCHEME, in_words(column))
    return Concept(_made("COL", column), SCHEME, in_words(column))


def flag(name: str) -> Concept:
    """Private code of a finding."""
    return Concept(_made("FLG", name), SCHEME, name)


def grade(text: str) -> Concept:
    """Private code of a modified Pfirrmann grade.

    >>> grade("4/7").value
    'MPG-4-7'
    """
    return Concept(f"MPG-{text.replace('/', '-')}", SCHEME, f"Modified Pfirrmann grade {text}")


def unit(text: str) -> Concept:
    """UCUM code of a unit in the tables."""
    return _UNITS.get(text, Concept(text, "UCUM", text))


def in_words(column: str) -> str:
    """Name of a column in words, without its unit.

    >>> in_words("height_middle_mm"), in_words("dhi_vb"), in_words("adc_disc_um2_ms")
    ('Middle height', 'DHI VB', 'ADC disc')
    """
    name = column
    for end in ("_um2_ms", "_mm3", "_mm2", "_mm", "_deg"):
        name = name.removesuffix(end)
    words = name.split("_")
    if words[0] == "height" and words[1:] and words[1:] not in (["sd"], ["method"]):
        name = "_".join([*words[1:], "height"])
    return readable(name)


def own_codes() -> list[Concept]:
    """Every private code, in the order of the list in the documentation."""
    columns = [one.name for one in PARAMETERS] + [*METHOD_COLUMNS, *WORDS]
    signals, collapses = range(1, 6), (6, 7, 8)
    grades = [str(Grade(n)) for n in signals] + [str(Grade(5, n)) for n in collapses]
    grades += [str(Grade(n, k)) for n in range(1, 5) for k in collapses]
    made = [READ_GRADE, LINE_PLACE]
    made += [*(column_code(one) for one in dict.fromkeys(columns)), *map(grade, grades)]
    made += [one for one in (*DISC.values(), *VERTEBRA.values()) if one.scheme == SCHEME]
    return made + [flag(code.value) for code in MEANINGS]


WORDS = tuple(column for column in (*BEFORE, *AFTER) if column != "level")
"""Columns of ``discs.csv`` that are not parameters."""


def _made(kind: str, word: str) -> str:
    return f"{kind}-{zlib.crc32(word.encode()):08X}"


def markdown() -> str:
    """Markdown table of the private codes."""
    rows = ["| Code | Meaning |", "|---|---|"]
    rows += [f"| `{one.value}` | {one.meaning} |" for one in own_codes()]
    return "\n".join(rows) + "\n"
