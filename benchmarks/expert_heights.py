"""The built-in segmenter against expert masks: heights, overlap and stated uncertainty.

    python -m benchmarks.expert_heights FOLDER

FOLDER holds ``studies/NAME`` (DICOM), ``truth/NAME.nii.gz`` (expert disc masks on the grid of the
study, 1 = L5-S1 to 5 = L1-L2) and, finer and placed anywhere, ``disc_masks/NAME.nii.gz``; the first
two alone are enough.  Where there is a finer mask its heights are compared.  It is traced like
any other, beside the vertebrae and the canal of the built-in segmenter, so that both heights are
read at the rims of the same bodies.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from benchmarks.scans import studies
from discmri.core.labels import SpineLabels
from discmri.core.levels import DiscLevel
from discmri.core.settings import Settings
from discmri.core.volume import Array, Grid, SoftMask
from discmri.measurement.numbering import name_levels
from discmri.measurement.outline import trace_disc
from discmri.measurement.segment import segment
from discmri.measurement.uncertainty import height_sd
from discmri.results.height import HEIGHT_METHODS

NUMBERS = {n + 1: DiscLevel(name) for n, name in enumerate(
    ("L5-S1", "L4-L5", "L3-L4", "L2-L3", "L1-L2")
)}  # fmt: skip
CENTRAL = 5
_MARGIN = 2

Labels = NDArray[np.int_]


@dataclass(frozen=True)
class Compared:
    """One disc: built-in minus expert height and stated uncertainty by definition, and overlap."""

    name: str
    error_mm: dict[str, float]
    sd_mm: dict[str, float]
    dice: float
    central_dice: float


def read_masks(path: Path) -> tuple[Labels, Array]:
    """Numbers with a margin around them, and where they are."""
    image = nib.load(path)  # type: ignore[attr-defined]
    numbers = np.pad(np.asarray(image.dataobj).astype(int), _MARGIN)  # type: ignore[attr-defined]
    affine = np.array(image.affine, dtype=float)  # type: ignore[attr-defined]
    affine[:3, 3] -= affine[:3, :3] @ np.full(3, _MARGIN)
    return numbers, affine


def placed(numbers: Labels, affine: Array, truth: Labels, grid: Grid) -> Array:
    """The affine of a mask without a place, mirrored and shifted to the same mask on a grid."""

    def centres(of: Labels, place: Grid) -> Array:
        return np.array([place.to_world(np.argwhere(of == n).mean(axis=0)) for n in NUMBERS])

    wanted, found = centres(truth, grid), []
    for side in (1.0, -1.0):
        moved = np.diag([side, 1.0, 1.0, 1.0]) @ affine
        off = wanted - centres(numbers, Grid(numbers.shape, moved))
        moved[:3, 3] += off.mean(axis=0)
        found.append((float(np.abs(off - off.mean(axis=0)).max()), moved))
    return min(found, key=lambda one: one[0])[1]


def compared(folder: Path, name: str, labels: SpineLabels) -> Iterator[Compared]:
    """Every disc of one study that has an expert mask."""
    truth, affine = read_masks(folder / "truth" / f"{name}.nii.gz")
    grid = Grid(truth.shape, affine)
    drawn, place = truth, affine
    finer = folder / "disc_masks" / f"{name}.nii.gz"
    if finer.exists():
        drawn, place = read_masks(finer)
        place = placed(drawn, place, truth, grid)
    for number, level in NUMBERS.items():
        if level not in labels.discs:
            print(f"{name} {level.value}: not found")
            continue
        expert = SoftMask.from_fractions((drawn == number).astype(np.float32), place)
        ours = trace_disc(labels, level)
        theirs = trace_disc(replace(labels, discs={level: expert}), level)
        own_sd = labels.segmenter_sd_mm.get(level, 0.0)
        yield Compared(
            f"{name} {level.value}",
            {code: one.measure(ours) - one.measure(theirs) for code, one in HEIGHT_METHODS.items()},
            {code: height_sd(ours, code, own_sd) for code in HEIGHT_METHODS},
            *overlaps(labels.discs[level].on(grid) > 0.5, truth == number, grid.sagittal_axis),
        )


def overlaps(ours: NDArray[np.bool_], theirs: NDArray[np.bool_], axis: int) -> tuple[float, float]:
    """Dice of the whole masks and of the slices nearest the middle of the second."""
    slices = np.flatnonzero(theirs.any(axis=tuple({0, 1, 2} - {axis})))
    middle = (slices[0] + slices[-1] + 1 - CENTRAL) // 2
    central = (
        np.take(ours, range(middle, middle + CENTRAL), axis),
        np.take(theirs, range(middle, middle + CENTRAL), axis),
    )
    whole, part = (
        2 * float((a & b).sum()) / float(a.sum() + b.sum()) for a, b in ((ours, theirs), central)
    )
    return whole, part


def main() -> None:
    """Print errors by disc, bias and coverage by definition, and overlap."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    found: list[Compared] = []
    for name, image in studies(folder / "studies", "ivd-"):
        labels, _ = name_levels(segment(image, Settings()))
        found += compared(folder, name, labels)
    print(
        f"{'disc':16}" + "".join(f"{code[:9]:>10}" for code in HEIGHT_METHODS) + "   Dice  central"
    )
    for one in found:
        errors = "".join(f"{one.error_mm[code]:+10.2f}" for code in HEIGHT_METHODS)
        print(f"{one.name:16}{errors}{one.dice:7.3f}{one.central_dice:9.3f}")
    print(f"\nbuilt-in minus expert, {len(found)} discs")
    for code in HEIGHT_METHODS:
        error = np.array([one.error_mm[code] for one in found])
        sd = np.array([one.sd_mm[code] for one in found])
        within = [100 * np.mean(np.abs(error) <= n * sd) for n in (1, 2)]
        print(
            f"{code:12} bias {error.mean():+.2f} mm, SD {error.std(ddof=1):.2f} mm; stated {sd.mean():.2f} "
            f"mm, within one {within[0]:.0f} %, within two {within[1]:.0f} %"
        )
    dice = np.array([(one.dice, one.central_dice) for one in found])
    print(f"Dice whole {dice[:, 0].mean():.3f}, {CENTRAL} central slices {dice[:, 1].mean():.3f}")


if __name__ == "__main__":
    main()
