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

SEED, TRIES = 77, 2000
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
    pairs = [(one["t1"], one["t2"]) for one in discs.values() if len(one) == 2]
    return [Error(a.height_mm - b.height_mm, (a, b)) for a, b in pairs]


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
                yield Error(disc.height_mm - true.height_columns_mm, (disc,))


def within(errors: list[Error], constants: tuple[float, ...]) -> Floats:
    """Share of errors within one and two stated uncertainties."""
    counts = np.zeros(2)
    for error in errors:
        variance = sum(
            d.sampling_mm2 + _stated(d.confidence, d.share, constants) ** 2 for d in error.discs
        )
        counts += np.abs(error.mm) <= np.sqrt(variance) * np.array([1, 2])
    return counts / len(errors)


def _stated(confidence: float, share: float, constants: tuple[float, ...]) -> float:
    sure, growth, hidden, black = constants
    return float(
        np.hypot(sure * np.exp(growth * (1 - confidence)), hidden * np.exp(-((share / black) ** 2)))
    )


def main() -> None:
    """Print coverage as shipped and the constants that would be nearest."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("spider", type=Path)
    parser.add_argument("--spines", type=int, default=40)
    arguments = parser.parse_args()
    scans, phantoms = scan_errors(arguments.spider), list(phantom_errors(arguments.spines))
    sets = {
        "scans": (2.0, scans),
        "phantoms": (2.0, phantoms),
        "bright phantoms": (0.5, [one for one in phantoms if one.bright]),
        "dark phantoms": (0.5, [one for one in phantoms if not one.bright]),
    }
    shipped = (weights.SURE_SD_MM, weights.UNSURE_GROWTH, weights.HIDDEN_SD_MM, weights.BLACK_SHARE)
    rng = np.random.default_rng(0)
    tried = [
        shipped,
        *(tuple(rng.uniform(low, high) for low, high in RANGES) for _ in range(TRIES)),
    ]

    def loss(constants: tuple[float, ...]) -> float:
        parts = (
            w * ((within(errors, constants) - WANTED) ** 2).sum() for w, errors in sets.values()
        )
        return float(sum(parts))

    for constants in (shipped, *sorted(tried[1:], key=loss)[:3]):
        print(
            f"constants {', '.join(f'{one:.2f}' for one in constants)}, loss {loss(constants):.4f}"
        )
        for name, (_, errors) in sets.items():
            one, two = 100 * within(errors, constants)
            print(f"  {name}: {len(errors)} discs, {one:.0f} and {two:.0f} %")


if __name__ == "__main__":
    main()
