"""The spinal canal: thecal sac with cord and roots, epidural fat, ligaments, sacral roof."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from discmri.core.levels import DiscLevel, Vertebra
from discmri.core.volume import Array
from discmri.phantoms.column import Curve, SpineColumn
from discmri.phantoms.structures import NOTHING, Material, Painted, Samples, smoothstep
from discmri.phantoms.tissues import Tissue


@dataclass(frozen=True, eq=False)
class Roots:
    """Strands of the cauda equina."""

    # (n, 2) sideways and backward from the sac's centre at the conus, in shares of its semi-axes
    start: Array
    end: Array  # (n, 2) the same at the exit
    exit_z_mm: Array  # (n,) height at which the strand reaches `end` and leaves the sac
    radius_mm: Array  # (n,)
    phase: Array  # (n,) of the waves, radians

    @classmethod
    def random(cls, column: SpineColumn, rng: np.random.Generator) -> Roots:
        """Three strands per side and level."""
        levels = [*column.discs][2:]
        exits, starts, ends = [], [], []
        for level in levels:
            depth = float(column.discs[level].frame.origin_mm[2])
            for side in (-1, 1):
                for _ in range(3):
                    exits.append(depth + rng.uniform(-6, 12))
                    starts.append((side * rng.uniform(0.05, 0.5), rng.uniform(-0.3, 0.6)))
                    ends.append((side * rng.uniform(0.75, 0.95), rng.uniform(-0.1, 0.35)))
        n = len(exits)
        return cls(
            np.array(starts),
            np.array(ends),
            np.array(exits) - 14,
            rng.uniform(0.45, 0.95, n),
            rng.uniform(0, 6.28, n),
        )

    def depth(self, sideways: Array, backwards: Array, z: Array, top_z_mm: float) -> Array:
        """Distance inside the nearest strand; positions are shares of the sac's semi-axes."""
        best = np.full_like(z, -9.0)
        for n in range(len(self.radius_mm)):
            length = float(top_z_mm - self.exit_z_mm[n])
            share = np.clip((top_z_mm - z) / max(length, 1.0), 0, 1)
            # first along the back of the sac, then to the exit
            swing = smoothstep((share - 0.55) / 0.45)
            hang = smoothstep(share / 0.25)
            wave = 0.06 * np.sin(0.07 * z + float(self.phase[n]))
            at_x = float(self.start[n, 0]) * (1 + 0.3 * hang) * (1 - swing)
            at_x = at_x + float(self.end[n, 0]) * swing + wave
            at_y = (float(self.start[n, 1]) * (1 - hang) + 0.55 * hang) * (1 - swing)
            at_y = at_y + float(self.end[n, 1]) * swing
            distance = np.hypot((sideways - at_x) * 8.5, (backwards - at_y) * 6.3)
            inside = np.where(share < 1, float(self.radius_mm[n]) - distance, -9.0)
            best = np.maximum(best, inside.astype(z.dtype))
        return best


@dataclass(frozen=True, eq=False)
class Canal:
    """Everything between the posterior wall of the bodies and the laminae."""

    # by height: sac centre behind the wall, sac half depth and half width, canal depth, extra depth
    # of the posterior fat pad
    course: Curve
    walls: Curve  # the walls of the spine by height
    conus_z_mm: float  # height of the cord's tip
    roots: Roots  # strands below it

    def near(self, centre_mm: Array, radius_mm: float) -> bool:
        """Whether a part of it may lie within a ball."""
        return near_axis(self.walls, centre_mm, radius_mm + 35)

    def paint(self, samples: Samples) -> tuple[NDArray[np.intp], Painted]:
        """Indices of the touched samples, and their coverage by material."""
        keep = np.flatnonzero(
            (samples.behind > -2) & (samples.behind < 20) & (np.abs(samples.sideways) < 13)
        )
        if not keep.size:
            return NOTHING
        near = samples.only(keep)
        z, across, behind = near.points_mm[2], near.sideways, near.behind
        centre, half_depth, half_width, _, _ = self.course(z)
        u, v = across / half_width, (behind - centre) / half_depth
        sac = near.cover((1 - np.hypot(u, v)) * half_depth)
        sac = sac * smoothstep((half_depth - 1.0) / 0.8)
        cord_radius = 4.6 * np.sqrt(np.clip((z - self.conus_z_mm) / 26, 0, 1))
        cord_depth = cord_radius - np.hypot(across * 0.85, behind - centre)
        cord = np.minimum(near.cover(cord_depth) * (cord_radius > 0.4), sac)
        roots = np.zeros_like(sac)
        inner = np.flatnonzero((sac > 0) & (z < self.conus_z_mm + 20))
        if inner.size:
            strand = self.roots.depth(u[inner], v[inner], z[inner], self.conus_z_mm + 12)
            roots[inner] = near.cover(strand)
        roots = np.minimum(roots, sac - cord)
        pll = near.cover(0.65 - np.abs(behind - 0.35)) * near.cover(7.5 - np.abs(across))
        pll = np.minimum(pll, 1 - sac)
        return keep, [
            (Material(Tissue.CORD), cord),
            (Material(Tissue.CAUDA), roots),
            (Material(Tissue.CSF), sac - cord - roots),
            (Material(Tissue.LIGAMENT), pll),
        ]


@dataclass(frozen=True, eq=False)
class Epidural:
    """Fat between sac and bone, and the ligamenta flava; painted after all bone."""

    course: Curve  # as in Canal, like walls
    walls: Curve

    def near(self, centre_mm: Array, radius_mm: float) -> bool:
        """Whether a part of it may lie within a ball."""
        return near_axis(self.walls, centre_mm, radius_mm + 35)

    def paint(self, samples: Samples) -> tuple[NDArray[np.intp], Painted]:
        """Indices of the touched samples, and their coverage by material."""
        keep = np.flatnonzero(
            (samples.behind > -2) & (samples.behind < 28) & (np.abs(samples.sideways) < 26)
        )
        if not keep.size:
            return NOTHING
        near = samples.only(keep)
        _, _, sac_width, depth, pad = self.course(near.points_mm[2])
        # fat fills the foramina between the vertebrae; in the sacrum it fills only the canal
        reach = 11 + 13 * smoothstep((sac_width - 7.3) / 0.7)
        across, behind = np.abs(near.sideways), near.behind
        rear = depth + pad * np.exp(-((across / 4.5) ** 2)) - behind
        fat = near.cover(np.minimum(np.minimum(rear, behind + 1), reach - across))
        yellow = near.cover(np.minimum(np.minimum(rear + 3.6, behind - 9), 12.5 - across))
        yellow = np.minimum(yellow, 1 - fat) * smoothstep((depth - 9) / 4)
        return keep, [
            (Material(Tissue.EPIDURAL_FAT), fat),
            (Material(Tissue.FLAVUM), yellow),
        ]


@dataclass(frozen=True, eq=False)
class SacralWings:
    """Lateral masses and the bony roof of the sacral canal."""

    course: Curve  # as in Canal
    top_z_mm: float  # upper end
    bottom_z_mm: float  # lower end

    def near(self, centre_mm: Array, radius_mm: float) -> bool:
        """Whether a part of it may lie within a ball."""
        return bool(self.bottom_z_mm - radius_mm < centre_mm[2] < self.top_z_mm + radius_mm)

    def paint(self, samples: Samples) -> tuple[NDArray[np.intp], Painted]:
        """Indices of the touched samples, and their coverage by material."""
        z = samples.points_mm[2]
        keep = np.flatnonzero(
            (z < self.top_z_mm) & (z > self.bottom_z_mm) & (samples.behind > -32)
            & (samples.behind < 32)
        )  # fmt: skip
        if not keep.size:
            return NOTHING
        near = samples.only(keep)
        z, across, behind = near.points_mm[2], np.abs(near.sideways), near.behind
        depth = self.course(z)[3]
        depth = depth + 0.8 * np.sin(0.2 * z)
        share = (z - self.bottom_z_mm) / (self.top_z_mm - self.bottom_z_mm)
        end = np.minimum(self.top_z_mm - 3 - z - 0.16 * across, z - self.bottom_z_mm)
        roof_thick = 3.0 + 6.5 * share + 2.0 * np.sin(0.28 * z) * np.exp(-((across / 5) ** 2))
        roof = np.minimum(behind - depth, depth + roof_thick - behind - 0.12 * across)
        roof = np.minimum(np.minimum(roof, end + 3), 26 - across)
        low, high = self.bottom_z_mm + 12, self.top_z_mm - 8
        oval = np.hypot(
            (behind + 4) / (15 + 4 * share), (z - (low + high) / 2) / (high - low) * 1.8
        )
        wing = (1 - oval) * 15 + 0.8 * np.sin(0.17 * z + 0.2 * behind)
        wing = np.minimum(wing, np.minimum(across - 15 - 8 * share, 22 + 34 * share - across))
        wing = np.minimum(wing, depth + 4 - behind)
        painted: Painted = []
        for part, owner in ((wing, Vertebra.SACRUM), (roof, None)):
            bone = near.cover(part)
            marrow = np.minimum(near.cover(part - np.float32(0.7)), bone)
            rest = 1 - sum((c for _, c in painted), np.float32(0))
            painted.append((Material(Tissue.MARROW, owner), np.minimum(marrow, rest)))
            painted.append(
                (Material(Tissue.CORTEX, owner), np.minimum(bone, rest) - np.minimum(marrow, rest))
            )
        return keep, painted


def near_axis(walls: Curve, centre_mm: Array, reach_mm: float) -> bool:
    """Whether a point may lie within reach of the canal's axis at its height."""
    back, _, midline, _ = (float(v) for v in walls(np.array(centre_mm[2])))
    return bool(abs(centre_mm[0] - midline) < reach_mm and abs(centre_mm[1] - back) < reach_mm + 15)


def canal_course(column: SpineColumn, heights_mm: Array) -> Array:
    """(5, n) sac centre, half depth, half width, canal depth and fat pad at heights."""
    s1 = column.sacrum[0].frame.origin_mm[2]
    s2 = column.sacrum[1].frame.origin_mm[2]
    s5 = column.sacrum[4].frame.origin_mm[2]
    ap = column.spec.canal_ap_mm
    along = [float(s5), float(s2), float(s1), float(s1) + 30, 0.0, 60.0, 140.0]
    order = np.argsort(along)

    def course(values: list[float]) -> Array:
        return np.asarray(np.interp(heights_mm, np.array(along)[order], np.array(values)[order]))

    half_depth = course([0.1, 1.0, 0.36 * ap, 0.40 * ap, 0.41 * ap, 0.42 * ap, 0.41 * ap])
    front_gap = course([3.0, 5.0, 3.6, 2.0, 1.3, 1.2, 1.2])
    half_width = course([2.0, 4.0, 7.0, 8.0, 8.8, 9.5, 9.0])
    depth = course([3.0, 10.0, ap, 1.05 * ap, ap, ap, 0.97 * ap])
    pad = np.zeros_like(heights_mm)
    for level, disc in column.discs.items():
        big = 2.0 if level in (DiscLevel.T10_T11, DiscLevel.T11_T12) else 4.2
        centre = float(disc.frame.origin_mm[2]) - 5
        pad += big * np.exp(-(((heights_mm - centre) / 6.5) ** 2))
    # a bulging disc pushes the sac back
    for level, disc in column.discs.items():
        push = max(disc.bulge_posterior_mm - 0.8, 0.0)
        centre = float(disc.frame.origin_mm[2]) + (6 if level is DiscLevel.L5_S1 else 1)
        front_gap = front_gap + push * np.exp(-(((heights_mm - centre) / 8) ** 2))
    return np.array([front_gap + half_depth, half_depth, half_width, depth, pad])


def build_canal(
    column: SpineColumn, rng: np.random.Generator
) -> tuple[Canal, Epidural, SacralWings]:
    """The canal of a column."""
    walls = column.walls
    heights = walls.lowest_mm + walls.step_mm * np.arange(walls.values.shape[1])
    course = Curve(walls.lowest_mm, walls.step_mm, canal_course(column, heights))
    conus = column.discs[DiscLevel.L1_L2].frame.origin_mm[2] + rng.uniform(-8, 14)
    top = column.sacrum[0].frame
    wings = SacralWings(
        course,
        top_z_mm=float(top.origin_mm[2]) + 10.0,
        bottom_z_mm=float(column.sacrum[4].frame.origin_mm[2]),
    )
    return (
        Canal(course, walls, float(conus), Roots.random(column, rng)),
        Epidural(course, walls),
        wings,
    )
