"""Noise bands: the change that a disc must exceed, and its source.

Noise has two parts: repeatability (repeat scans in one session) and variation between days (biology,
positioning).  Repeat scans of the trial replace only the part that they show.  Repeats on another day
show both parts and are used alone.  Repeats in the same session or on the same day show the first
part; the published detectable change is added in quadrature.  Without repeats, the band is the larger
of the stated uncertainty (without the part common to all visits) and the published change.  The
effect of the time of day is added (:mod:`discmri.trial.diurnal`).  If scanner or protocol differ, the
largest of all bands is used.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property, lru_cache

import numpy as np

from discmri.agreement.repeatability import within_variances
from discmri.core.text import significant
from discmri.results.height import column_of
from discmri.trial.plan import RepeatKind
from discmri.trial.repeatability import (
    ALLOWANCE,
    ESTIMATED,
    phantom_sd,
    published,
    random_share,
)
from discmri.trial.values import Value

LEAST_REPEATS = 3
"""Minimum number of pairs of repeat scans of a trial."""
LEVEL = 0.95


class NoiseOrigin(Enum):
    """Source of a noise band."""

    REPEATS = "repeat scans of another day"
    COMBINED = "repeat scans and published"
    STATED = "stated uncertainty"
    PUBLISHED = "published"
    GUESS = "guess"


@dataclass(frozen=True)
class NoisePart:
    """One part of a noise band."""

    name: str
    half: float  # half width in the unit of the parameter
    source: str  # in words

    def __str__(self) -> str:
        """One line."""
        return f"{self.name} ±{significant(self.half, 3)}: {self.source}"


@dataclass(frozen=True)
class Band:
    """The noise of one change."""

    # half width: a greater change exceeds noise with 95 % confidence; a guess has no confidence
    # level
    random: float
    sd: float  # standard uncertainty of the change
    origin: NoiseOrigin  # source of both
    parts: tuple[NoisePart, ...]
    diurnal: float = 0.0  # half width added for the time of day

    @property
    def half(self) -> float:
        """Half width of the whole band, including the time of day."""
        return self.random + self.diurnal

    @property
    def source(self) -> str:
        """All parts in words."""
        return "; ".join(map(str, self.parts))

    def at_other_hours(self, found: tuple[float, str] | None) -> Band:
        """The band for scans at different times of day."""
        if found is None:
            return self
        size, text = found
        parts = (*self.parts, NoisePart("time of day", size, text))
        return replace(self, parts=parts, diurnal=size)


@dataclass(frozen=True)
class RepeatNoise:
    """Noise of one parameter from repeat scans of one kind."""

    sd: float  # standard deviation within a disc, from scan to scan
    pairs: int  # of scans
    discs: int  # pairs of discs
    # degrees of freedom, between `pairs` and `discs`; smaller if errors of the discs of a pair are
    # correlated
    freedom: float

    @cached_property
    def factor(self) -> float:
        """Two-sided quantile of Student's t."""
        return quantile(self.freedom)

    @cached_property
    def half(self) -> float:
        """Detectable change of one disc."""
        return self.factor * float(np.sqrt(2)) * self.sd

    @cached_property
    def source(self) -> str:
        """In words."""
        return (
            f"{self.pairs} pairs of repeat scans of this trial, {self.discs} discs, SD "
            f"{significant(self.sd, 3)} within a disc, {self.freedom:.1f} degrees of freedom"
        )


@dataclass(frozen=True)
class Noise:
    """The noise bands of a trial."""

    # by kind of repeat and parameter, if there are enough repeat scans
    repeats: Mapping[RepeatKind, Mapping[str, RepeatNoise]] = field(default_factory=dict)
    with_diurnal: bool = True  # whether bands include the difference in time of day

    def band(
        self, parameter: str, before: Value, after: Value, segmenter: str, alike: bool = True
    ) -> Band | None:
        """The noise band of a change of one disc; ``None`` if unknown.

        Unless scanner and protocol are ``alike``, the largest of all bands is used, because repeat
        scans with one protocol do not cover the difference.
        """
        whole = self._between_days(parameter)
        if whole is not None and alike:
            return whole
        published_ = _printed(parameter, before)
        combined = self._combined(
            parameter, published_ or _from_phantoms(parameter, before, segmenter)
        )
        if combined is not None and alike:
            return combined
        single = _stated(before, after, random_share(segmenter))
        single = single or _from_phantoms(parameter, before, segmenter)
        known = [one for one in (whole, combined, single, published_) if one is not None]
        return max(known, key=lambda one: one.half, default=None)

    def own(self, parameter: str, *kinds: RepeatKind) -> tuple[RepeatKind, RepeatNoise] | None:
        """Noise of the first kind of repeats of which there are enough."""
        for kind in kinds:
            found = self.repeats.get(kind, {}).get(parameter)
            if found is not None:
                return kind, found
        return None

    def _between_days(self, parameter: str) -> Band | None:
        found = self.own(parameter, RepeatKind.OTHER_DAY)
        if found is None:
            return None
        own = found[1]
        parts = (NoisePart("scans of two days", own.half, own.source),)
        return Band(own.half, float(np.sqrt(2)) * own.sd, NoiseOrigin.REPEATS, parts)

    def _combined(self, parameter: str, days: Band | None) -> Band | None:
        """Noise of repeats on one day, with the published change added in quadrature."""
        found = self.own(parameter, RepeatKind.SAME_DAY, RepeatKind.SAME_SESSION)
        if found is None or days is None:
            return None
        kind, own = found
        parts = (
            NoisePart(kind.value.replace("_", " "), own.half, own.source),
            NoisePart("between days", days.random, days.parts[0].source),
        )
        sd = float(np.hypot(np.sqrt(2) * own.sd, days.sd))
        origin = NoiseOrigin.GUESS if days.origin is NoiseOrigin.GUESS else NoiseOrigin.COMBINED
        return Band(float(np.hypot(own.half, days.random)), sd, origin, parts)


@lru_cache(maxsize=4096)
def quantile(freedom: float) -> float:
    """Two-sided quantile of Student's t.

    >>> round(quantile(5.0), 2), round(quantile(float("inf")), 2)
    (2.57, 1.96)
    """
    from scipy.special import ndtri, stdtrit

    share = (1 + LEVEL) / 2
    return float(ndtri(share) if np.isinf(freedom) else stdtrit(freedom, share))


def _band(half: float, sd: float, origin: NoiseOrigin, source: str) -> Band:
    return Band(half, sd, origin, (NoisePart(origin.value, half, source),))


def _stated(before: Value, after: Value, share: float) -> Band | None:
    """Band from stated uncertainties, without the part common to both visits."""
    if before.sd is None or after.sd is None:
        return None
    sd = float(np.sqrt(share * (before.sd**2 + after.sd**2)))
    text = (
        f"stated uncertainties {significant(before.sd, 2)} and {significant(after.sd, 2)}; "
        f"{100 * share:.0f} % of their variance is assumed to vary from scan to scan"
    )
    return _band(quantile(np.inf) * sd, sd, NoiseOrigin.STATED, text)


def _printed(parameter: str, before: Value) -> Band | None:
    printed = published(parameter, before.method)
    if printed is None or isinstance(before.value, str):
        return None
    size = printed.of(before.value)
    return _band(size, size / quantile(np.inf), NoiseOrigin.PUBLISHED, printed.source)


def _from_phantoms(parameter: str, before: Value, segmenter: str) -> Band | None:
    """Band from phantoms, used if no other is known, times a guessed allowance."""
    once = phantom_sd(segmenter, parameter, before.method)
    if once is None:
        return None
    sd = float(np.sqrt(2) * ALLOWANCE * once)
    how = ""
    if column_of(parameter, before.method) in ESTIMATED:
        how = " (of the mean of columns, times the uncertainty factor of the definition)"
    text = (
        f"SD {significant(once, 3)} within a disc of phantoms scanned again{how}, "
        f"times {ALLOWANCE:g}, because the scatter of real scans is greater by an unknown factor"
    )
    return _band(quantile(np.inf) * sd, sd, NoiseOrigin.GUESS, text)


def repeat_noise(pairs: Iterable[Mapping[str, Iterable[float]]]) -> dict[str, RepeatNoise]:
    """Noise by parameter from the differences of all discs in each pair of repeat scans.

    The within-disc variance is the mean of
    :func:`discmri.agreement.repeatability.within_variances`.  Its degrees of freedom are at least
    one per pair and at most one per disc, because discs of a pair share position, scanner and day.

    >>> noise = repeat_noise([{"height_mm": [0.1, -0.1]}] * 3)["height_mm"]
    >>> round(noise.sd, 4), noise.pairs, noise.discs, noise.freedom
    (0.0707, 3, 6, 6.0)
    """
    collected: dict[str, list[np.ndarray]] = defaultdict(list)
    for pair in pairs:
        for parameter, values in pair.items():
            differences = np.array([*values], dtype=np.float64)
            if len(differences):
                collected[parameter].append(differences)
    noise = {}
    for parameter, differences_of in collected.items():
        every = within_variances(np.concatenate(differences_of))
        if len(differences_of) < LEAST_REPEATS or not every.any():
            continue
        noise[parameter] = RepeatNoise(
            float(np.sqrt(every.mean())), len(differences_of), len(every), _freedom(differences_of)
        )
    return noise


def _freedom(differences_of: list[np.ndarray]) -> float:
    """The smaller of two estimates of the degrees of freedom, both by Satterthwaite.

    First, N / (1 + (m - 1) r²) for N discs, m per pair, whose differences have the correlation r (by
    analysis of variance about zero).  Second, 2 m² / var(m) from the mean squares m of the pairs,
    because some pairs may be noisier than others.
    """
    discs = float(sum(map(len, differences_of)))
    pairs = len(differences_of)
    total = float(np.mean(np.concatenate(differences_of) ** 2))
    inside = [float(one.var(ddof=1)) for one in differences_of if len(one) > 1]
    alike = float(np.clip(1.0 - np.mean(inside) / total, 0.0, 1.0)) if inside else 1.0
    by_likeness = discs / (1.0 + (discs / pairs - 1.0) * alike**2)
    means = np.array([float(np.mean(one**2)) for one in differences_of])
    spread = float(means.var(ddof=1)) / pairs
    by_spread = 2 * means.mean() ** 2 / spread if spread > 0 else discs
    return float(np.clip(min(by_likeness, by_spread), pairs, discs))
