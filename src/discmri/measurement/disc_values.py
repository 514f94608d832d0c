"""Values of one disc from the steps of measuring."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from discmri.core.findings import Finding, MeasurementError, warning
from discmri.core.levels import DiscLevel
from discmri.results.outline import DiscOutline
from discmri.results.records import DiscRecord, Measurement


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
