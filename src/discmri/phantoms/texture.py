"""Smooth random fields for the texture of tissues."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from discmri.core.volume import Array
from discmri.phantoms.anatomy import SpineSpec
from discmri.phantoms.structures import Material, smoothstep
from discmri.phantoms.tissues import Tissue

_CUBE = 64


@dataclass(frozen=True, eq=False)
class Texture:
    """Periodic noise in patient space, and its effect on each tissue."""

    cubes: Array  # (n, 64, 64, 64) float32 of zero mean and unit SD, correlated over about 2 cells
    spec: SpineSpec  # the spine whose tissues are textured

    @classmethod
    def random(cls, spec: SpineSpec) -> Texture:
        """Fields from the seed of a specification."""
        from scipy.ndimage import gaussian_filter

        rng = np.random.default_rng([spec.seed, 4])
        cubes = rng.standard_normal((3, _CUBE, _CUBE, _CUBE)).astype(np.float32)
        smooth = np.stack([gaussian_filter(c, 0.9, mode="wrap") for c in cubes])
        return cls(smooth / smooth.std(axis=(1, 2, 3), keepdims=True), spec)

    def field(self, points_mm: Array, cells_mm: tuple[float, float, float], n: int) -> Array:
        """Noise number ``n`` at world points (3, m), with cells of the given size."""
        from scipy.ndimage import map_coordinates

        scaled = points_mm / np.array(cells_mm, dtype=np.float32)[:, None]
        return np.asarray(map_coordinates(self.cubes[n], scaled, order=1, mode="grid-wrap"))

    def gain(self, points_mm: Array) -> Array:
        """Factor of brightness at world points, about 1."""
        fine = self.field(points_mm, (1.7, 0.9, 0.9), 0)
        broad = self.field(points_mm, (9.0, 7.0, 7.0), 1)
        return np.asarray(np.clip(1 + 0.035 * fine + 0.035 * broad, 0.7, 1.3))

    def blend(self, shares: dict[Material, Array], points_mm: Array) -> dict[Material, Array]:
        """Mix tissues: fat in muscle, septa in fat, spots in marrow."""
        mixed = dict(shares)
        for material, share in shares.items():
            recipe = _RECIPES.get(material.tissue)
            if recipe is None:
                continue
            into, amount = recipe(self, points_mm)
            target = Material(into, material.owner)
            mixed[material] = mixed[material] - share * amount
            mixed[target] = mixed.get(target, np.zeros_like(share)) + share * amount
        return mixed


def _muscle(texture: Texture, points_mm: Array) -> tuple[Tissue, Array]:
    leaning = points_mm + np.float32(0.3) * points_mm[[1, 2, 0]]
    streak = texture.field(leaning, (3.0, 2.0, 15.0), 0)
    fibre = texture.field(leaning, (1.4, 1.0, 9.0), 1)
    patch = texture.field(points_mm, (16.0, 14.0, 24.0), 1)
    low = np.clip(-points_mm[2] / 90, -0.5, 1.0)  # more fat further down
    amount = texture.spec.muscle_fat * (0.35 + 0.8 * np.maximum(low, 0)) + 0.15 * patch
    bright = smoothstep((streak - 1.2 + 2.2 * amount) / 1.8) * 0.8
    return Tissue.FAT, np.asarray(np.clip(bright + 0.07 + 0.05 * fibre, 0, 0.9))


def _between(texture: Texture, points_mm: Array) -> tuple[Tissue, Array]:
    streak = texture.field(points_mm, (4.0, 6.0, 2.2), 2)
    return Tissue.FAT, np.asarray(smoothstep((streak + 0.6) / 2.6) * 0.8)


def _subcutaneous(texture: Texture, points_mm: Array) -> tuple[Tissue, Array]:
    leaning = points_mm + np.float32(0.7) * points_mm[[0, 2, 1]] * np.array([[0], [0], [1]], "f4")
    sheet = texture.field(leaning, (14.0, 9.0, 5.0), 2)
    bend = texture.field(points_mm, (7.0, 5.0, 5.0), 0)
    line = np.exp(-(((sheet + 0.15 * bend) / 0.08) ** 2))
    broken = smoothstep((texture.field(points_mm, (9.0, 7.0, 9.0), 1) + 0.6) / 1.5)
    return Tissue.FASCIA, np.asarray(0.4 * line * broken)


def _marrow(texture: Texture, points_mm: Array) -> tuple[Tissue, Array]:
    grain = texture.field(points_mm, (2.6, 1.5, 1.5), 1)
    patch = texture.field(points_mm, (10.0, 8.0, 8.0), 2)
    return Tissue.FAT, np.asarray(np.clip(0.12 + 0.07 * grain + 0.06 * patch, 0, 0.6))


def _mesentery(texture: Texture, points_mm: Array) -> tuple[Tissue, Array]:
    patch = texture.field(points_mm, (12.0, 9.0, 12.0), 2)
    grain = texture.field(points_mm, (5.0, 3.5, 5.0), 1)
    return Tissue.BOWEL_WALL, np.asarray(smoothstep((patch + 0.5 * grain + 0.1) / 1.4) * 0.75)


def _retroperitoneal(texture: Texture, points_mm: Array) -> tuple[Tissue, Array]:
    strand = texture.field(points_mm, (5.0, 3.0, 8.0), 0)
    return Tissue.FASCIA, np.asarray(0.18 * np.exp(-((strand / 0.25) ** 2)))


def _epidural(texture: Texture, points_mm: Array) -> tuple[Tissue, Array]:
    strand = texture.field(points_mm, (3.0, 2.5, 5.0), 0)
    return Tissue.VEIN, np.asarray(smoothstep((strand - 0.3) / 1.5) * 0.6)


def _nucleus(texture: Texture, points_mm: Array) -> tuple[Tissue, Array]:
    patch = texture.field(points_mm, (4.0, 4.0, 1.6), 1)
    return Tissue.INNER_ANNULUS, np.asarray(np.clip(0.06 + 0.08 * patch, 0, 0.3))


_RECIPES = {
    Tissue.MUSCLE: _muscle,
    Tissue.INTERSPINOUS: _between,
    Tissue.SUBCUTANEOUS_FAT: _subcutaneous,
    Tissue.MARROW: _marrow,
    Tissue.MESENTERY: _mesentery,
    Tissue.FAT: _retroperitoneal,
    Tissue.EPIDURAL_FAT: _epidural,
    Tissue.NUCLEUS: _nucleus,
}
