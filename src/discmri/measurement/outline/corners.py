"""Corners: the ends of the endplates of the adjacent bodies, and their position on the disc.

A corner is the crossing of two fitted curves, wall and endplate, not the furthest point of the
contour.  The fits use the inner part of both, so they exclude osteophytes and are not rounded by
the voxels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from discmri.core.volume import Array
from discmri.measurement.outline.contours import SliceContours, at_mid_plane, crossings, flattened
from discmri.results.outline import BodyCorners, BodyEnd, Corners, DiscFrame, DiscSection

_WALL_FROM_MM = 2.0
_WALL_TO_MM = 12.0
_WALL_SLACK_MM = 3.5
_STEP_MM = 0.5
_MIN_BODY_MM = 14.0
_RIM_GAP_MM = 1.2
_RIM_FIT_MM = 9.0
_BODY_REACH_MM = 12.0


def body_corners(
    contours: SliceContours, frame: DiscFrame, disc: DiscSection, side: int, far_end: BodyEnd
) -> BodyCorners | None:
    """Corners of an adjacent body in the mid-sagittal plane of a disc, in its frame (mm).

    ``side`` is 1 for the body above the disc, -1 for the one below; its other endplate is searched
    only if ``far_end`` is ``SEEN``.  ``None`` if no slice near the mid-plane shows both walls.
    """
    shown = [
        (number, position, outline * (1, side))
        for number, loops in enumerate(contours.loops_mm)
        for position, outline in flattened(loops, frame)
        if abs(position) <= _BODY_REACH_MM
    ]
    left, found, slices = [], [], set()
    all_corners = _corners_of([one for *_, one in shown], disc, far_end is BodyEnd.SEEN)
    for (number, position, _), corners in zip(shown, all_corners, strict=True):
        if corners is not None and number not in slices:  # the largest polygon of a slice first
            slices.add(number)
            left.append(position)
            found.append(corners * (1, side))
    if not left:
        return None
    values = np.array(found)
    # A slice whose corners are far from the median is dropped: its wall is another structure.
    far = np.abs(values - np.median(values, axis=0)).max(axis=(1, 2)) > 6.0
    kept = ~far if (~far).any() else np.ones(len(values), dtype=bool)
    flat = at_mid_plane(np.array(left)[kept], values[kept].reshape(int(kept.sum()), -1))
    near_front, near_back, near_middle, away_front, away_back, away_middle = flat.reshape(6, 2)
    if side > 0:
        return BodyCorners(
            away_front, away_back, near_front, near_back, away_middle, near_middle, far_end
        )
    return BodyCorners(
        near_front, near_back, away_front, away_back, near_middle, away_middle, far_end
    )


def _corners_of(outlines: Sequence[Array], disc: DiscSection, far_end: bool) -> list[Array | None]:
    """(6, 2) near front, back, middle and far front, back, middle, in the direction of +y."""
    found: list[Array | None] = [None] * len(outlines)
    centre = (disc.x_mm[0] + disc.x_mm[-1]) / 2
    ends, owners = [], []
    for number, outline in enumerate(outlines):
        low, high = crossings(outline, np.array([centre]))
        if np.isfinite(low[0]) and low[0] >= -10 and high[0] - low[0] >= _MIN_BODY_MM:
            owners.append(number)
            ends.append(_End(outline, centre, float(low[0]), 1.0, 0))
            ends += [_End(outline, centre, float(high[0]), -1.0, 1)] * far_end
    each = 1 + far_end
    corners = _end_corners(ends)
    for n, number in enumerate(owners):
        parts = [one for one in corners[n * each : (n + 1) * each] if one is not None]
        if len(parts) == each:
            found[number] = np.concatenate([parts[0], parts[-1]])
    return found


@dataclass(frozen=True, eq=False)
class _End:
    """One endplate of a body in one slice.

    ``level`` is its y at x = ``centre``; ``into`` (1 or -1) is the direction into the body;
    ``which`` is the index of its crossing in :func:`crossings`.
    """

    outline: Array
    centre: float
    level: float
    into: float
    which: int


def _end_corners(ends: Sequence[_End]) -> list[Array | None]:
    """(3, 2) front corner, back corner and middle of each endplate."""
    if not ends:
        return []
    fits = _CornerFits.of([(end, outwards) for end in ends for outwards in (1.0, -1.0)])
    corners = fits.corners().reshape(len(ends), 2, 2)
    found: list[Array | None] = []
    for end, (front, back) in zip(ends, corners, strict=True):
        middle = (front + back) / 2
        border = crossings(end.outline, middle[:1])[end.which]
        seen = np.isfinite(middle).all() and np.isfinite(border[0])
        found.append(np.array([front, back, [middle[0], border[0]]]) if seen else None)
    return found


@dataclass(frozen=True, eq=False)
class _CornerFits:
    """Corners of many endplates, fitted together for speed."""

    outlines: Array  # (t, m, 2) closed polygons, shorter ones padded with their first point
    centre: Array  # (t, 1) as in _End, like the next three
    level: Array
    into: Array
    which: Array
    outwards: Array  # (t, 1) 1 for the corner in front, -1 for the one behind

    @classmethod
    def of(cls, wanted: Sequence[tuple[_End, float]]) -> _CornerFits:
        most = max(len(end.outline) for end, _ in wanted)
        outlines = np.array(
            [
                np.concatenate(
                    [end.outline, np.repeat(end.outline[:1], most - len(end.outline), 0)]
                )
                for end, _ in wanted
            ]
        )
        facts = [(end.centre, end.level, end.into, end.which, way) for end, way in wanted]
        return cls(outlines, *np.array(facts).T[..., None])

    def corners(self) -> Array:
        """(t, 2) crossing of the curves of wall and endplate; NaN without one."""
        outwards = self.outwards
        walls = self._walls(self.level + self.into * np.arange(4.0, 12.0, _STEP_MM), self.centre)
        edge = _medians(walls)
        edge[
            (np.isfinite(walls).sum(axis=1) < 6) | (np.abs(edge - self.centre[:, 0]) < _RIM_FIT_MM)
        ] = np.nan
        x, y = edge[:, None], self.level
        for _ in range(2):
            across = x - outwards * np.arange(_RIM_GAP_MM, _RIM_FIT_MM, _STEP_MM)
            plate = robust_parabolas(across, self._plates(across))
            y = _values(plate, x)
            rows = y + self.into * np.arange(_WALL_FROM_MM, _WALL_TO_MM, _STEP_MM)
            # Rows near a concave endplate also cross the endplate, so start just inside the wall.
            wall = robust_parabolas(rows, self._walls(rows, x - outwards * _WALL_SLACK_MM))
            for _ in range(3):
                x = _values(wall, y)
                y = _values(plate, x)
        return np.concatenate([x, y], axis=1)

    def _walls(self, rows: Array, inside: Array) -> Array:
        """(t, n) x of the first border from ``inside`` outwards in each row; NaN if none."""
        end, row, x = self._crossings(rows, axis=1)
        distance = self.outwards[end, 0] * (x - inside[end, 0])
        nearest = np.full(rows.shape, np.inf)
        beyond = distance > 0
        np.minimum.at(nearest, (end[beyond], row[beyond]), distance[beyond])
        return np.where(np.isfinite(nearest), inside + self.outwards * nearest, np.nan)

    def _plates(self, columns: Array) -> Array:
        """(t, n) y of the endplate in each column; NaN if none."""
        end, column, y = self._crossings(columns, axis=0)
        upwards = np.where(self.which == 0, 1.0, -1.0)  # the first crossing, or the last
        first = np.full(columns.shape, np.inf)
        np.minimum.at(first, (end, column), upwards[end, 0] * y)
        return np.where(np.isfinite(first), upwards * first, np.nan)

    def _crossings(self, at: Array, axis: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Array]:
        """Polygon, line and other coordinate where polygons cross their lines (t, n)."""
        start, stop = self.outlines, np.roll(self.outlines, -1, axis=1)
        a, b = start[..., axis], stop[..., axis]
        beyond = a[:, None, :] <= at[..., None]
        polygon, line, segment = np.nonzero(beyond != np.roll(beyond, -1, axis=2))
        low, high = a[polygon, segment], b[polygon, segment]
        share = (at[polygon, line] - low) / (high - low)
        first, last = start[polygon, segment, 1 - axis], stop[polygon, segment, 1 - axis]
        return polygon, line, first + share * (last - first)


def _medians(values: Array) -> Array:
    """(t,) medians of the finite values of each row; NaN without any."""
    count = np.isfinite(values).sum(axis=1)
    ascending = np.sort(values, axis=1)  # NaN last
    rows = np.arange(len(values))
    low, high = (
        ascending[rows, np.maximum(n, 0)] for n in ((count - 1) // 2, count // 2 * (count > 0))
    )
    return np.where(count > 0, (low + high) / 2, np.nan)


def _values(coefficients: Array, at: Array) -> Array:
    """(t, 1) values of parabolas (t, 3), highest power first, at (t, 1)."""
    a, b, c = coefficients.T[..., None]
    return np.asarray((a * at + b) * at + c)


def robust_parabola(t: Array, values: Array) -> Array | None:
    """Coefficients (3,) of values(t), highest power first; ``None`` with fewer than six points.

    >>> t = np.linspace(0, 9, 10)
    >>> spiked = 0.1 * t**2 + np.where(t == 4, 5.0, 0.0)
    >>> np.allclose(robust_parabola(t, spiked), [0.1, 0.0, 0.0], atol=1e-3)
    True
    """
    found = robust_parabolas(t[None], values[None])[0]
    return found if np.isfinite(found).all() else None


def robust_parabolas(t: Array, values: Array) -> Array:
    """Coefficients (k, 3) of k curves values(t), highest power first, robust to outliers.

    Iterated weighted least squares with Tukey's biweight on (k, n) points; NaN are left out.  A
    curve with fewer than six points is NaN.
    """
    known = np.isfinite(values) & np.isfinite(t)
    count = known.sum(axis=1)
    fitted = np.flatnonzero(count >= 6)
    result = np.full((len(t), 3), np.nan)
    known, count = known[fitted], count[fitted]
    t, values = (np.where(known, one[fitted], 0.0) for one in (t, values))
    middle = t.sum(axis=1) / count
    off = np.where(known, t - middle[:, None], 0.0)
    design = np.stack([off**2, off, np.ones_like(off)], axis=2)
    weight = known.astype(float)
    active = np.arange(len(fitted))
    for _ in range(4):
        weighted = np.swapaxes(design[active], 1, 2) * weight[active, None]
        product = weighted @ values[active, :, None]
        solved = np.linalg.solve(weighted @ design[active], product)
        residual = np.abs(values[active] - (design[active] @ solved)[..., 0])
        result[fitted[active]] = solved[..., 0]
        ascending = np.sort(np.where(known[active], residual, np.inf), axis=1)
        rows = np.arange(len(active))
        scale = np.maximum(1.4826 * ascending[rows, count[active] // 2], 0.05)
        weight[active] = (
            known[active] * np.maximum(1 - (residual / (4.7 * scale[:, None])) ** 2, 1e-4) ** 2
        )
        active = active[ascending[rows, count[active] - 1] >= scale]
        if not active.size:
            break
    a, b, c = result[fitted].T
    result[fitted] = np.stack([a, b - 2 * a * middle, c - b * middle + a * middle**2], axis=1)
    return result


def disc_corners(
    disc: DiscSection, above: BodyCorners | None, below: BodyCorners | None
) -> Corners:
    """Corners on the disc's border at the rims of the bodies, else from its own outline.

    Voxels round the border near a corner, so a parabola through the adjacent border is extrapolated
    to the rim.
    """
    own_upper = _own_ends(disc.x_mm, disc.upper_mm)
    own_lower = _own_ends(disc.x_mm, -disc.lower_mm)
    upper = own_upper if above is None else (above.lower_posterior[0], above.lower_anterior[0])
    lower = own_lower if below is None else (below.upper_posterior[0], below.upper_anterior[0])
    return Corners(
        _on_border(disc, disc.upper_mm, upper[1], -1.0),
        _on_border(disc, disc.upper_mm, upper[0], 1.0),
        _on_border(disc, disc.lower_mm, lower[1], -1.0),
        _on_border(disc, disc.lower_mm, lower[0], 1.0),
    )


def _on_border(disc: DiscSection, border: Array, rim_x: float, inwards: float) -> Array:
    x = float(np.clip(rim_x, disc.x_mm[0], disc.x_mm[-1]))
    near = x + inwards * np.arange(_RIM_GAP_MM, _RIM_FIT_MM, 0.25)
    near = near[(near > disc.x_mm[0] + _RIM_GAP_MM) & (near < disc.x_mm[-1] - _RIM_GAP_MM)]
    fit = robust_parabola(near, np.interp(near, disc.x_mm, border))
    y = np.interp(x, disc.x_mm, border) if fit is None else np.polyval(fit, x)
    return np.array([x, float(y)])


def _own_ends(x: Array, border: Array) -> tuple[float, float]:
    """Both x at which the border turns from endplate to wall.

    This is the point furthest from the line between the border's inner part and its tip.
    """
    width = x[-1] - x[0]
    ends = []
    for tip, reach in ((0, x <= x[0] + 0.35 * width), (-1, x >= x[-1] - 0.35 * width)):
        inner = -1 if tip == 0 else 0
        px, py = x[reach], border[reach]
        line = np.array([px[tip] - px[inner], py[tip] - py[inner]])
        distance = np.abs(line[0] * (py - py[inner]) - line[1] * (px - px[inner]))
        ends.append(float(px[np.argmax(distance)]))
    return ends[0], ends[1]
