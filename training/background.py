"""Everything around the spine: flesh, fat, bowel, vessels, skin and air."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from training.canvas import PIXEL_MM, Canvas, ellipse
from training.fields import blobs
from training.spine import Points, Rng, Spine, directions
from training.tissues import Tissue

Field = NDArray[np.float64]


def _by_row(points: Points, rows: int, pixel_mm: float) -> Field:
    """Column position (mm) of a line for every row, held constant beyond its ends."""
    order = np.argsort(points[:, 1])
    return np.interp(np.arange(rows) * pixel_mm, points[order, 1], points[order, 0])


def _wavy(rng: Rng, rows: int, amount_mm: float, length_px: float = 60) -> Field:
    noise = gaussian_filter1d(rng.normal(size=rows), length_px, mode="reflect")
    return np.asarray(amount_mm * noise / (noise.std() + 1e-9))


def paint(canvas: Canvas, spine: Spine, x: float, rng: Rng) -> None:
    """Cover the whole map with flesh, fat, bowel, vessels, skin and air."""
    rows, columns = canvas.map.shape
    around = spine.surroundings
    column_mm = np.arange(columns)[None, :] * PIXEL_MM
    bodies = spine.bodies
    front = np.array(
        [b.top.centre + directions(b.top.tilt_deg)[0] * b.top.depth_mm / 2 for b in bodies]
    )
    back = np.array(
        [b.top.centre - directions(b.top.tilt_deg)[0] * b.top.depth_mm / 2 for b in bodies]
    )
    wall = gaussian_filter1d(_by_row(front, rows, PIXEL_MM), 12)[:, None]
    rear = gaussian_filter1d(_by_row(back, rows, PIXEL_MM), 12)[:, None]
    down = np.linspace(0, 1, rows)
    skin = (
        rear[:, 0].max()
        + 35
        + around["fat_back"]
        + around["buttock"] * np.clip(down - 0.5, 0, 1)
        + _wavy(rng, rows, 3)
    )
    hidden = rng.random() < 0.15
    skin_back = (
        gaussian_filter1d(0.5 * skin + 0.5 * (rear[:, 0] + 48 + around["fat_back"]), 40)
        + (200 if hidden else 0)
    )[:, None]
    skin_front = (wall.mean() - around["belly"] + _wavy(rng, rows, 6))[:, None]
    _abdomen(canvas, spine, rng)
    _vessel(canvas, spine, x, rng, (wall, column_mm))
    _muscles(canvas, spine, x, rng, (rear, wall, column_mm))
    fat = column_mm > skin_back - around["fat_back"] + _wavy(rng, rows, 1.0)[:, None]
    canvas.map[fat] = Tissue.SUBCUTANEOUS_FAT
    septa = np.abs(blobs(rng, canvas.map.shape, (10, 18))) < rng.uniform(0.0, 0.12)
    canvas.map[fat & septa] = Tissue.FASCIA
    edge = np.abs(column_mm - (skin_back - around["fat_back"])) < rng.uniform(0.3, 0.9)
    canvas.map[edge] = Tissue.FASCIA
    belly = column_mm < skin_front + around["fat_front"]
    canvas.map[belly] = Tissue.SUBCUTANEOUS_FAT
    rectus = (column_mm >= skin_front + around["fat_front"]) & (
        column_mm < skin_front + around["fat_front"] + 9
    )
    canvas.map[rectus] = Tissue.MUSCLE
    skin_mm = rng.uniform(0.8, 2.0)
    canvas.map[(column_mm > skin_back - skin_mm) | (column_mm < skin_front + skin_mm)] = Tissue.SKIN
    canvas.map[(column_mm > skin_back) | (column_mm < skin_front)] = Tissue.AIR


def _abdomen(canvas: Canvas, spine: Spine, rng: Rng) -> None:
    """Fat with bowel, large organs and gas in it, over the whole map."""
    shape = canvas.map.shape
    size = spine.surroundings["bowel_scale"] / PIXEL_MM
    canvas.map[:] = Tissue.VISCERAL_FAT
    first, second = blobs(rng, shape, (size, size)), blobs(rng, shape, (size * 1.6, size))
    level = rng.uniform(-0.2, 1.2)
    canvas.map[first > level] = Tissue.BOWEL_WALL
    canvas.map[first > level + 0.25] = Tissue.BOWEL_CONTENT
    canvas.map[(first > level + 0.3) & (second > rng.uniform(0.0, 1.5))] = Tissue.GAS
    big = blobs(rng, shape, (90, 70))
    canvas.map[big > rng.uniform(0.6, 2.2)] = Tissue.ORGAN
    canvas.map[big < -rng.uniform(0.8, 2.4)] = Tissue.SECOND_ORGAN
    thin = np.abs(blobs(rng, shape, (8, 6))) < rng.uniform(0, 0.12)
    canvas.map[thin & (canvas.map == Tissue.VISCERAL_FAT)] = Tissue.VESSEL


def _vessel(canvas: Canvas, spine: Spine, x: float, rng: Rng, lines: tuple[Field, Field]) -> None:
    """Fat in front of the bodies, with aorta or caval vein where the section meets one."""
    wall, column_mm = lines
    around = spine.surroundings
    rows = canvas.map.shape[0]
    near = (column_mm > wall - around["prevertebral"] - 24 + _wavy(rng, rows, 6)[:, None]) & (
        column_mm < wall + 20
    )
    canvas.map[near] = Tissue.VISCERAL_FAT
    half = around["vessel_width"]
    off = (x - around["vessel_offset"]) / half
    width = 2 * half * np.sqrt(max(0.0, 1 - off**2))
    if width > 2:
        end = rng.uniform(0.5, 1.1) * spine.bodies[len(spine.lumbar)].top.centre[1]
        start = wall - around["prevertebral"] - width + _wavy(rng, rows, 1.5)[:, None]
        inside = (column_mm > start) & (column_mm < start + width)
        inside &= (np.arange(rows)[:, None] * PIXEL_MM) < end
        rim = inside & ((column_mm < start + 1.0) | (column_mm > start + width - 1.0))
        canvas.map[inside] = Tissue.VESSEL
        canvas.map[rim] = Tissue.BOWEL_WALL
    _ovals(canvas, spine, rng)


def _ovals(canvas: Canvas, spine: Spine, rng: Rng) -> None:
    """Bladder, bowel and womb in front of the sacrum, vessels cut across in front of the bodies."""
    filled = [Tissue.FLUID, Tissue.ORGAN, Tissue.SECOND_ORGAN, Tissue.GAS, Tissue.BOWEL_CONTENT]
    last = spine.bodies[len(spine.lumbar)].top.centre
    for _ in range(int(spine.surroundings["organs"])):
        place = last + np.array([rng.uniform(-65, 15), rng.uniform(30, 100)])
        half = (rng.uniform(5, 32), rng.uniform(5, 26))
        lean = directions(rng.uniform(-90, 90))[0]
        shape = ellipse(place, lean, half, rng.uniform(1.8, 3))
        canvas.paint(place + (shape - place) * rng.uniform(1.05, 1.35), Tissue.BOWEL_WALL)
        canvas.paint(shape, int(rng.choice(filled)))
    for _ in range(int(spine.surroundings["vessels"])):
        body = spine.bodies[int(rng.integers(len(spine.lumbar) - 5, len(spine.lumbar) + 1))]
        front = directions(body.top.tilt_deg)[0]
        place = body.top.centre + front * (body.top.depth_mm / 2 + rng.uniform(3, 22))
        place += np.array([0.0, rng.uniform(-20, 20)])
        shape = ellipse(
            place, directions(rng.uniform(-90, 90))[0], (rng.uniform(2, 11), rng.uniform(2, 5))
        )
        canvas.paint(shape, int(rng.choice([Tissue.VESSEL, Tissue.VESSEL, Tissue.BOWEL_WALL])))


def _muscles(
    canvas: Canvas, spine: Spine, x: float, rng: Rng, lines: tuple[Field, Field, Field]
) -> None:
    """Muscle with streaks of fat behind the spine, and the psoas beside it."""
    rear, wall, column_mm = lines
    shape = canvas.map.shape
    behind = column_mm > rear - 2
    canvas.map[behind] = Tissue.MUSCLE
    streaks = blobs(rng, shape, (28, 5)) + 0.5 * blobs(rng, shape, (8, 4))
    fat = streaks > np.quantile(streaks, 1 - spine.surroundings["muscle_fat"])
    canvas.map[behind & fat] = Tissue.DEEP_FAT
    fibres = np.abs(blobs(rng, shape, (40, 6))) < 0.04
    canvas.map[behind & fibres] = Tissue.FASCIA
    beside = abs(x) - spine.surroundings["psoas"]
    if beside > 0:
        span = min(1.0, beside / 8.0)
        inside = (column_mm > wall - 12 * span + _wavy(rng, shape[0], 3)[:, None]) & (
            column_mm <= rear + 6
        )
        canvas.map[inside] = Tissue.MUSCLE
        canvas.map[inside & (streaks > 1.9)] = Tissue.DEEP_FAT


def paint_interspinous(canvas: Canvas, spine: Spine, x: float, canal: tuple[Points, Field]) -> None:
    """Ligaments and fat between the spinous processes, near the middle."""
    line, width = canal
    u = spine.lateral_offset(x, float(np.median(line[:, 1])))
    if abs(u) > 4:
        return
    n = len(spine.lumbar) + 2
    fronts = np.array(
        [directions((b.top.tilt_deg + b.bottom.tilt_deg) / 2)[0] for b in spine.bodies[:n]]
    )
    inner = line[: 2 * n : 2] - fronts * (width[: 2 * n : 2, None] + 3)
    reach = np.array([b.posterior["length"] + 6 for b in spine.bodies[:n]])[:, None]
    outer = inner - fronts * reach
    canvas.paint(np.concatenate([inner, outer[::-1]]), Tissue.INTERSPINOUS)
    field = blobs(np.random.default_rng(spine.seed + 5), canvas.map.shape, (9, 6))
    canvas.map[(canvas.map == Tissue.INTERSPINOUS) & (field > 0.5)] = Tissue.DEEP_FAT
    canvas.map[(canvas.map == Tissue.INTERSPINOUS) & (field < -0.9)] = Tissue.LIGAMENT
    canvas.line(outer, 2.0, Tissue.LIGAMENT)
