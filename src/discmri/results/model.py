"""Everything one study gave, as data: what exporters write and readers look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from discmri.core.findings import Finding, Severity
from discmri.core.labels import SpineLabels
from discmri.core.levels import DiscLevel
from discmri.core.volume import Volume
from discmri.results.outline import DiscOutline
from discmri.results.records import DiscRecord, measured_columns

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Provenance:
    """How the result came about.

    Parameters
    ----------
    versions
        discmri, Python and the libraries that touch numbers.
    settings
        Every setting, as text or number.
    segmenter
        Name with version and the hash of its weights.
    inputs
        Per used series: role, series UID, SOP instance UIDs and a SHA-256 of the pixels.
    diffusion
        b-values, their sources, fit, alignment; empty without diffusion.
    """

    versions: Mapping[str, str]
    settings: Mapping[str, object]
    segmenter: str
    inputs: tuple[Mapping[str, object], ...]
    diffusion: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class StudyResult:
    """One measured study.

    Parameters
    ----------
    subject_id, study_uid, study_date, series_uid
        As in the input, control characters removed; ``series_uid`` is the series that was
        segmented, ``study_date`` ``YYYYMMDD`` or empty.
    records
        One per disc, cranial to caudal.
    labels
        Named structures on the grid of ``image``.
    outlines
        Borders by level; a disc that could not be traced is absent.
    image
        The sagittal series that was segmented.
    adc
        ADC in µm²/ms around the discs, in the patient space of ``image`` (aligned) and on
        its lattice, for pictures; ``None`` without diffusion.
    series
        JSON-like description of every series found: uid, description, role, reasons.
    findings, provenance
        What was noticed; how it was made.
    """

    subject_id: str
    study_uid: str
    study_date: str
    series_uid: str
    records: tuple[DiscRecord, ...]
    labels: SpineLabels
    outlines: Mapping[DiscLevel, DiscOutline]
    image: Volume
    adc: Volume | None
    series: tuple[Mapping[str, object], ...]
    findings: tuple[Finding, ...]
    provenance: Provenance

    def flags(self, level: DiscLevel) -> tuple[str, ...]:
        """Codes of the warnings that touch one disc, study-wide ones included, sorted."""
        return tuple(
            sorted(
                {
                    finding.code.value
                    for finding in self.findings
                    if finding.severity is not Severity.INFO and finding.level in (None, level)
                }
            )
        )

    def rows(self) -> list[dict[str, object]]:
        """One mapping per disc with every column of ``discs.csv``; ``None`` where empty."""
        return [self._row(record) for record in self.records]

    def to_dataframe(self) -> pd.DataFrame:
        """The wide table, one row per disc, columns as in ``discs.csv``."""
        import pandas as pd

        return pd.DataFrame(self.rows())

    def _row(self, record: DiscRecord) -> dict[str, object]:
        row: dict[str, object] = {
            "subject_id": self.subject_id,
            "study_uid": self.study_uid,
            "study_date": self.study_date,
            "series_uid": self.series_uid,
            "level": record.level.value,
            "label_id": record.level.label_id,
            "numbering": self.labels.numbering.value,
        }
        row |= {column: record.column(column) for column in measured_columns()}
        row["flags"] = ";".join(self.flags(record.level))
        return row
