"""Paint a section through an invented spine as a map of tissues.

No picture of a patient goes into this.  What decides whether a network trained on these
pictures agrees with expert readers is where the borders lie: the dark endplates between
marrow and disc are a tissue of their own and not disc, while the dark outer annulus belongs
to the disc up to the ligaments.  Maps are seen with the front on the left and the head on top.
"""

from __future__ import annotations

from itertools import pairwise

import background
import numpy as np
from canvas import Canvas, ellipse, inset, normals, resampled, smooth
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from spine import Body, Disc, Edge, Points, Rng, Spine, directions
from tissues import DISC_TISSUES, Tissue


def _reach(edge: Edge, body: Body, u: float) -> tuple[float, float]:
    """How far an endplate reaches to the front and to the back at ``u``, mm."""
    r = min(abs(u) / body.half_width_mm, 0.999)
    front = (1 - r**2.1) ** (1 / 2.1) * edge.depth_mm / 2
    back = (1 - r**3.5) ** (1 / 3.5) * edge.depth_mm / 2
    return front, back


def corners(edge: Edge, body: Body, u: float) -> tuple[Points, Points]:
    """Back and front end of an endplate at ``u``."""
    front, up = directions(edge.tilt_deg)
    a, b = _reach(edge, body, u)
    centre = edge.centre + up * body.lateral_tilt * u
    return centre - front * b, centre + front * a


def _plate(edge: Edge, body: Body, u: float, inward: float) -> Points:
    """The endplate from back to front, hollowed towards the inside of the body."""
    back, front = corners(edge, body, u)
    at = np.linspace(-1, 1, 41)
    _, up = directions(edge.tilt_deg)
    hollow = 1 - np.abs((at - edge.dent_at) / (1 + np.abs(edge.dent_at))) ** 2.4
    lateral = max(0.0, 1 - (u / body.half_width_mm) ** 2)
    depth = edge.dent_mm * lateral * np.maximum(hollow, 0)
    for place, deep, half in edge.nodes:
        width = half / (edge.depth_mm / 2)
        depth += deep * np.exp(-(((at - place) / width) ** 4)) * np.exp(-((u / 6.0) ** 2))
    points = back + (at[:, None] + 1) / 2 * (front - back) + inward * up * depth[:, None]
    direction = (front - back) / np.linalg.norm(front - back)
    points += direction * (edge.spur_front_mm * np.exp(-(((at - 1) / 0.12) ** 2)))[:, None]
    points -= direction * (edge.spur_back_mm * np.exp(-(((at + 1) / 0.12) ** 2)))[:, None]
    return np.asarray(points)


def _wall(start: Points, end: Points, waist_mm: float) -> Points:
    """A wall from an upper to a lower point, waisted to the left of its direction."""
    at = np.linspace(-1, 1, 31)[1:-1]
    step = (end - start) / np.linalg.norm(end - start)
    inward = np.array([-step[1], step[0]])
    line = start + (at[:, None] + 1) / 2 * (end - start)
    return np.asarray(line - inward * (waist_mm * (1 - np.abs(at) ** 2.2))[:, None])


def outline(body: Body, u: float) -> tuple[Points, NDArray[np.float64]]:
    """Closed border of the marrow, and how thick the endplate over each point is (mm)."""
    top, low = _plate(body.top, body, u, -1.0), _plate(body.bottom, body, u, 1.0)
    front, back = (
        _wall(top[-1], low[-1], body.waist_front_mm),
        _wall(low[0], top[0], body.waist_back_mm),
    )
    points = np.concatenate([top, front, low[::-1], back])
    n, m = len(top), len(front)
    plate = np.concatenate(
        [np.full(n, body.top.dark_mm), np.zeros(m), np.full(n, body.bottom.dark_mm), np.zeros(m)]
    )
    closed = np.concatenate([points, points[:1]])
    along = np.r_[0, np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))]
    even = resampled(points)
    at = np.arange(len(even)) * along[-1] / len(even)
    thick = np.interp(at, along, np.r_[plate, plate[:1]])
    sigma = body.round_mm / 0.5
    return (
        np.asarray(gaussian_filter1d(even, sigma, axis=0, mode="wrap")),
        np.asarray(gaussian_filter1d(thick, 2.0, mode="wrap")),
    )


def _arc(start: Points, end: Points, bulge_mm: float, outward: Points, squareness: float) -> Points:
    at = np.linspace(0, 1, 21)[:, None]
    rise = bulge_mm * (1 - np.abs(2 * at - 1) ** squareness)
    return np.asarray(start + at * (end - start) + rise * outward)


def paint_disc(canvas: Canvas, disc: Disc, above: Body, below: Body, u: float, rng: Rng) -> None:
    """The whole space between two bodies as annulus, with nucleus and signs of wear in it.

    The hull reaches into both bodies; their endplates and marrow are painted over it later.
    """
    ub, uf = corners(above.bottom, above, u)
    lb, lf = corners(below.top, below, u)
    front = (uf + lf - ub - lb) / np.linalg.norm(uf + lf - ub - lb)
    up = np.array([front[1], -front[0]])
    up = up if up[1] < 0 else -up
    hull = np.concatenate(
        [
            [ub + 4 * up],
            [uf + 4 * up],
            _arc(uf, lf, disc.bulge_front_mm, front, 3.0),
            [lf - 4 * up],
            [lb - 4 * up],
            _arc(lb, ub, disc.bulge_back_mm, -front, 2.5),
        ]
    )
    ligament = smooth(inset(resampled(hull), -rng.uniform(0.4, 1.4)), 0.6)
    canvas.paint(ligament, Tissue.LIGAMENT)
    canvas.paint(smooth(hull, 0.5), Tissue.OUTER_ANNULUS)
    centre = (ub + uf + lb + lf) / 4
    half_length = float((uf + lf - ub - lb) @ front) / 4
    half_height = (
        float((ub + uf - lb - lf) @ up) / 4 + 0.5 * (above.bottom.dent_mm + below.top.dent_mm) / 2
    )
    lateral = max(0.0, 1 - (u / (0.75 * above.half_width_mm)) ** 2) ** 0.5
    if lateral > 0.15 and half_height > 0.5:
        at = centre + front * half_length * disc.nucleus_shift
        _paint_nucleus(canvas, disc, at, front, (half_length * lateral, half_height), rng)


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
    canvas.paint(inset(points, -thick), Tissue.ENDPLATE, DISC_TISSUES)


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


NOT_DISC = np.array(
    [t for t in Tissue if t not in DISC_TISSUES and t != Tissue.ENDPLATE], dtype=np.uint8
)


def canal_lines(spine: Spine, x: float) -> tuple[Points, Points]:
    """Front of the canal and front-to-back width per point (mm), from head to feet."""
    points, widths = [], []
    rng = np.random.default_rng(spine.seed + 7)
    n = len(spine.lumbar)
    for k, body in enumerate(spine.bodies[: n + 4]):
        top, low = corners(body.top, body, 0.0)[0], corners(body.bottom, body, 0.0)[0]
        low_down = max(0.0, (k - n + 2.5) / 2)
        gap = spine.canal["gap"] + min(low_down, 1.3) * spine.canal["fat_low"]
        front, _ = directions((body.top.tilt_deg + body.bottom.tilt_deg) / 2)
        width = (
            spine.canal["diameter"] * (1.05 - 0.06 * max(0, k - n + 3)) * rng.uniform(0.93, 1.07)
        )
        squeeze = spine.canal["narrowing"] * rng.random() ** 1.5
        points += [0.7 * top + 0.3 * low - front * gap, 0.2 * top + 0.8 * low - front * gap]
        widths += [width, width * (1 - 0.7 * squeeze)]
    return np.array(points), np.array(widths)


def _curve(points: Points, n: int = 220) -> Points:
    along = np.r_[0, np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))]
    at = np.linspace(0, along[-1], n)
    line = np.stack([np.interp(at, along, points[:, i]) for i in range(points.shape[1])], axis=1)
    return np.asarray(gaussian_filter1d(line, 3.0, axis=0, mode="nearest"))


def paint_canal(canvas: Canvas, spine: Spine, x: float, rng: Rng) -> None:
    """Epidural fat, dura, fluid, cord and roots."""
    front, width = canal_lines(spine, x)
    line = _curve(np.column_stack([front, width]))
    line, full = line[:, :2], line[:, 2]
    behind = -normals(line, closed=False)
    behind *= np.sign(behind[:, :1] + 1e-9)
    u = np.array([spine.lateral_offset(x, d) for d in line[:, 1]])
    share = np.sqrt(np.clip(1 - (u / spine.canal["half_width"]) ** 2, 0, 1))
    end = int(
        len(line) * min(1.0, (len(spine.lumbar) + spine.canal["end"]) / (len(spine.lumbar) + 4))
    )
    taper = np.clip((end - np.arange(len(line))) / 14.0, 0, 1) ** 0.6
    bed = full * (share > 0) + 2.0 + spine.canal["behind"]
    open_bed = np.abs(u) < spine.canal["half_width"] + 2
    _strip(
        canvas, line - 1.5 * behind, behind, np.where(open_bed, bed + 1.5, 0), Tissue.EPIDURAL_FAT
    )
    middle = full / 2
    half = full / 2 * share * taper
    dura = spine.canal["dura"] * (half > 0.5)
    start = line + behind * (middle - half)[:, None]
    _strip(canvas, start - behind * dura[:, None], behind, 2 * half + 2 * dura, Tissue.LIGAMENT)
    _strip(canvas, start, behind, 2 * half, Tissue.CSF)
    _paint_nerves(canvas, spine, line + behind * middle[:, None], behind, half, u, rng)


def _strip(
    canvas: Canvas,
    start: Points,
    behind: Points,
    width: NDArray[np.float64],
    tissue: Tissue,
    over: NDArray[np.uint8] | None = None,
) -> None:
    """Fill between a line and the same line moved back by ``width``, piece by piece where > 0."""
    inside = width > 0.2
    edges = np.flatnonzero(np.diff(np.r_[False, inside, False]))
    for a, b in zip(edges[::2], edges[1::2], strict=True):
        if b - a > 2:
            s, w = start[a:b], width[a:b, None]
            canvas.paint(np.concatenate([s, (s + behind[a:b] * w)[::-1]]), tissue, over)


def _paint_nerves(
    canvas: Canvas,
    spine: Spine,
    middle: Points,
    behind: Points,
    half: NDArray[np.float64],
    u: NDArray[np.float64],
    rng: Rng,
) -> None:
    csf = np.array([Tissue.CSF], dtype=np.uint8)
    at = np.linspace(0, len(spine.lumbar) + 4, len(middle))
    above = np.clip((spine.conus_level - at) / 1.2, 0, 1) ** 0.7
    side = np.sqrt(np.clip(1 - (u / 5.0) ** 2, 0, 1))
    back = middle + behind * (0.15 * half)[:, None]
    cord = np.minimum(rng.uniform(5.5, 8.5) * above * side, 1.4 * half)
    _strip(canvas, back - behind * (cord / 2)[:, None], behind, cord, Tissue.CORD, csf)
    for _ in range(int(spine.roots * 6)):
        level = rng.uniform(-0.2, 0.85) + 0.1 * np.sin(at * rng.uniform(0.5, 2) + rng.uniform(0, 6))
        thick = rng.uniform(0.4, 1.6) * (at > spine.conus_level - 1.2)
        _strip(
            canvas,
            middle + behind * (level * half - thick / 2)[:, None],
            behind,
            thick * (half > 1),
            Tissue.ROOTS,
            csf,
        )


def paint_posterior(canvas: Canvas, spine: Spine, x: float, rng: Rng) -> None:
    """Spinous processes, laminae, facets and pedicles, by the distance from the middle."""
    front_line, widths = canal_lines(spine, x)
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
            _bone(
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
            _bone(
                canvas,
                ellipse(
                    back - front * rng.uniform(-1, 6), up, (rng.uniform(3, 6), rng.uniform(2, 4.5))
                ),
            )


def _bone(canvas: Canvas, points: Points, cortex_mm: float = 0.8) -> None:
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
    _bone(canvas, smooth(_ragged_polygon(points, 0.8, rng), 1.3), rng.uniform(0.5, 1.2))


def _ragged_polygon(points: Points, amount_mm: float, rng: Rng) -> Points:
    even = resampled(points)
    noise = gaussian_filter1d(rng.normal(size=len(even)), 6, mode="wrap") * 4.5
    return inset(even, amount_mm * noise)


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
    _bone(canvas, smooth(box, 1.2))
    lean = directions((body.top.tilt_deg + body.bottom.tilt_deg) / 2 + rng.uniform(65, 95))[0]
    upper = joint + up * (thick + 4) + front * 1.5
    lower = joint - up * (thick + size["facet"] * 0.75) - front * 3.5
    _bone(canvas, smooth(ellipse(upper, lean, (size["facet"] * 0.62, 3.7), 2.5), 0.8))
    _bone(canvas, smooth(ellipse(lower, lean, (size["facet"] * 0.85, 4.0), 2.5), 0.8))
    canvas.line(np.linspace(joint + up * thick, lower, 6), 6.0, Tissue.POSTERIOR_MARROW)
    if rng.random() < 0.6:
        gap = lower - front * -4.2
        canvas.line(
            np.linspace(gap - up * 4, gap + up * 5, 5), rng.uniform(0.5, 1.5), Tissue.FACET_JOINT
        )


def _join_pedicle(canvas: Canvas, body: Body, u: float) -> None:
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


def _paint_ala(canvas: Canvas, spine: Spine, x: float, rng: Rng) -> None:
    """The wing of the sacrum, far from the middle."""
    first = spine.bodies[len(spine.lumbar)]
    front, up = directions(first.top.tilt_deg)
    centre = first.top.centre - up * rng.uniform(14, 22) - front * rng.uniform(0, 10)
    points = smooth(
        _ragged_polygon(
            ellipse(centre, front, (rng.uniform(13, 20), rng.uniform(16, 26)), 2.6), 1.5, rng
        ),
        2.0,
    )
    canvas.paint(points, Tissue.SACRAL_CORTEX)
    canvas.paint(inset(points, 0.8), Tissue.SACRAL_MARROW)


def _paint_sacrum(canvas: Canvas, spine: Spine, x: float, rng: Rng) -> None:
    first = len(spine.lumbar)
    segments = spine.bodies[first:]
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


def draw_section(spine: Spine, x: float) -> NDArray[np.uint8]:
    """The map of tissues (down, back) of one sagittal section at lateral position x (mm).

    The same spine gives like neighbours: everything random comes from its seed.
    """
    rng = np.random.default_rng(spine.seed)
    canvas = Canvas()
    lumbar = spine.lumbar
    background.paint(canvas, spine, x, np.random.default_rng(spine.seed + 1))
    background.paint_interspinous(canvas, spine, x, canal_lines(spine, x))
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
                _join_pedicle(canvas, body, u)
    return canvas.map
