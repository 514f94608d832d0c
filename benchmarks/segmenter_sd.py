"""Fit and check what the built-in segmenter states of its own error.

    python -m benchmarks.segmenter_sd SPIDER [--spines N]

Scans: the same disc in T1 and T2 slices of one patient (``benchmarks.contrasts``); an error that
both contrasts share does not show in them.  Phantoms: spines of a population in which every grade is as
frequent, against analytic truth.  Prints the share of errors of the mean column height within one and
two stated uncertainties, as shipped and for the constants of
:func:`discmri.measurement.segment.weights.height_sd_mm` that come nearest to 68 and 95 % on both.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.scans import spider_slices
from discmri.core.errors import NothingToMeasureError
from discmri.core.findings import MeasurementError
from discmri.core.labels import NumberingMethod
from discmri.core.levels import DiscLevel
from discmri.core.settings import Settings
from discmri.core.volume import Volume
from discmri.measurement.numbering import name_levels
from discmri.measurement.outline import trace_disc
from discmri.measurement.segment import weights
from discmri.measurement.segment.builtin import builtin, signal_shares
from discmri.measurement.uncertainty import height_sd
from discmri.phantoms import PulseSequence, lumbar_spine, make_phantom
from discmri.phantoms.population import member
from discmri.results.height.columns import height_columns

SEED, TRIES, SPLITS = 77, 2000, 20
REACH_MM = 10.0  # a true disc farther off is another one
BRIGHT = 0.6  # of the bones
RANGES = ((0.08, 0.25), (0.0, 6.0), (0.3, 0.9), (0.25, 0.8))
WANTED = np.array([0.68, 0.95])

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Seen:
    """One disc as found: mean column height, what its uncertainty rests on, and where it is."""

    height_mm: float
    confidence: float
    share: float
    sampling_mm2: float
    centre_mm: Floats


def seen(image: Volume) -> dict[DiscLevel, Seen]:
    """Every disc of an image whose lumbosacral junction shows."""
    try:
        found = builtin(image, Settings())
        labels, _ = name_levels(found)
    except NothingToMeasureError:
        return {}
    if labels.numbering is not NumberingMethod.SACRUM:
        return {}
    shares = dict(zip((id(d.mask) for d in found.discs), signal_shares(found, image), strict=True))
    discs = {}
    for level, mask in labels.discs.items():
        try:
            outline = trace_disc(labels, level)
        except MeasurementError:
            continue
        own = labels.segmenter_sd_mm[level]
        sampling = height_sd(outline, segmenter_sd_mm=own) ** 2 - own**2
        height, sure = height_columns(outline), labels.confidence[level]
        discs[level] = Seen(height, sure, shares[id(mask)], sampling, mask.centroid_mm)
    return discs


@dataclass(frozen=True)
class Error:
    """An error and the discs that made it: one, or two whose heights differ by it."""

    whose: str
    mm: float
    discs: tuple[Seen, ...]

    @property
    def bright(self) -> bool:
        """Whether no disc of it is dark."""
        return min(disc.share for disc in self.discs) > BRIGHT


def scan_errors(spider: Path) -> list[Error]:
    """T1 minus T2, where both claim the same size of pixels."""
    discs: dict[tuple[str, DiscLevel, float], dict[str, Seen]] = defaultdict(dict)
    for name, image in spider_slices(spider):
        patient, _, contrast = name.partition("_")
        if contrast in ("t1", "t2"):
            pixel = round(float(image.spacing_mm[1]), 3)
            for level, disc in seen(image).items():
                if level.value.startswith("L"):
                    discs[patient, level, pixel][contrast] = disc
    return [
        Error(patient, one["t1"].height_mm - one["t2"].height_mm, (one["t1"], one["t2"]))
        for (patient, *_), one in discs.items()
        if len(one) == 2
    ]


def phantom_errors(spines: int) -> Iterator[Error]:
    """Found minus true height of every disc from T12-L1 down."""
    for number in range(1, spines + 1):
        one = member(SEED, number, "even", (PulseSequence.T2,))
        phantom = make_phantom(lumbar_spine(one.options, seed=one.seed))
        truth = list(phantom.truth().items())
        for disc in seen(phantom.image(PulseSequence.T2, one.protocol)).values():
            off = [np.linalg.norm(true.centre_mm - disc.centre_mm) for _, true in truth]
            level, true = truth[int(np.argmin(off))]
            if min(off) < REACH_MM and level not in (DiscLevel.T10_T11, DiscLevel.T11_T12):
                yield Error(one.name, disc.height_mm - true.height_columns_mm, (disc,))


def over_stated(errors: list[Error], tried: Floats) -> Floats:
    """(constants, errors) size of each error over what is stated of it; a row of four constants each."""
    sure, growth, hidden, black = (column[:, None] for column in tried.T)
    variance = np.zeros((len(tried), len(errors)))
    for place in range(max(len(error.discs) for error in errors)):
        doubt = np.array([1 - error.discs[place].confidence for error in errors])
        share = np.array([np.nan_to_num(error.discs[place].share) for error in errors])
        variance += np.array([error.discs[place].sampling_mm2 for error in errors])
        variance += (sure * np.exp(growth * doubt)) ** 2
        variance += (hidden * np.exp(-((share / black) ** 2))) ** 2
    return np.asarray(np.abs([error.mm for error in errors]) / np.sqrt(variance))


@dataclass(frozen=True)
class Group:
    """Errors of one kind over what each set of constants states."""

    name: str
    weight: float
    over: Floats  # (constants, errors)
    whose: NDArray[np.str_]

    def within(self, used: NDArray[np.bool_] | None = None) -> Floats:
        """(constants, 2) share of errors within one and two stated uncertainties."""
        over = self.over if used is None else self.over[:, used]
        return np.stack([(over <= 1).mean(axis=1), (over <= 2).mean(axis=1)], axis=1)

    def half(self, seed: int) -> NDArray[np.bool_]:
        """The errors of a random half of the patients or spines."""
        order = np.random.default_rng(seed).permutation(np.unique(self.whose))
        return np.isin(self.whose, order[::2])


def groups(scans: list[Error], phantoms: list[Error], tried: Floats) -> list[Group]:
    """Scans, and phantoms as a whole and by darkness."""
    kinds = (
        ("scans", 2.0, scans),
        ("phantoms", 2.0, phantoms),
        ("bright phantoms", 0.5, [one for one in phantoms if one.bright]),
        ("dark phantoms", 0.5, [one for one in phantoms if not one.bright]),
    )
    return [
        Group(name, weight, over_stated(errors, tried), np.array([one.whose for one in errors]))
        for name, weight, errors in kinds
    ]


def loss(found: list[Group], seed: int | None = None) -> Floats:
    """(constants,) squared distance from what is wanted, of all or of a half of them."""
    total = np.zeros(len(found[0].over))
    for group in found:
        used = None if seed is None else group.half(seed)
        total += group.weight * ((group.within(used) - WANTED) ** 2).sum(axis=1)
    return total


def main() -> None:
    """Print coverage as shipped and the constants that would be nearest."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("spider", type=Path)
    parser.add_argument("--spines", type=int, default=40)
    arguments = parser.parse_args()
    scans, phantoms = scan_errors(arguments.spider), list(phantom_errors(arguments.spines))
    low, high = np.array(RANGES).T
    random = np.random.default_rng(0).uniform(low, high, (TRIES, len(RANGES)))
    shipped = (weights.SURE_SD_MM, weights.UNSURE_GROWTH, weights.HIDDEN_SD_MM, weights.BLACK_SHARE)
    tried = np.vstack([shipped, random])
    found = groups(scans, phantoms, tried)
    for n in (0, *np.argsort(loss(found))[:3]):
        print("as shipped" if n == 0 else "near to what is wanted", tried[n].round(2))
        for group in found:
            one, two = 100 * group.within()[n]
            print(f"  {group.name}: {group.over.shape[1]} discs, {one:.0f} and {two:.0f} %")
    print(f"chosen on halves of patients and spines, seen on the other halves, mean of {SPLITS}:")
    best = [int(np.argmin(loss(found, seed))) for seed in range(SPLITS)]
    for group in found:
        seen_on = [group.within(~group.half(seed))[n] for seed, n in enumerate(best)]
        one, two = 100 * np.mean(seen_on, axis=0)
        print(f"  {group.name}: {one:.0f} and {two:.0f} %")


if __name__ == "__main__":
    main()
