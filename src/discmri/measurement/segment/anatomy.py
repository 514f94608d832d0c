"""A check that the structures found are anatomically possible, before they are measured.

A label map of another program or study, or an image with a wrong patient position, gives impossible
structures: a canal in front of the discs, a sacrum above them, a disc of 20 cm.  The limits are far
outside the range in people; unusual values are flagged by :mod:`discmri.measurement.qc`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from discmri.core.labels import FoundDisc, FoundSpine
from discmri.core.levels import DiscLevel
from discmri.core.volume import Array, SoftMask

DISC_DEPTH_MM = (17.0, 60.0)
"""Median front-to-back length of the discs; a lumbar one has 25 to 45 mm."""
DISC_THICKNESS_MM = (1.0, 20.0)
"""Median thickness of the discs; a lumbar one has 4 to 15 mm."""
LONGEST_DISC_MM = 80.0
"""Largest extent of a disc in any direction."""
LEAST_STEP_MM = 8.0
"""Smallest distance of neighbouring discs."""
CANAL_BEHIND_MM = (5.0, 60.0)
"""Median distance of the canal behind the centre of the discs; usually 20 to 35 mm."""
SACRUM_IN_FRONT_MM = 15.0
"""The sacrum lies behind the lowest disc, or below it."""
FRONT_AND_BACK = "front and back are exchanged"


def impossible_anatomy(found: FoundSpine) -> str:
    """What is impossible for a spine, as a clause with figures; empty if nothing is.

    Parameters
    ----------
    found
        Discs cranial to caudal, in patient space.
    """
    checks = (_disc_sizes, _disc_order, _canal_place, _sacrum_place)
    return next(filter(None, (check(found) for check in checks)), "")


def _disc_sizes(found: FoundSpine) -> str:
    sizes = np.array([_size_mm(disc.mask) for disc in found.discs])
    largest = int(sizes.max(axis=1).argmax())
    if sizes[largest].max() > LONGEST_DISC_MM:
        return f"{_name(found.discs[largest])} would be {sizes[largest].max():.0f} mm long"
    depth_mm, thickness_mm = (float(one) for one in np.median(sizes, axis=0)[1:])
    if not DISC_DEPTH_MM[0] <= depth_mm <= DISC_DEPTH_MM[1]:
        return f"its discs would be {depth_mm:.0f} mm deep instead of 25 to 45 mm"
    if not DISC_THICKNESS_MM[0] <= thickness_mm <= DISC_THICKNESS_MM[1]:
        return f"its discs would be {thickness_mm:.0f} mm high instead of 4 to 15 mm"
    return ""


def _size_mm(mask: SoftMask) -> tuple[float, float, float]:
    """Width from right to left, depth and mean thickness in the sagittal plane, mm."""
    points, side = _points(mask), mask.sagittal_axis
    pixel_mm = np.delete(mask.spacing_mm, side)
    plane = points[:, 1:] - points[:, 1:].mean(axis=0)
    _, ways = np.linalg.eigh(plane.T @ plane)
    low, high = np.quantile(plane @ ways[:, 1], [0.01, 0.99])
    depth_mm = float(high - low + pixel_mm.mean())
    across_mm = float(np.ptp(points[:, 0]))
    slices = 1 + round(across_mm / mask.spacing_mm[side])
    area_mm2 = len(points) * float(pixel_mm.prod()) / slices
    return across_mm, depth_mm, area_mm2 / depth_mm


def _disc_order(found: FoundSpine) -> str:
    named = [disc for disc in found.discs if disc.level is not None]
    order = list(DiscLevel)
    named.sort(key=lambda disc: order.index(disc.level) if disc.level else 0)
    steps = _steps_down(named)
    if len(steps) and (steps < 0).all():
        return f"{_name(named[0])} lies below {_name(named[-1])}: head and feet are exchanged"
    for step, (upper, lower) in zip(steps, pairwise(named), strict=True):
        if step < 0:
            return f"{_name(upper)} lies below {_name(lower)}"
    for upper, lower in pairwise(found.discs):
        apart_mm = float(np.linalg.norm(upper.mask.centroid_mm - lower.mask.centroid_mm))
        if apart_mm < LEAST_STEP_MM:
            return f"{_name(upper)} and {_name(lower)} lie {apart_mm:.0f} mm apart"
    return ""


def _steps_down(discs: Sequence[FoundDisc]) -> Array:
    """Distance (mm) of each disc below the previous one."""
    return -np.diff([disc.mask.centroid_mm[2] for disc in discs])


def _canal_place(found: FoundSpine) -> str:
    if found.canal is None:
        return ""
    usual_mm = canal_behind_mm(found.discs, found.canal)
    if math.isnan(usual_mm):
        return ""
    if usual_mm <= -CANAL_BEHIND_MM[0]:
        return f"its spinal canal lies {-usual_mm:.0f} mm in front of the discs: {FRONT_AND_BACK}"
    if not CANAL_BEHIND_MM[0] <= usual_mm <= CANAL_BEHIND_MM[1]:
        return f"its spinal canal lies {usual_mm:.0f} mm behind the middle of the discs"
    return ""


def canal_behind_mm(discs: Sequence[FoundDisc], canal: SoftMask) -> float:
    """Median distance (mm) of the canal behind the disc centres; NaN if it is beside none."""
    inside, behind = _points(canal), []
    for disc in discs:
        points = _points(disc.mask)
        low, high = np.quantile(points[:, 2], [0.01, 0.99])
        beside = inside[(inside[:, 2] >= low) & (inside[:, 2] <= high)]
        if len(beside):
            behind.append(float(points[:, 1].mean() - beside[:, 1].mean()))
    return float(np.median(behind)) if behind else math.nan


def _sacrum_place(found: FoundSpine) -> str:
    if found.sacrum is None:
        return ""
    sacrum = found.sacrum.centroid_mm
    discs = np.array([disc.mask.centroid_mm for disc in found.discs])
    above_mm = float(sacrum[2] - discs[:, 2].mean())
    if above_mm > 0:
        return (
            f"its sacrum lies {above_mm:.0f} mm above the middle of the discs: head and feet are "
            "exchanged"
        )
    in_front_mm = float(sacrum[1] - discs[-1, 1])
    if found.canal is None and in_front_mm > SACRUM_IN_FRONT_MM:
        return f"its sacrum lies {in_front_mm:.0f} mm in front of the lowest disc: {FRONT_AND_BACK}"
    return ""


def _points(mask: SoftMask) -> Array:
    """(n, 3) voxels that the structure fills, RAS+ mm."""
    index = np.argwhere(mask.array >= 0.5)
    return mask.grid.to_world(index if len(index) else np.argwhere(mask.array > 0))


def _name(disc: FoundDisc) -> str:
    return "a disc" if disc.level is None else f"the disc {disc.level.value}"
