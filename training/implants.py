"""Screws and rods as the voids that metal leaves in a picture."""

from __future__ import annotations

import numpy as np

from training.canvas import Canvas, ellipse, ragged, smooth
from training.shapes import corners
from training.spine import Points, Rng, Spine, directions
from training.tissues import Tissue


def paint_hardware(canvas: Canvas, spine: Spine, x: float, rng: Rng) -> None:
    """Screws through pedicles into bodies, a rod behind them, and now and then a cage."""
    bloom_mm = rng.uniform(1.0, 5.0)
    place_mm = rng.uniform(12.0, 18.0)
    heads: list[Points] = []
    for k in spine.hardware:
        body = spine.lumbar[k]
        u = spine.lateral_offset(x, float(body.top.centre[1]))
        if abs(abs(u) - place_mm) > 3.0 + bloom_mm:
            continue
        front, up = directions((body.top.tilt_deg + body.bottom.tilt_deg) / 2)
        start = corners(body.top, body, u)[0] - up * 8.0
        tip, head = start + front * rng.uniform(12, 26), start - front * rng.uniform(18, 26)
        canvas.line(np.linspace(tip, head, 8), 5.0 + bloom_mm, Tissue.IMPLANT)
        heads.append(head)
    if len(heads) > 1:
        canvas.line(np.array(heads), 6.0 + 2 * bloom_mm, Tissue.IMPLANT)
        middle = np.mean(heads, axis=0)
        cloud = ellipse(middle, directions(90)[0], (rng.uniform(10, 45), 6.0 + 2 * bloom_mm))
        canvas.paint(smooth(ragged(cloud, 2.0, rng), 2.0), Tissue.IMPLANT)
    if rng.random() < 0.4:
        _paint_cage(canvas, spine, x, bloom_mm, rng)


def _paint_cage(canvas: Canvas, spine: Spine, x: float, bloom_mm: float, rng: Rng) -> None:
    """A spacer in place of the disc below the first body with screws."""
    k = spine.hardware[0]
    below = spine.bodies[k + 1]
    u = spine.lateral_offset(x, float(below.top.centre[1]))
    if abs(u) > 14:
        return
    front, _ = directions(below.top.tilt_deg)
    at = (spine.bodies[k].bottom.centre + below.top.centre) / 2
    half = (rng.uniform(7, 13), rng.uniform(2.5, 4.5) + 0.3 * bloom_mm)
    canvas.paint(ellipse(at, front, half, 4.0), Tissue.IMPLANT)
