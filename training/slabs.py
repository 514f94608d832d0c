"""Drawn slabs on disk: slab ``n`` is always the same picture, drawn when first asked for.

A slab holds a slice and its neighbours on both sides, each as a few sections that are averaged.

    python -m training.slabs FOLDER FIRST LAST

draws them ahead of time.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.canvas import SIZE_MM
from training.draw import draw_section
from training.non_spines import draw_stranger
from training.spine import sample_spine

SLICES = (slice(0, 2), slice(2, 5), slice(5, 7))
"""Which sections of a slab make up a slice: the one before, the middle one, the one after."""
CENTRE = 1
HELD_OUT = 900_000  # slabs from this number on are never trained on
STRANGERS = 0.06  # share of slabs without a spine


def draw_slab(number: int) -> NDArray[np.uint8]:
    """(sections, down, back) tissues of a slice of random place and thickness, and its neighbours."""
    rng = np.random.default_rng([20, number])
    if rng.random() < STRANGERS:
        return draw_stranger(rng, SLICES[-1].stop)
    spine = sample_spine(rng, SIZE_MM)
    x = rng.normal(0, 7) if rng.random() < 0.62 else rng.uniform(-38, 38)
    apart_mm = rng.uniform(2.5, 6.0)
    thickness_mm = apart_mm * rng.uniform(0.7, 1.0)
    offsets = []
    for place, part in zip((-1, 0, 1), SLICES, strict=True):
        n = part.stop - part.start
        offsets += [place * apart_mm + ((k + 0.5) / n - 0.5) * thickness_mm for k in range(n)]
    return np.stack([draw_section(spine, x + d) for d in offsets])


def slab(folder: Path, number: int) -> NDArray[np.uint8]:
    """The slab of this number, from disk where it was drawn before."""
    path = folder / f"{number:06d}.npz"
    if path.exists():
        with np.load(path) as stored:
            return np.asarray(stored["tissues"])
    tissues = draw_slab(number)
    part = path.with_name(f"{path.stem}.{np.random.default_rng().integers(1 << 40)}.part")
    with part.open("wb") as stream:
        np.savez_compressed(stream, tissues=tissues)
    part.replace(path)
    return tissues


def main() -> None:
    """Draw a range of slabs."""
    folder, first, last = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, last):
        slab(folder, number)


if __name__ == "__main__":
    main()
