"""Corners: where the endplates of the adjacent bodies end, and where that is on the disc.

A corner is the crossing of two fitted curves, wall and endplate, not the furthest point of
the contour: fits over the inner part of both pass below osteophytes and are not rounded off
by the voxels.
"""

from __future__ import annotations

import numpy as np

from discmri.core.volume import Array
from discmri.measurement.outline.contours import SliceContours, at_mid_plane, crossings, flattened
from discmri.results.outline import BodyCorners, BodyEnd, Corners, DiscFrame, Section

_WALL_FROM_MM, _WALL_TO_MM = 2.0, 12.0
_WALL_SLACK_MM = 3.5
_STEP_MM = 0.5
_MIN_BODY_MM = 14.0
_RIM_GAP_MM = 1.2
_RIM_FIT_MM = 9.0
_BODY_REACH_MM = 12.0


def body_corners(
    contours: SliceContours, frame: DiscFrame, disc: Section, side: int, far_end: BodyEnd
) -> BodyCorners | None:
    """Corners of an adjacent body in the mid-sagittal plane of a disc.

    Parameters
    ----------
    contours
        Of the body.
    frame, disc
        The disc's frame and mid-section.
    side
        1 for the body above the disc, -1 for the one below.
    far_end
        Only where it is ``SEEN`` the body's other endplate is looked for.

    Returns
    -------
    BodyCorners or None
        ``None`` where no slice near the mid-plane shows both walls.
    """
    left, found = [], []
    for loops in contours.loops_mm:
        for position, outline in flattened(loops, frame):
            if abs(position) > _BODY_REACH_MM:
                continue
            corners = _corners_of(outline * (1, side), disc, far_end is BodyEnd.SEEN)
            if corners is not None:
                left.append(position)
                found.append(corners * (1, side))
                break
    if not left:
        return None
    values = np.array(found)
    # a slice whose corners lie far from those of its neighbours met a wall that is not one
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


def _corners_of(outline: Array, disc: Section, far_end: bool) -> Array | None:
    """(6, 2) near front, back, middle, far front, back, middle of a body lying upwards."""
    centre = (disc.x_mm[0] + disc.x_mm[-1]) / 2
    low, high = crossings(outline, np.array([centre]))
    if not np.isfinite(low[0]) or low[0] < -10 or high[0] - low[0] < _MIN_BODY_MM:
        return None
    near = _end(outline, centre, float(low[0]), 1.0, 0)
    if near is None or not far_end:
        return None if near is None else np.concatenate([near, near])
    away = _end(outline, centre, float(high[0]), -1.0, 1)
    return None if away is None else np.concatenate([near, away])


def _end(outline: Array, centre: float, level: float, into: float, which: int) -> Array | None:
    """(3, 2) front corner, back corner and middle of one endplate.

    ``level`` is where the endplate is at ``centre``, ``into`` (1 or -1) leads from it into the
    body; ``which`` picks the crossing as in :func:`crossings`.
    """
    front = _corner(outline, (centre, level), into, which, 1.0)
    back = _corner(outline, (centre, level), into, which, -1.0)
    if front is None or back is None:
        return None
    chord_middle = (front + back) / 2
    border = crossings(outline, chord_middle[:1])[which]
    if not np.isfinite(border[0]):
        return None
    return np.array([front, back, [chord_middle[0], border[0]]])


def _corner(
    outline: Array, start: tuple[float, float], into: float, which: int, outwards: float
) -> Array | None:
    """(2,) where the curves of wall and endplate cross, in front (1) or behind (-1)."""
    centre, level = start
    rows = level + into * np.arange(4.0, 12.0, _STEP_MM)
    walls = _wall(outline, rows, centre, outwards)
    if np.isfinite(walls).sum() < 6:
        return None
    edge = float(np.nanmedian(walls))
    if abs(edge - centre) < _RIM_FIT_MM:
        return None
    corner = np.array([edge, level])
    for _ in range(2):
        x = corner[0] - outwards * np.arange(_RIM_GAP_MM, _RIM_FIT_MM, _STEP_MM)
        plate = robust_parabola(x, crossings(outline, x)[which])
        if plate is None:
            return None
        corner[1] = np.polyval(plate, corner[0])
        rows = corner[1] + into * np.arange(_WALL_FROM_MM, _WALL_TO_MM, _STEP_MM)
        # rows near a hollow endplate cross it inside the wall: look from just inside the edge
        inside = corner[0] - outwards * _WALL_SLACK_MM
        wall = robust_parabola(rows, _wall(outline, rows, inside, outwards))
        if wall is None:
            return None
        for _ in range(3):
            corner[0] = np.polyval(wall, corner[1])
            corner[1] = np.polyval(plate, corner[0])
    return corner


def _wall(outline: Array, rows: Array, centre: float, outwards: float) -> Array:
    """(n,) x of the first border in front of (1) or behind (-1) ``centre``; NaN if none."""
    start, stop = outline, np.roll(outline, -1, axis=0)
    met = (start[None, :, 1] <= rows[:, None]) != (stop[None, :, 1] <= rows[:, None])
    row, segment = np.nonzero(met)
    share = (rows[row] - start[segment, 1]) / (stop[segment, 1] - start[segment, 1])
    distance = outwards * (
        start[segment, 0] + share * (stop[segment, 0] - start[segment, 0]) - centre
    )
    nearest = np.full(len(rows), np.inf)
    np.minimum.at(nearest, row[distance > 0], distance[distance > 0])
    return np.where(np.isfinite(nearest), centre + outwards * nearest, np.nan)


def robust_parabola(t: Array, values: Array, rounds: int = 4) -> Array | None:
    """Coefficients (3,) of values(t), highest power first, insensitive to outliers.

    Iterated weighted least squares with Tukey's biweight; NaN are left out.  ``None`` with
    fewer than six points.

    >>> t = np.linspace(0, 9, 10)
    >>> spiked = 0.1 * t**2 + np.where(t == 4, 5.0, 0.0)
    >>> np.allclose(robust_parabola(t, spiked), [0.1, 0.0, 0.0], atol=1e-3)
    True
    """
    known = np.isfinite(values)
    if known.sum() < 6:
        return None
    t, values = t[known], values[known]
    middle = t.mean()
    design = np.stack([(t - middle) ** 2, t - middle, np.ones(len(t))], axis=1)
    weight = np.ones(len(t))
    coefficients = np.zeros(3)
    for _ in range(rounds):
        weighted = design.T * weight
        coefficients = np.linalg.solve(weighted @ design, weighted @ values)
        residual = np.abs(values - design @ coefficients)
        scale = max(1.4826 * float(np.sort(residual)[len(t) // 2]), 0.05)
        if residual.max() < scale:
            break
        weight = np.maximum(1 - (residual / (4.7 * scale)) ** 2, 1e-4) ** 2
    a, b, c = coefficients
    return np.array([a, b - 2 * a * middle, c - b * middle + a * middle**2])


def disc_corners(disc: Section, above: BodyCorners | None, below: BodyCorners | None) -> Corners:
    """Corners on the disc's border at the rims of the bodies, else from its own outline.

    Near a corner the voxels round the border off, so it is followed to the rim by a parabola
    through the millimetres before it.
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


def _on_border(disc: Section, border: Array, rim_x: float, inwards: float) -> Array:
    x = float(np.clip(rim_x, disc.x_mm[0], disc.x_mm[-1]))
    near = x + inwards * np.arange(_RIM_GAP_MM, _RIM_FIT_MM, 0.25)
    near = near[(near > disc.x_mm[0] + _RIM_GAP_MM) & (near < disc.x_mm[-1] - _RIM_GAP_MM)]
    fit = robust_parabola(near, np.interp(near, disc.x_mm, border))
    y = np.interp(x, disc.x_mm, border) if fit is None else np.polyval(fit, x)
    return np.array([x, float(y)])


def _own_ends(x: Array, border: Array) -> tuple[float, float]:
    """Where the border turns from the endplate into the wall at both ends.

    The point furthest from the line between the border's inner part and its tip.
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
