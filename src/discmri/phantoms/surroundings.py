"""Surroundings of the spine: ligaments, muscles, fat, vessels, bowel, skin and air."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from discmri.core.levels import Vertebra
from discmri.core.volume import Array
from discmri.phantoms.column import Curve, SpineColumn
from discmri.phantoms.structures import (
    NOTHING,
    Loop,
    Material,
    Painted,
    Samples,
    smoothstep,
)
from discmri.phantoms.tissues import Tissue


@dataclass(frozen=True, eq=False)
class AnteriorLigament:
    """The dark band along the front of bodies and discs."""

    def near(self, centre_mm: Array, radius_mm: float) -> bool:
        """Whether a part of it may lie within a ball."""
        return abs(float(centre_mm[0])) < radius_mm + 45

    def paint(self, samples: Samples) -> tuple[NDArray[np.intp], Painted]:
        """Indices of the touched samples, and their coverage by material."""
        keep = np.flatnonzero((np.abs(samples.before) < 4) & (np.abs(samples.sideways) < 24))
        if not keep.size:
            return NOTHING
        near = samples.only(keep)
        sag = 0.012 * near.sideways**2  # curvature of the wall towards the sides
        band = 0.7 - np.abs(near.before + sag - 0.3)
        cover = near.cover(band) * near.cover(15 - np.abs(near.sideways))
        return keep, [(Material(Tissue.LIGAMENT), cover)]


@dataclass(frozen=True, eq=False)
class Tube:
    """A blood vessel: a dark lumen in a thin wall, along a course by height."""

    course: Curve  # by height: distance to the right, distance in front of the bodies, radius
    front: Curve  # the walls of the spine by height

    def near(self, centre_mm: Array, radius_mm: float) -> bool:
        """Whether a part of it may lie within a ball."""
        x, before, _ = (float(v) for v in self.course(np.array(centre_mm[2])))
        return bool(
            abs(centre_mm[0] - x) < radius_mm + 45
            and abs(self.front(np.array(centre_mm[2]))[1] + before - centre_mm[1]) < radius_mm + 35
        )

    def paint(self, samples: Samples) -> tuple[NDArray[np.intp], Painted]:
        """Indices of the touched samples, and their coverage by material."""
        sideways, before, radius = self.course(samples.points_mm[2])
        depth = radius - np.hypot(samples.sideways - sideways, (samples.before - before) * 1.1)
        keep = np.flatnonzero((depth > -samples.width_mm) & (radius > 1))
        if not keep.size:
            return NOTHING
        near, depth = samples.only(keep), depth[keep]
        every = near.cover(depth)
        lumen = np.minimum(near.cover(depth - np.float32(1.2)), every)
        return keep, [
            (Material(Tissue.FLOWING_BLOOD), lumen),
            (Material(Tissue.VESSEL_WALL), every - lumen),
        ]


@dataclass(frozen=True, eq=False)
class Backdrop:
    """All remaining tissue: muscle, fat, fascia, skin and air, by distance from spine and skin."""

    # by height: y of the posterior fascia and skin, y of the abdominal muscles and skin, y of the
    # tips of the spinous processes, and radius of the psoas; mm
    outline: Curve

    def near(self, centre_mm: Array, radius_mm: float) -> bool:
        """Whether a part of it may lie within a ball."""
        return True

    def paint(self, samples: Samples) -> tuple[NDArray[np.intp], Painted]:
        """Indices of the touched samples, and their coverage by material."""
        x, y, z = samples.points_mm
        fascia, back, belly, front, tips, psoas = self.outline(z)
        across = np.abs(samples.sideways)
        side = smoothstep(across / 30)
        groove = 5.0 * side - 0.0009 * np.maximum(across - 35, 0) ** 2 * 8
        skin = np.minimum(y - back + 0.55 * groove, front - y - 0.0022 * x**2)
        skin = np.minimum(skin, 165 - np.abs(x))
        everywhere = np.arange(samples.points_mm.shape[1])
        inside = samples.cover(skin)
        if not inside.any():
            return everywhere, [(Material(Tissue.AIR), 1 - inside)]
        under = np.minimum(samples.cover(skin - np.float32(1.8)), inside)
        deep = np.minimum(y - fascia + groove, belly - y - 0.0026 * x**2)
        within = np.minimum(samples.cover(deep), under)
        core = np.minimum(samples.cover(deep - np.float32(1.3)), within)
        painted: Painted = [
            (Material(Tissue.AIR), 1 - inside),
            (Material(Tissue.SKIN), inside - under),
            (Material(Tissue.SUBCUTANEOUS_FAT), under - within),
            (Material(Tissue.FASCIA), within - core),
        ]
        behind = samples.behind > -2
        if behind.any():
            painted += self._rear(samples, core * behind, tips, across)
        if not behind.all():
            painted += self._front(samples, core * ~behind, belly - y, psoas, across)
        return everywhere, painted

    def _rear(self, samples: Samples, core: Array, tips: Array, across: Array) -> Painted:
        y = samples.points_mm[1]
        middle = samples.cover(3.0 - across) * core
        between = np.minimum(samples.cover(y - tips), 1)
        band = samples.cover(y - tips + np.float32(2.6)) - between
        beside = core - middle
        # fat lateral to the muscles and in front of the transverse processes
        fat = beside * np.maximum(
            smoothstep((across - 68) / 8), smoothstep((12 - samples.behind) / 3) * (across < 34)
        )
        return [
            (Material(Tissue.INTERSPINOUS), middle * between),
            (Material(Tissue.LIGAMENT), middle * band),
            (Material(Tissue.FAT), middle * (1 - between - band) + fat),
            (Material(Tissue.MUSCLE), beside - fat),
        ]

    def _front(
        self, samples: Samples, core: Array, depth_mm: Array, psoas: Array, across: Array
    ) -> Painted:
        centre = 25 + 0.9 * psoas
        reach = np.hypot((across - centre) / psoas, (samples.behind + 17) / (1.15 * psoas))
        muscle = samples.cover((1 - reach) * psoas) * core
        wall = samples.cover(9 - depth_mm) * core * (samples.before > 30)
        rest = core - np.maximum(muscle, wall)
        # fat close to the spine, mixed mesentery farther away
        far = smoothstep((samples.before - 5) / 14)
        return [
            (Material(Tissue.MUSCLE), np.maximum(muscle, wall)),
            (Material(Tissue.FAT), rest * (1 - far)),
            (Material(Tissue.MESENTERY), rest * far),
        ]


def build_backdrop(column: SpineColumn, rng: np.random.Generator) -> Backdrop:
    """Outline of the trunk around a column."""
    from scipy.ndimage import gaussian_filter1d

    walls = column.walls
    heights = walls.lowest_mm + walls.step_mm * np.arange(walls.values.shape[1])
    back, front = walls.values[0], walls.values[1]
    s1 = float(column.sacrum[0].frame.origin_mm[2])
    along = [s1 - 75, s1 - 45, s1 - 20, s1, s1 + 25, s1 + 55, 60.0, 140.0]

    def course(values: list[float], blur_mm: float) -> Array:
        return np.asarray(gaussian_filter1d(np.interp(heights, along, values), blur_mm / 0.5))

    def smooth(values: Array, blur_mm: float) -> Array:
        return np.asarray(gaussian_filter1d(values, blur_mm / 0.5, mode="nearest"))

    fatness = column.spec.fatness
    to_tip = course([9, 13, 21, 33, 43, 45, 45, 46], 5)
    to_fascia = course([12, 17, 27, 40, 47, 49, 49, 50], 8)
    fat = fatness * course([20, 26, 30, 28, 22, 16, 12, 10], 12)
    tips = smooth(back, 6) - to_tip
    fascia = smooth(back, 10) - to_fascia
    skin = smooth(back - to_fascia, 24) - fat
    skin = np.minimum(skin, fascia - 4)
    girth = 82 + 10 * fatness + rng.uniform(-6, 6)
    belly = float(front.max()) - 8 + 0.92 * girth - 0.00045 * (heights + 20) ** 2
    front_skin = belly + 9 + 11 * fatness + 2 * np.sin(heights / 35 + rng.uniform(0, 6))
    l1, l4 = (float(column.bodies[v].frame.origin_mm[2]) for v in (Vertebra.L1, Vertebra.L4))
    psoas = np.interp(heights, [s1 - 30, l4 - 10, l1, l1 + 25], [13.0, 18.0, 5.0, 1.5])
    table = np.array([fascia, skin, belly, front_skin, tips, psoas])
    return Backdrop(Curve(walls.lowest_mm, walls.step_mm, table))


def build_vessels(column: SpineColumn) -> tuple[Tube, Tube]:
    """Aorta on the left and inferior vena cava on the right, which diverge below L4."""
    walls = column.walls
    heights = walls.lowest_mm + walls.step_mm * np.arange(walls.values.shape[1])
    l4 = float(column.bodies[Vertebra.L4].frame.origin_mm[2])
    s1 = float(column.sacrum[0].frame.origin_mm[2])
    z = [s1 - 40, s1, l4, l4 + 120]

    def course(values: list[float]) -> Array:
        return np.asarray(np.interp(heights, z, values))

    fade = np.clip((heights - (s1 - 30)) / 10, 0, 1)
    left = np.array(
        [course([-50, -28, -9, -13]), course([0, 9, 10, 12]), course([4, 5.5, 8, 10.5])]
    )
    right = np.array([course([50, 28, 16, 18]), course([0, 5, 7, 11]), course([4, 6.5, 9.5, 10.5])])
    left[2] *= fade
    right[2] *= fade
    return (
        Tube(Curve(walls.lowest_mm, walls.step_mm, left), walls),
        Tube(Curve(walls.lowest_mm, walls.step_mm, right), walls),
    )


def build_bowel(column: SpineColumn, rng: np.random.Generator) -> tuple[Loop, ...]:
    """Loops of bowel in front of the spine, liver above, bladder and rectum below."""
    l3 = column.bodies[Vertebra.L3].frame.origin_mm
    s1, s3 = (column.sacrum[n].frame.origin_mm for n in (0, 2))
    loops: list[Loop] = []
    contents = (Tissue.BOWEL_CONTENT, Tissue.BOWEL_FLUID, Tissue.BOWEL_WALL, Tissue.GAS)
    for _ in range(110):
        centre = l3 + np.array(
            [rng.uniform(-95, 95), rng.uniform(44, 86), rng.uniform(s1[2] - l3[2] - 70, 80)]
        )
        radii = rng.uniform(7, 19, 3) * np.array([1.5, 0.9, 0.9])
        content = contents[rng.choice(4, p=[0.4, 0.15, 0.3, 0.15])]
        loops.append(Loop(centre, radii, content))
    liver = Loop(
        l3 + np.array([45.0, 62.0, 140.0]), np.array([80.0, 36.0, 62.0]), Tissue.LIVER, Tissue.LIVER
    )
    bladder = Loop(
        s3 + np.array([0.0, 85.0, -12.0]), np.array([38.0, 28.0, 20.0]), Tissue.URINE, wall_mm=3.5
    )
    rectum = Loop(
        s3 + np.array([3.0, 24.0, -8.0]),
        np.array([16.0, 9.0, 20.0]),
        Tissue.BOWEL_CONTENT,
        wall_mm=3.0,
    )
    return (bladder, rectum, *loops, liver)
