"""The structures of the scene and their coverage of sample points.

A sample point represents a small cube.  A structure's coverage of it rises from 0 to 1 over the
cube's width around the analytic border, so averages over voxels are exact for straight borders.
Structures are painted in order: each one hides all later ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from discmri.core.levels import DiscLevel, Vertebra
from discmri.core.volume import Array
from discmri.phantoms.anatomy import BONY_ENDPLATE_MM, CARTILAGE_MM
from discmri.phantoms.column import Curve
from discmri.phantoms.shapes import BodyShape, DiscShape, LocalFrame
from discmri.phantoms.tissues import Tissue

CORTEX_MM = 0.5


class Material(NamedTuple):
    """A tissue and the structure it belongs to, if that has a name."""

    tissue: Tissue
    owner: DiscLevel | Vertebra | None = None


@dataclass(frozen=True, eq=False)
class Samples:
    """Sample points of one tile."""

    points_mm: Array  # (3, n) float32, RAS+
    width_mm: float  # size of the cube that each point represents
    walls: Curve  # the spine's walls by height

    @cached_property
    def _along(self) -> Array:
        return self.walls(self.points_mm[2])

    @cached_property
    def sideways(self) -> Array:
        """Distance (mm) to the right of the spine's midline."""
        return np.asarray(self.points_mm[0] - self._along[2])

    @cached_property
    def behind(self) -> Array:
        """Distance (mm) behind the posterior wall of the bodies, across the canal."""
        return np.asarray((self._along[0] - self.points_mm[1]) * np.cos(self._along[3]))

    @cached_property
    def before(self) -> Array:
        """Distance (mm) in front of the anterior wall of the bodies."""
        return np.asarray((self.points_mm[1] - self._along[1]) * np.cos(self._along[3]))

    def only(self, keep: NDArray[np.intp]) -> Samples:
        """The chosen points."""
        return Samples(self.points_mm[:, keep], self.width_mm, self.walls)

    def cover(self, depth_mm: Array) -> Array:
        """Share covered by a structure whose border lies ``depth_mm`` away (inside > 0)."""
        return np.asarray(np.clip(depth_mm / np.float32(self.width_mm) + np.float32(0.5), 0, 1))


Painted = list[tuple[Material, Array]]


class Structure(Protocol):
    """A part of the scene with one or more materials."""

    def near(self, centre_mm: Array, radius_mm: float) -> bool:
        """Whether a part of it may lie within a ball."""

    def paint(self, samples: Samples) -> tuple[NDArray[np.intp], Painted]:
        """Indices of the touched samples, and their coverage by material.

        Coverages of different materials add up to at most 1.
        """


def smoothstep(value: Array) -> Array:
    """0 below 0, 1 above 1, smooth between."""
    t = np.clip(value, 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def rounded_minimum(a: Array, b: Array, radius_mm: float) -> Array:
    """Depth inside both of two borders, with a rounded corner between them."""
    near = np.maximum(radius_mm - np.abs(a - b), 0)
    return np.asarray(np.minimum(a, b) - near * near / (4 * radius_mm))


NOTHING: tuple[NDArray[np.intp], Painted] = (np.zeros(0, dtype=np.intp), [])


def reaches(centre: Array, reach: float, at: Array, radius: float) -> bool:
    """Whether two balls touch."""
    offset = centre - at
    return bool(offset @ offset < (reach + radius) ** 2)


@dataclass(frozen=True, eq=False)
class DiscStructure:
    """A disc with nucleus, inner and outer annulus, and a cleft in grade 2.

    The nucleus reaches the endplates: on scans the signal of a dark disc is even to within 1 mm of them.
    """

    level: DiscLevel
    shape: DiscShape
    signal_grade: int  # 1 to 5; determines the sharpness of the nucleus border

    def near(self, centre_mm: Array, radius_mm: float) -> bool:
        """Whether a part of it may lie within a ball."""
        reach = max(self.shape.upper.half_width_mm, self.shape.lower.half_width_mm) + 5
        return reaches(self.shape.frame.origin_mm, reach, centre_mm, radius_mm)

    def paint(self, samples: Samples) -> tuple[NDArray[np.intp], Painted]:
        """Indices of the touched samples, and their coverage by material."""
        shape = self.shape
        x, y, z = shape.frame.to_local(samples.points_mm)
        reach = shape.height_mm / 2 + 4 + 18 * math.tan(math.radians(abs(shape.wedge_deg) / 2))
        keep = np.flatnonzero((np.abs(z) < reach) & (np.abs(y) < 28) & (np.abs(x) < 34))
        if not keep.size:
            return NOTHING
        x, y, z = x[keep], y[keep], z[keep]
        level, above, below = shape.level_of(x, y, z)
        depth = -shape.wall(x, y, level)
        inside = samples.cover(above) * samples.cover(below) * samples.cover(depth)
        return keep, [
            (Material(tissue, self.level), inside * share)
            for tissue, share in self.parts(y, level, depth)
        ]

    def parts(self, y: Array, level: Array, depth: Array) -> list[tuple[Tissue, Array]]:
        """Shares of the disc's tissues by local position.

        ``y`` is anterior and ``depth`` from the wall, both in mm; ``level`` is -1 at the lower
        endplate to 1 at the upper one.
        """
        scale = np.where(y < 0, y.dtype.type(0.78), y.dtype.type(1.0))
        sharp = self.signal_grade <= 3
        outer_mm, inner_mm = (4.0, 7.0) if sharp else (2.2, 5.0)
        blur_mm = 1.6 if sharp else 6.0
        inner = smoothstep((depth - outer_mm * scale) / (blur_mm * scale))
        nucleus = smoothstep((depth - inner_mm * scale) / (2.2 * blur_mm * scale)) * inner
        cleft = np.zeros_like(nucleus)
        if self.signal_grade in (2, 3):
            strength = 0.85 if self.signal_grade == 2 else 0.35
            cleft = strength * np.exp(-((level / 0.17) ** 2)) * smoothstep((depth - 7.5) / 4)
            cleft = cleft * nucleus
        return [
            (Tissue.NUCLEUS, nucleus - cleft),
            (Tissue.CLEFT, cleft),
            (Tissue.INNER_ANNULUS, inner - nucleus),
            (Tissue.OUTER_ANNULUS, 1 - inner),
        ]


@dataclass(frozen=True, eq=False)
class Body:
    """A vertebral body or sacral segment: endplates, cortex, marrow, basivertebral vein."""

    name: Vertebra
    shape: BodyShape
    vein: bool = True  # whether it has a basivertebral vein
    cartilage_mm: float = CARTILAGE_MM  # thickness of the cartilage on its endplates

    def near(self, centre_mm: Array, radius_mm: float) -> bool:
        """Whether a part of it may lie within a ball."""
        reach = math.hypot(self.shape.rim.half_width_mm, self.shape.height_mm / 2) + 5
        if self.shape.open_top:
            reach += 60
        return reaches(self.shape.frame.origin_mm, reach, centre_mm, radius_mm)

    def paint(self, samples: Samples) -> tuple[NDArray[np.intp], Painted]:
        """Indices of the touched samples, and their coverage by material."""
        shape = self.shape
        x, y, z = shape.frame.to_local(samples.points_mm)
        low = np.abs(z) < shape.height_mm / 2 + 6
        if shape.open_top:
            low |= z > 0
        depth_reach, width_reach = shape.rim.half_depth_mm + 4, shape.rim.half_width_mm + 4
        keep = np.flatnonzero(low & (np.abs(y) < depth_reach) & (np.abs(x) < width_reach))
        if not keep.size:
            return NOTHING
        x, y, z = x[keep], y[keep], z[keep]
        depth = shape.beyond_discs(samples.points_mm[:, keep], z)
        wall = -shape.wall(x, y, z)
        side = samples.cover(wall)
        every = samples.cover(depth) * side
        bone = samples.cover(depth - np.float32(self.cartilage_mm)) * side
        marrow = samples.cover(
            rounded_minimum(
                depth - np.float32(self.cartilage_mm + BONY_ENDPLATE_MM),
                wall - np.float32(CORTEX_MM),
                3.5,
            )
        )
        vein = marrow * self._vein_share(x, y, z) if self.vein else np.zeros_like(marrow)
        bone, marrow = np.minimum(bone, every), np.minimum(marrow, bone)
        return keep, [
            (Material(Tissue.VEIN, self.name), vein),
            (Material(Tissue.MARROW, self.name), marrow - vein),
            (Material(Tissue.CORTEX, self.name), bone - marrow),
            (Material(Tissue.CARTILAGE), every - bone),
        ]

    def _vein_share(self, x: Array, y: Array, z: Array) -> Array:
        away = np.clip(1 - (y + self.shape.rim.half_depth_mm * 0.93) / 13, 0, 1)
        thick = 0.8 + 1.3 * away
        return np.asarray(0.85 * np.exp(-((z / thick) ** 2) - (x / 7) ** 2) * smoothstep(away * 2))


@dataclass(frozen=True, eq=False)
class PosteriorElements:
    """Pedicles, laminae, facet joints, spinous and transverse processes, and nerve roots."""

    body: BodyShape
    spinous_slope: float = 0.2  # downward slope of the spinous process
    spinous_mm: float = 27.0  # length of the spinous process
    phase: float = 0.0  # phase of its irregularity, radians

    @cached_property
    def _frame(self) -> LocalFrame:
        return self.body.frame

    def near(self, centre_mm: Array, radius_mm: float) -> bool:
        """Whether a part of it may lie within a ball."""
        middle = self._frame.to_world(
            np.array(0.0), np.array(-self.body.rim.half_depth_mm - 20), np.array(-5.0)
        )
        return reaches(middle, 48.0, centre_mm, radius_mm)

    def paint(self, samples: Samples) -> tuple[NDArray[np.intp], Painted]:
        """Indices of the touched samples, and their coverage by material."""
        x, y, z = self._frame.to_local(samples.points_mm)
        back = -self.body.rim.half_depth_mm * np.float32(0.95) - y
        across = np.abs(x)
        keep = np.flatnonzero(
            (back > -3) & (back < 22 + self.spinous_mm) & (across < 42) & (np.abs(z + 6) < 34)
        )
        if not keep.size:
            return NOTHING
        across, back, z = across[keep], back[keep], z[keep]
        depth = -self._distance(across, back, z)
        bone = samples.cover(depth)
        rim = 0.9 + 0.35 * np.sin(0.31 * z + 0.23 * back)
        marrow = np.minimum(samples.cover(depth - rim), bone)
        tube = 2.4 - np.hypot(back - 5.5, z + 6 + 0.45 * (across - 9))
        root = np.minimum(tube, np.minimum(across - 10, 30 - across))
        return keep, [
            (Material(Tissue.MARROW), marrow),
            (Material(Tissue.CORTEX), bone - marrow),
            (Material(Tissue.ROOT), samples.cover(root) * (1 - bone)),
        ]

    def _distance(self, across: Array, back: Array, z: Array) -> Array:
        width = self.body.rim.half_width_mm
        pedicle = np.hypot((across - 0.64 * width) / 4.2, (z - 5.5) / 7.0) * 4.2 - 4.2
        pedicle = np.maximum(pedicle, np.abs(back - 5) - 10)
        ring = np.hypot(across / 15.5, (back - 9) / 10.5)
        lamina = np.abs(ring - 1) * 10.5 - 2.6
        tilt = z + 7 + 0.35 * (back - 18)
        lamina = np.maximum(np.maximum(lamina, 12 - back), np.abs(tilt) - 9.5)
        far = back - 18
        middle = -9.0 - self.spinous_slope * far + 1.6 * np.sin(0.16 * far + self.phase)
        high = 6.8 + 0.11 * far - 0.012 * (far - 14) ** 2 * (far > 14)
        tall = np.maximum(np.abs(z - middle) - high + 3.5, 0)
        thin = np.maximum(across - (2.2 + 0.05 * far), 0)
        long = np.maximum(np.abs(far - self.spinous_mm / 2) - self.spinous_mm / 2 + 3.5, 0)
        spinous = np.sqrt(tall**2 + thin**2 + long**2) - 3.5
        spinous = np.maximum(spinous, across - (2.4 + 0.05 * far))
        upper = np.hypot(np.hypot((across - 17) / 5.5, (back - 15) / 6), (z - 13) / 10)
        lower = np.hypot(np.hypot((across - 15) / 5.5, (back - 20) / 6), (z + 18) / 10)
        facets = (np.minimum(upper, lower) - 1) * 5.5
        transverse = np.hypot((back - 13) / 3.5, (z - 4) / 5.5) * 3.5 - 3.5
        transverse = np.maximum(transverse, np.abs(across - 29) - 11)
        parts: Sequence[Array] = (pedicle, lamina, spinous, facets, transverse)
        rough = np.sin(0.45 * z + self.phase) * np.sin(0.4 * back + 0.3 * across)
        return np.asarray(np.minimum.reduce(parts) + 0.7 * rough)


@dataclass(frozen=True, eq=False)
class Loop:
    """An ellipsoid with a thin wall: a bowel loop, an organ or the bladder."""

    centre_mm: Array  # (3,) RAS+
    radii_mm: Array  # (3,) semi-axes
    content: Tissue
    wall: Tissue = Tissue.BOWEL_WALL
    wall_mm: float = 1.8

    def near(self, centre_mm: Array, radius_mm: float) -> bool:
        """Whether a part of it may lie within a ball."""
        return reaches(self.centre_mm, float(self.radii_mm.max()) + 3, centre_mm, radius_mm)

    def paint(self, samples: Samples) -> tuple[NDArray[np.intp], Painted]:
        """Indices of the touched samples, and their coverage by material."""
        offset = samples.points_mm - self.centre_mm.astype(np.float32)[:, None]
        wave = (
            0.8
            / np.float32(self.radii_mm.min())
            * (
                np.sin(0.16 * offset[1] + 0.11 * offset[0])
                + np.sin(0.19 * offset[2] - 0.1 * offset[0])
            )
        )
        radius = np.sqrt(((offset / self.radii_mm.astype(np.float32)[:, None]) ** 2).sum(axis=0))
        depth = (1 + wave - radius) * np.float32(self.radii_mm.min())
        keep = np.flatnonzero(depth > -samples.width_mm)
        if not keep.size:
            return NOTHING
        every = samples.cover(depth[keep])
        content = np.minimum(samples.cover(depth[keep] - np.float32(self.wall_mm)), every)
        return keep, [(Material(self.content), content), (Material(self.wall), every - content)]
