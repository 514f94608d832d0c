"""Paint a section through an invented spine as a map of tissues.

No picture of a patient goes into this.  What decides whether a network trained on these
pictures agrees with expert readers is where the borders lie: the dark endplates between
marrow and disc are a tissue of their own and not disc, while the dark outer annulus belongs
to the disc up to the ligaments.  Maps are seen with the front on the left and the head on top.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from training import background
from training.canal import canal_lines, paint_canal
from training.canvas import Canvas, ellipse, inset, ragged, resampled, smooth
from training.implants import paint_hardware
from training.posterior import join_pedicle, paint_posterior
from training.remnants import SQUARED, paint_remnant, sample_remnants, squared
from training.shapes import corners, outline
from training.spine import Body, Disc, Points, Rng, Spine, directions
from training.tissues import DISC_SPACE, DISC_TISSUES, NOT_DISC, Tissue

# Readers leave the outermost fibres out of the disc, which cannot be told from the ligaments: the
# share of the width from left to right they draw, and what they leave in front and behind.
READ_WIDTH = 0.87
UNREAD_MM = (0.4, 1.2)


def _arc(start: Points, end: Points, bulge_mm: float, outward: Points, squareness: float) -> Points:
    at = np.linspace(0, 1, 21)[:, None]
    rise = bulge_mm * (1 - np.abs(2 * at - 1) ** squareness)
    return np.asarray(start + at * (end - start) + rise * outward)


def paint_disc(canvas: Canvas, disc: Disc, above: Body, below: Body, u: float, rng: Rng) -> None:
    """The whole space between two bodies as annulus, with nucleus and signs of wear in it.

    The hull reaches into both bodies; their endplates and marrow are painted over it later.
    """
    hull = _hull(disc, above, below, u)
    ligament = smooth(inset(resampled(hull), -rng.uniform(0.4, 1.4)), 0.6)
    canvas.paint(ligament, Tissue.LIGAMENT)
    canvas.paint(smooth(hull, 0.5), Tissue.UNREAD_ANNULUS)
    above, below = (replace(b, half_width_mm=READ_WIDTH * b.half_width_mm) for b in (above, below))
    if abs(u) > 0.95 * min(above.half_width_mm, below.half_width_mm):
        return
    read = inset(resampled(_hull(disc, above, below, u)), rng.uniform(*UNREAD_MM))
    canvas.paint(smooth(read, 0.5), Tissue.OUTER_ANNULUS)
    ub, uf = corners(above.bottom, above, u)
    lb, lf = corners(below.top, below, u)
    centre, front, up = _disc_frame(above, below, u)
    half_length = float((uf + lf - ub - lb) @ front) / 4
    half_height = float((ub + uf - lb - lf) @ up) / 4
    half_height += 0.5 * (above.bottom.dent_mm + below.top.dent_mm) / 2
    lateral = max(0.0, 1 - (u / (0.87 * above.half_width_mm)) ** 2) ** 0.5
    if lateral > 0.15 and half_height > 0.5:
        at = centre + front * half_length * disc.nucleus_shift
        _paint_nucleus(canvas, disc, at, front, (half_length * lateral, half_height), rng)


def _disc_frame(above: Body, below: Body, u: float) -> tuple[Points, Points, Points]:
    """Middle of the space between two bodies, and unit vectors to the front and to the head."""
    ub, uf = corners(above.bottom, above, u)
    lb, lf = corners(below.top, below, u)
    front = (uf + lf - ub - lb) / np.linalg.norm(uf + lf - ub - lb)
    up = np.array([front[1], -front[0]])
    return (ub + uf + lb + lf) / 4, front, up if up[1] < 0 else -up


def _hull(disc: Disc, above: Body, below: Body, u: float) -> Points:
    """The space between two bodies with the bulges of the disc, reaching into both bodies."""
    ub, uf = corners(above.bottom, above, u)
    lb, lf = corners(below.top, below, u)
    _, front, up = _disc_frame(above, below, u)
    ahead = _arc(uf, lf, disc.bulge_front_mm, front, 3.0)
    behind = _arc(lb, ub, disc.bulge_back_mm, -front, 2.5)
    return np.concatenate(
        [[ub + 4 * up], [uf + 4 * up], ahead, [lf - 4 * up], [lb - 4 * up], behind]
    )


def _paint_nucleus(
    canvas: Canvas, disc: Disc, at: Points, front: Points, half: tuple[float, float], rng: Rng
) -> None:
    length, height = half
    core = (length * disc.nucleus_length, height * disc.nucleus_height)
    inner = (min(length * 0.93, core[0] * rng.uniform(1.08, 1.4)), height * rng.uniform(1.0, 1.3))
    canvas.paint(
        _ragged(ellipse(at, front, inner, disc.squareness), disc, rng),
        Tissue.INNER_ANNULUS,
        DISC_TISSUES,
    )
    canvas.paint(
        _ragged(ellipse(at, front, core, disc.squareness), disc, rng), Tissue.NUCLEUS, DISC_TISSUES
    )
    if disc.cleft:
        band = ellipse(at, front, (core[0] * rng.uniform(0.5, 0.95), disc.cleft), 2.5)
        canvas.paint(band, Tissue.CLEFT, DISC_TISSUES)
    if disc.vacuum:
        at_gas = at + front * length * rng.uniform(-0.5, 0.5)
        canvas.paint(
            ellipse(at_gas, front, (length * rng.uniform(0.2, 0.6), disc.vacuum), 2.2),
            Tissue.VACUUM,
            DISC_TISSUES,
        )
    if disc.fissure:
        place = at - front * length * rng.uniform(0.75, 0.95)
        canvas.paint(
            ellipse(place, front, (1.3, rng.uniform(0.6, 1.8))), Tissue.FISSURE, DISC_TISSUES
        )


def _ragged(points: Points, disc: Disc, rng: Rng) -> Points:
    noise = gaussian_filter1d(rng.normal(size=len(points)), 2.5, mode="wrap") * 2.5
    return inset(points, noise * disc.irregular)


def paint_endplates(canvas: Canvas, body: Body, u: float) -> None:
    """The dark endplates above and below a body, where a disc was painted."""
    points, thick = outline(body, u)
    canvas.paint(inset(points, -thick), Tissue.ENDPLATE, DISC_SPACE)


def paint_body(canvas: Canvas, body: Body, u: float, rng: Rng) -> None:
    """Cortex, marrow and what is in it."""
    points, thick = outline(body, u)
    cortex, marrow = (
        (Tissue.SACRAL_CORTEX, Tissue.SACRAL_MARROW)
        if body.sacral
        else (Tissue.BODY_CORTEX, Tissue.MARROW)
    )
    if not body.sacral:  # ligaments in front and behind
        canvas.paint(
            inset(points, -rng.uniform(0.5, 1.6) * (thick < 0.2)), Tissue.LIGAMENT, NOT_DISC
        )
    canvas.paint(points, cortex)
    wall = body.cortex_mm * np.clip(1 - thick / 0.3, 0, 1)
    canvas.paint(inset(points, wall), marrow)
    only = np.array([marrow], dtype=np.uint8)
    ub, uf = corners(body.top, body, u)
    lb, lf = corners(body.bottom, body, u)
    centre, front = (ub + uf + lb + lf) / 4, (uf + lf - ub - lb) / 4
    up = (ub + uf - lb - lf) / 4
    for along, across, a, b in body.changes:
        place = centre + along * front + across * up
        size = (a * float(np.linalg.norm(front)), b * float(np.linalg.norm(up)))
        canvas.paint(
            ellipse(place, front / np.linalg.norm(front), size, 2.5), Tissue.MARROW_CHANGE, only
        )
    if body.vein and abs(u) < 7:
        start = (ub + lb) / 2 + rng.uniform(-0.1, 0.15) * up
        reach = rng.uniform(0.3, 1.0)
        at = np.linspace(-0.1, reach, 12)[:, None]
        canvas.line(
            start + at * front,
            rng.uniform(0.6, 2.6) * (1.05 - at[:, 0] / reach),
            Tissue.BASIVERTEBRAL_VEIN,
            only,
        )


def _paint_ala(canvas: Canvas, spine: Spine, x: float, rng: Rng) -> None:
    """The wing of the sacrum, far from the middle."""
    first = spine.bodies[len(spine.lumbar)]
    front, up = directions(first.top.tilt_deg)
    centre = first.top.centre - up * rng.uniform(14, 22) - front * rng.uniform(0, 10)
    points = smooth(
        ragged(ellipse(centre, front, (rng.uniform(13, 20), rng.uniform(16, 26)), 2.6), 1.5, rng),
        2.0,
    )
    canvas.paint(points, Tissue.SACRAL_CORTEX)
    canvas.paint(inset(points, 0.8), Tissue.SACRAL_MARROW)


def _paint_sacrum(canvas: Canvas, spine: Spine, x: float, rng: Rng) -> None:
    first = len(spine.lumbar)
    segments = spine.bodies[first:]
    # drawn apart: all else of a spine stays as it was without them
    apart = np.random.default_rng([spine.seed, 1])
    deep = bool(apart.random() < SQUARED)
    segments = squared(segments, apart) if deep else segments
    u = spine.lateral_offset(x, float(segments[0].top.centre[1]))
    if abs(u) > 25:
        if abs(u) < 50:
            _paint_ala(canvas, spine, x, rng)
        return
    for above, below in pairwise(segments[:6]):
        ub, uf = corners(above.bottom, above, u)
        lb, lf = corners(below.top, below, u)
        joint = np.array([ub, uf, lf, lb])
        middle = joint.mean(axis=0)
        canvas.paint(middle + (joint - middle) * [1.02, 1.3], Tissue.SACRAL_CORTEX)
        canvas.paint(middle + (joint - middle) * [0.8, 0.7], Tissue.SACRAL_REMNANT)
    for body in reversed(segments):
        paint_body(canvas, body, u * (0.75 if body is not segments[0] else 1.0), rng)
    joints = list(pairwise(segments[:6]))
    for remnant, joint in zip(sample_remnants(apart, len(joints), deep), joints, strict=False):
        paint_remnant(canvas, remnant, joint, 0.75 * u, apart)


def draw_section(spine: Spine, x: float) -> NDArray[np.uint8]:
    """The map of tissues (down, back) of one sagittal section at lateral position x (mm).

    The same spine gives like neighbours: everything random comes from its seed.
    """
    rng = np.random.default_rng(spine.seed)
    canvas = Canvas()
    lumbar = spine.lumbar
    background.paint(canvas, spine, x, np.random.default_rng(spine.seed + 1))
    background.paint_interspinous(canvas, spine, x, canal_lines(spine))
    paint_canal(canvas, spine, x, np.random.default_rng(spine.seed + 2))
    paint_posterior(canvas, spine, x, np.random.default_rng(spine.seed + 3))
    shown = [(b, spine.lateral_offset(x, float(b.top.centre[1]))) for b in lumbar]
    below = (*lumbar[1:], spine.bodies[len(lumbar)])
    for disc, above, under in zip(spine.discs, lumbar, below, strict=True):
        one = np.random.default_rng(rng.integers(1 << 31))
        u = spine.lateral_offset(x, float(under.top.centre[1]))
        if abs(u) < 0.92 * min(above.half_width_mm, under.half_width_mm):
            paint_disc(canvas, disc, above, under, u, one)
    first = spine.bodies[len(lumbar)]
    u_first = spine.lateral_offset(x, float(first.top.centre[1]))
    for body, u in (*shown, (first, u_first)):
        if abs(u) < 0.95 * body.half_width_mm:
            paint_endplates(canvas, body, u)
    _paint_sacrum(canvas, spine, x, np.random.default_rng(spine.seed + 4))
    for k, (body, u) in enumerate(shown):
        if abs(u) < 0.95 * body.half_width_mm:
            paint_body(canvas, body, u, np.random.default_rng(spine.seed + 10 + k))
            if 9.5 < abs(u) < 17:
                join_pedicle(canvas, body, u)
    if spine.hardware:
        paint_hardware(canvas, spine, x, np.random.default_rng(spine.seed + 30))
    return canvas.map
