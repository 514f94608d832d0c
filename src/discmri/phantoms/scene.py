"""The whole scene, and the share of every voxel that each material fills.

The image is computed in tiles.  Tiles near the spine are sampled finely, the rest coarsely.  The
samples of a voxel cover its in-plane size and the slice thickness, without the gap between slices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from discmri.core.levels import DiscLevel, Vertebra
from discmri.core.volume import Array, Grid
from discmri.phantoms.anatomy import SpineSpec
from discmri.phantoms.canal import build_canal
from discmri.phantoms.column import SpineColumn, build_column
from discmri.phantoms.residual import FusedJunction, RemnantDisc
from discmri.phantoms.structures import (
    Body,
    DiscStructure,
    Material,
    PosteriorElements,
    Samples,
    Structure,
)
from discmri.phantoms.surroundings import (
    AnteriorLigament,
    build_backdrop,
    build_bowel,
    build_vessels,
)
from discmri.phantoms.texture import Texture
from discmri.phantoms.tissues import Tissue

Warp = Callable[[Array], Array]
"""World points (3, n) of voxels to the points (3, n) whose signal they get."""

_TILE = 28
_SPINE_STEP_MM = 1.0


@dataclass(frozen=True, eq=False)
class Scene:
    """All structures, front to back."""

    column: SpineColumn
    spine: tuple[Structure, ...]  # structures that are sampled finely
    around: tuple[Structure, ...]  # all others
    texture: Texture  # irregularity of tissues


@dataclass(frozen=True, eq=False)
class Tile:
    """Shares of the materials in a block of voxels of one slice."""

    where: tuple[slice, slice, int]  # the block in the grid
    shares: Mapping[Material, Array]  # by material, an array of the block's shape (i, j)
    gain: Array  # factor of brightness, of the same shape


@dataclass(frozen=True, eq=False)
class Composition:
    """Materials of every voxel of a grid."""

    grid: Grid
    tiles: tuple[Tile, ...]  # blocks that cover it once

    def summed(self, weight: Callable[[Material], float], textured: bool = True) -> Array:
        """(i, j, k) float32: sum of share times weight over all materials."""
        total = np.zeros(self.grid.shape, dtype=np.float32)
        for tile in self.tiles:
            block = total[tile.where]
            for material, share in tile.shares.items():
                factor = weight(material)
                if factor:
                    block += share * np.float32(factor)
            if textured:
                block *= tile.gain
        return total


def build_scene(spec: SpineSpec) -> Scene:
    """The scene of a spine specification."""
    column = build_column(spec)
    rng = np.random.default_rng([spec.seed, 3])
    grades = {disc.level: disc.grade.signal for disc in spec.discs}
    discs = [DiscStructure(level, shape, grades[level]) for level, shape in column.discs.items()]
    layer = spec.cartilage_mm
    bodies = [Body(name, shape, cartilage_mm=layer) for name, shape in column.bodies.items()]
    sacrum: list[Structure] = [FusedJunction(junction) for junction in column.junctions]
    sacrum += [
        Body(Vertebra.SACRUM, shape, vein=False, cartilage_mm=layer) for shape in column.sacrum
    ]
    if not column.junctions:
        gaps = zip(column.sacrum, spec.sacrum.gaps_mm, strict=False)
        sacrum += [RemnantDisc(shape, gap) for shape, gap in gaps]
    canal, epidural, wings = build_canal(column, rng)
    steep = {Vertebra.T10: 1.0, Vertebra.T11: 0.8, Vertebra.T12: 0.5, Vertebra.L1: 0.3}
    lowest = spec.vertebrae[-1].vertebra
    arches = [
        PosteriorElements(
            shape,
            spinous_slope=steep.get(name, 0.2) + float(rng.uniform(-0.06, 0.06)),
            spinous_mm=float((20.0 if name is lowest else 27.0) + rng.uniform(-2, 2)),
            phase=float(rng.uniform(0, 6.28)),
        )
        for name, shape in column.bodies.items()
    ]
    spine: list[Structure] = [*discs, *bodies, *sacrum, canal, *arches, wings, epidural]
    around: list[Structure] = [
        AnteriorLigament(),
        *build_vessels(column),
        *build_bowel(column, rng),
        build_backdrop(column, rng),
    ]
    return Scene(column, tuple(spine), tuple(around), Texture.random(spec))


def compose(
    scene: Scene, grid: Grid, thickness_mm: float | None = None, warp: Warp | None = None
) -> Composition:
    """Shares of all materials in every voxel of a grid whose last axis is across the slices.

    ``thickness_mm`` is the extent of a voxel along that axis; ``warp`` distorts the geometry.
    """
    thickness = float(grid.spacing_mm[2]) if thickness_mm is None else thickness_mm
    return Composition(grid, tuple(_tiles(scene, grid, thickness, warp)))


def _tiles(scene: Scene, grid: Grid, thickness: float, warp: Warp | None) -> Iterator[Tile]:
    ni, nj, nk = grid.shape
    for k in range(nk):
        for i in range(0, ni, _TILE):
            for j in range(0, nj, _TILE):
                where = (slice(i, min(i + _TILE, ni)), slice(j, min(j + _TILE, nj)), k)
                yield _tile(scene, grid, where, thickness, warp)


def _tile(
    scene: Scene,
    grid: Grid,
    where: tuple[slice, slice, int],
    thickness: float,
    warp: Warp | None,
) -> Tile:
    a, b, k = where
    ii, jj = np.meshgrid(np.arange(a.start, a.stop), np.arange(b.start, b.stop), indexing="ij")
    index = np.stack([ii.ravel(), jj.ravel(), np.full(ii.size, k)], axis=-1)
    centres = grid.to_world(index).T.astype(np.float32)
    if warp is not None:
        centres = warp(centres)
    middle = centres.mean(axis=1)
    radius = float(np.linalg.norm(centres - middle[:, None], axis=0).max()) + thickness / 2 + 2
    close = [s for s in scene.spine if s.near(middle, radius)]
    inplane = float(max(grid.spacing_mm[:2]))
    steps = 2 if close else 1
    layers = max(1, round(thickness / (_SPINE_STEP_MM if close else 2.0)))
    points = _spread(centres, grid, (steps, steps, layers), thickness)
    samples = Samples(points.reshape(3, -1), inplane / steps, scene.column.walls)
    structures = [*close, *(s for s in scene.around if s.near(middle, radius))]
    totals = _paint(structures, samples, points.shape[1:])
    shares = scene.texture.blend(totals, centres)
    shape = ii.shape
    gain = scene.texture.gain(centres).reshape(shape)
    return Tile(where, {m: s.reshape(shape) for m, s in shares.items()}, gain)


def _spread(centres: Array, grid: Grid, steps: tuple[int, int, int], thickness: float) -> Array:
    """(3, n, m) sample points: m of them at regular positions inside each voxel."""
    sizes = np.array([grid.spacing_mm[0], grid.spacing_mm[1], thickness])
    offsets = [((np.arange(n) + 0.5) / n - 0.5) * s for n, s in zip(steps, sizes, strict=True)]
    local = np.stack(np.meshgrid(*offsets, indexing="ij"), axis=-1).reshape(-1, 3)
    moved = (local @ grid.directions.T).astype(np.float32)
    return np.asarray(centres[:, :, None] + moved.T[:, None, :])


def _paint(
    structures: list[Structure], samples: Samples, shape: tuple[int, ...]
) -> dict[Material, Array]:
    """Mean share per voxel of each material, front to back."""
    free = np.ones(samples.points_mm.shape[1], dtype=np.float32)
    totals: dict[Material, Array] = {}
    for structure in structures:
        touched, painted = structure.paint(samples)
        if not touched.size:
            continue
        left = free[touched]
        used = np.zeros_like(left)
        for material, cover in painted:
            used += cover
            if not cover.any():
                continue
            mass = _per_voxel(cover * left, touched, shape)
            totals[material] = totals[material] + mass if material in totals else mass
        free[touched] = left * np.maximum(1 - used, 0)
        if not free.any():
            break
    return totals


def _per_voxel(values: Array, touched: NDArray[np.intp], shape: tuple[int, ...]) -> Array:
    """Mean over the samples of each voxel; samples not touched count as zero."""
    if len(touched) == shape[0] * shape[1]:
        return np.asarray(values.reshape(shape).mean(axis=1))
    total = np.bincount(touched // shape[1], weights=values, minlength=shape[0])
    return np.asarray((total / shape[1]).astype(np.float32))


def tissue_is(*tissues: Tissue) -> Callable[[Material], float]:
    """Weight 1 for the given tissues."""
    return lambda material: float(material.tissue in tissues)


def belongs_to(owner: DiscLevel | Vertebra) -> Callable[[Material], float]:
    """Weight 1 for materials of one named structure."""
    return lambda material: float(material.owner is owner)
