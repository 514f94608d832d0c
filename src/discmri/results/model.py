"""The model of a result, which exporters write and all other packages read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from discmri.core.errors import NothingToMeasureError
from discmri.core.facts import SeriesFacts
from discmri.core.findings import MAIN_VALUES, Finding, codes_of
from discmri.core.labels import NumberingMethod, SpineLabels
from discmri.core.levels import DiscLevel
from discmri.core.volume import SoftMask, Volume
from discmri.results.label_map import LabelMap
from discmri.results.outline import DiscBorder, DiscOutline
from discmri.results.provenance import Provenance, Status
from discmri.results.records import DiscRecord, measured_columns
from discmri.results.residual import ResidualDisc

if TYPE_CHECKING:
    import pandas as pd

    from discmri.core.second_process import SecondProcess
    from discmri.results.read import StoredImages
    from discmri.study import Study


@dataclass(frozen=True, eq=False)
class MeasuredImages:
    """Images and outlines of a study that was just measured."""

    labels: SpineLabels  # named structures on the grid of `image`
    # outlines by level, without discs that could not be traced
    outlines: Mapping[DiscLevel, DiscOutline]
    image: Volume  # the sagittal series that was segmented
    # ADC in µm²/ms around the discs, aligned with `image` and resampled to its voxels, for
    # pictures; None without diffusion
    adc: Volume | None = None
    # fitted ADC in µm²/ms on the grid of the diffusion images; None if the map of the scanner was
    # used
    fitted_adc: Volume | None = None
    study: Study | None = None  # the measured study, for its headers
    second: SecondProcess | None = None  # draws most of the discs, as long as it runs

    @cached_property
    def label_map(self) -> LabelMap:
        """Label map of the soft masks."""
        return LabelMap(self.labels.label_map(), self.labels.grid)

    @property
    def borders(self) -> Mapping[DiscLevel, DiscBorder]:
        """Mid-sagittal borders by level."""
        return {level: outline.border(level) for level, outline in self.outlines.items()}

    @property
    def residual_masks(self) -> Mapping[DiscLevel, SoftMask]:
        """Soft masks of residual discs."""
        return self.labels.residual_discs

    def pictures(self, result: StudyResult) -> Mapping[str, bytes]:
        """PNG bytes by name."""
        from discmri.results.pictures import draw

        return draw(result, self.second)

    def overview(self, result: StudyResult) -> bytes | None:
        """PNG bytes of the overview, without drawing the other pictures."""
        from discmri.results.pictures import draw_overview

        return draw_overview(result)


@dataclass(frozen=True)
class StudyResult:
    """The result of one study.

    Results compare equal if all fields except ``images`` are equal.

    Parameters
    ----------
    subject_id, study_uid, study_date, series_uid
        As in the input, without control characters.  ``series_uid`` is the segmented series,
        ``study_date`` is ``YYYYMMDD`` or empty.
    records
        One per disc, cranial to caudal; empty if nothing was measured.
    numbering
        Source of the levels; ``None`` without discs.
    numbering_probability
        Probability that the levels are correct, 0 to 1, given five lumbar vertebrae.
    series
        Every series found.
    findings, provenance
        Notes, warnings and errors; versions, settings and inputs.
    residual_discs
        Discs that are shown but not measured.
    numbering_signs
        Signs of the lumbosacral junction used for the levels, by name.
    message
        Reason in one line why nothing was measured; otherwise empty.
    images
        Label map, borders and pictures; ``None`` if nothing was measured.
    """

    subject_id: str
    study_uid: str
    study_date: str
    series_uid: str
    records: tuple[DiscRecord, ...]
    numbering: NumberingMethod | None
    numbering_probability: float | None
    series: tuple[SeriesFacts, ...]
    findings: tuple[Finding, ...]
    provenance: Provenance
    residual_discs: tuple[ResidualDisc, ...] = ()
    numbering_signs: Mapping[str, float] = field(default_factory=dict)
    message: str = ""
    images: MeasuredImages | StoredImages | None = field(default=None, compare=False, repr=False)

    @property
    def status(self) -> Status:
        """Whether the study was measured."""
        return Status.NOTHING if self.message else Status.MEASURED

    @property
    def label_map(self) -> LabelMap:
        """Label map on the grid of the segmented series."""
        return self._opened.label_map

    @property
    def borders(self) -> Mapping[DiscLevel, DiscBorder]:
        """Mid-sagittal border of each disc that could be traced."""
        return self._opened.borders

    @property
    def residual_masks(self) -> Mapping[DiscLevel, SoftMask]:
        """Soft masks of residual discs."""
        return self._opened.residual_masks

    @property
    def image(self) -> Volume:
        """The sagittal series that was segmented."""
        return self._opened.image

    @property
    def labels(self) -> SpineLabels:
        """Named soft masks; not available in results read back."""
        return self._opened.labels

    @property
    def outlines(self) -> Mapping[DiscLevel, DiscOutline]:
        """All sections of each disc; not available in results read back."""
        return self._opened.outlines

    @property
    def adc(self) -> Volume | None:
        """Aligned ADC around the discs, µm²/ms; not available in results read back."""
        return self._opened.adc

    @property
    def fitted_adc(self) -> Volume | None:
        """Fitted ADC on the diffusion grid, µm²/ms; not available in results read back."""
        return self._opened.fitted_adc

    @property
    def study(self) -> Study | None:
        """The measured study; ``None`` if unknown."""
        return self._opened.study

    @cached_property
    def pictures(self) -> Mapping[str, bytes]:
        """PNG bytes by name: ``overview``, ``L4-L5``, ``L4-L5-adc`` and so on."""
        return self._opened.pictures(self)

    @cached_property
    def overview(self) -> bytes | None:
        """PNG bytes of the overview; ``None`` for a results folder without figures."""
        if "pictures" in vars(self):
            return self.pictures.get("overview")
        return self._opened.overview(self)

    @property
    def _opened(self) -> MeasuredImages | StoredImages:
        if self.images is None:
            raise NothingToMeasureError(
                f"the result has no images: {self.message or 'it was made without them'}"
            )
        return self.images

    def record(self, level: DiscLevel) -> DiscRecord | None:
        """The record of one disc; ``None`` if there is no such disc."""
        return next((one for one in self.records if one.level is level), None)

    def warnings(self, level: DiscLevel) -> tuple[Finding, ...]:
        """Warnings and errors about one disc or about the whole study."""
        return tuple(one for one in self.findings if one.is_flag and one.level in (None, level))

    def flags(self, level: DiscLevel) -> tuple[str, ...]:
        """Codes of the warnings about one disc that affect one of its main values, sorted."""
        own = (one for one in self.warnings(level) if one.level is level)
        return codes_of(one for one in own if one.touches(*MAIN_VALUES))

    @property
    def study_flags(self) -> tuple[str, ...]:
        """Codes of the warnings about the whole study, sorted."""
        return codes_of(one for one in self.findings if one.is_flag and one.level is None)

    def rows(self) -> list[dict[str, object]]:
        """One mapping per disc with every column of ``discs.csv``; ``None`` where empty."""
        return [self._row(record) for record in self.records]

    def to_dataframe(self) -> pd.DataFrame:
        """The wide table, one row per disc, columns as in ``discs.csv``."""
        import pandas as pd

        return pd.DataFrame(self.rows())

    def write(
        self, folder: str | Path, formats: Sequence[str] = (), overwrite: bool = False
    ) -> Path:
        """Write the results folder atomically.

        If nothing was measured, ``study.json`` with the reason is the only file.

        Parameters
        ----------
        folder
            Must not exist unless ``overwrite``; parents are created.
        formats
            Names of exporters; empty for all but ``dicom`` and ``bids``.
        overwrite
            Replace the files of an earlier run; other files in the folder are kept.

        Returns
        -------
        pathlib.Path
            The folder, absolute.

        Raises
        ------
        UsageError
            If the folder exists or cannot be written, or a format is unknown.
        """
        from discmri.results.write import write

        return write(self, folder, formats, overwrite)

    def __repr__(self) -> str:
        """One line: subject, date, discs."""
        who = f"{self.subject_id or 'unknown subject'}, {self.study_date or 'no date'}"
        if self.status is Status.NOTHING:
            return f"<StudyResult {who}: nothing measured ({self.message})>"
        discs = f"{len(self.records)} discs" if len(self.records) != 1 else "1 disc"
        span = f"{self.records[0].level.value} to {self.records[-1].level.value}"
        return f"<StudyResult {who}: {discs}, {span}>"

    def _repr_html_(self) -> str:
        from discmri.results.notebook import result_html

        return result_html(self)

    def _row(self, record: DiscRecord) -> dict[str, object]:
        row: dict[str, object] = {
            "subject_id": self.subject_id,
            "study_uid": self.study_uid,
            "study_date": self.study_date,
            "series_uid": self.series_uid,
            "level": record.level.value,
            "label_id": record.level.label_id,
            "numbering": "" if self.numbering is None else self.numbering.value,
            "numbering_probability": self.numbering_probability,
        }
        row |= {column: record.column(column) for column in measured_columns()}
        quality = record.quality
        return row | {
            "flags": ";".join(self.flags(record.level)),
            "study_flags": ";".join(self.study_flags),
            "quality": None if quality is None else quality.verdict.value,
            "quality_reasons": "" if quality is None else ";".join(quality.reasons),
        }
