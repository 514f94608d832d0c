"""Posterior elements: spinous processes, laminae, pedicles and facets."""

from __future__ import annotations

import numpy as np

from training.canal import canal_lines
from training.canvas import Canvas, ellipse, inset, ragged, smooth
from training.shapes import corners
from training.spine import Body, Points, Rng, Spine, directions
from training.tissues import NOT_DISC, Tissue


def paint_posterior(canvas: Canvas, spine: Spine, x: float, rng: Rng) -> None:
    """Spinous processes, laminae, facets and pedicles, by the distance from the middle."""
    front_line, widths = canal_lines(spine)
    for k, body in enumerate(spine.bodies[: len(spine.lumbar) + 3]):
        u = spine.lateral_offset(x, float(body.top.centre[1]))
        front, up = directions((body.top.tilt_deg + body.bottom.tilt_deg) / 2)
        start = front_line[2 * k] - front * (widths[2 * k] + spine.canal["behind"] + 2.0)
        size = body.posterior
        height = float(np.linalg.norm(body.top.centre - body.bottom.centre))
        shrink = 0.55 if body.sacral else 1.0
        if abs(u) < 3.5:
            _spinous(canvas, start - up * size["drop"], front, size, shrink, rng)
        elif abs(u) < 9.5:
            place = start - up * (size["drop"] * 0.7) + front * 1.5 * (abs(u) - 3.5) / 2
            lean = directions((body.top.tilt_deg + body.bottom.tilt_deg) / 2 + rng.uniform(50, 85))[
                0
            ]
            bone(
                canvas,
                smooth(
                    ellipse(place, lean, (8.5 * size["arch"] * shrink, 3.6 * size["arch"]), 2.5),
                    0.8,
                ),
            )
        elif abs(u) < 19 and not body.sacral:
            _facets(canvas, body, u, height, rng)
        elif abs(u) < 34 and not body.sacral:
            back = corners(body.top, body, 0.0)[0] - up * 0.3 * height
            bone(
                canvas,
                ellipse(
                    back - front * rng.uniform(-1, 6), up, (rng.uniform(3, 6), rng.uniform(2, 4.5))
                ),
            )


def bone(canvas: Canvas, points: Points, cortex_mm: float = 0.8) -> None:
    """Marrow within a cortex."""
    canvas.paint(points, Tissue.POSTERIOR_CORTEX)
    canvas.paint(inset(points, cortex_mm), Tissue.POSTERIOR_MARROW)


def _spinous(
    canvas: Canvas, start: Points, front: Points, size: dict[str, float], shrink: float, rng: Rng
) -> None:
    tilt = np.rad2deg(np.arctan2(front[1], -front[0]))
    along, across = directions(tilt - size["droop"])
    length, height = size["length"] * shrink, size["height"] * shrink
    shape = np.array([(0, 0.3), (0.5, 0.42), (1, 0.5), (1, -0.5), (0.5, -0.42), (0, -0.32)])
    points = start - along * (shape[:, :1] * length) + across * (shape[:, 1:] * height)
    bone(canvas, smooth(ragged(points, 0.8, rng), 1.3), rng.uniform(0.5, 1.2))


def _facets(canvas: Canvas, body: Body, u: float, height: float, rng: Rng) -> None:
    """Pedicle, upper and lower joint processes and the fat of the foramen at the side."""
    front, up = directions((body.top.tilt_deg + body.bottom.tilt_deg) / 2)
    top, low = corners(body.top, body, u)[0], corners(body.bottom, body, u)[0]
    size = body.posterior
    foramen = low - front * 6.0 - up * 2.0
    canvas.paint(
        ellipse(foramen, up, (rng.uniform(9, 13), rng.uniform(5, 8)), 2.4),
        Tissue.EPIDURAL_FAT,
        NOT_DISC,
    )
    canvas.paint(
        ellipse(foramen + up * rng.uniform(1, 6), up, (rng.uniform(2, 3.5), rng.uniform(1.5, 3))),
        Tissue.NERVE,
    )
    pedicle = top - up * 0.3 * height
    joint = pedicle - front * (size["pedicle"] + 2)
    thick = rng.uniform(0.36, 0.5) * height / 2
    root = pedicle + front * 3
    box = np.array(
        [root + up * thick, joint + up * thick * 0.8, joint - up * thick, root - up * thick * 0.95]
    )
    bone(canvas, smooth(box, 1.2))
    lean = directions((body.top.tilt_deg + body.bottom.tilt_deg) / 2 + rng.uniform(65, 95))[0]
    upper = joint + up * (thick + 4) + front * 1.5
    lower = joint - up * (thick + size["facet"] * 0.75) - front * 3.5
    bone(canvas, smooth(ellipse(upper, lean, (size["facet"] * 0.62, 3.7), 2.5), 0.8))
    bone(canvas, smooth(ellipse(lower, lean, (size["facet"] * 0.85, 4.0), 2.5), 0.8))
    canvas.line(np.linspace(joint + up * thick, lower, 6), 6.0, Tissue.POSTERIOR_MARROW)
    if rng.random() < 0.6:
        gap = lower - front * -4.2
        canvas.line(
            np.linspace(gap - up * 4, gap + up * 5, 5), rng.uniform(0.5, 1.5), Tissue.FACET_JOINT
        )


def join_pedicle(canvas: Canvas, body: Body, u: float) -> None:
    """Marrow runs through from body to pedicle: open the wall between them."""
    top, low = corners(body.top, body, u)[0], corners(body.bottom, body, u)[0]
    front, _ = directions((body.top.tilt_deg + body.bottom.tilt_deg) / 2)
    a, b = 0.84 * top + 0.16 * low, 0.58 * top + 0.42 * low
    waist = front * body.waist_back_mm * 0.7
    inner = np.array([a + front * 2 + waist, a + waist, b + waist, b + front * 2 + waist])
    outer = np.array([a + waist, a - front * 3.5, b - front * 3.5, b + waist])
    canvas.paint(
        inner, Tissue.MARROW, np.array([Tissue.BODY_CORTEX, Tissue.LIGAMENT], dtype=np.uint8)
    )
    wall = np.array(
        [Tissue.BODY_CORTEX, Tissue.LIGAMENT, Tissue.POSTERIOR_CORTEX, Tissue.EPIDURAL_FAT],
        dtype=np.uint8,
    )
    canvas.paint(outer, Tissue.POSTERIOR_MARROW, wall)
