"""Probabilities of the two parts of a grade, and their combination.

Signal: the mean of two least-squares probabilistic classifiers (Sugiyama 2010,
doi:10.1587/transinf.E93.D.2690), one of signal ratios and one of a coarse picture of the disc
(:mod:`discmri.measurement.grade_features`), fitted to the grades of radiologists
(``python -m benchmarks.grading SPIDER``).  Their classes are 1, 2, "3 or 4" and 5,
because the five-level scale of those radiologists does not separate 3 and 4; these are separated by
Griffith's criterion, the step to the outer posterior annulus.
Collapse: the loss of height has the uncertainty of the expected height, and its distribution among
discs is log-normal.  Both parts are combined by Griffith's table; a collapsed disc that is not dark
is rare.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from statistics import NormalDist
from typing import Any

import numpy as np

from discmri.core.grade import Grade
from discmri.core.volume import Array
from discmri.measurement.grade_features import Comparators

COLLAPSE_PARTS = (0, 6, 7, 8)
LOSS_LIMITS = (0.30, 0.60)
"""Griffith 2007: grade 7 from 30 % loss of height, grade 8 above 60 %."""
LOSS_SPREAD = 0.30
"""SD of the logarithm of height / expected height among discs; chosen between that of graded
patients (0.25, SPIDER) and that of phantoms in which every grade is equally frequent (0.5)."""
DOUBLE_WEIGHT = 0.10
"""Frequency of bright collapsed discs, relative to independent signal and collapse: chosen so that a
double grade needs a probability of both parts above about 0.9."""
STEP_SOFTNESS = 0.05  # of CSF: uncertainty of the step of the posterior annulus
FEATURE_REACH = 3.5  # standard deviations at which features are clipped
KERNEL_WIDTH = 1.0
"""Root mean square distance in standard deviations at which the likeness of two discs is 0.61."""
WAVES = 1000  # cosines and sines of the fitted functions
LEAST_PROBABILITY = 0.01  # of a class, because a least-squares fit may be negative
FAR_PENALTY = (1.0, 0.2)
"""Additional cost of an error of more than one class, and factor of the squared error in classes: of
two almost equally probable classes, the one nearer to the others is suggested."""


@dataclass(frozen=True, eq=False)
class Classifier:
    """Probabilities of signal 1, 2, 3 or 4, and 5 from features."""

    mean: Array  # (n,) of each feature among the discs of the fit
    sd: Array  # (n,) likewise
    shares: Array  # (4,) frequency of signal 1, 2, 3 or 4, and 5 among them
    weights: Array  # (WAVES, 4) of the Fourier features for each class

    def probabilities(self, found: Array) -> Array:
        """(4,) probabilities from (n,) features."""
        values = standardised(found, self.mean, self.sd)
        share = self.shares + fourier(values[None])[0] @ self.weights
        share = np.maximum(share, LEAST_PROBABILITY)
        return np.asarray(share / share.sum())


@dataclass(frozen=True, eq=False)
class SignalTable:
    """The fitted model of the signal part for one set of reference tissues."""

    names: tuple[str, ...]  # of the ratios
    ratios: Classifier  # classifier of the ratios
    picture: Classifier  # classifier of the coarse picture

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> SignalTable:
        """The model from its JSON."""
        ratios, picture = (
            Classifier(**{name: np.array(values) for name, values in table[part].items()})
            for part in ("ratios", "picture")
        )
        return cls(tuple(table["features"]), ratios, picture)

    def probabilities(self, found: Mapping[str, float], picture: Array) -> Array:
        """(4,) mean of both classifiers, from ratios by name and the features of the picture."""
        ratios = self.ratios.probabilities(np.array([found[name] for name in self.names]))
        return np.asarray((ratios + self.picture.probabilities(picture)) / 2)


def standardised(values: Array, mean: Array, sd: Array) -> Array:
    """(..., n) features in standard deviations, clipped to :data:`FEATURE_REACH`."""
    return np.asarray(np.clip((values - mean) / sd, -FEATURE_REACH, FEATURE_REACH))


def fourier(values: Array) -> Array:
    """(k, WAVES) Fourier features of (k, n) standardised features.

    Their products approximate a Gaussian kernel (Rahimi and Recht 2007), so that no disc of the fit
    has to be stored.

    >>> one, far = fourier(np.array([[0.0, 0.0], [KERNEL_WIDTH, KERNEL_WIDTH]]))
    >>> round(float(one @ one), 2), round(float(one @ far), 1)
    (1.0, 0.6)
    """
    phase = values @ _frequencies(values.shape[1])
    waves = np.concatenate([np.cos(phase), np.sin(phase)], axis=1)
    return np.asarray(waves / np.sqrt(WAVES / 2))


@cache
def _frequencies(count: int) -> Array:
    """(count, WAVES / 2) random frequencies that every version of numpy draws alike."""
    drawn = np.random.RandomState(0).normal(size=(count, WAVES // 2))
    return np.asarray(drawn / (KERNEL_WIDTH * count**0.5))


@cache
def signal_tables() -> Mapping[Comparators, SignalTable]:
    """The fitted models, by their reference tissues."""
    text = files("discmri.measurement").joinpath("grade_model.json").read_text(encoding="utf-8")
    return {
        Comparators(name): SignalTable.of(table)
        for name, table in json.loads(text)["tables"].items()
    }


@dataclass(frozen=True)
class Loss:
    """Loss of height relative to the expected height."""

    share: float  # best estimate, 0.3 for 30 %; negative for a taller disc
    probabilities: tuple[float, float, float, float]  # by collapse part: none, 6, 7, 8


def loss_of_height(ratio: float, relative_sd: float, normal: float) -> Loss:
    """Loss of height, with the uncertainty of the expected height.

    ``ratio`` is height / expected height.  ``relative_sd`` is 0 for an expected height that is
    known exactly.  From the loss ``normal``, 0 to 1, height is no longer normal.

    Examples
    --------
    >>> round(loss_of_height(0.55, 0.0, 0.1).share, 2), round(loss_of_height(0.55, 0.15, 0.1).share, 2)
    (0.45, 0.38)
    """
    limits = (normal, *LOSS_LIMITS)
    keep = LOSS_SPREAD**2 / (LOSS_SPREAD**2 + relative_sd**2)
    centre = keep * float(np.log(max(ratio, 1e-3)))
    share = 1.0 - float(np.exp(centre))
    spread = relative_sd * keep**0.5
    if spread < 1e-6:
        part = COLLAPSE_PARTS.index(collapse_part(share, normal))
        return Loss(share, tuple(float(n == part) for n in range(4)))  # type: ignore[arg-type]
    beyond = [NormalDist(centre, spread).cdf(float(np.log(1 - limit))) for limit in limits]
    steps = [1.0, *beyond, 0.0]
    return Loss(share, tuple(a - b for a, b in pairwise(steps)))  # type: ignore[arg-type]


def collapse_part(loss: float, normal: float) -> int:
    """Collapse part of the grade from the relative loss of height, 1 - height / reference.

    From the loss ``normal``, 0 to 1, height is no longer normal; exactly 30 % and 60 % belong to
    grade 7.

    Examples
    --------
    >>> [collapse_part(loss, 0.10) for loss in (-0.2, 0.09, 0.10, 0.29, 0.30, 0.60, 0.61)]
    [0, 0, 6, 6, 7, 7, 8]
    """
    loss = round(loss, 9)
    if loss < normal:
        return 0
    if loss < LOSS_LIMITS[0]:
        return 6
    return 7 if loss <= LOSS_LIMITS[1] else 8


def signal_parts(classes: Sequence[float], step_excess: float) -> dict[int, float]:
    """Probability of each signal part, with 3 and 4 separated by the posterior annulus.

    ``classes`` are probabilities of signal 1, 2, 3 or 4, and 5.  ``step_excess`` is the step from
    inner to outer annulus minus its limit, as a share of CSF.
    """
    distinct = 1 / (1 + float(np.exp(np.clip(-step_excess / STEP_SOFTNESS, -50, 50))))
    one, two, middle, dark = (float(value) for value in classes)
    return {1: one, 2: two, 3: middle * distinct, 4: middle * (1 - distinct), 5: dark}


@dataclass(frozen=True)
class JoinedGrade:
    """The suggested grade and the probability of every grade."""

    grade: Grade  # the suggestion
    # by grade in usual notation, most probable first; they sum to one
    probabilities: Mapping[str, float]


def join(
    signal: Mapping[int, float], loss: Loss, normal: float, double_weight: float = DOUBLE_WEIGHT
) -> JoinedGrade:
    """Combine both parts by Griffith's table.

    A dark disc is 5 to 8 by its loss of height.  A disc that is not dark is 1 to 4 if its loss is
    below 30 %, which is common at every grade.  With a larger loss it has a double grade, if both
    parts are probable.  ``double_weight`` is the frequency of bright collapsed discs, relative to
    independent signal and collapse.
    """
    collapse = dict(zip(COLLAPSE_PARTS, loss.probabilities, strict=True))
    shares = {Grade(part): signal[part] * (collapse[0] + collapse[6]) for part in (1, 2, 3, 4)}
    shares |= {Grade(5, part): signal[5] * collapse[part] for part in COLLAPSE_PARTS}
    double = {
        Grade(part, deep): double_weight * signal[part] * collapse[deep]
        for part in (1, 2, 3, 4)
        for deep in (7, 8)
    }
    total = sum(shares.values()) + sum(double.values())
    every = {grade: share / total for grade, share in (shares | double).items()}
    ranked = sorted(every.items(), key=lambda entry: -entry[1])
    by_name = {str(grade): share for grade, share in ranked}
    return JoinedGrade(_choose(signal, every, collapse_part(loss.share, normal)), by_name)


def _choose(signal: Mapping[int, float], every: Mapping[Grade, float], collapse: int) -> Grade:
    """A double grade if that is most probable, else the class with the lowest expected cost."""
    bright = sum(share for grade, share in every.items() if grade.signal < 5 and not grade.collapse)
    dark = sum(share for grade, share in every.items() if grade.signal == 5)
    double = 1.0 - bright - dark
    kept = max((1, 2, 3, 4), key=lambda part: signal[part])
    if double > max(bright, dark) and collapse in (7, 8):
        return Grade(kept, collapse)
    ladder = [[1], [2], [3, 4], [5, 6], [7, 8]]
    share = np.array(
        [
            sum(
                p
                for g, p in every.items()
                if (g.signal == 5 or not g.collapse) and g.ordinal in rung
            )
            for rung in ladder
        ]
    )
    off = np.abs(np.subtract.outer(np.arange(5), np.arange(5)))
    far, square = FAR_PENALTY
    best = int(np.argmin(((off > 0) + far * (off > 1) + square * off**2) @ share))
    if best >= 3:
        return Grade(5, collapse)
    return Grade(max(ladder[best], key=lambda part: signal[part]))
