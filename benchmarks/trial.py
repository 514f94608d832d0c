"""How well a trial's analysis finds who gained: repeatability, sensitivity, false calls.

    python -m benchmarks trial [--quick]

Two steps.  First a few synthetic trials go through the whole chain, pictures included: studies
are rendered, segmented (from true outlines and by the built-in segmenter), measured and compared.
Their errors against the truth give the scatter from scan to scan of one disc.  Then whole tables
of trials are drawn, 200 per effect size, and analysed by the code that analyses real ones: the
truth is that of the synthetic trial, and the errors of a scan are those that a rendered scan had,
all discs and parameters together, so what they share is kept.  Rendering 200 trials for every
effect size would take days; that part is drawn.
"""

from __future__ import annotations

import csv
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from discmri.cohort import Workers
from discmri.core.levels import DiscLevel
from discmri.core.settings import Settings
from discmri.simulation.trial import (
    Effect,
    PhantomScan,
    default_protocol,
    make_trial,
    trial_scans,
)
from discmri.trial import TrialOptions, TrialResult, read_trial, run_trial
from discmri.trial.analysis import analyse
from discmri.trial.change import Course, Verdict, course_of
from discmri.trial.conditions import Conditions, SeriesConditions
from discmri.trial.follow_up import FollowUp
from discmri.trial.plan import Scan, Subject
from discmri.trial.registration import Registration
from discmri.trial.responders import PRIMARY, Response
from discmri.trial.values import TRACKED, DiscValues, MeasuredScan, Value

TRIALS = 200
EFFECTS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
"""As multiples of 1 mm and 0.2 µm²/ms at the treated disc."""
PRINTED = {"height_mm": 0.85 / 2.77, "adc_disc_um2_ms": 0.03 * 1.5}
"""Scatter that people found: a detectable change of 0.85 mm (Boos 1996), and 3 %, the bound for
line-scan ADC (Newitt 2005), of a treated disc."""
LISTS = {"masks": "trial_with_masks.csv", "builtin": "trial.csv"}
_TRUTH = {"height_mm": "height_columns_mm", "adc_disc_um2_ms": "adc_disc_um2_ms"}
_LEVELS = tuple(DiscLevel(name) for name in ("L1-L2", "L2-L3", "L3-L4", "L4-L5", "L5-S1"))


def main(quick: bool = False) -> None:
    """Render, measure, print repeatability; then draw, analyse, print the power curve."""
    seeds = (3,) if quick else (3, 4, 5)
    with tempfile.TemporaryDirectory() as folder:
        for segmenter in LISTS:
            outcomes = []
            for seed in seeds:
                root = Path(folder) / f"trial{seed}"
                make_trial(trial_scans(seed), root, Workers())
                outcomes.append((root, rendered(root, segmenter, Path(folder))))
            report(segmenter, outcomes, 40 if quick else TRIALS)


def rendered(root: Path, segmenter: str, folder: Path) -> TrialResult:
    """Measure a rendered trial."""
    options = TrialOptions(settings=Settings(segmenter=segmenter))
    out = folder / f"out-{root.name}-{segmenter}"
    return run_trial(read_trial(root / LISTS[segmenter]), out, options)


def report(segmenter: str, outcomes: list[tuple[Path, TrialResult]], trials: int) -> None:
    """Print all figures of one segmenter."""
    print(f"\n### {segmenter}\n")
    for root, outcome in outcomes:
        named = sorted(
            o.subject for o in outcome.analysis.judged if o.response is Response.RESPONDER
        )
        print(
            f"{root.name}: rendered; truly gained {', '.join(truly(root))}; named {', '.join(named)}"
        )
    repeatability(outcomes)
    residuals = pooled_residuals(outcomes)
    print(f"\nscatter drawn from {len(residuals)} rendered scans; {trials} drawn trials per line")
    for scatter in ({}, PRINTED):
        for repeats in (True, False):
            stated_mm = float(np.sqrt(np.mean(stated_variances(outcomes))))
            power_curve(Draw(residuals, segmenter, repeats, stated_mm, scatter), trials)


def truly(root: Path) -> list[str]:
    """Who truly gained."""
    with (root / "truth.csv").open(encoding="utf-8", newline="") as file:
        return sorted({row["subject"] for row in csv.DictReader(file) if row["responds"] == "yes"})


# ------------------------------------------------------------------ repeatability
def repeatability(outcomes: list[tuple[Path, TrialResult]]) -> None:
    """Scatter from scan to scan of one disc, and how much of a stated variance it is."""
    print("\n| parameter | SD within a disc | discs |\n|---|---|---|")
    scatter: dict[str, list[tuple[float, int]]] = defaultdict(list)
    errors_mm: list[float] = []
    for root, outcome in outcomes:
        truth = true_values(root)
        for course in outcome.analysis.courses:
            for level in _LEVELS:
                for parameter in TRACKED:
                    values = steady(course, level, parameter.name, truth)
                    if len(values) > 2:
                        scatter[parameter.name].append((float(np.var(values, ddof=1)), len(values)))
                for visit in course.visits:
                    disc = visit.discs.get(level)
                    found = None if disc is None else disc.values.get("height_mm")
                    if found is not None:
                        errors_mm.append(
                            float(found.value) - truth[key(course, visit)][level, "height_mm"]
                        )
    for name, parts in scatter.items():
        freedom = sum(n - 1 for _, n in parts)
        sd = np.sqrt(sum(v * (n - 1) for v, n in parts) / freedom)
        print(f"| {name} | {sd:.4g} | {len(parts)} |")
    parts = scatter["height_mm"]
    within = sum(v * (n - 1) for v, n in parts) / sum(n - 1 for _, n in parts)
    stated = float(np.mean(stated_variances(outcomes)))
    print(
        f"\nheight_mm: mean stated variance {stated:.4f} mm², within a disc {within:.4f} mm² "
        f"({100 * within / stated:.1f} %); all errors {np.mean(errors_mm):+.2f} ± "
        f"{np.std(errors_mm):.2f} mm"
    )


def stated_variances(outcomes: list[tuple[Path, TrialResult]]) -> list[float]:
    """Stated variance of every height, mm²."""
    return [
        value.sd**2
        for _, outcome in outcomes
        for course in outcome.analysis.courses
        for visit in course.visits
        for level in _LEVELS
        if level in visit.discs
        and (value := visit.discs[level].values.get("height_mm")) is not None
        and value.sd is not None
    ]


Truth = Mapping[tuple[str, str, int], Mapping[tuple[DiscLevel, str], float]]


def true_values(root: Path) -> Truth:
    """By subject, visit and repeat: true values by disc and parameter."""
    found: dict[tuple[str, str, int], dict[tuple[DiscLevel, str], float]] = defaultdict(dict)
    with (root / "truth.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            scan = found[row["subject"], row["visit"], int(row["repeat"])]
            for parameter, column in _TRUTH.items():
                scan[DiscLevel(row["level"]), parameter] = float(row[column])
    return found


def key(course: Course, visit: object) -> tuple[str, str, int]:
    """Of a visit in the truth."""
    scan = visit.measured.scan  # type: ignore[attr-defined]
    return course.subject.name, scan.visit, scan.repeat


def steady(course: Course, level: DiscLevel, parameter: str, truth: Truth) -> list[float]:
    """Values of one disc from scan to scan in one scanner, less what truly changed.

    Where no truth is known, only discs that were not treated count.
    """
    scanner = course.baseline.measured.conditions.sagittal.scanner
    known = parameter in _TRUTH or parameter == "height_columns_mm"
    if not known and level in course.subject.treated:
        return []
    values = []
    for visit in course.visits:
        disc = visit.discs.get(level)
        value = None if disc is None else disc.number(parameter)
        if value is None or visit.measured.conditions.sagittal.scanner != scanner:
            continue
        name = "height_mm" if parameter == "height_columns_mm" else parameter
        values.append(value - (truth[key(course, visit)][level, name] if known else 0.0))
    return values


# ------------------------------------------------------------------ drawn tables
Residuals = list[Mapping[tuple[DiscLevel, str], float]]
"""Per rendered scan: error of every disc and parameter less the disc's mean error."""


def pooled_residuals(outcomes: list[tuple[Path, TrialResult]]) -> Residuals:
    """What scans add to a disc's own error, scan by scan."""
    found: Residuals = []
    for root, outcome in outcomes:
        truth = true_values(root)
        for course in outcome.analysis.courses:
            scans: list[dict[tuple[DiscLevel, str], float]] = [{} for _ in course.visits]
            for level in _LEVELS:
                for name in PRIMARY:
                    errors = [
                        None
                        if visit.discs.get(level) is None or visit.discs[level].number(name) is None
                        else visit.discs[level].number(name)
                        - truth[key(course, visit)][level, name]
                        for visit in course.visits
                    ]
                    present = [one for one in errors if one is not None]
                    if len(present) < 3:
                        continue
                    wider = np.sqrt(len(present) / (len(present) - 1))
                    for scan, error in zip(scans, errors, strict=True):
                        if error is not None:
                            scan[level, name] = float((error - np.mean(present)) * wider)
            found += [scan for scan in scans if len(scan) == len(_LEVELS) * len(PRIMARY)]
    return found


@dataclass
class Count:
    """What was called of how many."""

    named: int = 0
    of: int = 0

    def add(self, called: bool) -> None:
        """Count one more."""
        self.named += called
        self.of += 1

    def __str__(self) -> str:
        return f"{100 * self.named / self.of:.1f} %" if self.of else "–"


@dataclass(frozen=True)
class Draw:
    """How trials are drawn.

    Parameters
    ----------
    residuals
        Errors to draw from.
    segmenter
        Whose they are.
    repeats
        Whether the baseline is scanned twice.
    stated_mm
        Stated standard uncertainty of a height.
    scatter
        Standard deviation from scan to scan of one disc by parameter; that of the errors where
        not given.
    """

    residuals: Residuals
    segmenter: str
    repeats: bool
    stated_mm: float
    scatter: Mapping[str, float] = field(default_factory=dict)

    def errors(self, rng: np.random.Generator) -> dict[tuple[DiscLevel, str], float]:
        """Errors of one scan, widened to the scatter asked for."""
        chosen = self.residuals[int(rng.integers(len(self.residuals)))]
        return {key: value * self._factor(key[1]) for key, value in chosen.items()}

    def _factor(self, parameter: str) -> float:
        if parameter not in self.scatter:
            return 1.0
        own = [v**2 for one in self.residuals for key, v in one.items() if key[1] == parameter]
        return self.scatter[parameter] / float(np.sqrt(np.mean(own)))


@dataclass
class Tally:
    """What was called in all trials of one effect size."""

    named: Count = field(default_factory=Count)
    others: Count = field(default_factory=Count)
    exact: Count = field(default_factory=Count)
    single: dict[tuple[str, bool], Count] = field(
        default_factory=lambda: {(name, yes): Count() for name in PRIMARY for yes in (True, False)}
    )


def power_curve(draw: Draw, trials: int) -> None:
    """Print sensitivity and false calls against the size of the true gain."""
    source = "the trial's own repeat scans" if draw.repeats else "stated uncertainty and print"
    width = "as printed: 0.31 mm and 0.045 µm²/ms" if draw.scatter else "as of phantoms"
    print(f"\nscatter {width}; noise band from {source}\n")
    print(
        "| true gain: height, ADC | height beyond noise | ADC beyond noise | responders named | "
        "others named | height: others | ADC: others | the right ones and no other |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for size in EFFECTS:
        tally = Tally()
        for number in range(trials):
            drawn_trial(draw, number, Effect(size * 1.0, size * 0.2), tally)
        single = tally.single
        cells = [
            f"{size * 1.0:.2f} mm, {size * 0.2:.2f} µm²/ms",
            single["height_mm", True], single["adc_disc_um2_ms", True], tally.named,
            tally.others, single["height_mm", False], single["adc_disc_um2_ms", False],
            tally.exact,
        ]  # fmt: skip
        print(f"| {' | '.join(map(str, cells))} |")


def drawn_trial(draw: Draw, number: int, effect: Effect, tally: Tally) -> None:
    """Draw one trial's tables, analyse them and count what was called."""
    rng = np.random.default_rng([number, 33])
    scans = trial_scans(number, effect, default_protocol())
    courses = list(drawn_courses(scans, draw, rng))
    visits = ("baseline", "week 4", "week 12", "week 24")
    found = analyse(courses, visits)
    responds = {scan.subject for scan in scans if scan.responds} if effect.height_mm else set()
    named = {one.subject for one in found.judged if one.response is Response.RESPONDER}
    for course in courses:
        yes = course.subject.name in responds
        (tally.named if yes else tally.others).add(course.subject.name in named)
    tally.exact.add(named == responds)
    for one in found.changes:
        if one.treated and one.visit == visits[-1] and one.verdict is not Verdict.NOT_COMPARABLE:
            up = one.verdict is Verdict.BEYOND and one.change > 0
            tally.single[one.parameter, one.subject in responds].add(up)


def drawn_courses(
    scans: tuple[PhantomScan, ...], draw: Draw, rng: np.random.Generator
) -> Iterator[Course]:
    """Courses of all subjects of one drawn trial."""
    by_subject: dict[str, list[PhantomScan]] = defaultdict(list)
    for scan in scans:
        if draw.repeats or scan.repeat == 1:
            by_subject[scan.subject].append(scan)
    for name, own in by_subject.items():
        planned = {
            scan.folder: Scan(
                name, scan.visit, Path(scan.folder), week=scan.week, repeat=scan.repeat
            )
            for scan in own
        }
        measured, carried = {}, {}
        for scan in own:
            plan = planned[scan.folder]
            discs = drawn_discs(scan, draw.errors(rng), draw.stated_mm)
            measured[plan.name] = MeasuredScan(
                plan, Path(), conditions=conditions(scan, draw.segmenter), discs=discs
            )
            carried[plan.name] = Registration(
                {level: level for level in discs}, np.eye(4), 1.0, 1.0
            )
        subject = Subject(name, tuple(planned.values()), (own[0].treated,))
        yield course_of(subject, measured, FollowUp(carried))


def drawn_discs(
    scan: PhantomScan, residual: Mapping[tuple[DiscLevel, str], float], stated_mm: float
) -> dict[DiscLevel, DiscValues]:
    """True values of a scan with the errors of a rendered one."""
    discs = {}
    for disc in scan.spec.discs:
        if disc.level in _LEVELS:
            true = {"height_mm": disc.height_mm, "adc_disc_um2_ms": disc.adc_um2_ms}
            stated = {"height_mm": stated_mm}
            values = {
                name: Value(true[name] + residual[disc.level, name], "drawn", stated.get(name))
                for name in PRIMARY
            }
            discs[disc.level] = DiscValues(values)
    return discs


def conditions(scan: PhantomScan, segmenter: str) -> Conditions:
    """Of a scan that is not rendered."""
    occasion = scan.protocol.occasion
    series = SeriesConditions(
        clock_h=int(occasion.time[:2]) + int(occasion.time[2:]) / 60,
        scanner=f"{scan.vendor} {occasion.station}",
        coil=occasion.coil,
        field_t=scan.protocol.field_strength_t,
        b_values_s_per_mm2=scan.protocol.b_values,
        slice_normal=(1.0, 0.0, 0.0),
    )
    weighted = replace(series, b_values_s_per_mm2=scan.protocol.b_values)
    return Conditions(series, weighted, segmenter, "benchmark", "fit")
