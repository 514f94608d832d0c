"""Whether the confidence ranks errors, on drawn pictures never trained on.

    python -m training.confidence OUT [--slabs N]

segments pictures of held-out slabs with the built-in segmenter as it is installed, compares every
disc with the truth of the drawing, and prints errors, overlap and how the confidence ranks both.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from discmri.core.errors import NothingToMeasureError
from discmri.core.settings import Settings
from discmri.core.volume import Volume
from discmri.measurement.segment.builtin import builtin
from discmri.measurement.segment.network import PIXEL_MM, Channel
from training.contrast import Crop, picture
from training.slabs import HELD_OUT, slab

FIRST = HELD_OUT + 1000  # the training checks itself on those before
CROP = Crop((320, 224), PIXEL_MM)
SLICE_MM = 4.0
MID_SAGITTAL_MM2 = 90.0  # a smaller section of a disc is not one through its middle
DISC_REACH_MM = 12.0


@dataclass(frozen=True)
class Compared:
    """One disc that was found: its confidence, error of its mean height and overlap with a true one."""

    confidence: float
    error_mm: float
    dice: float


def compare(number: int, folder: Path) -> list[Compared]:
    """Every disc found in one picture against the truth, and nothing for those that are rims."""
    rng = np.random.default_rng([31, number])
    image, shares = picture(slab(folder, number), CROP, rng)
    affine = np.array(
        [[SLICE_MM, 0, 0, 0], [0, 0, -PIXEL_MM, 0], [0, -PIXEL_MM, 0, 0], [0, 0, 0, 1]]
    )
    volume = Volume(image, affine)
    try:
        found = builtin(volume, Settings(threads=1))
    except NothingToMeasureError:
        return []
    truth = shares[Channel.DISC]
    masks = [disc.mask.on(volume.grid)[1] for disc in found.discs]
    return [
        one
        for disc, mask in zip(found.discs, masks, strict=True)
        if (one := _compared(disc.confidence, mask, truth)) is not None
    ]


def _compared(
    confidence: float, mask: NDArray[np.float32], truth: NDArray[np.float32]
) -> Compared | None:
    from scipy.ndimage import binary_dilation, label

    if not (mask > 0.5).any():
        return None
    parts, _ = label(truth > 0.25, structure=np.ones((3, 3)))
    near = binary_dilation(mask > 0.5, iterations=int(DISC_REACH_MM / PIXEL_MM / 3))
    counts = np.bincount(parts[near & (parts > 0)], minlength=1)
    if not counts.any():
        return Compared(confidence, float("nan"), 0.0)
    true = np.where(binary_dilation(parts == counts.argmax(), iterations=2), truth, 0)
    if true.sum() * PIXEL_MM**2 < MID_SAGITTAL_MM2:
        return None
    error_mm = _height_mm(mask) - _height_mm(true)
    overlap = 2 * np.minimum(mask, true).sum() / (mask.sum() + true.sum())
    return Compared(confidence, float(error_mm), float(overlap))


def _height_mm(share: NDArray[np.float32]) -> float:
    """Area over length; a disc lies nearly level in its picture."""
    columns = np.flatnonzero((share > 0.5).any(axis=0))
    return float(share.sum()) * PIXEL_MM / (np.ptp(columns) + 1 if columns.size else 1)


def main() -> None:
    """Parse the call, compare, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--slabs", type=int, default=400)
    arguments = parser.parse_args()
    folder = arguments.out / "held_out"
    folder.mkdir(parents=True, exist_ok=True)
    discs: list[Compared] = []
    for number in range(FIRST, FIRST + arguments.slabs):
        discs += compare(number, folder)
        if (number - FIRST + 1) % 50 == 0:
            print(f"{number - FIRST + 1} pictures, {len(discs)} discs", flush=True)
    _report(discs)


def _report(discs: list[Compared]) -> None:
    from scipy.stats import spearmanr

    real = [one for one in discs if one.dice > 0.3]
    wrong = [one.confidence for one in discs if one.dice <= 0.3]
    confidence = [one.confidence for one in real]
    errors = np.array([one.error_mm for one in real])
    print(f"{len(real)} discs, {len(wrong)} that are none (confidence {np.round(wrong, 2)})")
    print(f"height: bias {errors.mean():.2f} mm, SD {errors.std():.2f} mm")
    print(f"mean Dice {np.mean([one.dice for one in real]):.3f}")
    rank = spearmanr(confidence, np.abs(errors)).statistic
    dice_rank = spearmanr(confidence, [one.dice for one in real]).statistic
    print(f"rank correlation of confidence with |error| {rank:.2f}, with Dice {dice_rank:.2f}")


if __name__ == "__main__":
    main()
