"""Bootstrap intervals over subjects, because discs of one subject are not independent."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from discmri.agreement.sums import Sums
from discmri.core.volume import Array

S = TypeVar("S", bound=Sums)
Interval = tuple[float, float]
MIN_SUBJECTS = 3
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Resampling:
    """Settings of the bootstrap.

    Parameters
    ----------
    resamples
        Number of bootstrap samples.
    confidence
        Level of the interval, 0 to 1.
    seed
        The same seed gives the same interval.
    """

    resamples: int = 2000
    confidence: float = 0.95
    seed: int = 0


def estimates(statistics: Sequence[Callable[[S], Array]], sums: S) -> list[float | None]:
    """Each statistic over all subjects; ``None`` if undefined."""
    everyone = np.ones((1, _subjects(sums)))
    values = _evaluated(statistics, sums, everyone)[:, 0]
    return [float(value) if np.isfinite(value) else None for value in values]


def intervals(
    statistics: Sequence[Callable[[S], Array]], sums: S, resampling: Resampling
) -> list[Interval | None]:
    """Bias-corrected and accelerated bootstrap intervals over subjects (Efron 1987).

    All statistics use the same resamples.  An interval is ``None`` with fewer than three subjects,
    without variation between subjects, or if the statistic is undefined in some resamples.
    """
    from scipy import stats

    subjects = _subjects(sums)
    if subjects < MIN_SUBJECTS:
        return [None] * len(statistics)

    def of_drawn(drawn: NDArray[np.int_], axis: int = -1) -> Array:
        rows = np.moveaxis(drawn, axis, -1)[0]  # every statistic has the same draws
        flat = rows.reshape(-1, rows.shape[-1])
        place = np.arange(len(flat))[:, None] * subjects + flat
        times = np.bincount(place.ravel(), minlength=len(flat) * subjects)
        weights = times.reshape(len(flat), subjects).astype(np.float64)
        return _evaluated(statistics, sums, weights).reshape(-1, *rows.shape[:-1])

    with warnings.catch_warnings():
        # no variation between subjects, or undefined in a resample: NaN below
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        found = stats.bootstrap(
            (np.broadcast_to(np.arange(subjects), (len(statistics), subjects)),),
            of_drawn,
            axis=-1,
            vectorized=True,
            n_resamples=resampling.resamples,
            confidence_level=resampling.confidence,
            method="BCa",
            rng=np.random.default_rng(resampling.seed),
        ).confidence_interval
    return [
        (float(low), float(high)) if high - low > _ROUNDING else None  # NaN is not greater
        for low, high in zip(found.low, found.high, strict=True)
    ]


def _evaluated(statistics: Sequence[Callable[[S], Array]], sums: S, weights: Array) -> Array:
    """(statistics, resamples); NaN where undefined."""
    summed = sums.weighted(weights)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.stack([statistic(summed) for statistic in statistics])


def _subjects(sums: Sums) -> int:
    first: Array = next(iter(vars(sums).values()))
    return len(first)
