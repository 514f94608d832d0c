"""Whether L5-S1 is found above a residual disc between S1 and S2 of any size: a grid of phantoms.

    python -m benchmarks.junction_phantoms [--seed N] [--slices N] [--part K/N] [--cut | --fused]

Depth of the residual disc, shape of S1, slope of the sacrum and brightness make the grid; height and
place of the disc, lean of S1, curves, size, grades, tilt of the slices, pixels, noise and shading
are drawn.  One line per kind: how often L5-S1 is right, right but marked, wrong and marked, and wrong
without a mark.  Then by depth how many residual discs are outlined as a disc or found within the
sacrum, and how well.  ``--cut`` ends every picture right below L5-S1; ``--fused`` leaves a line instead
of the disc, so that none should be drawn.  The models of
``discmri.measurement.junction`` were fitted to seed 1 (one slice) and seed 3 (13 slices, every ninth
spine from the first): take another seed to test them.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from discmri.core.errors import NothingToMeasureError
from discmri.core.findings import Code
from discmri.core.labels import FoundSpine, SpineLabels
from discmri.core.levels import DiscLevel
from discmri.core.settings import Settings
from discmri.core.volume import Array, SoftMask, Volume
from discmri.measurement.numbering import name_levels
from discmri.measurement.segment import segment
from discmri.phantoms import (
    Phantom,
    Protocol,
    PulseSequence,
    ResidualDiscSpec,
    SacrumSpec,
    SpineOptions,
    SpineSpec,
    lumbar_spine,
    make_phantom,
)
from discmri.phantoms.column import build_column

FILLS = (0.3, 0.55, 0.8, 1.0)
"""Depth of the residual disc as a share of the depth of the sacrum there; where that is more than
the depth of the discs above, theirs."""
S1_RATIOS = (1.55, 1.41, 1.2, 1.05, 0.92)
SLOPES_DEG = (15.0, 30.0, 45.0, 60.0)
BRIGHTNESSES = (0.0, 0.5, 1.0)
SEQUENCES = (PulseSequence.T2, PulseSequence.T1)
SQUARED_RATIO = 1.37
"""Up to this ratio of its upper to its lower depth S1 counts as squared (Wigh 1980)."""
WHOLE = 0.95
"""A residual disc of this share of the sacrum's depth reaches through it."""
NEAR_MM = 14.0
"""A disc this near the true place is the disc meant: neighbours are 25 mm and more away, and an
outline that covers a part of a disc is up to 10 mm off its centre."""
CUT_MM = 18.0  # below the middle of L5-S1
_LEAST_SHARE = 0.1
_LINE = ResidualDiscSpec(_LEAST_SHARE, height_mm=1.0, brightness=0.0)
_GRADES = (
    (2, 2, 3, 3, 4),
    (3, 3, 4, 5, 7),
    (1, 2, 2, 2, 3),
    (4, 5, 5, 7, 8),
    (3, 4, 4, 5, 5),
    (2, 2, 2, 6, 7),
)


class Wish(NamedTuple):
    """One place of the grid."""

    fill: float
    s1_ratio: float
    slope_deg: float
    brightness: float


@dataclass(frozen=True, eq=False)
class JunctionPhantom:
    """One picture of a spine with a residual disc.

    Parameters
    ----------
    name, volume
        What it is, and the picture.
    spec, fill
        The spine, and the share of the sacrum's depth that its residual disc has.
    l5_s1_mm
        (3,) true centre of L5-S1, RAS+.
    phantom, thickness_mm
        The phantom, and the thickness of its slices.
    """

    name: str
    volume: Volume
    spec: SpineSpec
    fill: float
    l5_s1_mm: Array
    phantom: Phantom
    thickness_mm: float

    def s1_s2(self) -> SoftMask | None:
        """True mask of the residual disc; ``None`` if its centre lies beside the slices."""
        labels = self.phantom.labels(self.volume.grid, self.thickness_mm)
        return labels.residual_discs.get(DiscLevel.S1_S2)

    @property
    def kind(self) -> str:
        """Type after O'Driscoll, and for a squared S1 how deep the disc is."""
        whole, squared = self.fill >= WHOLE, self.spec.sacrum.s1_depth_ratio <= SQUARED_RATIO
        if whole:
            return "type 4: whole depth, squared S1" if squared else "type 3: whole depth"
        if not squared:
            return "type 2"
        return f"type 2, squared S1, {'under' if self.fill < 0.7 else 'over'} 70 % deep"


def wishes() -> list[Wish]:
    """The grid."""
    return [Wish(*each) for each in itertools.product(FILLS, S1_RATIOS, SLOPES_DEG, BRIGHTNESSES)]


def junction_phantoms(
    seed: int,
    slices: int = 1,
    sequences: Sequence[PulseSequence] = SEQUENCES,
    numbers: Sequence[int] | None = None,
    fused: bool = False,
) -> Iterator[JunctionPhantom]:
    """Pictures of the spines of the grid.

    Parameters
    ----------
    seed
        Of all that is drawn.
    slices
        Sagittal slices of 4 mm, the middle one through the midline.
    sequences
        T2, T1 or both; the same spines in each.  With several slices they take turns.
    numbers
        Places of the grid; all where not given.
    fused
        Draw a line instead of the residual disc.
    """
    rng = np.random.default_rng(seed)
    for number, wish in enumerate(wishes()):
        spec, fill = _spine(1000 * seed + number, wish, rng)
        protocol = _protocol(slices, rng)
        if numbers is not None and number not in numbers:
            continue
        if fused:
            spec = replace(spec, sacrum=replace(spec.sacrum, residual_disc=_LINE))
            fill = 0.0
        phantom = make_phantom(spec)
        for turn, sequence in enumerate(sequences):
            if slices == 1 or (number + turn) % len(sequences) == 0:
                yield _picture(phantom, fill, replace(protocol, sequences=(sequence,)), number)


def _picture(phantom: Phantom, fill: float, protocol: Protocol, number: int) -> JunctionPhantom:
    (sequence,) = protocol.sequences
    return JunctionPhantom(
        f"{number:03d}-{sequence.value}",
        phantom.image(sequence, protocol),
        phantom.spec,
        fill,
        phantom.scene.column.discs[DiscLevel.L5_S1].frame.origin_mm,
        phantom,
        protocol.slice_thickness_mm,
    )


def _spine(number: int, wish: Wish, rng: np.random.Generator) -> tuple[SpineSpec, float]:
    """A spine, and the share of the sacrum's depth that its residual disc has."""
    lordosis_deg = wish.slope_deg + rng.uniform(5, 20)  # the lumbar curve follows the sacrum
    options = SpineOptions(
        grades=_GRADES[rng.integers(len(_GRADES))],
        lordosis_deg=lordosis_deg,
        sacral_slope_deg=wish.slope_deg,
        size=rng.uniform(0.9, 1.1),
    )
    small = SacrumSpec(wish.s1_ratio, rng.uniform(5, 22), ResidualDiscSpec(_LEAST_SHARE))
    scoliosis = float(rng.choice([0, 0, 0, 8]))
    spec = replace(lumbar_spine(options, seed=number), sacrum=small, scoliosis_deg=scoliosis)
    junction = build_column(spec).junctions[0]
    most = _LEAST_SHARE * junction.rim.half_depth_mm / junction.lens.half_depth_mm
    share = min(max(0.999 * wish.fill * most, _LEAST_SHARE), 1.0)
    disc = ResidualDiscSpec(
        share,
        height_mm=rng.uniform(2.0, 4.5 + 4.5 * wish.fill),
        brightness=wish.brightness,
        position=rng.uniform(-0.8, 0.5),
    )
    return replace(spec, sacrum=replace(small, residual_disc=disc)), share / most


def _protocol(slices: int, rng: np.random.Generator) -> Protocol:
    spacing, snr = rng.uniform(0.6, 1.0), rng.uniform(12, 40)
    right, front, up = rng.normal(0, 3, 3)
    return Protocol(
        spacing_mm=spacing,
        slices=slices,
        fov_mm=(250.0, 300.0),
        oblique_deg=(right, front, up),
        snr=snr,
        shading=rng.uniform(0, 1),
    )


def cut_below(one: JunctionPhantom) -> JunctionPhantom:
    """The same picture, ending right below L5-S1."""
    grid = one.volume.grid
    index = grid.to_index(one.l5_s1_mm - [0.0, 0.0, CUT_MM])
    axis = int(np.abs(grid.directions[2]).argmax())
    last = min(max(int(index[axis]), 0), grid.shape[axis] - 1)
    downwards = grid.directions[2, axis] < 0
    start = np.zeros(3)
    start[axis] = 0 if downwards else last
    kept = np.arange(last) if downwards else np.arange(last, grid.shape[axis])
    affine = grid.affine.copy()
    affine[:3, 3] = grid.to_world(start)
    return replace(one, volume=Volume(one.volume.array.take(kept, axis), affine))


def verdict(one: JunctionPhantom) -> tuple[str, FoundSpine | None, SpineLabels | None]:
    """Whether L5-S1 got its name, and whether the names are marked as doubtful; what was found."""
    try:
        found: FoundSpine = segment(one.volume, Settings())
        labels, findings = name_levels(found)
    except NothingToMeasureError:
        return "refused", None, None
    doubts = {Code.NUMBERING_UNCERTAIN, Code.TRANSITIONAL_SUSPECTED}
    marked = any(finding.code in doubts for finding in findings)
    disc = labels.discs.get(DiscLevel.L5_S1)
    right = disc is not None and np.linalg.norm((disc.centroid_mm - one.l5_s1_mm)[1:]) < NEAR_MM
    return f"{'right' if right else 'WRONG'}{', marked' if marked else ''}", found, labels


def drawn_as(found: FoundSpine | None, labels: SpineLabels | None) -> str:
    """How S1-S2 was found."""
    if labels is None or not labels.residual_discs:
        return "not drawn"
    within = found is not None and labels.residual_discs.get(DiscLevel.S1_S2) is found.remnant
    return "found within the sacrum" if within else "outlined as a disc"


def agreement(drawn: SoftMask, truth: SoftMask) -> tuple[float, float]:
    """Dice, and distance of the centres within the slice, mm."""
    grid = truth.grid
    one, other = drawn.on(grid), truth.on(grid)
    dice = 2 * float(np.minimum(one, other).sum() / (one.sum() + other.sum()))
    return dice, float(np.linalg.norm((drawn.centroid_mm - truth.centroid_mm)[1:]))


def main() -> None:
    """Parse the call, name the phantoms and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--slices", type=int, default=1)
    parser.add_argument("--part", default="1/1", help="every N-th spine from the K-th")
    parser.add_argument("--cut", action="store_true", help="no sacrum in the picture")
    parser.add_argument("--fused", action="store_true", help="no residual disc")
    arguments = parser.parse_args()
    first, step = (int(part) for part in arguments.part.split("/"))
    numbers = range(first - 1, len(wishes()), step)
    table: dict[str, Counter[str]] = defaultdict(Counter)
    drawings: dict[float, Counter[str]] = defaultdict(Counter)
    quality: dict[tuple[float, str], list[tuple[float, float]]] = defaultdict(list)
    for one in junction_phantoms(
        arguments.seed, arguments.slices, numbers=numbers, fused=arguments.fused
    ):
        told, found, labels = verdict(cut_below(one) if arguments.cut else one)
        table[one.kind][told] += 1
        how, fill = drawn_as(found, labels), round(one.fill, 2)
        drawings[fill][how] += 1
        truth = None if how == "not drawn" else one.s1_s2()
        if labels is not None and truth is not None:
            drawn = labels.residual_discs[DiscLevel.S1_S2]
            quality[fill, how].append(agreement(drawn, truth))
        if told not in ("right", "right, marked"):
            disc = one.spec.sacrum.residual_disc
            assert disc is not None
            print(
                f"{one.name}: {told}; fill {one.fill:.2f}, {disc.depth_share:.2f} of the others, "
                f"{disc.height_mm:.1f} mm high, brightness {disc.brightness:.1f}, "
                f"S1 {one.spec.sacrum.s1_depth_ratio:.2f}, slope {one.spec.sacral_slope_deg:.0f}"
            )
    for kind in sorted(table):
        counts = ", ".join(f"{told} {n}" for told, n in sorted(table[kind].items()))
        print(f"{kind}: {counts}")
    for fill, ways in sorted(drawings.items()):
        print(f"S1-S2 of {fill:.2f} of the sacrum's depth:", _listed(ways))
        for how in ways:
            if pairs := quality[fill, how]:
                dice, apart = zip(*pairs, strict=True)
                print(
                    f"  {how}: {len(pairs)} with truth, median Dice {statistics.median(dice):.2f}, "
                    f"centres apart {statistics.median(apart):.1f} mm, at most {max(apart):.1f}"
                )


def _listed(ways: Counter[str]) -> str:
    return ", ".join(f"{how} {n}" for how, n in sorted(ways.items()))


if __name__ == "__main__":
    main()
