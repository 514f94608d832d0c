"""Treated against untreated discs of the same subject: difference in differences.

What all discs of a person share (time of day, scanner, segmenter) cancels as far as it acts on
all of them alike.  Per subject the interval follows from the noise of the single changes.  Over
subjects, a mixed model where there are enough of them, else an exact permutation: if treatment
did nothing, any disc of a subject might as well have been the treated one.
"""

from __future__ import annotations

import math
import warnings
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import combinations, product

import numpy as np

from discmri.core.levels import DiscLevel
from discmri.trial.change import Change
from discmri.trial.comparability import Comparability
from discmri.trial.noise import quantile

ALL_ARMS = "all"
LEAST_SUBJECTS = 3
"""Below this nothing is pooled."""
MODEL_SUBJECTS = 12
"""From this many subjects on a mixed model is fitted; below, variances are guesses."""
MOST_PERMUTATIONS = 20_000
_SEED = 20


@dataclass(frozen=True)
class Contrast:
    """One treated disc against the untreated discs of its subject at one visit.

    Parameters
    ----------
    subject, arm, visit, level, parameter, unit
        Which.
    treated_change, untreated_change
        Of the treated disc, and the mean of the others.
    untreated
        How many others.
    difference, low, high
        Difference of the two changes with its 95 % interval.
    comparability
        Whether the scans can be compared in this parameter.
    """

    subject: str
    arm: str
    visit: str
    level: DiscLevel
    parameter: str
    unit: str
    treated_change: float
    untreated_change: float
    untreated: int
    difference: float
    low: float
    high: float
    comparability: Comparability

    @property
    def clear(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Pooled:
    """All subjects of an arm together.

    Parameters
    ----------
    arm, visit, parameter, unit
        Which; ``arm`` is ``all`` for everybody.
    subjects
        How many with comparable scans and a treated and an untreated disc.
    estimate, low, high
        Mean difference of changes with its 95 % interval.
    p
        Two-sided.
    method
        How it was found, in words.
    """

    arm: str
    visit: str
    parameter: str
    unit: str
    subjects: int
    estimate: float
    low: float
    high: float
    p: float
    method: str


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
    """The untreated discs; of scans that can be compared, only discs that can be used."""
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
    half = treated.band.half / treated.band.sd * math.sqrt(variance)
    difference = treated.change - mean
    return Contrast(
        treated.subject, treated.arm, treated.visit, treated.level, treated.parameter,
        treated.unit, treated.change, mean, len(others), difference, difference - half,
        difference + half, treated.comparability,
    )  # fmt: skip


# ------------------------------------------------------------------ over subjects
Discs = tuple[tuple[float, ...], tuple[float, ...]]
"""Changes of the treated and of the untreated discs of one subject."""


def pooled(changes: Iterable[Change]) -> list[Pooled]:
    """Treated against untreated over all subjects, by arm, visit and parameter.

    Scans that cannot be compared in a parameter are left out of it.
    """
    groups: dict[tuple[str, str, str], dict[str, list[Change]]] = defaultdict(
        lambda: defaultdict(list)
    )
    arms: set[str] = set()
    for one in changes:
        arms.add(one.arm)
        lumbar = one.level.above.value.startswith("L")
        if lumbar and one.comparability is not Comparability.NOT_COMPARABLE:
            for arm in {one.arm, ALL_ARMS}:
                groups[arm, one.visit, one.parameter][one.subject].append(one)
    found = []
    for (arm, visit, parameter), subjects in groups.items():
        if arm != ALL_ARMS and len(arms) < 2:
            continue
        discs = {name: _split(own) for name, own in subjects.items()}
        usable = {name: own for name, own in discs.items() if own[0] and own[1]}
        if len(usable) < LEAST_SUBJECTS:
            continue
        unit = next(iter(subjects.values()))[0].unit
        estimate = _estimate(usable)
        found.append(Pooled(arm, visit, parameter, unit, len(usable), *estimate))
    return found


def _split(own: Sequence[Change]) -> Discs:
    return (
        tuple(one.change for one in own if one.treated),
        tuple(one.change for one in own if not one.treated),
    )


def _estimate(subjects: dict[str, Discs]) -> tuple[float, float, float, float, str]:
    if len(subjects) >= MODEL_SUBJECTS and find_spec("statsmodels") is not None:
        fitted = mixed_model(subjects)
        if fitted is not None:
            return fitted
    differences = [float(np.mean(a) - np.mean(b)) for a, b in subjects.values()]
    low, high = mean_interval(differences)
    p, count, exact = permutation_p(list(subjects.values()))
    text = f"{'exact' if exact else 'sampled'} permutation, {count} ways"
    return float(np.mean(differences)), low, high, p, text


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """95 % interval of a mean by Student's t.

    >>> low, high = mean_interval([1.0, 2.0, 3.0])
    >>> round(low, 3), round(high, 3)
    (-0.484, 4.484)
    """
    mean, sd = float(np.mean(values)), float(np.std(values, ddof=1))
    half = quantile(len(values) - 1) * sd / math.sqrt(len(values))
    return mean - half, mean + half


def permutation_p(subjects: Sequence[Discs]) -> tuple[float, int, bool]:
    """Probability of a mean difference at least as large if any discs might be the treated ones.

    Returns
    -------
    p, how many ways were looked at, and whether these are all.

    >>> permutation_p([((1.0,), (0.0, 0.1, -0.1, 0.0))] * 3)
    (0.008, 125, True)
    """
    per_subject = []
    for treated, untreated in subjects:
        every = np.array([*treated, *untreated])
        total, k = every.sum(), len(treated)
        sums = np.array([every[list(pick)].sum() for pick in combinations(range(len(every)), k)])
        per_subject.append(sums / k - (total - sums) / len(untreated))
    observed = abs(sum(float(one[0]) for one in per_subject))  # combinations start with the first
    count = math.prod(map(len, per_subject))
    least = observed - 1e-9 * max(observed, 1.0)
    if count <= MOST_PERMUTATIONS:
        every_way = product(*(one.tolist() for one in per_subject))
        larger = sum(abs(sum(way)) >= least for way in every_way)
        return larger / count, count, True
    rng = np.random.default_rng(_SEED)
    drawn = sum(rng.choice(one, MOST_PERMUTATIONS) for one in per_subject)
    beyond = int((np.abs(drawn) >= least).sum())
    return (beyond + 1) / (MOST_PERMUTATIONS + 1), MOST_PERMUTATIONS, False


def mixed_model(subjects: dict[str, Discs]) -> tuple[float, float, float, float, str] | None:
    """Change of a disc explained by treatment, with a random intercept per subject (REML).

    ``None`` where the fit does not converge.
    """
    import statsmodels.api as sm

    rows = [
        (name, value, float(treated))
        for name, (yes, no) in subjects.items()
        for treated, values in ((True, yes), (False, no))
        for value in values
    ]
    groups = np.array([name for name, _, _ in rows])
    change = np.array([value for _, value, _ in rows])
    design = np.column_stack([np.ones(len(rows)), [treated for _, _, treated in rows]])
    if not change.std() > 0:
        return None
    scale = change.std()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a variance of zero is said in a warning: it is fine
        fit = sm.MixedLM(change / scale, design, groups=groups).fit(reml=True)
    if not fit.converged or not np.isfinite(fit.bse_fe[1]):
        return None
    low, high = (float(end) * scale for end in fit.conf_int()[1])
    return (
        float(fit.fe_params[1]) * scale, low, high, float(fit.pvalues[1]),
        "mixed model",
    )  # fmt: skip
