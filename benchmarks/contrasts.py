"""One disc in two contrasts: heights that the built-in segmenter finds in T1 and in T2.

    python -m benchmarks.contrasts --spider FOLDER

Mid-sagittal T1 and T2 slices of one patient show the same discs, so the difference of their
heights is an error on real scans for which no truth is needed.  Prints it for every definition of
height, how often the stated uncertainties hold it, and whether the confidence ranks it.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.scans import spider_slices
from discmri.core.errors import NothingToMeasureError
from discmri.core.findings import MeasurementError
from discmri.core.labels import NumberingMethod
from discmri.core.settings import Settings
from discmri.core.volume import Volume
from discmri.measurement.numbering import name_levels
from discmri.measurement.outline import trace_disc
from discmri.measurement.segment import segment
from discmri.measurement.uncertainty import height_sd
from discmri.results.height import HEIGHT_METHODS

PRIMARY = Settings().height_method
CODES = tuple(code for code in HEIGHT_METHODS if code != "3d")  # one slice has no third dimension
QUARTERS = 4


@dataclass(frozen=True)
class Seen:
    """One disc in one contrast: heights and stated uncertainties by definition, mm, and more."""

    height_mm: Mapping[str, float]
    sd_mm: Mapping[str, float]
    confidence: float
    pixel_mm: float


def seen(image: Volume) -> Iterator[tuple[str, Seen]]:
    """Level and height of every lumbar disc that was counted from a sacrum."""
    try:
        labels, _ = name_levels(segment(image, Settings()))
    except NothingToMeasureError:
        return
    if labels.numbering is not NumberingMethod.SACRUM:
        return
    for level in labels.discs:
        if not level.value.startswith("L"):
            continue
        own_sd = labels.segmenter_sd_mm[level]
        try:
            outline = trace_disc(labels, level)
            heights = {code: HEIGHT_METHODS[code].measure(outline) for code in CODES}
        except MeasurementError:
            continue
        sd = {code: height_sd(outline, code, own_sd) for code in CODES}
        yield level.value, Seen(heights, sd, labels.confidence[level], float(image.spacing_mm[1]))


def pairs(folder: Path) -> list[tuple[Seen, Seen]]:
    """T1 and T2 of the same disc, where both series claim the same size of pixels."""
    discs: dict[tuple[str, str], dict[str, Seen]] = defaultdict(dict)
    for name, image in spider_slices(folder):
        patient, _, contrast = name.partition("_")
        if contrast in ("t1", "t2"):
            for level, disc in seen(image):
                discs[patient, level][contrast] = disc
    both = [(one["t1"], one["t2"]) for one in discs.values() if len(one) == 2]
    return [(a, b) for a, b in both if abs(a.pixel_mm - b.pixel_mm) < 1e-3]


def main() -> None:
    """Print differences, coverage and rank."""
    from scipy.stats import spearmanr

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--spider", type=Path, required=True, help="folder of the SPIDER slices")
    found = pairs(parser.parse_args().spider)
    print(f"{len(found)} discs, T1 minus T2")
    for code in CODES:
        difference = np.array([a.height_mm[code] - b.height_mm[code] for a, b in found])
        stated = np.array([np.hypot(a.sd_mm[code], b.sd_mm[code]) for a, b in found])
        within = [100 * (np.abs(difference) < n * stated).mean() for n in (1, 2)]
        print(
            f"{code:12} mean {difference.mean():+.2f}, SD {difference.std():.2f} mm, "
            f"two thirds within {np.quantile(np.abs(difference), 0.68):.2f} mm; "
            f"within one stated uncertainty {within[0]:.0f} %, within two {within[1]:.0f} %"
        )
    difference = np.array([a.height_mm[PRIMARY] - b.height_mm[PRIMARY] for a, b in found])
    sure = np.array([min(a.confidence, b.confidence) for a, b in found])
    rank = spearmanr(sure, np.abs(difference)).statistic
    print(f"rank correlation of confidence with |difference| of {PRIMARY}: {rank:.2f}")
    for part in np.array_split(np.argsort(sure), QUARTERS):
        low, high = sure[part].min(), sure[part].max()
        rms = np.sqrt((difference[part] ** 2).mean())
        print(f"  confidence {low:.2f} to {high:.2f}: {rms:.2f} mm root mean square")


if __name__ == "__main__":
    main()
