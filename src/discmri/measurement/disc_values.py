"""Values of one disc from the steps of measuring."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from discmri.core.findings import Finding, MeasurementError, Severity, warning
from discmri.core.levels import DiscLevel
from discmri.measurement.height import measure_heights
from discmri.measurement.uncertainty import height_sd
from discmri.results.height import HEIGHT_METHODS
from discmri.results.outline import DiscOutline
from discmri.results.records import DiscRecord, Measurement

T = TypeVar("T")


@dataclass(frozen=True)
class DiscValues:
    """Heights or shape of one disc.

    Parameters
    ----------
    measurements
        Values by parameter; a missing value is absent.
    findings
        Why values are missing.
    """

    measurements: Mapping[str, Measurement]
    findings: Sequence[Finding]

    @classmethod
    def of(
        cls, level: DiscLevel, found: tuple[Iterable[Measurement], Iterable[MeasurementError]]
    ) -> DiscValues:
        """The values of one disc, with its errors converted to findings."""
        values, errors = found
        findings = tuple(
            warning(error.code, error.text, level, values=error.values) for error in errors
        )
        return cls({one.parameter: one for one in values}, findings)


@dataclass(frozen=True, eq=False)
class RemeasuredDisc:
    """One disc, measured with another mask.

    Parameters
    ----------
    record
        Its values.
    outline
        Its border; ``None`` if it could not be traced.
    findings
        Findings about this disc.
    """

    record: DiscRecord
    outline: DiscOutline | None
    findings: tuple[Finding, ...]


def attempt(step: Callable[[DiscLevel], T], severity: Severity, level: DiscLevel) -> T | Finding:
    """Result of a step for one disc, or a finding of this severity with the reason why it failed."""
    try:
        return step(level)
    except MeasurementError as error:
        return Finding(error.code, severity, error.text, level, values=error.values)


def heights_of(
    outlines: Mapping[DiscLevel, DiscOutline],
    segmenter_sd_mm: Mapping[DiscLevel, float],
    method: str,
    level: DiscLevel,
) -> DiscValues:
    """Every height of one disc, and its primary height with the standard uncertainty, mm.

    Parameters
    ----------
    outlines
        All discs.
    segmenter_sd_mm
        Error that the segmenter states.
    method
        Code of the definition of the primary height.
    level
        The disc.
    """
    outline = outlines[level]
    found = DiscValues.of(level, measure_heights(outline, method))
    chosen = found.measurements.get(HEIGHT_METHODS[method].parameter)
    if chosen is None:
        return found
    sd_mm = height_sd(outline, method, segmenter_sd_mm.get(level, 0.0))
    primary = {
        "height_mm": Measurement("height_mm", chosen.value, method, sd_mm),
        "height_sd_mm": Measurement("height_sd_mm", sd_mm, method),
    }
    return replace(found, measurements={**found.measurements, **primary})
