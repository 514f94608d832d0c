"""The projection of a disc along its normal."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from discmri.core.findings import Code, MeasurementError
from discmri.core.text import counted
from discmri.core.volume import FILLED_FROM, Array, SoftMask
from discmri.results.outline import DiscOutline

_STEP_MM = 0.5
_THROUGH_STEP_MM = 0.7
_MIN_SLICES = 3
_FACES: WeakKeyDictionary[DiscOutline, Face] = WeakKeyDictionary()  # a height and a width need it


@dataclass(frozen=True, eq=False)
class Face:
    """The projection of a disc along its normal."""

    cover: Array  # (n, m) fraction of each cell inside the projection, 0 to 1; axes anterior, left
    step_mm: tuple[float, float]  # cell size along both axes, mm

    @property
    def area_mm2(self) -> float:
        """Area of the projection, mm²."""
        return float(self.cover.sum() * self.step_mm[0] * self.step_mm[1])

    @property
    def width_lr_mm(self) -> float:
        """Greatest left-right extent in mm, averaged over 3 mm along the anterior axis."""
        lengths = self.cover.sum(axis=1) * self.step_mm[1]
        window = max(1, round(3.0 / self.step_mm[0]))
        return float(np.convolve(lengths, np.ones(window) / window, mode="valid").max())


def disc_face(outline: DiscOutline) -> Face:
    """Project the soft mask of a disc along its normal.

    The cover of a cell is the greatest mask fraction along the normal, divided by that in the
    middle of the disc (which is below one if the disc is thinner than the voxels).  For a binary
    mask it is the mean of the greater half of the fractions, because the maximum follows single
    voxels of the stepped edge.

    Raises ``MeasurementError``: ``FEW_SLICES`` with fewer than three slices,
    ``CUT_BY_FIELD_OF_VIEW`` if the stack ends inside the disc.
    """
    if outline not in _FACES:
        check_whole(outline)
        _FACES[outline] = _projected(outline)
    return _FACES[outline]


def _projected(outline: DiscOutline) -> Face:
    mask = _framed(outline.mask)
    inside = outline.frame.to_frame(mask.grid.to_world(np.argwhere(mask.array > FILLED_FROM)))
    margin = np.array([_STEP_MM, _STEP_MM, 0.0]) + mask.spacing_mm.max()
    low, high = inside.min(axis=0) - margin, inside.max(axis=0) + margin
    across = float(mask.spacing_mm[mask.sagittal_axis])
    left_step = across / max(1, round(across / 1.4))
    steps = (_STEP_MM, _THROUGH_STEP_MM, left_step)
    axes = [np.arange(low[n], high[n], step) for n, step in enumerate(steps)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    fractions = mask.sample(outline.frame.to_world(points))
    cover = _inner_half(fractions) if mask.is_hard else fractions.max(axis=1)
    full = float(np.percentile(cover[cover > 0.5], 80))
    return Face(np.clip(cover / full, 0.0, 1.0), (_STEP_MM, left_step))


def _inner_half(fractions: Array) -> Array:
    """(n, m) mean of the greater half of the fractions above zero along the middle axis."""
    descending = -np.sort(-fractions, axis=1)
    taken = np.ceil((descending > FILLED_FROM).sum(axis=1) / 2).astype(int)
    total = np.cumsum(descending, axis=1)
    last = np.maximum(taken - 1, 0)[:, None, :]
    return np.asarray(np.take_along_axis(total, last, axis=1)[:, 0] / np.maximum(taken, 1))


def _framed(mask: SoftMask) -> SoftMask:
    """The mask padded by one empty voxel, so that its cropping has no effect."""
    affine = mask.affine.copy()
    affine[:3, 3] = mask.grid.to_world((-1, -1, -1))
    return SoftMask(np.pad(mask.array, 1), affine)


def check_whole(outline: DiscOutline) -> None:
    """Raise the errors of :func:`disc_face` if the slices do not cover the whole disc."""
    mask = outline.mask
    slices = int((np.moveaxis(mask.array, mask.sagittal_axis, 0).max(axis=(1, 2)) > 0.5).sum())
    if slices < _MIN_SLICES:
        raise MeasurementError(
            Code.FEW_SLICES,
            f"{counted(slices, 'slice')} through the disc; {_MIN_SLICES} are needed",
        )
    if mask.is_cut_at_sides:
        raise MeasurementError(
            Code.CUT_BY_FIELD_OF_VIEW, "the stack of slices ends inside the disc"
        )
