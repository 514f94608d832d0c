"""How large a change must be to be more than noise, and where that is known from.

The trial's own repeat scans come first.  Without them, the stated uncertainty (less what is the
same at every visit) and the published detectable change are held beside each other and the
larger one counts.  Between scans that were not made alike, repeat scans of one protocol say too
little, and the largest of all counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from discmri.agreement.repeatability import within_variances
from discmri.core.text import significant
from discmri.results.height import column_of
from discmri.trial.repeatability import (
    ALLOWANCE,
    ESTIMATED,
    phantom_sd,
    published,
    random_share,
)
from discmri.trial.values import Value

LEAST_REPEATS = 3
"""Pairs of scans below which a trial's own repeats say too little."""
LEVEL = 0.95


class NoiseOrigin(Enum):
    """Where a noise band comes from."""

    REPEATS = "repeat scans"
    STATED = "stated uncertainty"
    PHANTOMS = "phantoms"
    PUBLISHED = "published"


@dataclass(frozen=True)
class Band:
    """The noise of one change.

    Parameters
    ----------
    half
        A change beyond plus or minus this is more than noise, with 95 % confidence.
    sd
        Standard uncertainty of the change.
    origin, source
        Where both come from, and the same in words.
    """

    half: float
    sd: float
    origin: NoiseOrigin
    source: str


@dataclass(frozen=True)
class RepeatNoise:
    """What a trial's repeat scans say of one parameter.

    Parameters
    ----------
    sd
        Within one disc, from scan to scan.
    pairs, discs
        Pairs of scans, and of discs in them.
    freedom
        Degrees of freedom: between the two, fewer where discs of one pair err together.
    """

    sd: float
    pairs: int
    discs: int
    freedom: float

    @property
    def factor(self) -> float:
        """Quantile of Student's t for the chosen confidence."""
        return quantile(self.freedom)


@dataclass(frozen=True)
class Noise:
    """The noise bands of a trial.

    Parameters
    ----------
    repeats
        By parameter, as far as there are repeat scans enough.
    """

    repeats: Mapping[str, RepeatNoise] = field(default_factory=dict)

    def band(
        self, parameter: str, before: Value, after: Value, segmenter: str, alike: bool = True
    ) -> Band | None:
        """The noise of a change between two values of one disc; ``None`` where nothing is known.

        Parameters
        ----------
        parameter, before, after
            Which value, at the first and at the later visit.
        segmenter
            As in ``study.json``.
        alike
            Whether both were scanned alike.  Where not, repeat scans of one protocol say too
            little: the largest of all bands counts.
        """
        own = self._repeated(parameter)
        if own is not None and alike:
            return own
        share = random_share(segmenter)
        single = _stated(before, after, share) or _from_phantoms(parameter, before, segmenter)
        known = [one for one in (own, single, _printed(parameter, before)) if one is not None]
        return max(known, key=lambda one: one.half, default=None)

    def _repeated(self, parameter: str) -> Band | None:
        own = self.repeats.get(parameter)
        if own is None:
            return None
        sd = float(np.sqrt(2) * own.sd)
        text = (
            f"{own.pairs} pairs of repeat scans of this trial, {own.discs} discs: "
            f"SD {significant(own.sd, 3)} within a disc"
        )
        return Band(own.factor * sd, sd, NoiseOrigin.REPEATS, text)


def quantile(freedom: float) -> float:
    """Two-sided quantile of Student's t.

    >>> round(quantile(5.0), 2), round(quantile(float("inf")), 2)
    (2.57, 1.96)
    """
    from scipy.stats import norm, t

    share = (1 + LEVEL) / 2
    return float(norm.ppf(share) if np.isinf(freedom) else t.ppf(share, freedom))


def _stated(before: Value, after: Value, share: float) -> Band | None:
    """From the stated uncertainties, less the share of their variance that cancels."""
    if before.sd is None or after.sd is None:
        return None
    sd = float(np.sqrt(share * (before.sd**2 + after.sd**2)))
    text = (
        f"stated uncertainties {significant(before.sd, 2)} and {significant(after.sd, 2)}; "
        f"{100 * share:.0f} % of their variance is taken to differ from scan to scan"
    )
    return Band(quantile(np.inf) * sd, sd, NoiseOrigin.STATED, text)


def _printed(parameter: str, before: Value) -> Band | None:
    printed = published(parameter, before.method)
    if printed is None or isinstance(before.value, str):
        return None
    size = printed.of(before.value)
    return Band(size, size / quantile(np.inf), NoiseOrigin.PUBLISHED, printed.source)


def _from_phantoms(parameter: str, before: Value, segmenter: str) -> Band | None:
    """Where neither is known: phantoms scanned again, with an allowance."""
    once = phantom_sd(segmenter, parameter, before.method)
    if once is None:
        return None
    sd = float(np.sqrt(2) * ALLOWANCE * once)
    how = ""
    if column_of(parameter, before.method) in ESTIMATED:
        how = " (of mean columns, times the definition's uncertainty factor)"
    text = (
        f"SD {significant(once, 3)} within a disc of phantoms scanned again{how}, "
        f"times {ALLOWANCE:g} since real scans scatter more"
    )
    return Band(quantile(np.inf) * sd, sd, NoiseOrigin.PHANTOMS, text)


def repeat_noise(pairs: Iterable[Mapping[str, Iterable[float]]]) -> dict[str, RepeatNoise]:
    """Noise by parameter from repeat scans.

    Parameters
    ----------
    pairs
        Per pair of scans, by parameter, the differences of all discs.

    Within-disc variance is the mean of :func:`discmri.agreement.repeatability.within_variances`.  Its degrees of freedom
    follow Satterthwaite from how the pairs scatter, at least one per pair and at most one per
    disc, since the discs of one pair share position and scanner.

    >>> noise = repeat_noise([{"height_mm": [0.1, -0.1]}] * 3)["height_mm"]
    >>> round(noise.sd, 4), noise.pairs, noise.discs, noise.freedom
    (0.0707, 3, 6, 6.0)
    """
    collected: dict[str, list[np.ndarray]] = defaultdict(list)
    for pair in pairs:
        for parameter, values in pair.items():
            squares = within_variances(np.array([*values], dtype=np.float64))
            if len(squares):
                collected[parameter].append(squares)
    noise = {}
    for parameter, squares_of in collected.items():
        every = np.concatenate(squares_of)
        if len(squares_of) < LEAST_REPEATS or not every.any():
            continue
        noise[parameter] = RepeatNoise(
            float(np.sqrt(every.mean())), len(squares_of), len(every), _freedom(squares_of)
        )
    return noise


def _freedom(squares_of: list[np.ndarray]) -> float:
    """2 m² / var(m) of the mean m over pairs, within its natural bounds."""
    means = np.array([squares.mean() for squares in squares_of])
    spread = float(means.var(ddof=1)) / len(means)
    discs = float(sum(map(len, squares_of)))
    if spread <= 0:
        return discs
    return float(np.clip(2 * means.mean() ** 2 / spread, len(means), discs))
