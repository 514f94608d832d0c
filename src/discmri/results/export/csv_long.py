"""``measurements.csv``: one row per value, which is what a statistician loads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from discmri.core.findings import Code
from discmri.results.export.csv_wide import cell, write_table
from discmri.results.records import PARAMETERS

if TYPE_CHECKING:
    from discmri.results.model import StudyResult

_COLUMNS = (
    "subject_id",
    "study_uid",
    "study_date",
    "level",
    "parameter",
    "value",
    "unit",
    "method",
    "flag",
)
_DIFFUSION = ("adc_",)
_SIGNAL = ("signal_", "suggested_")
# What a code touches, by the beginnings of parameter names; any other code touches everything.
_REACH: dict[Code, tuple[str, ...]] = {
    Code.B_VALUE_FROM_TEXT: _DIFFUSION,
    Code.NO_DIFFUSION: _DIFFUSION,
    Code.ADC_OTHER_FRAME: _DIFFUSION,
    Code.ADC_MISALIGNED: _DIFFUSION,
    Code.ADC_FEW_VOXELS: _DIFFUSION,
    Code.ADC_ABOVE_FREE_WATER: _DIFFUSION,
    Code.ADC_IMPLAUSIBLE: _DIFFUSION,
    Code.ADC_FROM_MAP: _DIFFUSION,
    Code.ADC_UNIT_UNKNOWN: _DIFFUSION,
    Code.ADC_NOT_FITTED: _DIFFUSION,
    Code.ADC_LOW_SNR: _DIFFUSION,
    Code.CSF_NOT_FOUND: _SIGNAL,
    Code.FAT_NOT_FOUND: _SIGNAL,
    Code.FAT_SUPPRESSED: _SIGNAL,
    Code.SIGNAL_NOT_MEASURED: _SIGNAL,
    Code.GRADE_NOT_SUGGESTED: ("suggested_",),
    Code.BODY_MISSING: ("dhi_vb", "listhesis_"),
    Code.HEIGHT_IMPLAUSIBLE: ("height_", "dhi_", "suggested_"),
    Code.WIDTH_IMPLAUSIBLE: ("width_", "height_", "dhi_", "area_"),
}


def export(result: StudyResult, folder: Path) -> None:
    """Write ``measurements.csv``; a value that could not be had is an empty cell with its flag."""
    write_table(folder / "measurements.csv", _COLUMNS, _rows(result))


def touches(code: str, parameter: str) -> bool:
    """Whether a flag concerns a parameter.

    >>> touches("adc_few_voxels", "height_mm"), touches("few_slices", "height_mm")
    (False, True)
    """
    reach = _REACH.get(Code(code))
    return reach is None or parameter.startswith(reach)


def _rows(result: StudyResult) -> Iterator[list[str]]:
    identifiers = [cell(result.subject_id), cell(result.study_uid), cell(result.study_date)]
    for record in result.records:
        flags = result.flags(record.level)
        for parameter in PARAMETERS:
            found = record.values.get(parameter.name)
            yield [
                *identifiers,
                record.level.value,
                parameter.name,
                "" if found is None else cell(found.value, parameter.name),
                parameter.unit,
                "" if found is None else cell(found.method),
                ";".join(flag for flag in flags if touches(flag, parameter.name)),
            ]
