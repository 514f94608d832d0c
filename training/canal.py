"""The spinal canal: epidural fat, dura, fluid, cord and roots."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from training.canvas import Canvas, normals
from training.shapes import corners
from training.spine import Points, Rng, Spine, directions
from training.tissues import Tissue


def canal_lines(spine: Spine) -> tuple[Points, Points]:
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
    front, width = canal_lines(spine)
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
    _paint_nerves(canvas, spine, (line + behind * middle[:, None], behind, half, u), rng)


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
    canvas: Canvas, spine: Spine, sac: tuple[Points, Points, Points, Points], rng: Rng
) -> None:
    """Cord and roots within the sac: its middle, direction to the back, half width and ``u``."""
    middle, behind, half, u = sac
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
        start = middle + behind * (level * half - thick / 2)[:, None]
        _strip(canvas, start, behind, thick * (half > 1), Tissue.ROOTS, csf)
