"""Whether L5-S1 is found: naming of levels against the SPIDER slices whose junction was read by eye.

    python -m benchmarks.junction SPIDER [--fit]

SPIDER is a folder with ``slices/*.png`` and ``overview.csv``.  ``--fit`` fits the models of
``discmri.measurement.junction`` anew, cross-validated by patient, and prints their coefficients.
The model of residual discs learns from phantoms too, which takes a quarter of an hour of one core: SPIDER
shows eleven such discs, none below a squared S1, and no extent to the sides.

It also prints how many S1-S2 discs are drawn by what the readers saw.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.junction_phantoms import NEAR_MM, drawn_as, junction_phantoms
from benchmarks.scans import spider_slices
from discmri.core.errors import NothingToMeasureError
from discmri.core.labels import FoundSpine, SpineLabels
from discmri.core.levels import DiscLevel
from discmri.core.settings import Settings
from discmri.core.volume import Volume
from discmri.measurement.junction import CERTAIN, CUT, RESIDUAL, Model, sign_values
from discmri.measurement.junction_signs import JunctionSigns, junction_signs
from discmri.measurement.numbering import name_levels
from discmri.measurement.segment import segment

TRUTH = Path(__file__).parents[1] / "tests/data/spider_junction.csv"
CANDIDATES = 3  # the lowest discs from which the models learn
DOUBTFUL_WEIGHT = 0.5
PHANTOMS = (
    (1, 1, [n for n in range(240) if n % 4 != 3], 0.1),
    (3, 13, [n for n in range(240) if n % 18 in (0, 2)], 1.0),
)
"""Seed, slices and places of the phantoms that a fit learns from, and the weight of each disc: single
slices together count a quarter of the patients', as much as the few with several slices."""
CUT_PHANTOMS = ((12, 1, [n for n in range(210) if n % 8 < 2], 0.4),)
"""The same for the level without a sacrum: they also count a quarter of the patients'.  SPIDER has
hardly a sacrum of 15 degrees, and alone gives names with too much certainty there."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Read:
    """What the readers said of one slice."""

    patient: str
    place_px: tuple[float, float]
    doubtful: bool
    upside_down: bool
    types: tuple[str, str]
    """Type of the S1-S2 disc after O'Driscoll by either reader; empty where not visible."""

    @property
    def s1_s2(self) -> str:
        """What both readers saw between S1 and S2."""
        first, second = sorted(self.types)
        if not second:
            return "not visible"
        names = {"1": "none", "2": "small", "3": "full depth", "4": "full depth"}
        seen = [names[one] for one in (first, second) if one]
        return " or ".join(dict.fromkeys(seen))


@dataclass(frozen=True, eq=False)
class Named:
    """One slice as the program names it, beside what the readers said."""

    name: str
    image: Volume
    read: Read
    place_mm: Floats
    found: FoundSpine | None
    labels: SpineLabels | None

    @property
    def right(self) -> bool:
        """Whether the disc called L5-S1 is the readers'."""
        disc = self.labels.discs.get(DiscLevel.L5_S1) if self.labels else None
        return disc is not None and _near(disc.centroid_mm, self.place_mm)

    @property
    def certain(self) -> bool:
        """Whether the names carry no mark of doubt."""
        return self.labels is not None and self.labels.numbering_probability >= CERTAIN


@dataclass(frozen=True)
class Sample:
    """The signs of one disc, taken for the lowest, and how many levels above L5-S1 it is."""

    patient: str  # empty for a phantom
    signs: JunctionSigns
    position: int  # among the discs found, from below
    levels_above: int  # -1 for a residual disc
    weight: float


def reads(path: Path = TRUTH) -> dict[str, Read]:
    """The readers' table by slice."""
    with path.open(newline="", encoding="utf-8") as stream:
        return {
            row["slice"]: Read(
                row["slice"].split("_")[0],
                (float(row["column_px"]), float(row["row_px"])),
                row["doubtful"] == "1",
                row["upside_down"] == "1",
                (row["s1_s2_type_first"], row["s1_s2_type_second"]),
            )
            for row in csv.DictReader(stream)
        }


def named_slices(spider: Path) -> Iterator[Named]:
    """Every slice of the table that is found in the folder, segmented and named."""
    known = reads()
    for name, image in spider_slices(spider):
        if name not in known:
            continue
        column, row = known[name].place_px
        place = image.grid.to_world((0, row, column))
        try:
            found = segment(image, Settings())
        except NothingToMeasureError:
            yield Named(name, image, known[name], place, None, None)
            continue
        yield Named(name, image, known[name], place, found, name_levels(found)[0])


def report(slices: Sequence[Named]) -> None:
    """Print how often L5-S1 is right, and what is wrong or marked."""
    kinds: dict[str, list[Named]] = {"all": [one for one in slices if not one.read.upside_down]}
    kinds["without doubtful"] = [one for one in kinds["all"] if not one.read.doubtful]
    kinds["upside down"] = [one for one in slices if one.read.upside_down]
    for suffix, kind in (("_t2", "T2"), ("_t1", "T1"), ("_SPACE", "3D T2")):
        kinds[kind] = [one for one in kinds["all"] if one.name.endswith(suffix)]
    for kind, some in kinds.items():
        certain = [one for one in some if one.certain]
        print(
            f"{kind}: L5-S1 right on {_share(some)}; marked as uncertain "
            f"{len(some) - len(certain)}; right without a mark {_share(certain)}"
        )
    named = [one for one in kinds["all"] if one.labels is not None]
    stated = [one.labels.numbering_probability for one in named if one.labels is not None]
    print_reliability(np.array(stated), np.array([one.right for one in named]))
    for one in slices:
        if not one.right or not one.certain:
            told = "refused"
            if one.labels is not None:
                residual = ", residual disc" if one.labels.residual_discs else ""
                told = f"{one.labels.numbering_probability:.2f}{residual}"
            print(f"  {one.name}: {'right' if one.right else 'WRONG'}, {told}")


def report_s1_s2(slices: Sequence[Named]) -> None:
    """Print how many S1-S2 discs are drawn, by what the readers saw."""
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for one in slices:
        if not one.read.upside_down:
            named = "" if one.right and one.certain else " (L5-S1 wrong or marked)"
            table[one.read.s1_s2][drawn_as(one.found, one.labels) + named] += 1
    for seen, ways in sorted(table.items()):
        print(f"S1-S2 {seen}:", ", ".join(f"{how} {n}" for how, n in sorted(ways.items())))


def _share(some: Sequence[Named]) -> str:
    right = sum(one.right for one in some)
    return f"{right} of {len(some)} ({100 * right / max(len(some), 1):.1f} %)"


def _near(one: Floats, other: Floats) -> bool:
    return bool(np.linalg.norm((one - other)[1:]) < NEAR_MM)


def samples(slices: Sequence[Named]) -> list[Sample]:
    """The signs of the lowest discs of every slice that shows the readers' disc."""
    known = []
    for one in slices:
        if one.found is not None and not one.read.upside_down:
            weight = DOUBTFUL_WEIGHT if one.read.doubtful else 1.0
            known += _samples_of(one.found, one.place_mm, one.read.patient, weight)
    return known


def phantom_samples(phantoms: Sequence[tuple[int, int, list[int], float]]) -> list[Sample]:
    """The same of phantoms with a residual disc."""
    known = []
    for seed, slices, numbers, weight in phantoms:
        for one in junction_phantoms(seed, slices, numbers=numbers):
            print(f"phantom {one.name} of seed {seed}", file=sys.stderr)
            known += _samples_of(segment(one.volume, Settings()), one.l5_s1_mm, "", weight)
    return known


def _samples_of(found: FoundSpine, place_mm: Floats, patient: str, weight: float) -> list[Sample]:
    discs = sorted(found.discs, key=lambda disc: disc.mask.centroid_mm[2])
    distance = [np.linalg.norm((d.mask.centroid_mm - place_mm)[1:]) for d in discs]
    junction = int(np.argmin(distance))
    if distance[junction] >= NEAR_MM:
        return []
    signs = [junction_signs(found, discs[n:]) for n in range(min(CANDIDATES, len(discs)))]
    return [Sample(patient, seen, n, n - junction, weight) for n, seen in enumerate(signs) if seen]


def fit(known: Sequence[Sample], residual: Sequence[Sample], cut: Sequence[Sample]) -> None:
    """Fit both models anew and print coefficients and cross-validated reliability.

    Parameters
    ----------
    known
        From patients, for both models.
    residual, cut
        From phantoms, for residual discs and for the level without a sacrum.
    """
    print("residual disc against L5-S1:")
    both = [s for s in (*known, *residual) if s.levels_above in (-1, 0)]
    _fit_one(both, [int(s.levels_above < 0) for s in both], RESIDUAL)
    seen = [s for s in (*known, *cut) if 0 <= s.levels_above <= len(CUT) - 1]
    print("level of the lowest disc without a sacrum (0 is L5-S1):")
    _fit_one(seen, [s.levels_above for s in seen], next(iter(CUT.values())))


def _fit_one(known: Sequence[Sample], wanted: Sequence[int], model: Model) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold

    signs = np.array([_parts(s.signs, model) for s in known])
    weight, truth = np.array([s.weight for s in known]), np.array(wanted)
    patients = np.array([s.patient for s in known])
    real = np.flatnonzero(patients != "")
    spread = signs[real].std(axis=0)
    unseen = spread == 0  # on a single slice
    spread[unseen] = [column[column != 0].std() for column in signs.T[unseen]]

    def fitted(rows: NDArray[np.int_]) -> LogisticRegression:
        model = LogisticRegression(max_iter=5000)
        return model.fit(signs[rows] / spread, truth[rows], sample_weight=weight[rows])

    told = np.zeros((len(known), len(set(wanted))))
    groups = patients[real]
    for _, test in GroupKFold(len(set(groups))).split(real, groups=groups):
        rest = np.setdiff1d(np.arange(len(known)), real[test])
        told[real[test]] = fitted(rest).predict_proba(signs[real[test]] / spread)
    _reliability(told[real], truth[real])
    last = fitted(np.arange(len(known)))
    for intercept, weights in zip(last.intercept_, last.coef_ / spread, strict=True):
        terms = ", ".join(f"{n} {w:.3f}" for n, w in zip(model.terms, weights, strict=True))
        print(f"  intercept {intercept:.2f}, {terms}")


def _parts(signs: JunctionSigns, model: Model) -> list[float]:
    """What a fit sees of the signs: the clipped distance from usual."""
    values: Mapping[str, float] = sign_values(signs)
    return [term.of(values[name]) / term.weight for name, term in model.terms.items()]


def _reliability(told: Floats, truth: NDArray[np.int_]) -> None:
    right, sure = told.argmax(axis=1) == truth, told.max(axis=1)
    print(f"  cross-validated by patient: {right.sum()} of {len(right)} right")
    print_reliability(sure, right)


def print_reliability(stated: Floats, right: NDArray[np.bool_]) -> None:
    """Print how often names are right by the probability stated for them, and the Brier score."""
    for low, high in ((0.0, 0.5), (0.5, 0.7), (0.7, 0.9), (0.9, 0.98), (0.98, 1.01)):
        here = (stated >= low) & (stated < high)
        if here.any():
            print(
                f"  probability {low:.2f} to {min(high, 1):.2f}: {here.sum()} names, stated "
                f"{stated[here].mean():.3f}, right {right[here].mean():.3f}"
            )
    print(f"  Brier score {np.mean((stated - right) ** 2):.4f}")


def main() -> None:
    """Parse the call, score and fit."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("spider", type=Path)
    parser.add_argument("--fit", action="store_true", help="fit the models anew")
    arguments = parser.parse_args()
    slices = list(named_slices(arguments.spider))
    report(slices)
    report_s1_s2(slices)
    if arguments.fit:
        fit(samples(slices), phantom_samples(PHANTOMS), phantom_samples(CUT_PHANTOMS))


if __name__ == "__main__":
    main()
