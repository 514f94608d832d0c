"""Measured values of the scans of a trial, read from results folders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from discmri.core.findings import Finding, codes_of
from discmri.core.levels import DiscLevel
from discmri.core.quality import DiscQuality, Quality
from discmri.results.parameter import Parameter
from discmri.results.read import read_results
from discmri.results.records import PARAMETER, PARAMETERS, Measurement
from discmri.trial.conditions import Conditions, SeriesConditions, of_study
from discmri.trial.plan import Scan

GRADES = ("suggested_grade", "suggested_signal", "suggested_collapse")
"""Parameters that are grades."""
_BOOKKEEPING = (
    "height_sd_mm", "adc_voxels", "adc_rejected_voxels", "adc_residual_mm", "confidence",
    "suggested_grade_probability",
)  # fmt: skip
TRACKED: tuple[Parameter, ...] = tuple(
    one for one in PARAMETERS if one.name not in (*GRADES, *_BOOKKEEPING)
)
"""Parameters whose change is measured."""


SD_DECIMALS = 2
"""Additional decimals of an uncertainty compared with its value."""


@dataclass(frozen=True)
class Value:
    """One value of one disc."""

    value: float | str  # a number, or the text of a grade
    method: str = ""  # code of the definition or source
    sd: float | None = None  # stated standard uncertainty; None if unknown


@dataclass(frozen=True)
class DiscVisit:
    """All values of one disc at one visit."""

    values: Mapping[str, Value]  # by parameter
    warnings: tuple[Finding, ...] = ()  # warnings about the disc or its study
    quality: DiscQuality | None = None  # whether the values can be used; None if unknown

    @property
    def flags(self) -> tuple[str, ...]:
        """Codes of the warnings."""
        return codes_of(self.warnings)

    @property
    def is_rejected(self) -> bool:
        """Whether its values must not be used."""
        return self.quality is not None and self.quality.verdict is Quality.REJECT

    def number(self, parameter: str) -> float | None:
        """A numeric value; ``None`` if missing."""
        found = self.values.get(parameter)
        return found.value if found is not None and isinstance(found.value, float) else None

    def flags_of(self, parameter: str) -> tuple[str, ...]:
        """Codes of the warnings that affect a parameter."""
        return codes_of(one for one in self.warnings if one.touches(parameter))


@dataclass(frozen=True)
class MeasuredScan:
    """One scan with its measured values."""

    scan: Scan  # in the plan
    folder: Path  # its results folder
    reason: str = ""  # reason why there is no result; otherwise empty
    conditions: Conditions = field(default=Conditions(SeriesConditions()))
    # by level found at this visit
    discs: Mapping[DiscLevel, DiscVisit] = field(default_factory=dict)
    subject_id: str = ""  # as in the headers, like the next two
    study_uid: str = ""
    study_date: str = ""
    numbering: str = ""  # source of the levels

    @property
    def day(self) -> str:
        """Day of the scan, ISO 8601, from the list, otherwise from the headers."""
        if self.scan.date is not None:
            return self.scan.date.isoformat()
        d = self.study_date
        return f"{d[:4]}-{d[4:6]}-{d[6:]}" if len(d) == 8 else ""


def read_scan(scan: Scan, folder: Path, reason: str = "") -> MeasuredScan:
    """Read the results of a scan; ``reason`` tells why there are none."""
    if reason:
        return MeasuredScan(scan, folder, reason)
    result = read_results(folder)
    return MeasuredScan(
        scan,
        folder,
        conditions=of_study(result, scan.rest_min, scan.rise_h),
        discs={
            one.level: DiscVisit(
                {name: _value(found) for name, found in one.values.items()},
                result.warnings(one.level),
                one.quality,
            )
            for one in result.records
        },
        subject_id=result.subject_id,
        study_uid=result.study_uid,
        study_date=result.study_date,
        numbering="" if result.numbering is None else result.numbering.value,
    )


def _value(found: Measurement) -> Value:
    if isinstance(found.value, str) or found.parameter in GRADES:
        return Value(str(found.value), found.method, found.sd)
    return rounded(found.parameter, float(found.value), found.method, found.sd)


def rounded(parameter: str, value: float | str, method: str, sd: float | None) -> Value:
    """A value rounded as in the tables, so that these give the same results.

    >>> rounded("height_mm", 8.12345, "columns", 0.123456)
    Value(value=8.123, method='columns', sd=0.12346)
    """
    if isinstance(value, str):
        return Value(value, method, sd)
    decimals = PARAMETER[parameter].decimals
    sd = None if sd is None else round(sd, decimals + SD_DECIMALS)
    return Value(round(value, decimals), method, sd)
