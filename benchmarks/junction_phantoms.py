"""Phantoms with a residual disc between S1 and S2 of every size, to test the names of discs on.

``python -m benchmarks.junction_phantoms FOLDER`` writes the pictures as NIfTI files and a table
of where L5-S1 truly lies.
"""

from __future__ import annotations

import csv
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from discmri.core.levels import DiscLevel
from discmri.core.volume import Array, Volume
from discmri.phantoms import (
    Protocol,
    PulseSequence,
    ResidualDiscSpec,
    SpineOptions,
    SpineSpec,
    lumbar_spine,
    make_phantom,
)

DEPTH_SHARES = (0.15, 0.35, 0.55, 0.75, 0.95)
BRIGHTNESSES = (0.0, 0.5, 1.0)
SACRAL_SLOPES_DEG = (15.0, 40.0, 65.0)
SEQUENCES = (PulseSequence.T2, PulseSequence.T1)
_GRADES = ((2, 2, 3, 3, 4), (3, 3, 4, 5, 7), (1, 2, 2, 2, 3), (4, 5, 5, 7, 8))


class JunctionPhantom(NamedTuple):
    """One picture of a spine with a residual disc.

    ``l5_s1_mm`` and ``s1_s2_mm`` are the true centres (3,), RAS+.
    """

    name: str
    volume: Volume
    l5_s1_mm: Array
    s1_s2_mm: Array
    spec: SpineSpec


def junction_phantoms(
    slices: int = 1, sequences: tuple[PulseSequence, ...] = SEQUENCES
) -> Iterator[JunctionPhantom]:
    """Every depth share with every brightness, sacral slope and sequence.

    Parameters
    ----------
    slices
        Sagittal slices of 4 mm, the middle one through the midline.
    sequences
        T2, T1 or both; the same spines in each.
    """
    protocol = Protocol(
        sequences=sequences, spacing_mm=0.8, slices=slices, fov_mm=(240.0, 290.0), snr=25.0
    )
    for spec in junction_specs():
        disc = spec.sacrum.residual_disc
        assert disc is not None
        phantom = make_phantom(spec)
        column = phantom.scene.column
        for sequence in sequences:
            yield JunctionPhantom(
                f"{sequence.value}-slope{spec.sacral_slope_deg:.0f}-depth{disc.depth_share:.2f}"
                f"-bright{disc.brightness:.1f}",
                phantom.image(sequence, protocol),
                column.discs[DiscLevel.L5_S1].frame.origin_mm,
                column.junctions[0].lens.frame.origin_mm,
                spec,
            )


def junction_specs() -> Iterator[SpineSpec]:
    """The spines of :func:`junction_phantoms`."""
    grid = itertools.product(SACRAL_SLOPES_DEG, DEPTH_SHARES, BRIGHTNESSES)
    for number, (slope, share, brightness) in enumerate(grid):
        yield _spec(number, slope, share, brightness)


def _spec(number: int, slope_deg: float, share: float, brightness: float) -> SpineSpec:
    """Spine ``number`` of the grid; height, place and grades go round with the number."""
    disc = ResidualDiscSpec(
        share,
        height_mm=(2.5, 4.0, 5.5, 7.0)[number % 4],
        brightness=brightness,
        position=(-0.6, -0.2, 0.3)[number % 3],
    )
    options = SpineOptions(
        grades=_GRADES[number % 4],
        # the lumbar curve follows the sacrum
        lordosis_deg=slope_deg + 10.0,
        sacral_slope_deg=slope_deg,
        size=(0.92, 1.0, 1.07)[number % 3],
        residual_disc=disc,
    )
    return lumbar_spine(options, seed=7000 + number)


def main(folder: Path) -> None:
    """Write the pictures and their table."""
    import nibabel as nib

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "junctions.csv").open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(["name", "level", "x_mm", "y_mm", "z_mm"])
        for one in junction_phantoms():
            image = nib.Nifti1Image(one.volume.array, one.volume.affine)
            nib.save(image, folder / f"{one.name}.nii.gz")
            for level, centre in (("L5-S1", one.l5_s1_mm), ("S1-S2", one.s1_s2_mm)):
                table.writerow([one.name, level, *(f"{v:.2f}" for v in centre)])
            print(one.name)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "junction_phantoms"))
