"""Remnants of the discs within the sacrum, and the bone around them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from discmri.core.levels import Vertebra
from discmri.core.volume import Array
from discmri.phantoms.sacrum import SegmentJunction
from discmri.phantoms.shapes import BodyShape
from discmri.phantoms.structures import (
    CORTEX_MM,
    NOTHING,
    Material,
    Painted,
    Samples,
    reaches,
    smoothstep,
)
from discmri.phantoms.tissues import Tissue

_SHELL_MM = 0.7
"""Thickness of dark bone around a residual disc, chosen."""
_OVERLAP_MM = 2.2
"""Overlap of the bone of a junction with the segments, beyond their endplates."""


@dataclass(frozen=True, eq=False)
class RemnantDisc:
    """The remnant between two sacral segments: a thin dark plate with a brighter centre."""

    above: BodyShape  # the segment on top
    thickness_mm: float  # gap to the next segment

    def near(self, centre_mm: Array, radius_mm: float) -> bool:
        """Whether a part of it may lie within a ball."""
        return reaches(self.above.frame.origin_mm, 45.0, centre_mm, radius_mm)

    def paint(self, samples: Samples) -> tuple[NDArray[np.intp], Painted]:
        """Indices of the touched samples, and their coverage by material."""
        x, y, z = self.above.frame.to_local(samples.points_mm)
        under = -self.above.height_mm / 2 - z
        keep = np.flatnonzero((under > -2) & (under < self.thickness_mm + 5))
        if not keep.size:
            return NOTHING
        x, y, z, under = x[keep], y[keep], z[keep], under[keep]
        wall = -self.above.wall(x, y, z)
        plate = np.minimum(under + 1, self.thickness_mm + 4 - under)
        every = samples.cover(np.minimum(plate, wall))
        core = np.minimum(self.thickness_mm / 2 - np.abs(under - self.thickness_mm / 2), wall - 3)
        grey = np.minimum(samples.cover(core - 0.3), every)
        return keep, [
            (Material(Tissue.REMNANT_DISC, Vertebra.SACRUM), grey),
            (Material(Tissue.CORTEX, Vertebra.SACRUM), every - grey),
        ]


@dataclass(frozen=True, eq=False)
class FusedJunction:
    """Bone between two sacral segments, and the remnant of the disc within it."""

    junction: SegmentJunction

    def near(self, centre_mm: Array, radius_mm: float) -> bool:
        """Whether a part of it may lie within a ball."""
        reach = self.junction.rim.half_width_mm + 8
        return reaches(self.junction.frame.origin_mm, reach, centre_mm, radius_mm)

    def paint(self, samples: Samples) -> tuple[NDArray[np.intp], Painted]:
        """Indices of the touched samples, and their coverage by material."""
        junction, lens = self.junction, self.junction.lens
        x, y, z = junction.frame.to_local(samples.points_mm)
        reach = max(junction.gap_mm / 2 + _OVERLAP_MM, lens.half_height_mm + 1) + 1
        wide = junction.rim.half_width_mm + 2
        keep = np.flatnonzero(
            (np.abs(z) < reach) & (np.abs(y) < junction.rim.half_depth_mm + 2) & (np.abs(x) < wide)
        )
        if not keep.size:
            return NOTHING
        x, y, z = x[keep], y[keep], z[keep]
        xl, yl, zl = lens.frame.to_local(samples.points_mm[:, keep])
        depth = lens.depth(xl, yl, zl)
        left, shell = samples.cover(depth), samples.cover(depth + np.float32(_SHELL_MM))
        inside = -junction.wall(x, y)
        slab = junction.gap_mm / 2 + _OVERLAP_MM - np.abs(z)
        # a groove at the margin, and a faint line between the segments
        groove = np.hypot(inside, z) - np.float32(1.1)
        bone = samples.cover(np.minimum(slab, inside)) * (1 - shell)
        solid = np.minimum(np.minimum(slab, inside - np.float32(CORTEX_MM)), groove)
        line = np.float32(0.22) * np.exp(-((z / np.float32(0.6)) ** 2))
        marrow = np.minimum(samples.cover(solid) * (1 - shell) * (1 - line), bone)
        return keep, [
            *self._disc(lens.radius(xl, yl), depth, left),
            (Material(Tissue.CORTEX, Vertebra.SACRUM), shell - left + bone - marrow),
            (Material(Tissue.MARROW, Vertebra.SACRUM), marrow),
        ]

    def _disc(self, radius: Array, depth: Array, left: Array) -> Painted:
        disc = self.junction.disc
        if disc is None:
            return [(Material(Tissue.REMNANT_DISC, Vertebra.SACRUM), left)]
        nucleus = left * smoothstep((np.float32(0.95) - radius) / np.float32(0.35))
        nucleus = nucleus * smoothstep(depth / np.float32(0.9))
        return [
            (Material(Tissue.NUCLEUS, disc.level), nucleus),
            (Material(Tissue.OUTER_ANNULUS, disc.level), left - nucleus),
        ]
