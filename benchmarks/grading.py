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
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.junction import named_slices
from benchmarks.junction_phantoms import NEAR_MM
from discmri.core.findings import MeasurementError
from discmri.core.grade import Grade
from discmri.core.levels import DiscLevel
from discmri.core.settings import Settings
from discmri.measurement.grade_features import (
    Comparators,
    brightest_discs,
    features,
    picture_features,
)
from discmri.measurement.grade_model import (
    SignalTable,
    fourier,
    join,
    loss_of_height,
    signal_parts,
    standardised,
)
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
CLASSES = 4  # of signal: 1, 2, 3 or 4, 5
FIVE = {1: 1, 2: 2, 3: 3, 4: 3, 5: 4, 6: 4, 7: 5, 8: 5}
"""Five levels (Pfirrmann 2001) from eight (Griffith 2007); of a double grade the collapse counts."""
RIDGE = 0.4  # variance of the noise over that of a class
FOLDS, ROUNDS = 10, 6

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GradedSpine:
    """What was measured of one slice, and the radiologists' grades by level."""

    patient: str
    maker: str
    signals: Mapping[DiscLevel, DiscSignal]
    heights_mm: Mapping[DiscLevel, float]
    depths_mm: Mapping[DiscLevel, float]
    truth: Mapping[DiscLevel, int]


@dataclass(frozen=True, eq=False)
class GradedDisc:
    """One disc: what the model sees, and the grade."""

    patient: str
    maker: str
    grade: int
    features: Mapping[Comparators, Mapping[str, float]]
    picture: Mapping[Comparators, Floats]
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
    with (spider / "overview.csv").open(newline="") as stream:
        maker = {
            row["new_file_name"]: row["Manufacturer"].split()[0] for row in csv.DictReader(stream)
        }
    for one in named_slices(spider):
        if not one.name.endswith("_t2") or one.found is None or one.read.upside_down:
            continue
        from_below = sorted(one.found.discs, key=lambda disc: disc.mask.centroid_mm[2])
        off = [np.linalg.norm((d.mask.centroid_mm - one.place_mm)[1:]) for d in from_below]
        if min(off) < NEAR_MM:
            above = tuple(from_below[int(np.argmin(off)) :])
            labels, _ = name_levels(replace(one.found, discs=above), DiscLevel.L5_S1)
            graded = truth[one.read.patient]
            yield _measured(one.read.patient, maker[one.name].upper(), one.image, labels, graded)


def _measured(
    patient: str, maker: str, image: Any, labels: Any, truth: Mapping[DiscLevel, int]
) -> GradedSpine:
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
    return GradedSpine(patient, maker, signals, heights, depths, truth)


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
                    spine.maker,
                    spine.truth[level],
                    {one: features(level, signal, brightest, one) for one in _FITTED},
                    {one: picture_features(signal, one) for one in _FITTED},
                    spine.heights_mm[level] / expected.value_mm,
                    expected.sd_mm / expected.value_mm,
                )
            )
    return found


_FITTED = (Comparators.BOTH, Comparators.MARROW, Comparators.CSF)


def fit(discs: Sequence[GradedDisc], comparators: Comparators) -> dict[str, Any]:
    """One table, with the classifiers of ratios and of pictures."""
    names = sorted(discs[0].features[comparators])
    ratios = np.array([[one.features[comparators][name] for name in names] for one in discs])
    pictures = np.array([one.picture[comparators] for one in discs])
    grades = np.array([min(one.grade, CLASSES) for one in discs])
    return {
        "features": names,
        "ratios": _classifier(ratios, grades),
        "picture": _classifier(pictures, grades),
    }


def _classifier(values: Floats, grades: NDArray[np.int_]) -> dict[str, Any]:
    """The weights of the Fourier features by least squares with a ridge."""
    mean, sd = values.mean(axis=0), values.std(axis=0)
    values = standardised(values, mean, sd)
    member = (grades[:, None] == np.arange(1, CLASSES + 1)).astype(float)
    waves = fourier(values)
    normal = waves.T @ waves + RIDGE * np.eye(waves.shape[1])
    weights = np.linalg.solve(normal, waves.T @ (member - member.mean(axis=0)))
    return {
        "mean": mean.round(4).tolist(),
        "sd": sd.round(4).tolist(),
        "shares": member.mean(axis=0).round(4).tolist(),
        "weights": weights.round(3).tolist(),
    }


def cross_validated(
    discs: Sequence[GradedDisc], comparators: Comparators, rounds: int = ROUNDS
) -> Floats:
    """(rounds, discs, 4) probabilities by tables that never saw the patient of the disc."""
    patients = np.array([one.patient for one in discs])
    told = np.zeros((rounds, len(discs), CLASSES))
    for seed in range(rounds):
        order = np.unique(patients)
        np.random.default_rng(seed).shuffle(order)
        for n in range(FOLDS):
            _tell(told[seed], discs, comparators, np.isin(patients, order[n::FOLDS]))
    return told


def across_makers(discs: Sequence[GradedDisc], comparators: Comparators) -> Floats:
    """(1, discs, 4) probabilities by tables fitted on scanners of the other makers."""
    told = np.zeros((1, len(discs), CLASSES))
    makers = np.array([one.maker for one in discs])
    for maker in np.unique(makers):
        _tell(told[0], discs, comparators, makers == maker)
    return told


def _tell(
    told: Floats, discs: Sequence[GradedDisc], comparators: Comparators, out: NDArray[np.bool_]
) -> None:
    """Fill in the probabilities of the discs left out by a table of the others."""
    kept = [one for one, left in zip(discs, out, strict=True) if not left]
    table = SignalTable.of(fit(kept, comparators))
    for k in np.flatnonzero(out):
        disc = discs[k]
        told[k] = table.probabilities(disc.features[comparators], disc.picture[comparators])


def report(discs: Sequence[GradedDisc], told: Floats) -> None:
    """Agreement on five levels by round, mean confusion matrix and reliability over all rounds."""
    truth = np.array([one.grade for one in discs])
    scores, counts = [], np.zeros((5, 5))
    rights, sures, doubles = [], [], 0
    for one_round in told:
        said, sure, double = _suggested(discs, one_round)
        one_count = np.zeros((5, 5))
        np.add.at(one_count, (truth - 1, said - 1), 1)
        scores.append((*_agreement(one_count), _log_loss(truth, sure)))
        counts += one_count / len(told)
        rights.append(said == truth)
        sures.append(sure[np.arange(len(said)), said - 1])
        doubles += double
    mean, spread = np.mean(scores, axis=0), np.std(scores, axis=0)
    names = ("quadratic kappa", "exact", "one off", "log loss")
    print(
        f"{len(truth)} discs, {len(told)} rounds: "
        + ", ".join(f"{n} {m:.3f} ± {s:.3f}" for n, m, s in zip(names, mean, spread, strict=True))
    )
    recall = np.diag(counts) / counts.sum(axis=1)
    print("recall of 1 to 5: " + ", ".join(f"{value:.2f}" for value in recall))
    print("rows true, columns suggested:\n" + str(counts.round().astype(int)))
    print(f"double grades {doubles / len(told):.1f} of {len(truth)}")
    _reliability(np.concatenate(rights), np.concatenate(sures), len(told))


def _suggested(discs: Sequence[GradedDisc], told: Floats) -> tuple[NDArray[np.int_], Floats, int]:
    """Suggested five-level grades, (n, 5) probabilities, and how many double grades."""
    normal = Settings().normal_height_loss
    said, sure, doubles = [], np.zeros((len(discs), 5)), 0
    for n, (disc, chance) in enumerate(zip(discs, told, strict=True)):
        loss = loss_of_height(disc.ratio, disc.relative_sd, normal)
        joined = join(signal_parts(list(chance), 0.0), loss, normal)
        for text, share in joined.probabilities.items():
            sure[n, FIVE[Grade.parse(text).ordinal] - 1] += share
        doubles += "/" in str(joined.grade)
        said.append(FIVE[joined.grade.ordinal])
    return np.array(said), sure, doubles


def _agreement(counts: Floats) -> tuple[float, float, float]:
    """Quadratic kappa, share exact, share at most one off."""
    off = np.abs(np.subtract.outer(np.arange(5), np.arange(5)))
    chance = np.outer(counts.sum(1), counts.sum(0)) / counts.sum()
    kappa = 1 - (off**2 * counts).sum() / (off**2 * chance).sum()
    return (
        float(kappa),
        float(np.trace(counts) / counts.sum()),
        float(counts[off <= 1].sum() / counts.sum()),
    )


def _log_loss(truth: NDArray[np.int_], sure: Floats) -> float:
    return float(-np.log(np.maximum(sure[np.arange(len(truth)), truth - 1], 1e-6)).mean())


def _reliability(right: NDArray[np.bool_], sure: Floats, rounds: int) -> None:
    for low, high in ((0.0, 0.4), (0.4, 0.5), (0.5, 0.6), (0.6, 0.7), (0.7, 0.8), (0.8, 1.01)):
        here = (sure >= low) & (sure < high)
        if here.any():
            print(
                f"  probability {low:.1f} to {min(high, 1):.1f}: {here.sum() / rounds:.0f} discs, "
                f"stated {sure[here].mean():.2f}, right {right[here].mean():.2f}"
            )


def write(discs: Sequence[GradedDisc]) -> None:
    """Renew the coefficients that the package holds."""
    model = {
        "what": "signal part of the suggested modified Pfirrmann grade: mean of two least-squares probabilistic classifiers",
        "source": "SPIDER: van der Graaf JW et al., Sci Data 2024;11:264, doi 10.5281/zenodo.10159290",
        "licence": "CC BY 4.0 (grades and slices the coefficients were fitted to)",
        "changes": "one mid-sagittal T2 slice of each patient, features measured by discmri",
        "made_by": "python -m benchmarks.grading SPIDER --write",
        "discs": len(discs),
        "patients": len({one.patient for one in discs}),
        "classes": ["1", "2", "3 or 4", "5"],
        "tables": {one.value: fit(discs, one) for one in _FITTED},
    }
    MODEL.write_text(_rows_on_a_line(json.dumps(model, indent=1)) + "\n", encoding="utf-8")


def _rows_on_a_line(text: str) -> str:
    return re.sub(r"\[\s+([^\[\]]+?)\s+\]", lambda row: f"[{' '.join(row[1].split())}]", text)


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
        print("fitted on scanners of other makers:")
        report(discs, across_makers(discs, comparators))


if __name__ == "__main__":
    main()
