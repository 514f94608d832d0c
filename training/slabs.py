"""Drawn slabs on disk: slab ``n`` is always the same picture, drawn when first asked for.

    python training/slabs.py FOLDER FIRST LAST

draws them ahead of time.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from canvas import SIZE_MM
from draw import draw_section
from numpy.typing import NDArray
from spine import sample_spine

SECTIONS = 3


def draw_slab(number: int) -> NDArray[np.uint8]:
    """(sections, down, back) tissues of one slice of random place and thickness."""
    rng = np.random.default_rng([20, number])
    spine = sample_spine(rng, SIZE_MM)
    x = rng.normal(0, 7) if rng.random() < 0.62 else rng.uniform(-38, 38)
    thickness_mm = rng.uniform(1, 6)
    offsets = (np.arange(SECTIONS) - (SECTIONS - 1) / 2) * thickness_mm / SECTIONS
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
