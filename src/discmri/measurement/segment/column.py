"""The stack of vertebral bodies and discs, and the axis along which it is ordered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from discmri.core.volume import Array
from discmri.measurement.segment.network import PIXEL_MM, Channel, Float
from discmri.measurement.segment.network_slices import NetworkSlices
from discmri.measurement.segment.parts import Mask, box_around, main_part

_LEAST_COLUMN_MM = 20.0
_LEAST_SHOWN = 0.25
_SMALL = 0.5  # sections below this share of the largest are near the end of a body or disc
_GROWS = 1.2  # from there, a section larger by this factor belongs to another structure
_REACH_MM = 30.0  # largest distance of bodies and discs from the axis of the column


@dataclass(frozen=True, eq=False)
class VertebralColumn:
    """The stack of bodies and discs, and its axis from head to feet.

    Parameters
    ----------
    network_slices
        Geometry of the slices.
    shares
        (structures, slices, rows, columns) output of the network.
    mask
        (slices, rows, columns) of the stack.
    axis_mm
        (points, 2) its axis in down, back millimetres, equally spaced.
    along_mm
        (rows, columns) position along the axis, NaN far from it.
    behind_mm
        (rows, columns) distance behind the axis, negative in front of it.
    """

    network_slices: NetworkSlices
    shares: Float
    mask: Mask
    axis_mm: Array
    along_mm: Float
    behind_mm: Float

    @classmethod
    def of(cls, shares: Float, network_slices: NetworkSlices) -> VertebralColumn | None:
        """The largest stack in the image, including disconnected pieces near its axis."""
        from scipy import ndimage

        disc, body, plate = (shares[one] for one in (Channel.DISC, Channel.BODY, Channel.ENDPLATE))
        stack = disc + body + plate
        filled = stack + shares[Channel.SACRUM] > 0.5
        if not filled.any():
            return None
        box = box_around(filled, margin=0)
        parts, count = ndimage.label(filled[box], structure=np.ones((3, 3, 3)))
        weight = np.bincount(parts.ravel(), stack[box].ravel(), count + 1)[1:]
        main = parts == 1 + int(np.argmax(weight))
        line = np.zeros(shares.shape[2:], dtype=np.float32)
        line[box[1:]] = np.where(
            main, stack[box] + 0.3 * shares[Channel.SACRUM][box], np.float32(0)
        ).sum(axis=0)
        axis = _axis(line)
        if axis is None:
            return None
        along, behind = _along(axis, network_slices.shape[1:])
        near = np.r_[False, weight > 0.02 * weight.max()]
        mask = np.zeros(stack.shape, dtype=bool)
        mask[box] = near[parts] & np.isfinite(along[box[1:]])
        return cls(network_slices, shares, mask, axis, along, behind)

    def stretch(self, low_mm: float, high_mm: float) -> Mask:
        """(rows, columns) pixels beside a stretch of the axis."""
        return np.asarray((self.along_mm >= low_mm) & (self.along_mm < high_mm))

    def piece(self, share: Float, low_mm: float, high_mm: float) -> Mask:
        """Pixels within a stretch that the structure fills by more than half.

        Small separate pieces are left out, as are lateral slices beyond its rim (:func:`_outward`).
        """
        stretch = self.stretch(low_mm, high_mm)
        box = box_around(stretch[None], margin=0)[1:]  # the stretch lies within it
        inside = (share[:, *box] > 0.5) & self.mask[:, *box] & stretch[box]
        inside = main_part(inside, least=0.1)
        area = inside.sum(axis=(1, 2))
        where = np.zeros(share.shape, dtype=bool)
        where[:, *box] = inside & _outward(area)[:, None, None]
        return where


def _outward(area: NDArray[np.intp]) -> Mask:
    """(slices,) those of one convex structure, from the largest section outwards.

    It ends at its rim, or where sections that had become small grow again, because that is
    another structure.

    >>> _outward(np.array([50, 20, 60, 100, 90, 30, 45])).tolist()
    [False, False, True, True, True, True, False]
    """
    kept = np.zeros(len(area), dtype=bool)
    largest = int(np.argmax(area))
    for way in (range(largest, len(area)), range(largest, -1, -1)):
        least = area[largest]
        for k in way:
            grows = least < _SMALL * area[largest] and area[k] > _GROWS * least
            if grows or area[k] < _LEAST_SHOWN * area[largest]:
                break
            kept[k] = True
            least = min(least, area[k])
    return kept


def _axis(weight: Float) -> Array | None:
    """Smooth line through the middle of a stack in the sagittal plane, extended at its ends."""
    from scipy.ndimage import gaussian_filter1d

    per_row = weight.sum(axis=1)
    filled = per_row > 1
    if not filled.any():
        return None
    rows = np.flatnonzero(per_row > 0.2 * np.median(per_row[filled]))
    if len(rows) < _LEAST_COLUMN_MM / PIXEL_MM:
        return None
    middle = (weight[rows] * np.arange(weight.shape[1])).sum(axis=1) / per_row[rows]
    every = np.arange(rows[0], rows[-1] + 1)
    seen = np.stack([every, np.interp(every, rows, middle)], axis=1) * PIXEL_MM
    line = _run_out(seen, length_mm=40.0)
    line[:, 1] = gaussian_filter1d(line[:, 1], 9.0 / PIXEL_MM, mode="nearest")
    at = np.r_[0, np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))]
    wanted = np.arange(0, at[-1], PIXEL_MM)
    return np.stack([np.interp(wanted, at, line[:, k]) for k in range(2)], axis=1)


def _run_out(line: Array, length_mm: float) -> Array:
    """Extend both ends of a line straight."""
    n = int(length_mm / PIXEL_MM)
    fit = min(len(line), int(30 / PIXEL_MM))
    ends = []
    for end, at in ((line[:fit], np.arange(-n, 0)), (line[-fit:], np.arange(fit, fit + n))):
        slope, start = np.polyfit(np.arange(fit), end, 1)
        ends.append(slope * at[:, None] + start)
    return np.concatenate([ends[0], line, ends[1]])


def _along(axis: Array, shape: tuple[int, ...]) -> tuple[Float, Float]:
    """Position along the axis and distance behind it, for every pixel of a slice."""
    nearest, distance = _nearest(axis, shape)
    found = distance < 2 * _REACH_MM
    points = np.stack(
        np.meshgrid(*(np.arange(n) * PIXEL_MM for n in shape), indexing="ij"), axis=-1
    )
    tangent = np.gradient(axis, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    offset, tangent = points - axis[nearest], tangent[nearest]
    behind = offset[..., 1] * tangent[..., 0] - offset[..., 0] * tangent[..., 1]
    along = nearest * PIXEL_MM + (offset * tangent).sum(axis=-1)
    return (
        np.where(found & (distance < _REACH_MM), along, np.nan).astype(np.float32),
        np.where(found, behind, np.nan).astype(np.float32),
    )


def _nearest(axis: Array, shape: tuple[int, ...]) -> tuple[NDArray[np.intp], Array]:
    """(rows, columns) number of the nearest axis point, and its distance, infinite if far away.

    The search row by row is faster than a k-d tree and does not load scipy.spatial.
    """
    rows, columns = (np.arange(n) * PIXEL_MM for n in shape)
    across = (columns[:, None] - axis[:, 1]) ** 2
    nearest = np.zeros(shape, dtype=np.intp)
    distance = np.full(shape, np.inf)
    for k, row in enumerate(rows):
        near = np.flatnonzero(np.abs(axis[:, 0] - row) < 2 * _REACH_MM)
        if near.size:
            squared = (
                across[:, near[0] : near[-1] + 1] + (axis[near[0] : near[-1] + 1, 0] - row) ** 2
            )
            best = squared.argmin(axis=1)
            nearest[k] = near[0] + best
            distance[k] = np.sqrt(squared[np.arange(len(columns)), best])
    return nearest, distance
