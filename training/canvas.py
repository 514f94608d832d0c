"""A map of tissues, and the polygons in millimetres that are painted on it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from training.spine import Points, Rng

PIXEL_MM = 0.35
SHAPE = (800, 640)  # down, back
SIZE_MM = (SHAPE[1] * PIXEL_MM, SHAPE[0] * PIXEL_MM)


class Canvas:
    """A map of tissues that polygons in millimetres are painted on."""

    def __init__(self, shape: tuple[int, int] = SHAPE) -> None:
        self.map: NDArray[np.uint8] = np.zeros(shape, dtype=np.uint8)

    def paint(self, points: Points, tissue: int, over: NDArray[np.uint8] | None = None) -> None:
        """Fill a polygon of (back, down) points; ``over`` names the tissues it may replace."""
        box, inside = filled(np.asarray(points) / PIXEL_MM, self.map.shape)
        part = self.map[box]
        if over is not None:
            allowed = np.zeros(256, dtype=bool)
            allowed[over] = True
            inside &= allowed[part]
        part[inside] = tissue

    def line(
        self,
        points: Points,
        width_mm: float | Points,
        tissue: int,
        over: NDArray[np.uint8] | None = None,
    ) -> None:
        """A band of the given width along a polyline."""
        half = np.broadcast_to(np.asarray(width_mm, dtype=float), (len(points),))[:, None] / 2
        normal = normals(points, closed=False)
        self.paint(
            np.concatenate([points + half * normal, (points - half * normal)[::-1]]), tissue, over
        )


def filled(points: Points, shape: tuple[int, ...]) -> tuple[tuple[slice, slice], NDArray[np.bool_]]:
    """Pixels whose centre lies in a polygon of (column, row) points: a window and a mask of it."""
    low = np.clip(np.ceil(points.min(axis=0)), 0, [shape[1], shape[0]]).astype(int)
    high = np.clip(np.ceil(points.max(axis=0)), low, [shape[1], shape[0]]).astype(int)
    box = (slice(low[1], high[1]), slice(low[0], high[0]))
    size = (high[1] - low[1], high[0] - low[0])
    (x0, y0), (x1, y1) = points.T, np.roll(points, -1, axis=0).T
    first = np.clip(np.ceil(np.minimum(y0, y1)), low[1], high[1]).astype(int)
    count = np.clip(np.ceil(np.maximum(y0, y1)), low[1], high[1]).astype(int) - first
    edge = np.repeat(np.arange(len(points)), count)
    row = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + first[edge]
    x = x0[edge] + (row - y0[edge]) * (x1 - x0)[edge] / (y1 - y0)[edge]
    column = np.clip(np.ceil(x), low[0], high[0]).astype(int) - low[0]
    crossings = np.zeros((size[0], size[1] + 1), dtype=np.uint8)
    np.add.at(crossings, (row - low[1], column), 1)
    return box, (np.add.accumulate(crossings, axis=1, dtype=np.uint8)[:, :-1] & 1).astype(bool)


def ellipse(
    centre: Points, front: Points, half: tuple[float, float], power: float = 2.0, n: int = 48
) -> Points:
    """A superellipse with half axes (along ``front``, across it)."""
    a = np.linspace(0, 2 * np.pi, n, endpoint=False)
    c, s = np.cos(a), np.sin(a)
    along = half[0] * np.sign(c) * np.abs(c) ** (2 / power)
    across = half[1] * np.sign(s) * np.abs(s) ** (2 / power)
    side = np.array([front[1], -front[0]])
    return np.asarray(centre + along[:, None] * front + across[:, None] * side)


def normals(points: Points, closed: bool = True) -> Points:
    """Unit vectors across a line at each of its points."""
    step = (
        (np.roll(points, -1, 0) - np.roll(points, 1, 0)) if closed else np.gradient(points, axis=0)
    )
    step = step / np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-9)
    return np.stack([step[:, 1], -step[:, 0]], axis=1)


def resampled(points: Points, step_mm: float = 0.5) -> Points:
    """A closed polygon with evenly spaced points."""
    closed = np.concatenate([points, points[:1]])
    along = np.r_[0, np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))]
    n = max(12, int(along[-1] / step_mm))
    at = np.arange(n) * along[-1] / n
    return np.stack([np.interp(at, along, closed[:, i]) for i in (0, 1)], axis=1)


def smooth(points: Points, radius_mm: float, step_mm: float = 0.5) -> Points:
    """A closed polygon with rounded corners."""
    return np.asarray(
        gaussian_filter1d(resampled(points, step_mm), radius_mm / step_mm, axis=0, mode="wrap")
    )


def inset(points: Points, distance: float | NDArray[np.float64]) -> Points:
    """Move a closed polygon inwards (outwards where negative)."""
    area = np.sum(
        points[:, 0] * np.roll(points[:, 1], -1) - np.roll(points[:, 0], -1) * points[:, 1]
    )
    normal = normals(points) * np.sign(area)
    return np.asarray(points - normal * np.broadcast_to(distance, len(points))[:, None])


def ragged(points: Points, amount_mm: float, rng: Rng) -> Points:
    """A closed polygon with an uneven border."""
    even = resampled(points)
    noise = gaussian_filter1d(rng.normal(size=len(even)), 6, mode="wrap") * 4.5
    return inset(even, amount_mm * noise)
