"""All that belongs to one definition of disc height, or to one index made of heights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from discmri.results.height.published import Published
from discmri.results.outline import DiscOutline
from discmri.results.parameter import Parameter

Formula = Callable[[DiscOutline], float]
"""A value of a traced disc, heights in mm; raises MeasurementError where it cannot be measured."""


@dataclass(frozen=True, kw_only=True)
class HeightIndex:
    """A value made of heights, such as a ratio.

    Parameters
    ----------
    code
        What the value's method is called in every table; the column's name comes from it.
    meaning
        One sentence for the data dictionary and the report.
    sdtm_code
        As in :class:`~discmri.results.parameter.Parameter`.
    measure
        The formula.
    source
        Who described it, and when; empty where this project chose it.
    phantom_sd
        Standard deviation from scan to scan of one disc of phantoms by segmenter, in the
        column's unit, as ``python -m benchmarks trial`` prints it.  Without it nothing is known
        of an index's noise, and a height's is estimated from its uncertainty factor.
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
        Its name in a sentence, as the report shows it.
    uncertainty_factor
        Sampling error as a multiple of that of ``columns``, which comes from
        ``python -m benchmarks.height_sd``; found on true masks of phantoms.
    segmenter_factor
        Error that a segmenter makes as a multiple of that of ``columns``, from
        ``python -m benchmarks.contrasts``, ``benchmarks.expert_heights`` and ``benchmarks accuracy``;
        2 where not known.
    published
        Its published detectable change; ``None`` where there is none: a trial then goes by
        stated uncertainties and phantoms alone.
    """

    label: str
    uncertainty_factor: float
    segmenter_factor: float = 2.0
    published: Published | None = None

    @property
    def column(self) -> Parameter:
        """The column that it fills."""
        return Parameter(f"height_{self.code}_mm", "mm", 3, self._sourced, self.sdtm_code)
