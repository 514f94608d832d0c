"""Signs of the lumbosacral junction, which separate S1 from L5.

Every sign is a ratio or an angle, so it does not depend on the patient's size.  It compares the
lowest disc found, and the bone above it, with the discs and bones above, and is the median over the
sagittal slices that show the lowest disc well.

Sources: a residual S1-S2 disc is shallower and lower than a lumbar disc, and the body of S1 tapers
downwards, while that of L5 is squared (O'Driscoll 1996, types 1 to 4; Tokgoz 2014, PMC3955794).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from discmri.core.labels import FoundDisc, FoundSpine
from discmri.core.volume import Array, Grid, SoftMask

LEAST_DISCS = 3
"""Smallest number of discs for signs."""
_SHOWN = 0.5  # smallest section of the lowest disc on a slice, as a share of the largest
_REFERENCES = 3  # number of discs above the lowest that are the reference
_LEAST_PIXELS = 12
_ENDS = (0.02, 0.98)  # quantiles for the ends of a section
_CHORDS = (0.3, 0.7)  # positions between two discs at which the depth of bone is measured
_HALF_CHORD_MM = 1.5
_BELOW_MM = 12.0
_NEAR_CANAL_MM = 1.5
_LEAST_SLICES = 5  # smallest number of slices for the extent from left to right
_FAIR = 0.25  # smallest section that counts for it, as a share of the largest
_WALL_MM = 14.0  # length of the walls of a bone from a disc: half of a vertebral body
_BESIDE_MM = 2.0  # distance of their first row from the disc, beyond the endplate
_ROW_MM = 1.0
_GAP_MM = 2.5  # smallest gap in a row between two bones
_LEAST_ROWS = 6


@dataclass(frozen=True)
class JunctionSigns:
    """Signs of one spine, each the median over its slices; ``nan`` if not visible.

    Parameters
    ----------
    depth_ratio
        Front-to-back extent of the lowest disc / that of the discs above.
    height_ratio
        Mean height of the lowest disc / that of the discs above.
    taper_ratio
        Depth of the bone above the lowest disc, near that disc / near the disc above it.
    bone_ratio
        Mean depth of that bone / of the bone above it.
    below_ratio
        Depth of the bone 12 mm below the lowest disc / of the second bone above it; S2 is shallower
        than S1.
    spacing_ratio
        Distance from the lowest disc to the next / from that to the one after.
    tilt_deg
        Slope of the lowest disc against the horizontal, positive if its front is lower.
    bend_deg
        Slope of the lowest disc against the disc above it.
    promontory_deg
        Angle by which the bone below the lowest disc is turned backwards against the bone above,
        mean of anterior and posterior wall; large at the promontory, small between S1 and S2.
    canal_ratio
        Depth of the thecal sac behind the lowest disc / behind the discs above.
    width_ratio
        Left-to-right extent of the lowest disc / of the discs above; ``nan`` with few slices.
    wing_ratio
        Left-to-right extent of the bone above the lowest disc / of the bone above that; the
        wings (alae) of the sacrum make S1 wider than a lumbar body; ``nan`` with few slices.
    sacral_share
        Share of the bone above the lowest disc that is segmented as sacrum.
    bone_across
        Signal of bone that continues across the lowest disc / of the bones beside it, as
        :func:`discmri.measurement.segment.fused.bone_across` measures it.
    """

    depth_ratio: float
    height_ratio: float
    taper_ratio: float
    bone_ratio: float
    below_ratio: float
    spacing_ratio: float
    tilt_deg: float
    bend_deg: float
    promontory_deg: float
    canal_ratio: float
    width_ratio: float
    wing_ratio: float
    sacral_share: float
    bone_across: float

    def visible(self) -> dict[str, float]:
        """The signs that could be measured, by name."""
        return {name: value for name, value in vars(self).items() if np.isfinite(value)}


@dataclass(frozen=True)
class _DiscOnSlice:
    """A disc on one slice, in (anterior, cranial) millimetres of the slice."""

    centre: Array
    forward: Array
    depth_mm: float
    height_mm: float

    @property
    def up(self) -> Array:
        return np.array([-self.forward[1], self.forward[0]])

    @property
    def tilt_deg(self) -> float:
        return float(np.degrees(np.arctan2(-self.forward[1], self.forward[0])))


class _Slices:
    """Points of structures by sagittal slice, in (anterior, cranial) millimetres of the slice."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._axis = grid.sagittal_axis
        self._front, self._up = _plane(grid)
        within = [k for k in range(3) if k != self._axis]
        self.pixel_mm2 = float(np.prod(grid.spacing_mm[within]))

    def points(self, mask: SoftMask) -> dict[int, Array]:
        """(points, 2) by slice number."""
        world = mask.grid.to_world(np.argwhere(mask.array > 0.5))
        if not len(world):
            return {}
        number = np.round(self._grid.to_index(world)[:, self._axis]).astype(int)
        plane = np.stack([world @ self._front, world @ self._up], axis=1)
        return {int(k): plane[number == k] for k in np.unique(number)}


def _plane(grid: Grid) -> tuple[Array, Array]:
    """Unit vectors forward and upward within the sagittal slices."""
    left = grid.directions[:, grid.sagittal_axis]
    up = np.array([0.0, 0.0, 1.0])
    up = up - (up @ left) * left
    up /= np.linalg.norm(up)
    front = np.cross(up, left)
    return front * np.sign(front[1]), up


def junction_signs(found: FoundSpine, discs: Sequence[FoundDisc]) -> JunctionSigns | None:
    """Signs of the junction at the lowest disc.

    Parameters
    ----------
    found
        Output of the segmenter.
    discs
        Its discs, caudal to cranial.

    Returns
    -------
    JunctionSigns or None
        ``None`` with fewer than :data:`LEAST_DISCS` discs on one slice.
    """
    if len(discs) < LEAST_DISCS:
        return None
    slices = _Slices(found.grid)
    by_disc = [slices.points(disc.mask) for disc in discs[: _REFERENCES + 1]]
    bone = _joined(slices, [*found.bodies, *([found.sacrum] if found.sacrum else [])])
    canal = slices.points(found.canal) if found.canal else {}
    largest = max((len(p) for p in by_disc[0].values()), default=0)
    rows = []
    for k, lowest in by_disc[0].items():
        if len(lowest) < max(_SHOWN * largest, _LEAST_PIXELS):
            continue
        cut = [
            _disc_on_slice(points[k], slices.pixel_mm2)
            for points in by_disc
            if len(points.get(k, ())) >= _LEAST_PIXELS
        ]
        if len(cut) >= LEAST_DISCS:
            rows.append(_of_slice(cut, bone.get(k), canal.get(k)))
    if not rows:
        return None
    width, wing = _widths(by_disc, bone, found.grid)
    return JunctionSigns(
        **_medians(rows),
        width_ratio=width,
        wing_ratio=wing,
        sacral_share=discs[0].sacrum_above,
        bone_across=discs[0].bone_across,
    )


def _widths(
    by_disc: Sequence[dict[int, Array]], bone: dict[int, Array], grid: Grid
) -> tuple[float, float]:
    """Left-to-right extent of the lowest disc and of the bone above it / of those above."""
    if grid.shape[grid.sagittal_axis] < _LEAST_SLICES:
        return float("nan"), float("nan")
    discs = [_slices_across(points) for points in by_disc]
    heights = [_middle(points) for points in by_disc[:LEAST_DISCS]]
    bones = [
        _slices_across({k: p[(p[:, 1] > low) & (p[:, 1] < high)] for k, p in bone.items()})
        for low, high in pairwise(heights)
    ]
    return discs[0] / float(np.median(discs[1:])), bones[0] / bones[1] if bones[1] else float("nan")


def _slices_across(points: dict[int, Array]) -> int:
    """Number of slices on which a structure has a section of fair size."""
    sizes = np.array([len(p) for p in points.values()])
    return int((sizes > _FAIR * sizes.max(initial=0)).sum())


def _middle(points: dict[int, Array]) -> float:
    """Cranial coordinate of the centre of a disc, mm."""
    return float(np.concatenate(list(points.values()))[:, 1].mean())


def _medians(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Median of each sign over the slices on which it is visible."""
    medians = {}
    for name in rows[0]:
        known = [row[name] for row in rows if np.isfinite(row[name])]
        medians[name] = float(np.median(known)) if known else float("nan")
    return medians


def _joined(slices: _Slices, masks: Iterable[SoftMask]) -> dict[int, Array]:
    joined: dict[int, list[Array]] = {}
    for mask in masks:
        for k, points in slices.points(mask).items():
            joined.setdefault(k, []).append(points)
    return {k: np.concatenate(parts) for k, parts in joined.items()}


def _disc_on_slice(points: Array, pixel_mm2: float) -> _DiscOnSlice:
    centre = points.mean(axis=0)
    _, _, axes = np.linalg.svd(points - centre, full_matrices=False)
    forward = axes[0] * (np.sign(axes[0][0]) or 1.0)
    depth = float(np.ptp(np.quantile((points - centre) @ forward, _ENDS)))
    return _DiscOnSlice(centre, forward, depth, len(points) * pixel_mm2 / max(depth, 1e-6))


def _of_slice(
    discs: Sequence[_DiscOnSlice], bone: Array | None, canal: Array | None
) -> dict[str, float]:
    """The signs of one slice, by name."""
    lowest, above, third = discs[:3]
    depth = float(np.median([s.depth_mm for s in discs[1:]]))
    height = float(np.median([s.height_mm for s in discs[1:]]))
    low, high = _bone_depths(bone, lowest, above)
    reference = np.mean(_bone_depths(bone, above, third))
    below = _depth_at(bone, lowest.centre - _BELOW_MM * lowest.up, lowest.forward)
    spacing = np.linalg.norm(above.centre - third.centre)
    canals = float(np.median([_canal_depth(canal, s) for s in discs[1:]])) or float("nan")
    return {
        "depth_ratio": lowest.depth_mm / depth,
        "height_ratio": lowest.height_mm / height,
        "taper_ratio": low / high,
        "bone_ratio": float((low + high) / 2 / reference),
        "below_ratio": float(below / reference),
        "spacing_ratio": float(np.linalg.norm(lowest.centre - above.centre) / spacing),
        "tilt_deg": lowest.tilt_deg,
        "bend_deg": lowest.tilt_deg - above.tilt_deg,
        "promontory_deg": _turn_deg(bone, lowest),
        "canal_ratio": _canal_depth(canal, lowest) / canals,
    }


def _bone_depths(bone: Array | None, low: _DiscOnSlice, high: _DiscOnSlice) -> tuple[float, float]:
    """Depth (mm) of the bone between two discs, near the lower and near the upper one."""
    return tuple(_chord(bone, low, high, share) for share in _CHORDS)  # type: ignore[return-value]


def _chord(bone: Array | None, low: _DiscOnSlice, high: _DiscOnSlice, share: float) -> float:
    centre = (1 - share) * low.centre + share * high.centre
    forward = (1 - share) * low.forward + share * high.forward
    return _depth_at(bone, centre, forward / np.linalg.norm(forward))


def _depth_at(bone: Array | None, centre: Array, forward: Array) -> float:
    """Depth (mm) of the bone along a line through a point; NaN if not visible."""
    if bone is None:
        return float("nan")
    offset = bone - centre
    across = offset @ np.array([-forward[1], forward[0]])
    along = (offset @ forward)[np.abs(across) < _HALF_CHORD_MM]
    if len(along) < _LEAST_PIXELS:
        return float("nan")
    return float(np.ptp(np.quantile(along, _ENDS)))


def _turn_deg(bone: Array | None, disc: _DiscOnSlice) -> float:
    """Angle between the walls of the bones above and below a disc, positive if turned backwards."""
    if bone is None:
        return float("nan")
    offset = bone - disc.centre
    along, up = offset @ disc.forward, offset @ disc.up
    near = disc.height_mm / 2 + _BESIDE_MM
    above = _walls(along, up, near)
    below = _walls(along, -up, near)
    if min(len(above), len(below)) < _LEAST_ROWS:
        return float("nan")
    # rows are counted away from the disc, so the angles of a straight wall cancel
    return float(-sum(_lean_deg(rows[:, side]) for rows in (above, below) for side in (0, 1)) / 2)


def _walls(along: Array, up: Array, from_mm: float) -> Array:
    """(rows, 2) beginning and end of the bone in rows away from a disc, up to the first gap."""
    rows = []
    for at in np.arange(from_mm, from_mm + _WALL_MM, _ROW_MM):
        row = np.sort(along[np.abs(up - at) < 0.75 * _ROW_MM])
        pieces = np.split(row, np.flatnonzero(np.diff(row) > _GAP_MM) + 1)
        main = max(pieces, key=len)
        if len(main) < _LEAST_PIXELS:
            break
        rows.append(np.quantile(main, _ENDS))
    return np.array(rows).reshape(-1, 2)


def _lean_deg(wall: Array) -> float:
    """Angle of a wall to the disc's normal, from evenly spaced rows: median slope (Theil and Sen)."""
    first, second = np.triu_indices(len(wall), 3)
    slope = np.median((wall[second] - wall[first]) / (second - first) / _ROW_MM)
    return float(np.degrees(np.arctan(slope)))


def _canal_depth(canal: Array | None, disc: _DiscOnSlice) -> float:
    """Depth (mm) of the thecal sac behind a disc; 0 if it is not there, NaN without a canal."""
    if canal is None:
        return float("nan")
    offset = canal - disc.centre
    beside = np.abs(offset @ disc.up) < _NEAR_CANAL_MM
    along = (offset @ disc.forward)[beside]
    return float(np.ptp(np.quantile(along, _ENDS))) if len(along) >= 4 else 0.0
