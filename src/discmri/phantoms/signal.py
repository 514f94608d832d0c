"""Signal of tissues, and artefacts of the scanner."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from discmri.core.levels import DiscLevel
from discmri.core.volume import Array, Grid
from discmri.phantoms.anatomy import SpineSpec
from discmri.phantoms.protocol import Protocol, Timing
from discmri.phantoms.structures import Material
from discmri.phantoms.tissues import (
    FAT,
    TABLE,
    Properties,
    Tissue,
    disc_properties,
    residual_properties,
)

SUPPRESSED_FAT = 0.03
"""Share of the fat signal that remains after spectral fat suppression."""


def spin_echo_signal(density: float, t1_ms: float, t2_ms: float, timing: Timing) -> float:
    """Magnitude of a spin echo, with an inversion pulse if ``timing`` has one.

    ``density * (1 - exp(-TR/T1)) * exp(-TE/T2)``, and for inversion recovery
    ``density * |1 - 2 exp(-TI/T1) + exp(-TR/T1)| * exp(-TE/T2)`` (Bernstein, King, Zhou:
    Handbook of MRI Pulse Sequences).

    >>> round(spin_echo_signal(1.0, 1000.0, 100.0, Timing(1000.0, 100.0)), 4)
    0.2325
    """
    recovery = 1 - math.exp(-timing.repetition_ms / t1_ms)
    if timing.inversion_ms is not None:
        recovery = abs(
            1 - 2 * math.exp(-timing.inversion_ms / t1_ms) + math.exp(-timing.repetition_ms / t1_ms)
        )
    return density * recovery * math.exp(-timing.echo_ms / t2_ms)


def diffusion_weight(b_s_per_mm2: float, adc_um2_ms: float) -> float:
    """``exp(-b D)``; b in s/mm², D in µm²/ms = 10⁻³ mm²/s.

    >>> round(diffusion_weight(1000.0, 1.0), 4)
    0.3679
    """
    return math.exp(-b_s_per_mm2 * adc_um2_ms * 1e-3)


@dataclass(frozen=True, eq=False)
class TissueSignals:
    """Signal of every material of one spine at one field strength."""

    spec: SpineSpec  # source of the discs' tissues and the marrow's fat fraction
    field_strength_t: float  # 1.5 or 3

    def properties(self, material: Material) -> Properties:
        """Properties of a material at this field strength."""
        if isinstance(material.owner, DiscLevel) and material in self._discs:
            return self._discs[material].at_field(self.field_strength_t)
        found = TABLE[material.tissue].at_field(self.field_strength_t)
        if material.tissue is Tissue.MARROW:
            return replace(found, fat_fraction=self.spec.marrow_fat)
        return found

    def water(self, timing: Timing, b_s_per_mm2: float = 0.0) -> Callable[[Material], float]:
        """Water signal by material."""

        def weight(material: Material) -> float:
            p = self.properties(material)
            density = p.density * (1 - p.fat_fraction)
            spin_echo = spin_echo_signal(density, p.t1_ms, p.t2_ms, timing)
            return spin_echo * diffusion_weight(b_s_per_mm2, p.adc_um2_ms)

        return weight

    def fat(self, timing: Timing) -> Callable[[Material], float]:
        """Fat signal by material."""

        def weight(material: Material) -> float:
            p = self.properties(material)
            density = p.density * p.fat_fraction
            return spin_echo_signal(density, FAT.t1_ms, FAT.t2_ms, timing)

        return weight

    @cached_property
    def _discs(self) -> dict[Material, Properties]:
        found = {disc.level: disc_properties(disc) for disc in self.spec.discs}
        residual = self.spec.sacrum.residual_disc
        if residual is not None:
            found[residual.level] = residual_properties(residual)
        return {
            Material(tissue, level): properties
            for level, tissues in found.items()
            for tissue, properties in tissues.items()
        }


def coil_shading(grid: Grid, protocol: Protocol, back_y_mm: float) -> Array:
    """(i, j, k) sensitivity of a posterior coil array, partly normalised by the scanner.

    It falls with the distance from the back and at the ends of the array, with small ripples.
    """
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    points = grid.to_world(index).astype(np.float32)
    depth = np.maximum(points[..., 1] - back_y_mm, 0)
    fall = 1.9 / (1 + (depth / 55.0) ** 1.5) + 0.12
    z = points[..., 2]
    ends = 1 / (1 + np.exp((np.abs(z + 20) - 185) / 14))
    ripple = 1 + 0.05 * np.cos(z / 22.0)
    shade = fall * ends * ripple
    return np.asarray((1 - protocol.shading) + protocol.shading * shade).astype(np.float32)


def saturation_band(grid: Grid, strength: float, front_y_mm: float) -> Array:
    """(i, j, k) factor of the signal from a saturation slab in front of the spine."""
    if strength == 0:
        return np.ones((1, 1, 1), dtype=np.float32)
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    points = grid.to_world(index).astype(np.float32)
    inside = 1 / (1 + np.exp(-(points[..., 1] - front_y_mm - 0.25 * np.abs(points[..., 2])) / 5))
    return np.asarray(1 - strength * inside)


def shifted_fat(fat: Array, pixels: float, axis: int) -> Array:
    """Fat image displaced along the frequency axis by the chemical shift."""
    from scipy.ndimage import shift

    offsets = [0.0, 0.0, 0.0]
    offsets[axis] = pixels
    return np.asarray(shift(fat, offsets, order=1, mode="nearest"))


def blurred(image: Array, sd_px: float) -> Array:
    """Image with a Gaussian point spread in the slice plane."""
    from scipy.ndimage import gaussian_filter

    return np.asarray(gaussian_filter(image, (sd_px, sd_px, 0.0)))


def rician(image: Array, sigma: float, rng: np.random.Generator) -> Array:
    """Magnitude of a complex image with Gaussian noise in both channels (Gudbjartsson 1995)."""
    real = rng.standard_normal(image.shape, dtype=np.float32) * np.float32(sigma)
    imaginary = rng.standard_normal(image.shape, dtype=np.float32) * np.float32(sigma)
    return np.asarray(np.hypot(image + real, imaginary))
