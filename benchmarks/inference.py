"""How often a trial's and a reader study's statistics err where nothing is to be found.

    python -m benchmarks inference [--quick]

Null trials are drawn as tables of values (seeds 0, 1, 2, ... of each cell are kept) and go through
the analysis of real trials: discs called beyond noise, responders, tests over subjects.  Reader
studies are drawn with random raters: how often intervals hold the truth.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from discmri.agreement.random_raters import ICC, WITHIN, random_rater_intervals, squares
from discmri.agreement.ratings import Comparison, ComparisonKind
from discmri.simulation.tables import TableDesign
from discmri.trial.power import Rates, rates

TRIALS = 1000
SEED = 2026
_ISSUE = TableDesign()
NOISE = {
    "no repeats, SD 0.30 mm": (replace(_ISSUE, session_sd=0.1, day_sd=0.283), 0.0),
    "5 repeats of one session": (replace(_ISSUE, repeats=5), 0.0),
    "the same, visits 2 h later and 0.3 mm lower": (replace(_ISSUE, repeats=5, shift=-0.3), 2.0),
    "the same, noise shared by all discs": (replace(_ISSUE, repeats=5, shared=1.0), 0.0),
    "5 repeats of another day": (replace(_ISSUE, repeats=5, other_day=True), 0.0),
    "3 repeats of another day": (replace(_ISSUE, repeats=3, other_day=True), 0.0),
    "the same, half of the noise shared": (
        replace(_ISSUE, repeats=3, other_day=True, shared=0.5), 0.0,
    ),
    "the same, all noise shared": (replace(_ISSUE, repeats=3, other_day=True, shared=1.0), 0.0),
}  # fmt: skip
GROUPS = {
    "one group of 5": TableDesign(active=5),
    "one group of 5, effect varies by 0.5 mm": TableDesign(active=5, effect_sd=0.5),
    "one group of 12, effect varies": TableDesign(active=12, effect_sd=0.5),
    "4 against 4": TableDesign(active=4, control=4),
    "5 against 5": TableDesign(active=5, control=5),
    "6 against 5, effect varies": TableDesign(active=6, control=5, effect_sd=0.5),
    "6 against 6": TableDesign(active=6, control=6),
    "8 against 8, effect varies": TableDesign(active=8, control=8, effect_sd=0.5),
    "20 against 10, effect varies": TableDesign(active=20, control=10, effect_sd=0.5),
}
RATERS = [(k, s, m) for k in (2, 3, 5) for s, m in ((12, 5), (30, 5), (60, 1), (60, 5))]
SUBJECT, DISC, RATER, CROSSED, REST = 0.8, 1.2, 0.3, 0.15, 0.3
"""Standard deviations in mm of drawn reader studies."""


def main(quick: bool = False) -> None:
    """Print every table."""
    trials = 60 if quick else TRIALS
    print(f"Null trials, five subjects, one later visit; {trials} trials a row, seed {SEED}\n")
    print("| situation | discs beyond noise | trials with a treated disc so called | responders |")
    print("|---|---|---|---|")
    for name, (design, hours) in NOISE.items():
        found = rates(design, trials, SEED, hours=hours)
        print(
            f"| {name} | {100 * discs(found):.1f} % | {100 * found.any_beyond:.0f} % "
            f"| {100 * found.responders:.2f} % |"
        )
    print(f"\nTests over subjects where the mean effect is zero; {trials} trials a row\n")
    print("| subjects | p at most 0.05 | sampling ± |\n|---|---|---|")
    for name, design in GROUPS.items():
        found = rates(design, trials, SEED)
        print(f"| {name} | {100 * found.rejected:.1f} % | {100 * found.sampling:.1f} % |")
    print(f"\nIntervals for random raters: studies that hold the truth, of {trials} a row\n")
    print("| raters | subjects | discs each | ICC(2,1) | within-disc SD |\n|---|---|---|---|---|")
    for raters, subjects, each in RATERS:
        icc, within = coverage(raters, subjects, each, trials)
        print(f"| {raters} | {subjects} | {each} | {100 * icc:.1f} % | {100 * within:.1f} % |")


def discs(found: Rates) -> float:
    """Share of all discs called at the last visit: one treated of five."""
    return (found.beyond_treated + 4 * found.beyond_others) / 5


def coverage(raters: int, subjects: int, each: int, studies: int) -> tuple[float, float]:
    """Share of drawn studies whose intervals hold ICC and within-disc SD of all raters."""
    within = float(np.sqrt(RATER**2 + CROSSED**2 + REST**2))
    truth = {WITHIN: within, ICC: 1 / (1 + within**2 / (SUBJECT**2 + DISC**2))}
    held = dict.fromkeys(truth, 0)
    for number in range(studies):
        drawn = squares(study(raters, subjects, each, number))
        found = random_rater_intervals(drawn, seed=number, draws=2000)
        for name, true in truth.items():
            low, high = found[name]
            held[name] += low <= true <= high
    return held[ICC] / studies, held[WITHIN] / studies


def study(raters: int, subjects: int, each: int, number: int) -> Comparison:
    """Values of one drawn reader study."""
    rng = np.random.default_rng([SEED, number])
    values = rng.normal(0.0, REST, (subjects, each, raters))
    for size, sd in (
        ((subjects, 1, 1), SUBJECT), ((subjects, each, 1), DISC), ((1, 1, raters), RATER),
        ((subjects, 1, raters), CROSSED),
    ):  # fmt: skip
        values = values + rng.normal(0.0, sd, size)
    names = np.repeat(np.arange(subjects).astype(str), each)
    return Comparison(
        "height_mm", "drawn", tuple("abcde"[:raters]), values.reshape(-1, raters), names,
        np.full(len(names), "L4-L5"), ComparisonKind.READERS,
    )  # fmt: skip
