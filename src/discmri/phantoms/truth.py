"""True sizes of the discs, computed from their analytic shape without voxels.

Two-dimensional values are for the disc's own mid-sagittal plane.  ``u`` is its anterior axis, the
bisector of the two endplate chords, ``n`` the normal to it.  A corner is the point on the disc's
border at the end of the adjacent body's wall.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from discmri.core.levels import DiscLevel
from discmri.core.volume import Array
from discmri.phantoms.anatomy import DiscSpec
from discmri.phantoms.column import SpineColumn
from discmri.phantoms.sacrum import SegmentJunction
from discmri.phantoms.shapes import BodyShape, DiscShape, radius_share
from discmri.phantoms.structures import DiscStructure
from discmri.phantoms.tissues import disc_properties

_CURVE_POINTS = 2001
_NUCLEUS_DEPTH_SHARE = 0.6
_NUCLEUS_HEIGHT_SHARE = 0.55
_NUCLEUS_HALF_WIDTH_MM = 6.6


@dataclass(frozen=True)
class DiscTruth:
    """True values of one disc.

    Names and units are those of the result table; lengths in mm.  ``adc_nucleus_um2_ms`` is the
    mean over the central 60 % of the width, 55 % of the height and 13.2 mm from left to right.
    ``centre_mm`` and ``normal`` are RAS+.

    Parameters
    ----------
    level, label_id
        Name and number in label maps.
    grade, signal_grade, collapse_grade
        Modified Pfirrmann grade as text, and its two parts.
    height_dabbs_mm, height_hurxthal_mm, height_three_point_mm, height_anterior_mm, \
    height_middle_mm, height_posterior_mm, height_columns_mm, height_area_mm, height_3d_mm, \
    dhi_ap, dhi_vb, width_ap_mm, width_lr_mm, area_mm2, volume_mm3, wedge_deg, \
    bulge_posterior_mm, listhesis_mm
        As in the result table; ``dhi_vb`` is ``None`` if a body is missing.
    adc_disc_um2_ms, adc_nucleus_um2_ms
        Means over the disc and its nucleus.
    height_loss_share
        Loss of height relative to ``normal_height_mm``, 0 to 1.
    centre_mm, normal
        RAS+.
    """

    level: str
    label_id: int
    grade: str
    signal_grade: int
    collapse_grade: int
    height_dabbs_mm: float
    height_hurxthal_mm: float
    height_three_point_mm: float
    height_anterior_mm: float
    height_middle_mm: float
    height_posterior_mm: float
    height_columns_mm: float
    height_area_mm: float
    height_3d_mm: float
    dhi_ap: float
    dhi_vb: float | None
    width_ap_mm: float
    width_lr_mm: float
    area_mm2: float
    volume_mm3: float
    wedge_deg: float
    bulge_posterior_mm: float
    listhesis_mm: float
    adc_disc_um2_ms: float
    adc_nucleus_um2_ms: float
    height_loss_share: float
    centre_mm: tuple[float, float, float]
    normal: tuple[float, float, float]

    def to_dict(self) -> dict[str, object]:
        """Plain values, rounded to six decimals."""
        return {k: _rounded(v) for k, v in asdict(self).items()}


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, tuple):
        return [_rounded(v) for v in value]
    return value


@dataclass(frozen=True, eq=False)
class TrueSection:
    """The mid-sagittal section of a disc."""

    # (m, 2) border curves (anterior, superior) in the disc's frame, together a closed line
    front: Array
    upper: Array
    back: Array
    lower: Array
    upper_front: Array  # (2,) corners
    upper_back: Array
    lower_front: Array
    lower_back: Array

    @property
    def outline(self) -> Array:
        """(m, 2) closed border."""
        return np.concatenate([self.front, self.upper, self.back, self.lower])

    @property
    def axes(self) -> tuple[Array, Array]:
        """Unit vectors u (anterior) and n (superior)."""
        upper, lower = self.upper_front - self.upper_back, self.lower_front - self.lower_back
        u = upper / np.linalg.norm(upper) + lower / np.linalg.norm(lower)
        u = u / np.linalg.norm(u)
        return u, np.array([-u[1], u[0]])


def wall_y(shape: DiscShape, level: Array, front: bool) -> Array:
    """Anterior position (mm) of the wall in the mid-sagittal plane, by level -1 to 1."""
    _, half_depth, centre = shape.lower.between(shape.upper, (level + 1) / 2)
    sign = 1.0 if front else -1.0
    unit = np.full_like(level, sign)
    # radius_share is homogeneous, so the border is at 1 / share, plus the bulge
    reach = 1.0 / radius_share(np.zeros_like(level), unit, np.ones_like(level), half_depth)
    bulge = shape.bulge_anterior_mm if front else shape.bulge_posterior_mm
    return np.asarray(centre + sign * (reach + bulge * (1 - level**2)))


def true_section(shape: DiscShape, above: BodyShape, below: BodyShape) -> TrueSection:
    """Border and corners in the disc's mid-sagittal plane."""
    level = np.linspace(-1, 1, _CURVE_POINTS)
    front_y, back_y = wall_y(shape, level, True), wall_y(shape, level, False)

    def at(y: Array, share: Array) -> Array:
        x = np.zeros_like(y)
        top, bottom = shape.upper_surface(x, y), shape.lower_surface(x, y)
        return np.stack([y, (top + bottom) / 2 + share * (top - bottom) / 2], axis=-1)

    ones = np.ones(_CURVE_POINTS)
    upper = at(np.linspace(front_y[-1], back_y[-1], _CURVE_POINTS), ones)
    lower = at(np.linspace(back_y[0], front_y[0], _CURVE_POINTS), -ones)
    upper_front, upper_back = _rim(shape, upper, above)
    lower_front, lower_back = _rim(shape, lower[::-1], below)
    return TrueSection(
        at(front_y, level), upper, at(back_y[::-1], level[::-1]), lower,
        upper_front, upper_back, lower_front, lower_back,
    )  # fmt: skip


def _rim(shape: DiscShape, curve: Array, body: BodyShape) -> tuple[Array, Array]:
    """Both crossings of the body's wall with an endplate curve that runs backwards."""
    world = shape.frame.to_world(np.zeros(len(curve)), curve[:, 0], curve[:, 1])
    x, y, z = body.frame.to_local(world.T)
    outside = body.wall(x, y, z)
    inner = np.flatnonzero(outside < 0)
    first, last = inner[0], inner[-1]
    return _crossing(curve, outside, first - 1, first), _crossing(curve, outside, last, last + 1)


def _crossing(curve: Array, value: Array, a: int, b: int) -> Array:
    if a < 0 or b >= len(curve):  # the rim coincides with the end of the curve
        return np.asarray(curve[min(max(a, 0), len(curve) - 1)])
    share = value[a] / (value[a] - value[b])
    return np.asarray(curve[a] + share * (curve[b] - curve[a]))


def chord_middle(curve: Array, front: Array, back: Array) -> Array:
    """The point of a border curve on the perpendicular bisector of its chord."""
    along = (front - back) / np.linalg.norm(front - back)
    across = np.array([-along[1], along[0]])
    offset = curve - (front + back) / 2
    t, d = offset @ along, offset @ across
    order = np.argsort(t)
    return np.asarray((front + back) / 2 + across * np.interp(0.0, t[order], d[order]))


def column_heights(section: TrueSection, shares: Array) -> Array:
    """Heights (mm) along ``n`` at shares of the width, counted from the front."""
    u, n = section.axes
    outline = section.outline
    s = outline @ u
    first, last = int(s.argmax()), int(s.argmin())
    # the outline runs along the top from the most anterior to the most posterior point
    outline = np.roll(outline, -first, axis=0)
    split = (last - first) % len(outline)
    top, bottom = outline[: split + 1], outline[split:]
    at = s.max() - shares * np.ptp(s)
    heights = np.zeros_like(shares)
    for chain, sign in ((top[::-1], 1.0), (bottom, -1.0)):
        along = np.maximum.accumulate(chain @ u)
        heights += sign * np.interp(at, along, chain @ n)
    return heights


@dataclass(frozen=True, eq=False)
class Quadrature:
    """Points and weights for integrals over the volume of a disc."""

    x: Array  # local position: right
    y: Array  # anterior
    level: Array  # between the endplates
    depth_mm: Array  # from the wall
    height_mm: Array  # height of the column through each point
    volume_mm3: Array  # weight of each point


def wall_radius(shape: DiscShape, angle: Array, level: Array) -> Array:
    """Distance (mm) of the wall from the axis; angle (radians) from the right to anterior."""
    half_width, half_depth, centre = shape.lower.between(shape.upper, (level + 1) / 2)
    cos, sin = np.cos(angle), np.sin(angle)
    x, y = np.broadcast_arrays(cos, sin + 0 * level)
    share = radius_share(np.asarray(x + 0 * level), np.asarray(y), half_width, half_depth)
    # wall() = r - 1 / share - bulge along a ray
    bulge = 1.0 - 1.0 / share - shape.wall(np.asarray(x), np.asarray(y + centre), level)
    return np.asarray(1.0 / share + bulge)


def quadrature(shape: DiscShape) -> Quadrature:
    """Quadrature by Gauss-Legendre in radius and level and the trapezoid rule in angle."""
    nodes, weights = np.polynomial.legendre.leggauss(24)
    level_nodes, level_weights = np.polynomial.legendre.leggauss(8)
    angle = (np.arange(360) + 0.5) * 2 * np.pi / 360
    level = level_nodes[:, None, None]
    radius = wall_radius(shape, angle[None, :, None], level)
    share, share_weight = (nodes + 1) / 2, weights / 2
    r = radius * share[None, None, :]
    centre = shape.lower.between(shape.upper, (level + 1) / 2)[2]
    x = r * np.cos(angle)[None, :, None]
    y = r * np.sin(angle)[None, :, None] + centre
    half = (shape.upper_surface(x, y) - shape.lower_surface(x, y)) / 2
    area = r * radius * share_weight[None, None, :] * (2 * np.pi / 360)
    volume = area * half * level_weights[:, None, None]
    levels = np.broadcast_to(level, x.shape)
    depth = -shape.wall(x, y, levels)
    return Quadrature(x, y, levels, depth, 2 * half, volume)


def projected_area(shape: DiscShape, u: Array) -> float:
    """Area (mm²) of the disc's projection on the plane of x and ``u`` (given in its y-z plane)."""
    angle = (np.arange(720) + 0.5) * 2 * np.pi / 720
    level = np.linspace(-1, 1, 41)[:, None]
    radius = wall_radius(shape, angle[None, :], level)
    centre = shape.lower.between(shape.upper, (level + 1) / 2)[2]
    x, y = radius * np.cos(angle), radius * np.sin(angle) + centre
    top, bottom = shape.upper_surface(x, y), shape.lower_surface(x, y)
    z = (top + bottom) / 2 + level * (top - bottom) / 2
    along = y * u[0] + z * u[1]
    # the outline of the projection by direction from its centre
    middle = (along.max() + along.min()) / 2
    direction = np.arctan2(along - middle, x)
    reach = np.hypot(along - middle, x)
    grid = np.linspace(-np.pi, np.pi, 2881)
    best = np.zeros_like(grid)
    for row_direction, row_reach in zip(direction, reach, strict=True):
        order = np.argsort(row_direction)
        best = np.maximum(
            best, np.interp(grid, row_direction[order], row_reach[order], period=2 * np.pi)
        )
    return float(np.trapezoid(best**2 / 2, grid))


def disc_truth(column: SpineColumn, spec: DiscSpec) -> DiscTruth:
    """True values of one disc."""
    shape = column.discs[spec.level]
    above, below = _neighbours(column, spec.level)
    section = true_section(shape, above, below)
    u, n = section.axes
    outline = section.outline
    heights = _heights(section)
    width = float(np.ptp(outline @ u))
    area = polygon_area(outline)
    points = quadrature(shape)
    volume = float(points.volume_mm3.sum())
    along = _direction(shape, n)
    adc = disc_adc(shape, spec, points, width)
    normal_height = spec.normal_height_mm or spec.height_mm
    return DiscTruth(
        level=spec.level.value,
        label_id=spec.level.label_id,
        grade=str(spec.grade),
        signal_grade=spec.grade.signal,
        collapse_grade=spec.grade.collapse,
        **heights,
        height_area_mm=area / width,
        height_3d_mm=volume / projected_area(shape, u),
        dhi_vb=_dhi_vb(column, spec.level, heights["height_three_point_mm"]),
        width_ap_mm=width,
        width_lr_mm=_width_lr(shape),
        area_mm2=area,
        volume_mm3=volume,
        wedge_deg=_wedge_deg(section),
        bulge_posterior_mm=_bulge(section),
        listhesis_mm=float((section.upper_back - section.lower_back) @ u),
        adc_disc_um2_ms=adc[0],
        adc_nucleus_um2_ms=adc[1],
        height_loss_share=max(0.0, 1 - spec.height_mm / normal_height),
        centre_mm=_triple(shape.frame.origin_mm),
        normal=_triple(along),
    )


def polygon_area(outline: Array) -> float:
    """Area inside a closed line (m, 2).

    >>> polygon_area(np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 1.0], [0.0, 1.0]]))
    2.0
    """
    a, b = outline, np.roll(outline, -1, axis=0)
    return float(abs((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()) / 2)


def disc_adc(
    shape: DiscShape, spec: DiscSpec, points: Quadrature, width_mm: float
) -> tuple[float, float]:
    """Mean ADC of the whole disc and of its nucleus region, µm²/ms."""
    tissues = disc_properties(spec)
    parts = DiscStructure(spec.level, shape, spec.grade.signal).parts(
        points.y, points.level, points.depth_mm
    )
    adc = sum((tissues[t].adc_um2_ms * share for t, share in parts), np.zeros(points.x.shape))
    centre = (shape.upper.centre_mm + shape.lower.centre_mm) / 2
    nucleus = (
        (np.abs(points.y - centre) < _NUCLEUS_DEPTH_SHARE * width_mm / 2)
        & (np.abs(points.level) < _NUCLEUS_HEIGHT_SHARE)
        & (np.abs(points.x) < _NUCLEUS_HALF_WIDTH_MM)
    )
    weight = points.volume_mm3
    return (
        float((adc * weight).sum() / weight.sum()),
        float((adc * weight)[nucleus].sum() / weight[nucleus].sum()),
    )


def _neighbours(column: SpineColumn, level: DiscLevel) -> tuple[BodyShape, BodyShape]:
    below = column.bodies.get(level.below, column.sacrum[0])
    return column.bodies[level.above], below


def _heights(section: TrueSection) -> dict[str, float]:
    shares = np.linspace(0.1, 0.9, 801)
    columns = column_heights(section, shares)
    front = float(np.linalg.norm(section.upper_front - section.lower_front))
    back = float(np.linalg.norm(section.upper_back - section.lower_back))
    upper = chord_middle(section.upper, section.upper_front, section.upper_back)
    lower = chord_middle(section.lower, section.lower_front, section.lower_back)
    middle = float(np.linalg.norm(upper - lower))
    depths = np.linalg.norm(section.upper_front - section.upper_back) + np.linalg.norm(
        section.lower_front - section.lower_back
    )
    return {
        "height_dabbs_mm": (front + back) / 2,
        "height_hurxthal_mm": middle,
        "height_three_point_mm": (front + middle + back) / 3,
        "height_anterior_mm": float(columns[0]),
        "height_middle_mm": float(columns[400]),
        "height_posterior_mm": float(columns[-1]),
        "height_columns_mm": float(np.trapezoid(columns, shares) / 0.8),
        "dhi_ap": float((front + back) / depths),
    }


def _wedge_deg(section: TrueSection) -> float:
    upper = section.upper_front - section.upper_back
    lower = section.lower_front - section.lower_back
    cross = lower[0] * upper[1] - lower[1] * upper[0]
    return float(np.degrees(np.arctan2(cross, upper @ lower)))


def _bulge(section: TrueSection) -> float:
    line = section.upper_back - section.lower_back
    outward = np.array([-line[1], line[0]]) / np.linalg.norm(line)  # to the back
    return float(max(0.0, ((section.outline - section.lower_back) @ outward).max()))


def _width_lr(shape: DiscShape) -> float:
    angle = np.linspace(0, 2 * np.pi, 2881)
    level = np.linspace(-1, 1, 81)[:, None]
    x = wall_radius(shape, angle[None, :], level) * np.cos(angle)
    return float(np.ptp(x))


def _body_height(column: SpineColumn, above: DiscLevel, below: DiscLevel) -> float:
    """Mean of anterior, middle and posterior height of the body between two discs."""
    top, bottom = column.discs[above], column.discs[below]
    upper = true_section(top, *_neighbours(column, above))
    lower = true_section(bottom, *_neighbours(column, below))
    step = np.array([0.0, column.spec.cartilage_mm])  # the bone begins beyond the cartilage
    tops = [
        upper.lower_front,
        chord_middle(upper.lower, upper.lower_front, upper.lower_back),
        upper.lower_back,
    ]
    bottoms = [
        lower.upper_front,
        chord_middle(lower.upper, lower.upper_front, lower.upper_back),
        lower.upper_back,
    ]
    total = 0.0
    for a, b in zip(tops, bottoms, strict=True):
        p = top.frame.to_world(np.array(0.0), *(a - step))
        q = bottom.frame.to_world(np.array(0.0), *(b + step))
        total += float(np.linalg.norm(p - q)) / 3
    return total


def _dhi_vb(column: SpineColumn, level: DiscLevel, height_mm: float) -> float | None:
    levels = [*column.discs]
    n = levels.index(level)
    if n == 0:
        return None  # the image cuts the body above
    bodies = [_body_height(column, levels[n - 1], level)]
    if n + 1 < len(levels):
        bodies.append(_body_height(column, level, levels[n + 1]))
    return height_mm / float(np.mean(bodies))


def _direction(shape: DiscShape, n: Array) -> Array:
    axes = shape.frame.axes
    return np.asarray(axes[:, 1] * n[0] + axes[:, 2] * n[1])


def _triple(vector: Array) -> tuple[float, float, float]:
    return float(vector[0]), float(vector[1]), float(vector[2])


@dataclass(frozen=True)
class ResidualDiscTruth:
    """True values of a residual disc; lengths in mm, ``centre_mm`` and ``normal`` RAS+.

    Parameters
    ----------
    level, label_id
        Name and number in label maps.
    depth_mm, depth_share
        Anteroposterior depth, also as a share of the disc above S1.
    height_mm, width_lr_mm, area_mm2, volume_mm3
        Of the lens-shaped disc; the area is mid-sagittal.
    brightness
        As in :class:`ResidualDiscSpec`.
    centre_mm, normal
        RAS+.
    """

    level: str
    label_id: int
    depth_mm: float
    depth_share: float
    height_mm: float
    width_lr_mm: float
    area_mm2: float
    volume_mm3: float
    brightness: float
    centre_mm: tuple[float, float, float]
    normal: tuple[float, float, float]

    def to_dict(self) -> dict[str, object]:
        """Plain values, rounded to six decimals."""
        return {k: _rounded(v) for k, v in asdict(self).items()}


def residual_truth(junction: SegmentJunction, depth_above_mm: float) -> ResidualDiscTruth | None:
    """True values of the disc of a junction; ``None`` without a residual disc.

    ``depth_above_mm`` is the depth of the disc above S1.
    """
    disc, lens = junction.disc, junction.lens
    if disc is None:
        return None
    return ResidualDiscTruth(
        level=disc.level.value,
        label_id=disc.level.label_id,
        depth_mm=2 * lens.half_depth_mm,
        depth_share=2 * lens.half_depth_mm / depth_above_mm,
        height_mm=2 * lens.half_height_mm,
        width_lr_mm=2 * lens.half_width_mm,
        area_mm2=lens.area_mm2,
        volume_mm3=lens.volume_mm3,
        brightness=disc.brightness,
        centre_mm=_triple(lens.frame.origin_mm),
        normal=_triple(lens.frame.axes[:, 2]),
    )
