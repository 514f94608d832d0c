"""The outline of a vertebral body in a section."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from training.canvas import resampled
from training.spine import Body, Edge, Points, directions


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
