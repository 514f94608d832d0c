"""Discs left within an invented sacrum, from a dark speck to a disc of full depth.

Most sacra have joined around a lens between S1 and S2 that may be as dark as bone or as bright
as any disc; the network has to learn that none of them is a disc to measure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from training.canvas import Canvas, ellipse, ragged, smooth
from training.shapes import corners
from training.spine import Body, Rng
from training.tissues import Tissue

FUSED, SQUARED = 0.65, 0.12  # shares of the spines, chosen


@dataclass(frozen=True)
class Remnant:
    """A lens between two segments that bone has joined around it.

    ``depth`` is its share of the depth of the sacrum there, ``place`` runs from -1 (behind) to 1
    (in front), ``shell_mm`` is the dark bone around it.
    """

    depth: float
    place: float
    half_height_mm: float
    blunt: float
    shell_mm: float


def sample_remnants(rng: Rng, joints: int, deep: bool) -> tuple[Remnant, ...]:
    """One per joint from S1-S2 downwards, or none where plates part the segments throughout."""
    if not deep and rng.random() >= FUSED:
        return ()
    first = Remnant(
        depth=rng.uniform(0.7, 1.0) if deep else rng.uniform(0.1, 0.85),
        place=rng.uniform(-0.9, 0.5),
        half_height_mm=rng.uniform(1.5, 4.0) if deep else rng.uniform(0.5, 2.8),
        blunt=rng.uniform(2.0, 4.5),
        shell_mm=rng.uniform(0.3, 1.1),
    )
    lower = [
        Remnant(rng.uniform(0.1, 0.6), rng.uniform(-0.8, 0.3), rng.uniform(0.3, 1.2), 2.2, 0.5)
        for _ in range(joints - 1)
    ]
    return (first, *lower)


def squared(segments: Sequence[Body], rng: Rng) -> tuple[Body, ...]:
    """The same sacrum with an S1 that is as deep below as above, as lumbar bodies are."""
    first, second, *rest = segments
    depth = first.top.depth_mm * rng.uniform(0.9, 1.05)
    return (
        replace(first, bottom=replace(first.bottom, depth_mm=depth)),
        replace(second, top=replace(second.top, depth_mm=depth)),
        *rest,
    )


def paint_remnant(
    canvas: Canvas, remnant: Remnant, joint: tuple[Body, Body], u: float, rng: Rng
) -> None:
    """Bone over the joint of two segments at ``u``, and the lens in it."""
    above, below = joint
    upper, lower = corners(above.bottom, above, u), corners(below.top, below, u)
    back, ahead = (upper[0] + lower[0]) / 2, (upper[1] + lower[1]) / 2
    depth = float(np.linalg.norm(ahead - back))
    front = (ahead - back) / depth
    gap = float(np.linalg.norm(upper[0] + upper[1] - lower[0] - lower[1])) / 2
    centre = (back + ahead) / 2
    tall = gap / 2 + (above.bottom.dent_mm + below.top.dent_mm) / 2 + 1.8
    canvas.paint(ellipse(centre, front, (0.5 * depth - 0.2, tall), 10.0), Tissue.SACRAL_CORTEX)
    canvas.paint(
        ellipse(centre, front, (0.5 * depth - 0.9, tall + 0.7), 10.0), Tissue.SACRAL_MARROW
    )
    lateral = 1 - (u / (remnant.depth * above.half_width_mm)) ** 2
    if lateral <= 0.05:
        return
    length = 0.5 * depth * remnant.depth * lateral**0.5
    middle = centre + front * remnant.place * (0.5 * depth - length)
    half = (length, remnant.half_height_mm * lateral**0.25)
    lens = smooth(ragged(ellipse(middle, front, half, remnant.blunt), 0.25, rng), 0.5)
    grown = (half[0] + remnant.shell_mm, half[1] + remnant.shell_mm)
    canvas.paint(ellipse(middle, front, grown, remnant.blunt), Tissue.SACRAL_CORTEX)
    canvas.paint(lens, Tissue.SACRAL_REMNANT)
