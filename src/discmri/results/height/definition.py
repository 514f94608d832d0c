"""The types of a height definition and of an index of heights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from discmri.results.height.published import Published
from discmri.results.outline import DiscOutline
from discmri.results.parameter import Parameter

Formula = Callable[[DiscOutline], float]
"""Value of a traced disc, heights in mm; raises ``MeasurementError`` if it cannot be measured."""


@dataclass(frozen=True, kw_only=True)
class HeightIndex:
    """A value computed from heights, such as a ratio.

    Parameters
    ----------
    code
        Code of the method in tables; the name of the column is derived from it.
    meaning
        One sentence for the data dictionary and the report.
    sdtm_code
        As in :class:`~discmri.results.parameter.Parameter`.
    measure
        The formula.
    source
        Author and year; empty for a definition of this project.
    phantom_sd
        Standard deviation from scan to scan of one disc of phantoms, by segmenter, in the unit
        of the column, as printed by ``python -m benchmarks trial``.  If empty, the noise of an
        index is unknown, and that of a height is estimated from its uncertainty factor.
    """

    code: str
    meaning: str
    sdtm_code: str
    measure: Formula
    source: str = ""
    phantom_sd: Mapping[str, float] = field(default_factory=dict)

    @property
    def column(self) -> Parameter:
        """The column that it fills."""
        return Parameter(self.code, "{ratio}", 4, self._sourced, self.sdtm_code)

    @property
    def parameter(self) -> str:
        """Name of its column."""
        return self.column.name

    @property
    def _sourced(self) -> str:
        return f"{self.meaning[:-1]} ({self.source})." if self.source else self.meaning


@dataclass(frozen=True, kw_only=True)
class HeightDefinition(HeightIndex):
    """A height in mm, which can be the primary one.

    Parameters
    ----------
    label
        Name in reports.
    uncertainty_factor
        Sampling error relative to that of ``columns``, on true masks of phantoms
        (``python -m benchmarks.height_sd``).
    segmenter_factor
        Error of a segmenter relative to that of ``columns``, from
        ``python -m benchmarks.contrasts``, ``benchmarks.expert_heights`` and ``benchmarks accuracy``;
        2 if unknown.
    published
        Published detectable change; if ``None``, a trial uses stated uncertainties and phantoms
        only.
    """

    label: str
    uncertainty_factor: float
    segmenter_factor: float = 2.0
    published: Published | None = None

    @property
    def column(self) -> Parameter:
        """The column that it fills."""
        return Parameter(f"height_{self.code}_mm", "mm", 3, self._sourced, self.sdtm_code)
