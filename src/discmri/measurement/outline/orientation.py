"""Position and orientation of a disc, before its endplates are known exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from discmri.core.findings import Code, MeasurementError
from discmri.core.labels import SpineLabels
from discmri.core.levels import DiscLevel
from discmri.core.volume import FILLED_FROM, Array, SoftMask
from discmri.measurement.outline.contours import SliceContours, crossings
from discmri.results.outline import DiscFrame

_RIGHT, _ANTERIOR, _CRANIAL = np.eye(3)
_CANAL_WINDOW_MM = 4.0
_BODY_WINDOW_MM = 10.0
_MAX_TURN_RAD = np.radians(35.0)


@dataclass(frozen=True, eq=False)
class Surroundings:
    """Structures around one disc, which determine its front and top."""

    above: SoftMask | None  # adjacent vertebral body; None if missing
    below: SoftMask | None  # adjacent vertebral body or sacrum; None if missing
    canal: SoftMask | None  # the thecal sac; None if missing

    @classmethod
    def of(cls, labels: SpineLabels, level: DiscLevel) -> Surroundings:
        """The surroundings of one disc."""
        return cls(
            labels.vertebrae.get(level.above), labels.vertebrae.get(level.below), labels.canal
        )

    def canal_beside(self, point_mm: Array, cranial: Array) -> Array | None:
        """(3,) centre of the canal in the plane through a point, RAS+ mm, or ``None``."""
        if self.canal is None:
            return None
        return _centre_beside(self.canal, point_mm, cranial, _CANAL_WINDOW_MM)


def first_frame(mask: SoftMask, contours: SliceContours, around: Surroundings) -> DiscFrame:
    """A frame from the disc's mask and its surroundings; patient axes if those are missing.

    The disc axis within the slices comes from second moments, the tilt across them from the slope
    of the disc's mid-surface.  The rotation about the normal is a mean from the shape of the disc's
    face, the canal and the slice direction.  Raises ``MeasurementError`` (``OUTLINE_FAILED``) if
    the mask is about as high as deep.
    """
    axis = mask.sagittal_axis
    across = mask.grid.directions[:, axis]
    across = -across * np.sign(across @ _RIGHT)
    centre = mask.centroid_mm
    anterior = _axis_in_slice(mask, axis)
    cranial = np.cross(anterior, across)
    sign = _sign(anterior, cranial, centre, around)
    anterior, cranial = sign * anterior, sign * cranial
    frame = DiscFrame(centre, anterior, cranial, across)
    if len(contours.loops_mm) < 2:
        return frame
    frame = _tilted_to_face(frame, contours)
    if len(contours.loops_mm) >= 3:
        frame = _turned_to_canal(frame, mask, around)
    return frame.moved(np.array([0.0, 0.0, _mid_plane(frame, mask, around)]))


def _axis_in_slice(mask: SoftMask, axis: int) -> Array:
    """(3,) long axis of the disc within the slices, unsigned."""
    where = np.argwhere(mask.array > FILLED_FROM)
    weight = mask.array[tuple(where.T)].astype(float)
    points = mask.grid.to_world(where)
    per_slice = np.bincount(where[:, axis], weight)
    for column in range(3):
        mean = np.bincount(where[:, axis], weight * points[:, column]) / np.maximum(per_slice, 1e-9)
        points[:, column] -= mean[where[:, axis]]
    covariance = (points * weight[:, None]).T @ points / weight.sum()
    values, vectors = np.linalg.eigh(covariance)
    if values[2] < 1.5 * values[1]:
        raise MeasurementError(
            Code.OUTLINE_FAILED, "the mask is about as high as deep, so its axis is unknown"
        )
    return np.asarray(vectors[:, 2])


def _sign(anterior: Array, cranial: Array, centre: Array, around: Surroundings) -> float:
    canal = around.canal_beside(centre, _CRANIAL)
    front = _ANTERIOR if canal is None else _unit(centre - canal)
    up: Array = _CRANIAL
    if around.above is not None or around.below is not None:
        top = centre if around.above is None else around.above.centroid_mm
        bottom = centre if around.below is None else around.below.centroid_mm
        up = _unit(top - bottom)
    return 1.0 if anterior @ front + 1.5 * (cranial @ up) >= 0 else -1.0


def _tilted_to_face(frame: DiscFrame, contours: SliceContours) -> DiscFrame:
    """Tilt the normal sideways until the disc's mid-surface is level from left to right."""
    local = [frame.to_frame(loop) for loop in contours.largest]
    widest = max(float(np.ptp(points[:, 0])) for points in local)
    wide = [points for points in local if np.ptp(points[:, 0]) > 0.6 * widest]
    rows, middles, weights = [], [], []
    for points in wide if len(wide) > 1 else local:
        back, front = points[:, 0].min(), points[:, 0].max()
        x = np.linspace(back + 0.2 * (front - back), front - 0.2 * (front - back), 25)
        lower, upper = crossings(points[:, :2], x)
        rows.append(np.stack([np.ones_like(x), x, x**2, np.full_like(x, points[:, 2].mean())], 1))
        middles.append((lower + upper) / 2)
        weights.append(np.full_like(x, front - back))
    weight = np.sqrt(np.concatenate(weights))
    design = np.concatenate(rows) * weight[:, None]
    slope = np.linalg.lstsq(design, np.concatenate(middles) * weight, rcond=None)[0][3]
    cranial = _unit(frame.cranial - slope * frame.left)
    left = _unit(np.cross(cranial, frame.anterior))
    return DiscFrame(frame.origin_mm, np.cross(left, cranial), cranial, left)


def _turned_to_canal(frame: DiscFrame, mask: SoftMask, around: Surroundings) -> DiscFrame:
    """Rotate about the normal: the front is opposite to the canal and along the short diameter."""
    angles, weights = [0.0], [0.3]
    if not mask.is_cut_at_sides:
        angle, trust = _face_turn(frame, mask)
        angles.append(angle)
        weights.append(trust)
    canal = around.canal_beside(frame.origin_mm, frame.cranial)
    if canal is not None:
        x, _, left = -frame.to_frame(canal)
        angles.append(float(np.arctan2(left, x)))
        weights.append(1.0 if x > 5 else 0.0)
    turn = float(np.average(np.clip(angles, -_MAX_TURN_RAD, _MAX_TURN_RAD), weights=weights))
    c, s = np.cos(turn), np.sin(turn)
    anterior = c * frame.anterior + s * frame.left
    return DiscFrame(frame.origin_mm, anterior, frame.cranial, c * frame.left - s * frame.anterior)


def _face_turn(frame: DiscFrame, mask: SoftMask) -> tuple[float, float]:
    """Angle of the short diameter of the disc's face to ``anterior``, and its weight."""
    points, weight = _face(mask, frame.cranial)
    local = frame.to_frame(points)[:, [0, 2]]
    local -= np.average(local, axis=0, weights=weight)
    values, vectors = np.linalg.eigh((local * weight[:, None]).T @ local / weight.sum())
    short = vectors[:, 0] * (np.sign(vectors[0, 0]) or 1.0)
    roundness = float(np.sqrt(values[1] / max(values[0], 1e-6)))
    angle = float(np.arctan2(short[1], short[0]))
    return angle, 2.0 * float(np.clip((roundness - 1.1) / 0.2, 0, 1))


def _face(mask: SoftMask, cranial: Array) -> tuple[Array, Array]:
    """Points of the disc's mid-surface (n, 3), RAS+ mm, and the largest fraction at each.

    Every column of voxels has the same weight whatever its height, so a disc that is higher on one
    side does not shift the centre.
    """
    grid = mask.grid
    axis = grid.axis_along(cranial)
    columns = np.moveaxis(mask.array, axis, -1).astype(float)
    cover = columns.max(axis=-1)
    held = cover > FILLED_FROM
    height = (columns * np.arange(columns.shape[-1])).sum(axis=-1)[held] / columns.sum(axis=-1)[
        held
    ]
    index = np.insert(np.argwhere(held).astype(float), axis, height, axis=1)
    return grid.to_world(index), cover[held]


def _mid_plane(frame: DiscFrame, mask: SoftMask, around: Surroundings) -> float:
    """Position of the mid-plane along ``left``: the median of disc, bodies and canal."""
    candidates = []
    if not mask.is_cut_at_sides:
        points, weight = _face(mask, frame.cranial)
        candidates.append(float(np.average(frame.to_frame(points)[:, 2], weights=weight)))
    bodies = [b for b in (around.above, around.below) if b is not None and not b.is_cut_at_sides]
    centres = [_centre_beside(b, frame.origin_mm, frame.cranial, _BODY_WINDOW_MM) for b in bodies]
    found = [float(frame.to_frame(centre)[2]) for centre in centres if centre is not None]
    if len(found) == 2:
        candidates.append(sum(found) / 2)
    canal = around.canal_beside(frame.origin_mm, frame.cranial)
    if canal is not None:
        candidates.append(float(frame.to_frame(canal)[2]))
    return float(np.median(candidates)) if candidates else 0.0


def _centre_beside(
    mask: SoftMask, point_mm: Array, cranial: Array, window_mm: float
) -> Array | None:
    """(3,) centre of a mask in a soft window around the plane through a point, or ``None``."""
    points, share = mask.filled
    along = (points - point_mm) @ cranial
    weight = share * np.exp(-0.5 * (along / window_mm) ** 2)
    if weight.sum() < 1.0:
        return None
    return np.asarray(np.average(points, axis=0, weights=weight))


def _unit(vector: Array) -> Array:
    return np.asarray(vector / np.linalg.norm(vector))
