"""Analytic shapes of discs and vertebral bodies.

All functions take points in a :class:`LocalFrame` (x right, y anterior, z superior, mm) as separate
coordinate arrays of any shape and dtype, so a shape can be sampled at any resolution.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from discmri.core.volume import Array

_ANTERIOR_POWER = 2.2
_POSTERIOR_POWER = 2.8


@dataclass(frozen=True, eq=False)
class LocalFrame:
    """A local coordinate system in patient space."""

    origin_mm: Array  # (3,) RAS+
    axes: Array  # (3, 3), unit vectors right, anterior, superior of the structure as columns, RAS+

    @classmethod
    def tilted(cls, origin_mm: Array, sagittal_deg: float, lateral_deg: float) -> LocalFrame:
        """A frame whose superior axis leans forward and to the right by two angles.

        >>> frame = LocalFrame.tilted(np.zeros(3), 90.0, 0.0)
        >>> frame.axes[:, 2].round(6).tolist()
        [0.0, 1.0, 0.0]
        """
        s, c = np.sin(np.radians(sagittal_deg)), np.cos(np.radians(sagittal_deg))
        sl, cl = np.sin(np.radians(lateral_deg)), np.cos(np.radians(lateral_deg))
        sagittal = np.array([[1, 0, 0], [0, c, s], [0, -s, c]])
        lateral = np.array([[cl, 0, sl], [0, 1, 0], [-sl, 0, cl]])
        return cls(np.asarray(origin_mm, dtype=float), sagittal @ lateral)

    def to_local(self, points_mm: Array) -> Array:
        """World points (3, n), RAS+ to local coordinates (3, n) of the same dtype."""
        origin = self.origin_mm.astype(points_mm.dtype)[:, None]
        return np.asarray(self.axes.T.astype(points_mm.dtype) @ (points_mm - origin))

    def to_world(self, x: Array, y: Array, z: Array) -> Array:
        """Local coordinates to world points (..., 3), RAS+."""
        local = np.stack(np.broadcast_arrays(x, y, z), axis=-1)
        return np.asarray(local @ self.axes.T + self.origin_mm)


@dataclass(frozen=True)
class Footprint:
    """The outline of an endplate from above: rounder in front, flatter behind."""

    half_width_mm: float
    half_depth_mm: float
    centre_mm: float = 0.0  # anterior position of the centre

    def between(self, other: Footprint, share: Array) -> tuple[Array, Array, Array]:
        """Half width, half depth and centre, interpolated from this (0) to another one (1)."""
        return (
            self.half_width_mm + (other.half_width_mm - self.half_width_mm) * share,
            self.half_depth_mm + (other.half_depth_mm - self.half_depth_mm) * share,
            self.centre_mm + (other.centre_mm - self.centre_mm) * share,
        )


def radius_share(x: Array, y: Array, half_width: Array | float, half_depth: Array | float) -> Array:
    """Distance from the centre / distance of the outline in that direction; 1 on the outline.

    ``y`` is counted from the footprint's centre.  The two halves are superellipses of powers
    2.2 (front) and 2.8 (back).
    """
    ax = np.abs(x / half_width) + 1e-6
    ay = np.abs(y / half_depth) + 1e-6
    lx, ly = np.log(ax), np.log(ay)
    power = np.where(y >= 0, x.dtype.type(_ANTERIOR_POWER), x.dtype.type(_POSTERIOR_POWER))
    # ax**p + ay**p without overflow: factor out the larger term
    large, small = np.maximum(lx, ly), np.minimum(lx, ly)
    return np.asarray(np.exp(large + np.log1p(np.exp(power * (small - large))) / power))


@dataclass(frozen=True, eq=False)
class Ripple:
    """Smooth irregularity of a surface: a few plane waves."""

    amplitude_mm: float  # standard deviation
    waves: Array  # (n, 3): wave numbers along both coordinates (1/mm) and phase

    @classmethod
    def random(
        cls, rng: np.random.Generator, amplitude_mm: float, wavelengths_mm: tuple[float, float]
    ) -> Ripple:
        """Four waves of random direction and length within a range."""
        k = 2 * np.pi / rng.uniform(*wavelengths_mm, 4)
        angle = rng.uniform(0, 2 * np.pi, 4)
        phase = rng.uniform(0, 2 * np.pi, 4)
        return cls(amplitude_mm, np.stack([k * np.cos(angle), k * np.sin(angle), phase], axis=1))

    def __call__(self, a: Array, b: Array) -> Array:
        """Displacement in mm at two surface coordinates in mm."""
        total = np.zeros(np.broadcast_shapes(a.shape, b.shape), dtype=a.dtype)
        if self.amplitude_mm == 0:
            return total
        for ka, kb, phase in self.waves.astype(a.dtype):
            total += np.cos(ka * a + kb * b + phase)
        return np.asarray(total * a.dtype.type(self.amplitude_mm * np.sqrt(2 / len(self.waves))))


@dataclass(frozen=True, eq=False)
class DiscShape:
    """A disc in its own frame, bounded by two endplate surfaces and a bulging wall."""

    frame: LocalFrame  # centre of the disc; its y-z plane is the disc's mid-sagittal plane
    height_mm: float  # distance of the endplate chords at the centre
    wedge_deg: float  # angle between the chords, anteriorly
    lateral_wedge_deg: float  # angle between the chords, to the right
    upper: Footprint  # outline of the body above, in the disc's frame
    lower: Footprint  # outline of the body below
    concavity_upper_mm: float
    concavity_lower_mm: float
    bulge_anterior_mm: float  # of the wall at mid-height beyond the rim
    bulge_posterior_mm: float
    ripple_upper: Ripple  # irregularity of the endplate
    ripple_lower: Ripple

    def upper_surface(self, x: Array, y: Array) -> Array:
        """Height z of the disc's upper border."""
        hollow = self._hollow(x, y, self.upper, self.concavity_upper_mm)
        return np.asarray(self._chord(x, y, self.upper) + hollow + self.ripple_upper(x, y))

    def lower_surface(self, x: Array, y: Array) -> Array:
        """Height z of the disc's lower border (negative)."""
        hollow = self._hollow(x, y, self.lower, self.concavity_lower_mm)
        return np.asarray(-(self._chord(x, y, self.lower) + hollow + self.ripple_lower(x, y)))

    def wall(self, x: Array, y: Array, level: Array) -> Array:
        """Signed distance to the wall, negative inside; ``level`` is -1 (below) to 1 (above)."""
        half_width, half_depth, centre = self.lower.between(self.upper, (level + 1) / 2)
        yc = y - centre
        radius = np.hypot(x, yc) + 1e-4
        share = np.maximum(radius_share(x, yc, half_width, half_depth), 1e-3)
        return np.asarray(radius * (1 - 1 / share) - self._bulge(yc / radius) * (1 - level**2))

    def level_of(self, x: Array, y: Array, z: Array) -> tuple[Array, Array, Array]:
        """Position between the endplates (-1 to 1) and the distances to both (inside > 0)."""
        top, bottom = self.upper_surface(x, y), self.lower_surface(x, y)
        half = np.maximum((top - bottom) / 2, 0.25)
        level = np.clip((z - (top + bottom) / 2) / half, -1, 1)
        return level, top - z, z - bottom

    def inside(self, points_mm: Array) -> Array:
        """Whether world points (..., 3), RAS+ mm, lie in the disc."""
        points = np.asarray(points_mm, dtype=float)
        x, y, z = self.frame.to_local(points.reshape(-1, 3).T)
        level, above, below = self.level_of(x, y, z)
        found = (above > 0) & (below > 0) & (self.wall(x, y, level) < 0)
        return np.asarray(found.reshape(points.shape[:-1]))

    def _chord(self, x: Array, y: Array, rim: Footprint) -> Array:
        slope = math.tan(math.radians(self.wedge_deg / 2))
        slope_right = math.tan(math.radians(self.lateral_wedge_deg / 2))
        return np.asarray(self.height_mm / 2 + slope * (y - rim.centre_mm) + slope_right * x)

    def _hollow(self, x: Array, y: Array, rim: Footprint, depth_mm: float) -> Array:
        u = (y - rim.centre_mm) / rim.half_depth_mm
        square = (x / rim.half_width_mm) ** 2 + u**2
        # deepest a little behind the centre, zero at the rim
        return np.asarray(depth_mm * np.maximum(1 - square, 0) * (1 - 0.35 * u))

    def _bulge(self, towards_front: Array) -> Array:
        front = np.maximum(towards_front, 0) ** 2
        back = np.maximum(-towards_front, 0) ** 2
        side = 0.35 * (self.bulge_anterior_mm + self.bulge_posterior_mm)
        return np.asarray(
            self.bulge_anterior_mm * front
            + self.bulge_posterior_mm * back
            + side * (1 - front - back)
        )


@dataclass(frozen=True, eq=False)
class LensShape:
    """A symmetric lens: ``|z| < h (1 - r**blunt)``, r elliptical in x and y."""

    frame: LocalFrame
    half_depth_mm: float
    half_width_mm: float
    half_height_mm: float
    blunt: float  # 2 for a lens with thin rims; a larger number is more similar to a plate

    def radius(self, x: Array, y: Array) -> Array:
        """Distance from the axis / distance of the rim in that direction; 1 on the rim."""
        return np.asarray(np.hypot(x / self.half_width_mm, y / self.half_depth_mm))

    def depth(self, x: Array, y: Array, z: Array) -> Array:
        """Distance (mm) to the border, positive inside, exact near it; local coordinates."""
        r = np.minimum(self.radius(x, y), 1.5)
        half = self.half_height_mm * (1 - r**self.blunt)
        slope = self.half_height_mm * self.blunt * r ** (self.blunt - 1) / self.half_depth_mm
        return np.asarray((half - np.abs(z)) / np.hypot(1, slope))

    @property
    def area_mm2(self) -> float:
        """Area of the mid-sagittal section."""
        return 4 * self.half_depth_mm * self.half_height_mm * self.blunt / (self.blunt + 1)

    @property
    def volume_mm3(self) -> float:
        """Volume of the whole lens."""
        base = math.pi * self.half_depth_mm * self.half_width_mm
        return 2 * base * self.half_height_mm * self.blunt / (self.blunt + 2)


@dataclass(frozen=True, eq=False)
class BodyShape:
    """A vertebral body: a wall with a waist, bounded by the discs above and below."""

    frame: LocalFrame  # centre of the body
    height_mm: float  # distance of its disc-side chords at the centre
    rim: Footprint  # outline at the endplates
    waist: float  # relative narrowing at mid-height
    above: DiscShape | None  # the disc on top, if any
    below: DiscShape | None  # the disc underneath, if any
    ripple: Ripple  # irregularity of the wall
    taper: float = 0.0  # relative widening from mid-height to the upper end
    open_top: bool = False  # whether the body has no upper end

    def wall(self, x: Array, y: Array, z: Array) -> Array:
        """Signed distance (mm) to the wall, negative inside, local coordinates."""
        t = np.clip(2 * z / self.height_mm, -1, 1)
        scale = (1 - self.waist * (1 - t**2)) * (1 + self.taper * t)
        radius = np.hypot(x, y) + 1e-4
        share = np.maximum(
            radius_share(x, y, self.rim.half_width_mm * scale, self.rim.half_depth_mm * scale), 1e-3
        )
        return np.asarray(radius * (1 - 1 / share) - (1 - t**2) * self.ripple(x + y, z))

    def beyond_discs(self, points_mm: Array, z: Array) -> Array:
        """Distance (mm) to the nearer disc border, negative inside a disc.

        ``points_mm`` are world points (3, n), ``z`` their local heights.
        """
        half = z.dtype.type(self.height_mm / 2)
        depth = np.full_like(z, 1e3) if self.open_top or self.above else half - z
        if self.below is None:
            depth = np.minimum(depth, z + half)
        if self.above is not None:
            x, y, zd = self.above.frame.to_local(points_mm)
            depth = np.minimum(depth, self.above.lower_surface(x, y) - zd)
        if self.below is not None:
            x, y, zd = self.below.frame.to_local(points_mm)
            depth = np.minimum(depth, zd - self.below.upper_surface(x, y))
        return np.asarray(depth)
