"""Derive and check the constants of :mod:`discmri.measurement.uncertainty`.

    python -m benchmarks.height_sd [SPINES]

Discs of random synthetic spines are drawn alone on random oblique stacks (0.4-1.0 mm in
plane, slices 3.3-5.2 mm apart with gaps), once soft and once hard, traced, and their column
heights compared with the analytic truth.  For both kinds the two sampling constants are
fitted by maximum likelihood; then the share of errors within one and two standard
uncertainties is printed for the constants as shipped.  The same share is printed for discs with
smooth endplates drawn as hard masks at several tilts against the rows of voxels, 0 among them.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np

from discmri.core.labels import NumberingMethod, SpineLabels
from discmri.core.levels import DiscLevel
from discmri.core.volume import Array, Grid, SoftMask
from discmri.measurement import uncertainty
from discmri.measurement.outline import trace_disc
from discmri.phantoms import SpineOptions, lumbar_spine, make_phantom
from discmri.phantoms.shapes import DiscShape
from discmri.results.height.columns import height_columns
from discmri.results.outline import DiscOutline

_SAMPLES = (4, 4, 5)
DRAWN = 60  # discs of each tilt
TILTS_DEG = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0)
_GRADES = ("1", "2", "3", "4", "5", "6", "7", "8", "3/6", "4/7")


@dataclass(frozen=True)
class Trial:
    """One disc on one grid: what was wrong and what was known about it."""

    error_mm: float
    voxel_mm: float
    scatter: uncertainty.SliceScatter
    rounding_mm2: float
    sd_mm: float


def random_grid(shape: DiscShape, rng: np.random.Generator) -> tuple[Grid, float]:
    """An oblique sagittal stack around a disc, and its slice thickness."""
    spacing, pitch = rng.uniform(0.4, 1.0), rng.uniform(3.3, 5.2)
    turn = np.eye(3)
    for axis in range(3):
        c, s = np.cos(a := np.radians(rng.uniform(-6, 6))), np.sin(a)
        one = np.eye(3)
        i, j = (axis + 1) % 3, (axis + 2) % 3
        one[i, i] = one[j, j] = c
        one[i, j], one[j, i] = -s, s
        turn = one @ turn
    size = (round(62 / spacing), round(62 / spacing), int(np.ceil(66 / pitch)))
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]]) * (spacing, spacing, pitch)
    centre = shape.frame.origin_mm + rng.uniform(-1, 1, 3)
    affine[:3, 3] = centre - affine[:3, :3] @ ((np.array(size) - 1) / 2)
    return Grid(size, affine), pitch * rng.uniform(0.75, 0.95)


def fractions(shape: DiscShape, grid: Grid, thickness_mm: float) -> Array:
    """(i, j, k) share of each voxel inside the disc; slices along the last axis."""
    extent = np.array([1.0, 1.0, thickness_mm / grid.spacing_mm[2]])
    index = np.indices(grid.shape).reshape(3, -1).T.astype(float)

    def share(where: Array, offsets: Array) -> Array:
        inside = [shape.inside(grid.to_world(where + offset * extent)) for offset in offsets]
        return np.asarray(np.mean(inside, axis=0))

    ends = np.array(np.meshgrid(*[[-0.5, 0.5]] * 3)).reshape(3, -1).T
    filled = share(index, np.vstack([ends, np.zeros(3)]))
    border = (filled > 0) & (filled < 1)
    steps = [(np.arange(n) + 0.5) / n - 0.5 for n in _SAMPLES]
    filled[border] = share(index[border], np.array(np.meshgrid(*steps)).reshape(3, -1).T)
    return np.asarray(filled.reshape(grid.shape))


def trials(seed: int) -> dict[bool, list[Trial]]:
    """All discs of one spine, soft (``False``) and hard (``True``)."""
    rng = np.random.default_rng([seed, 9])
    options = SpineOptions(
        grades=[str(g) for g in rng.choice(_GRADES, 5)], scoliosis_deg=float(rng.uniform(-20, 20))
    )
    phantom = make_phantom(lumbar_spine(options, seed=seed))
    found: dict[bool, list[Trial]] = {False: [], True: []}
    for level, truth in phantom.truth().items():
        shape = phantom.scene.column.discs[level]
        grid, thickness = random_grid(shape, rng)
        soft = fractions(shape, grid, thickness)
        for hard, kind in found.items():
            mask = SoftMask.from_fractions((soft >= 0.5) * 1.0 if hard else soft, grid.affine)
            labels = SpineLabels(grid, {level: mask}, {}, None, {level: 1.0}, NumberingMethod.MASKS)
            kind.append(_trial(trace_disc(labels, level), truth.height_columns_mm))
    return found


def _trial(outline: DiscOutline, truth_mm: float) -> Trial:
    return Trial(
        height_columns(outline) - truth_mm,
        uncertainty.voxel_mm(outline),
        uncertainty.slice_scatter(outline),
        uncertainty.rounding_variance(outline) if outline.mask.is_hard else 0.0,
        uncertainty.height_sd(outline),
    )


def drawn(rng: np.random.Generator, tilt_deg: float) -> Trial:
    """One disc with flat or hollow endplates as a hard mask, turned against the rows of voxels."""
    depth, width, height = rng.uniform(28, 38), rng.uniform(40, 50), rng.uniform(3, 13)
    hollow = rng.choice([0.0, 0.5, 1.0, 1.5], 2)
    spacing, pitch = rng.uniform(0.4, 1.0), rng.uniform(3.3, 5.2)
    size = (int(np.ceil(width / pitch)) + 2, round(56 / spacing), round(46 / spacing))
    affine = np.diag([pitch, spacing, spacing, 1.0])
    affine[:3, 3] = rng.uniform(-0.5, 0.5, 3) - affine[:3, :3] @ ((np.array(size) - 1) / 2)
    x, y, z = np.moveaxis(Grid(size, affine).to_world(np.moveaxis(np.indices(size), 0, -1)), -1, 0)
    c, s = np.cos(np.radians(tilt_deg)), np.sin(np.radians(tilt_deg))
    y, z = c * y + s * z, c * z - s * y
    dome = np.maximum(1 - (2 * y / depth) ** 2 - (2 * x / width) ** 2, 0)
    upper, lower = height / 2 + hollow[0] * dome, -height / 2 - hollow[1] * dome
    inside = (z < upper) & (z > lower) & ((2 * y / depth) ** 4 + (2 * x / width) ** 4 < 1)
    level = DiscLevel.L3_L4
    mask = SoftMask.from_fractions(inside * 1.0, affine)
    grid = Grid(size, affine)
    labels = SpineLabels(grid, {level: mask}, {}, None, {level: 1.0}, NumberingMethod.MASKS)
    dome_mean = 1 - 0.8**2 / 3  # over 10 to 90 % of the depth
    return _trial(trace_disc(labels, level), height + hollow.sum() * dome_mean)


def fit(found: list[Trial]) -> tuple[float, float]:
    """The per-slice and the shared error in voxels that make the errors most likely."""
    best, least = (0.0, 0.0), np.inf
    weight = uncertainty.PRIOR_SLICES
    for slice_error in np.arange(0.0, 0.3, 0.02):
        for grid_error in np.arange(0.0, 0.2, 0.01):
            total = 0.0
            for trial in found:
                prior = (slice_error * trial.voxel_mm) ** 2
                scatter = trial.scatter
                per_slice = (weight * prior + scatter.squares_mm2) / (weight + scatter.freedom)
                variance = per_slice * scatter.leverage + (grid_error * trial.voxel_mm) ** 2
                variance += trial.rounding_mm2 + 1e-9
                total += np.log(variance) + trial.error_mm**2 / variance
            if total < least:
                best, least = (float(slice_error), float(grid_error)), total
    return best


def main(spines: int) -> None:
    """Run the trials and print the fit and the coverage."""
    found: dict[bool, list[Trial]] = {False: [], True: []}
    for seed in range(spines):
        for hard, new in trials(seed).items():
            found[hard] += new
    for hard, name in ((False, "soft"), (True, "hard")):
        _report(f"{name}, phantoms", found[hard])
    rng = np.random.default_rng(5)
    by_tilt = {tilt: [drawn(rng, tilt) for _ in range(DRAWN)] for tilt in TILTS_DEG}
    for tilt, some in by_tilt.items():
        _report(f"hard, {tilt:g}° to the rows", some)
    _report("hard, all tilts", [one for some in by_tilt.values() for one in some])


def _report(name: str, found: list[Trial]) -> None:
    error = np.array([t.error_mm for t in found])
    sd = np.array([t.sd_mm for t in found])
    slice_error, grid_error = fit(found)
    within = [f"{np.mean(np.abs(error) <= k * sd):.0%}" for k in (1, 2)]
    print(
        f"{name}: {len(error)} discs, bias {error.mean():+.3f} mm, SD {error.std():.3f} mm, stated "
        f"{np.sqrt(np.mean(sd**2)):.3f} mm; within one {within[0]}, within two {within[1]}; "
        f"best fit {slice_error:.2f} voxels per slice, {grid_error:.2f} shared"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
