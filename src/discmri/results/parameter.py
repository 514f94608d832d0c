"""The type of a measured column."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Parameter:
    """One measured column of ``discs.csv``.

    Parameters
    ----------
    name
        Column name; ends in its unit.
    unit
        UCUM-like unit for the long table, ``""`` for words and codes.
    decimals
        Digits after the decimal point in tables.
    meaning
        One sentence for the data dictionary and the report.
    sdtm_code
        Test code of at most eight capitals and digits for SDTM-like findings tables; defined
        by this package, not controlled terminology.
    """

    name: str
    unit: str
    decimals: int
    meaning: str
    sdtm_code: str
