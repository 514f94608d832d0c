"""One disc in two contrasts: heights that the built-in segmenter finds in T1 and in T2.

    python -m benchmarks.contrasts --spider FOLDER

Mid-sagittal T1 and T2 slices of one patient show the same discs, so the difference of their
heights is an error on real scans for which no truth is needed.  Prints it, how often the stated
uncertainties hold it, and whether the confidence ranks it.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.scans import spider_slices
from discmri.core.errors import NothingToMeasureError
from discmri.core.findings import MeasurementError
from discmri.core.labels import NumberingMethod
from discmri.core.settings import Settings
from discmri.core.volume import Volume
from discmri.measurement.height import measure_heights
from discmri.measurement.numbering import name_levels
from discmri.measurement.outline import trace_disc
from discmri.measurement.segment import segment

HEIGHT = "height_columns_mm"
QUARTERS = 4


@dataclass(frozen=True)
class Seen:
    """One disc in one contrast: height and its standard error in mm, confidence, size of pixels."""

    height_mm: float
    sd_mm: float
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
        try:
            heights, _ = measure_heights(trace_disc(labels, level))
        except MeasurementError:
            continue
        height = next((one.value for one in heights if one.parameter == HEIGHT), None)
        if isinstance(height, float):
            sd, sure = labels.segmenter_sd_mm[level], labels.confidence[level]
            yield level.value, Seen(height, sd, sure, float(image.spacing_mm[1]))


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
    difference = np.array([a.height_mm - b.height_mm for a, b in found])
    stated = np.array([np.hypot(a.sd_mm, b.sd_mm) for a, b in found])
    sure = np.array([min(a.confidence, b.confidence) for a, b in found])
    off = np.abs(difference)
    print(
        f"{len(found)} discs, T1 minus T2: mean {difference.mean():.2f}, SD {difference.std():.2f} mm"
    )
    within = [100 * (off < n * stated).mean() for n in (1, 2)]
    print(f"{within[0]:.0f} % within one stated uncertainty, {within[1]:.0f} % within two")
    print(f"rank correlation of confidence with |difference| {spearmanr(sure, off).statistic:.2f}")
    for part in np.array_split(np.argsort(sure), QUARTERS):
        low, high = sure[part].min(), sure[part].max()
        rms = np.sqrt((difference[part] ** 2).mean())
        print(f"  confidence {low:.2f} to {high:.2f}: {rms:.2f} mm root mean square")


if __name__ == "__main__":
    main()
