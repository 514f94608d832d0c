"""The model of the suggested grade: fitted to, and tried on, the grades of radiologists.

    python -m benchmarks.grading SPIDER [--write]

SPIDER is a folder with ``slices/*.png``, ``overview.csv`` and ``gradings.csv`` (van der Graaf et
al., Sci Data 2024;11:264, CC BY 4.0).  Prints agreement cross-validated by patient, the confusion
matrix and the reliability of the stated probabilities; ``--write`` renews the coefficients in
``src/discmri/measurement/grade_model.json``.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.junction import NEAR_MM, named_slices
from discmri.core.findings import MeasurementError
from discmri.core.grade import Grade
from discmri.core.levels import DiscLevel
from discmri.core.settings import Settings
from discmri.measurement.grade_features import Comparators, brightest_discs, features
from discmri.measurement.grade_model import FEATURE_REACH, join, loss_of_height, signal_parts
from discmri.measurement.grading import reference_heights
from discmri.measurement.height import measure_heights
from discmri.measurement.numbering import name_levels
from discmri.measurement.outline import trace_disc
from discmri.measurement.shape import measure_shape
from discmri.measurement.signal import (
    DiscSignal,
    correct_bias_field,
    measure_signal,
    spine_comparators,
)
from discmri.results.height import HEIGHT_METHODS

MODEL = Path(__file__).parents[1] / "src/discmri/measurement/grade_model.json"
LEVELS = ("L5-S1", "L4-L5", "L3-L4", "L2-L3", "L1-L2", "T12-L1", "T11-T12", "T10-T11")
"""Level by the set's own label, 1 for the lowest disc."""
FIVE = {1: 1, 2: 2, 3: 3, 4: 3, 5: 4, 6: 4, 7: 5, 8: 5}
"""Five levels (Pfirrmann 2001) from eight (Griffith 2007); of a double entry the collapse counts."""
PENALTY = 0.15  # inverse of the ridge
FOLDS, ROUNDS = 10, 2

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GradedSpine:
    """What was measured of one slice, and the radiologists' grades by level."""

    patient: str
    signals: Mapping[DiscLevel, DiscSignal]
    heights_mm: Mapping[DiscLevel, float]
    depths_mm: Mapping[DiscLevel, float]
    truth: Mapping[DiscLevel, int]


@dataclass(frozen=True, eq=False)
class GradedDisc:
    """One disc: what the model sees, and the grade."""

    patient: str
    grade: int
    features: Mapping[Comparators, Mapping[str, float]]
    ratio: float
    relative_sd: float


def graded_spines(spider: Path) -> Iterator[GradedSpine]:
    """Every T2 slice, its discs named from the junction that readers saw."""
    truth: dict[str, dict[DiscLevel, int]] = defaultdict(dict)
    with (spider / "gradings.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            place = int(row["IVD label"]) - 1
            if place < len(LEVELS):
                truth[row["Patient"]][DiscLevel(LEVELS[place])] = int(row["Pfirrman grade"])
    for one in named_slices(spider):
        if not one.name.endswith("_t2") or one.found is None or one.read.upside_down:
            continue
        from_below = sorted(one.found.discs, key=lambda disc: disc.mask.centroid_mm[2])
        off = [np.linalg.norm((d.mask.centroid_mm - one.place_mm)[1:]) for d in from_below]
        if min(off) < NEAR_MM:
            above = tuple(from_below[int(np.argmin(off)) :])
            labels, _ = name_levels(replace(one.found, discs=above), DiscLevel.L5_S1)
            yield _measured(one.read.patient, one.image, labels, truth[one.read.patient])


def _measured(patient: str, image: Any, labels: Any, truth: Mapping[DiscLevel, int]) -> GradedSpine:
    settings = Settings()
    flat = correct_bias_field(image, labels)
    shared = spine_comparators(flat, labels)
    primary = HEIGHT_METHODS[settings.height_method].parameter
    signals, heights, depths = {}, {}, {}
    for level in labels.discs:
        try:
            outline = trace_disc(labels, level, settings.central_slices)
            signals[level] = measure_signal(flat, labels, level, outline, shared)
        except MeasurementError:
            continue
        values = {one.parameter: one.value for one in measure_heights(outline)[0]}
        values |= {one.parameter: one.value for one in measure_shape(outline)[0]}
        heights |= {level: float(values[primary])} if primary in values else {}
        depths |= {level: float(values["width_ap_mm"])} if "width_ap_mm" in values else {}
    return GradedSpine(patient, signals, heights, depths, truth)


def graded_discs(spines: Iterator[GradedSpine] | Sequence[GradedSpine]) -> list[GradedDisc]:
    """All graded discs with both comparators, an expected height and a grade."""
    found = []
    for spine in spines:
        references = reference_heights(spine.heights_mm, spine.signals, spine.depths_mm)
        brightest = brightest_discs(spine.signals.values())
        for level, signal in spine.signals.items():
            known = level in references and level in spine.heights_mm and level in spine.truth
            if not known or signal.csf is None or signal.marrow is None:
                continue
            expected = references[level]
            found.append(
                GradedDisc(
                    spine.patient,
                    spine.truth[level],
                    {one: features(level, signal, brightest, one) for one in _FITTED},
                    spine.heights_mm[level] / expected.value_mm,
                    expected.sd_mm / expected.value_mm,
                )
            )
    return found


_FITTED = (Comparators.BOTH, Comparators.MARROW, Comparators.CSF)


def fit(discs: Sequence[GradedDisc], comparators: Comparators) -> dict[str, Any]:
    """Coefficients of one table."""
    from sklearn.linear_model import LogisticRegression

    names = sorted(discs[0].features[comparators])
    values = np.array([[one.features[comparators][name] for name in names] for one in discs])
    mean, sd = values.mean(axis=0), values.std(axis=0)
    fitted = LogisticRegression(C=PENALTY, max_iter=3000)
    classes = np.array([min(one.grade, 4) for one in discs])
    fitted.fit(np.clip((values - mean) / sd, -FEATURE_REACH, FEATURE_REACH), classes)
    return {
        "features": names,
        "mean": mean.round(4).tolist(),
        "sd": sd.round(4).tolist(),
        "weights": fitted.coef_.T.round(4).tolist(),
        "intercepts": fitted.intercept_.round(4).tolist(),
    }


def classes(table: Mapping[str, Any], disc: GradedDisc, comparators: Comparators) -> Floats:
    """Probabilities of 1, 2, 3 or 4, and 5 by a table."""
    from discmri.measurement.grade_model import SignalTable

    arrays = (np.array(table[key]) for key in ("mean", "sd", "weights", "intercepts"))
    found = disc.features[comparators]
    return SignalTable(tuple(table["features"]), *arrays).probabilities(found)


def cross_validated(discs: Sequence[GradedDisc], comparators: Comparators) -> list[Floats]:
    """Probabilities of each disc by tables that never saw its patient, mean of the rounds."""
    patients = np.array([one.patient for one in discs])
    told = [np.zeros(4) for _ in discs]
    for seed in range(ROUNDS):
        order = np.unique(patients)
        np.random.default_rng(seed).shuffle(order)
        for n in range(FOLDS):
            out = np.isin(patients, order[n::FOLDS])
            table = fit(
                [one for one, left in zip(discs, out, strict=True) if not left], comparators
            )
            for k in np.flatnonzero(out):
                told[k] = told[k] + classes(table, discs[k], comparators) / ROUNDS
    return told


def report(discs: Sequence[GradedDisc], told: Sequence[Floats]) -> None:
    """Agreement, confusion matrix and reliability on five levels."""
    normal = Settings().normal_height_loss
    truth, said, sure = [], [], []
    doubles = 0
    for disc, chance in zip(discs, told, strict=True):
        loss = loss_of_height(disc.ratio, disc.relative_sd, normal)
        joined = join(signal_parts(chance, 0.0), loss, normal)
        five: dict[int, float] = defaultdict(float)
        for text, share in joined.probabilities.items():
            five[FIVE[Grade.parse(text).ordinal]] += share
        doubles += "/" in str(joined.grade)
        truth.append(disc.grade)
        said.append(FIVE[joined.grade.ordinal])
        sure.append(five[said[-1]])
    _agreement(np.array(truth), np.array(said))
    print(f"double entries {doubles} of {len(discs)} ({100 * doubles / len(discs):.1f} %)")
    _reliability(np.array(truth) == np.array(said), np.array(sure))


def _agreement(truth: NDArray[np.int_], said: NDArray[np.int_]) -> None:
    counts = np.zeros((5, 5), dtype=int)
    np.add.at(counts, (truth - 1, said - 1), 1)
    square = np.subtract.outer(np.arange(5), np.arange(5)) ** 2
    chance = np.outer(counts.sum(1), counts.sum(0)) / counts.sum()
    kappa = 1 - (square * counts).sum() / (square * chance).sum()
    exact, near = np.mean(truth == said), np.mean(np.abs(truth - said) <= 1)
    recall = np.diag(counts) / counts.sum(axis=1)
    print(f"{len(truth)} discs: quadratic kappa {kappa:.3f}, exact {exact:.3f}, one off {near:.3f}")
    print("recall of 1 to 5: " + ", ".join(f"{value:.2f}" for value in recall))
    print("rows true, columns suggested:\n" + str(counts))


def _reliability(right: NDArray[np.bool_], sure: Floats) -> None:
    for low, high in ((0.0, 0.4), (0.4, 0.5), (0.5, 0.6), (0.6, 0.7), (0.7, 0.8), (0.8, 1.01)):
        here = (sure >= low) & (sure < high)
        if here.any():
            print(
                f"  probability {low:.1f} to {min(high, 1):.1f}: {here.sum()} discs, stated "
                f"{sure[here].mean():.2f}, right {right[here].mean():.2f}"
            )


def write(discs: Sequence[GradedDisc]) -> None:
    """Renew the coefficients that the package holds."""
    model = {
        "what": "signal part of the suggested modified Pfirrmann grade: multinomial logistic model",
        "source": "SPIDER: van der Graaf JW et al., Sci Data 2024;11:264, doi 10.5281/zenodo.10159290",
        "licence": "CC BY 4.0 (grades and slices the coefficients were fitted to)",
        "changes": "one mid-sagittal T2 slice of each patient, features measured by discmri",
        "made_by": "python -m benchmarks.grading SPIDER --write",
        "discs": len(discs),
        "patients": len({one.patient for one in discs}),
        "classes": ["1", "2", "3 or 4", "5"],
        "tables": {one.value: fit(discs, one) for one in _FITTED},
    }
    MODEL.write_text(json.dumps(model, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Parse the call, cross-validate and fit."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("spider", type=Path)
    parser.add_argument("--write", action="store_true", help="renew the coefficients")
    arguments = parser.parse_args()
    discs = graded_discs(graded_spines(arguments.spider))
    if arguments.write:
        write(discs)
    for comparators in _FITTED:
        print(f"\n{comparators.value}, cross-validated by patient:")
        report(discs, cross_validated(discs, comparators))


if __name__ == "__main__":
    main()
