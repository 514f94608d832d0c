"""One column of the table of results."""

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
        Digits after the point in the tables; more would be noise.
    meaning
        One sentence for the data dictionary and the report.
    sdtm_code
        Test code of at most eight capitals and digits for findings tables in the manner of
        SDTM; this package's own, none is controlled terminology.
    """

    name: str
    unit: str
    decimals: int
    meaning: str
    sdtm_code: str
