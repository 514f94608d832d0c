"""Signal part of a grade: by the comparisons of Griffith's table, or by the fitted model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from discmri.core.levels import DiscLevel
from discmri.measurement.grade_features import (
    Comparators,
    comparators_of,
    features,
    picture_features,
)
from discmri.measurement.grade_model import DOUBLE_WEIGHT, signal_parts, signal_tables
from discmri.measurement.signal import DiscSignal


@dataclass(frozen=True)
class Thresholds:
    """Limits between signal parts, as shares of the signal of CSF.

    ``dark``, ``above_outer`` and ``distinct`` agree best with the grades of radiologists on SPIDER
    (van der Graaf 2024, CC BY 4.0).  The agreement changes by less than its sampling error if a
    limit changes by 10 %.
    """

    like_csf: float = 0.80  # signal from which a disc counts as equal to CSF
    dark: float = 0.15  # signal below which a disc is hypointense
    # excess over the outer posterior annulus below which a disc that is not bright is hypointense
    above_outer: float = 0.03
    # step from inner to outer posterior annulus from which the two are distinct
    distinct: float = 0.15
    kept_signal: float = 0.24  # signal from which the height of a disc is a reference for the spine
    # relative distance above a limit at which the probability to be above it is 0.73
    softness: float = 0.10


THRESHOLDS = Thresholds()


@dataclass(frozen=True)
class SignalPart:
    """Probabilities of the signal parts."""

    probabilities: Mapping[int, float]  # by part, 1 to 5
    comparators: Comparators  # reference tissues with which the disc was compared

    @property
    def double_weight(self) -> float:
        """Frequency of bright collapsed discs, relative to independent signal and collapse.

        The parts are independent in Griffith's table; in patients such a disc is rare.
        """
        return 1.0 if self.comparators is Comparators.FAT else DOUBLE_WEIGHT


def signal_part(level: DiscLevel, signal: DiscSignal, brightest: float) -> SignalPart | None:
    """Signal part of one disc; ``None`` without any reference tissue.

    ``brightest`` is the signal of the brightest discs of the spine.
    """
    used = comparators_of(signal)
    if used is None:
        return None
    if used is Comparators.FAT and signal.csf is not None and signal.fat is not None:
        return SignalPart(_by_table(signal, signal.csf, signal.fat), used)
    ratios, picture = features(level, signal, brightest, used), picture_features(signal, used)
    classes = signal_tables()[used].probabilities(ratios, picture)
    unit = signal.marrow if used is Comparators.MARROW else signal.csf
    excess = signal.step / (unit or signal.nucleus) - THRESHOLDS.distinct
    return SignalPart(signal_parts(list(classes), excess), used)


def kept_signal(signal: DiscSignal, limits: Thresholds = THRESHOLDS) -> bool:
    """Whether the signal of a disc is high enough for its height to be a reference for the spine.

    It is bright, or brighter than the outer annulus with a distinct posterior margin.
    """
    if signal.csf is None:
        return False
    ratio, above = signal.inner / signal.csf, (signal.inner - signal.outer_posterior) / signal.csf
    bright = limits.kept_signal if signal.fat is None else signal.fat / signal.csf
    if ratio >= bright:
        return True
    dark = ratio < limits.dark or above < limits.above_outer
    return not dark and signal.distinctness >= limits.distinct


def scaled(signal: DiscSignal, factor: float) -> DiscSignal:
    """The same disc with its signal multiplied by a factor, reference tissues unchanged."""
    texture = signal.texture
    return replace(
        signal,
        nucleus=signal.nucleus * factor,
        inner=signal.inner * factor,
        annulus=signal.annulus * factor,
        outer_posterior=signal.outer_posterior * factor,
        distinctness=signal.distinctness * (1.0 if signal.csf is None else factor),
        texture=replace(
            texture,
            bright=texture.bright * factor,
            upper_quartile=texture.upper_quartile * factor,
            dim=texture.dim * factor,
            darkest=texture.darkest * factor,
            cleft=texture.cleft * factor,
        ),
        picture=signal.picture * factor,
    )


def _by_table(signal: DiscSignal, csf: float, fat: float) -> dict[int, float]:
    """Probabilities of the signal parts by the numeric comparisons of Griffith's table."""
    limits = THRESHOLDS
    ratio, above = signal.inner / csf, (signal.inner - signal.outer_posterior) / csf
    like_csf = _passed(ratio, max(limits.like_csf, fat / csf), limits.softness)
    like_fat = max(_passed(ratio, fat / csf, limits.softness), like_csf)
    mild = _passed(ratio, limits.dark, limits.softness) * _passed(
        above, limits.above_outer, 2 * limits.softness
    )
    mild = max(mild, like_fat)
    classes = (like_csf, like_fat - like_csf, mild - like_fat, 1.0 - mild)
    return signal_parts(classes, signal.distinctness - limits.distinct)


def _passed(value: float, limit: float, softness: float) -> float:
    """Probability that a value lies above a limit."""
    distance = np.log(max(value, 1e-3 * limit) / limit) / softness
    return float(1 / (1 + np.exp(-np.clip(distance, -50, 50))))
