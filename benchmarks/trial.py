"""How much one disc scatters from scan to scan on phantoms, and who is named in rendered trials.

    python -m benchmarks trial [--quick]

A few synthetic trials go through the whole chain, pictures included: studies are rendered,
segmented (from true outlines and by the built-in segmenter), measured and compared.  Their errors
against the truth give the scatter of one disc (``repeatability``).  How often the analysis errs is
measured on drawn tables: ``python -m benchmarks inference``.
"""

from __future__ import annotations

import csv
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from discmri.cohort import Workers
from discmri.core.levels import DiscLevel
from discmri.core.settings import Settings
from discmri.simulation.trial import (
    make_trial,
    trial_scans,
)
from discmri.trial import TrialOptions, TrialResult, read_trial, run_trial
from discmri.trial.change import Course
from discmri.trial.responders import Response
from discmri.trial.values import TRACKED

LISTS = {"masks": "trial_with_masks.csv", "builtin": "trial.csv"}
_TRUTH = {"height_mm": "height_columns_mm", "adc_disc_um2_ms": "adc_disc_um2_ms"}
_LEVELS = tuple(DiscLevel(name) for name in ("L1-L2", "L2-L3", "L3-L4", "L4-L5", "L5-S1"))


def main(quick: bool = False) -> None:
    """Render, measure, print who is named and how much discs scatter."""
    seeds = (3,) if quick else (3, 4, 5)
    with tempfile.TemporaryDirectory() as folder:
        for segmenter in LISTS:
            outcomes = []
            for seed in seeds:
                root = Path(folder) / f"trial{seed}"
                make_trial(trial_scans(seed), root, Workers())
                outcomes.append((root, rendered(root, segmenter, Path(folder))))
            report(segmenter, outcomes)


def rendered(root: Path, segmenter: str, folder: Path) -> TrialResult:
    """Measure a rendered trial."""
    options = TrialOptions(settings=Settings(segmenter=segmenter))
    out = folder / f"out-{root.name}-{segmenter}"
    return run_trial(read_trial(root / LISTS[segmenter]), out, options)


def report(segmenter: str, outcomes: list[tuple[Path, TrialResult]]) -> None:
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
