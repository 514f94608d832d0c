"""Difference in differences: treated against untreated discs of the same subject.

Effects common to all discs of a person (time of day, scanner, segmenter) cancel.  The interval is
computed from the noise of the single changes.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from discmri.core.levels import DiscLevel
from discmri.trial.change import Change
from discmri.trial.comparability import Comparability


@dataclass(frozen=True)
class Contrast:
    """One treated disc against the untreated discs of its subject at one visit."""

    subject: str
    arm: str
    visit: str
    level: DiscLevel  # the treated disc
    parameter: str
    unit: str
    treated_change: float
    untreated_change: float  # mean of the untreated discs
    untreated: int  # number of untreated discs
    difference: float  # of the two changes
    low: float  # 95 % interval
    high: float
    comparability: Comparability  # of the scans in this parameter

    @property
    def clear(self) -> bool:
        """Whether the interval excludes zero."""
        return self.low > 0 or self.high < 0


def contrasts(changes: Iterable[Change]) -> list[Contrast]:
    """Every treated disc against the untreated discs of its subject."""
    groups: dict[tuple[str, str, str], list[Change]] = defaultdict(list)
    for one in changes:
        if one.level.above.value.startswith("L") and one.band is not None:
            groups[one.subject, one.visit, one.parameter].append(one)
    found = []
    for group in groups.values():
        for one in group:
            others = _comparators(one, group) if one.treated else []
            if others:
                found.append(_contrast(one, others))
    return found


def _comparators(treated: Change, group: Sequence[Change]) -> list[Change]:
    """Untreated discs; only comparable ones if the treated disc is comparable."""
    unusable = Comparability.NOT_COMPARABLE
    return [
        one
        for one in group
        if not one.treated and unusable not in {one.comparability} - {treated.comparability}
    ]


def _contrast(treated: Change, others: Sequence[Change]) -> Contrast:
    assert treated.band is not None
    mean = float(np.mean([one.change for one in others]))
    variance = treated.band.sd**2
    variance += sum(one.band.sd**2 for one in others if one.band) / len(others) ** 2
    half = treated.band.random / treated.band.sd * math.sqrt(variance)
    difference = treated.change - mean
    return Contrast(
        treated.subject, treated.arm, treated.visit, treated.level, treated.parameter,
        treated.unit, treated.change, mean, len(others), difference, difference - half,
        difference + half, treated.comparability,
    )  # fmt: skip
