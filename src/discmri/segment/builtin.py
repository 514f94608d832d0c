"""The segmenter that needs nothing but the image: a small network run by onnxruntime.

The network sees one sagittal slice at a time and says which share of each pixel is disc,
vertebral body, sacrum, canal, endplate or posterior bone.  What belongs together is then
decided by anatomy: bodies and discs alternate along one column, the canal runs behind it and
the sacrum ends it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from discmri.errors import NothingToMeasureError
from discmri.labels import FoundDisc, FoundSpine
from discmri.segment.weights import weights, weights_sha256
from discmri.settings import Settings
from discmri.volume import Array, Grid, SoftMask, Volume

log = logging.getLogger(__name__)

PIXEL_MM = 0.8
_LOCAL_PX = 31  # width of the neighbourhood for local contrast, about 25 mm
_SIDE_PX = 16  # the network halves a slice four times

# Anatomy
_LEAST_COLUMN_MM = 20.0
_REACH_MM = 30.0  # nothing of body or disc is further from the axis of the column
_LEAST_GAP_MM = 14.0  # between the middles of neighbouring discs
_USUAL_GAP_MM = 34.0
_HALF_STRETCH_MM = 18.0  # the first and the last disc end this far from their middle at most
_LEAST_DISC_MM2 = 60.0  # on the slice that shows most of it
_LEAST_BODY_MM2 = 120.0
_LEAST_LENGTH_MM = 14.0
_BODY_SEARCH_MM = (3.0, 17.0)  # from the middle of a disc to where its neighbours must be
_BODY_SEARCH_WIDTH_MM = 18.0
_LEAST_BONE = 0.3
_EDGE_MM = 2.0  # a disc this close to the border of the picture is cut

# Confidence runs from 0 to 1 between these
_UNCLEAR = (0.6, 0.92)  # mean share of disc within a disc
_UNSTEADY = (0.6, 0.99)  # overlap of the maps of two contrasts

Float = NDArray[np.float32]
Mask = NDArray[np.bool_]


class Structure(IntEnum):
    """The channels of the network, in order."""

    BACKGROUND = 0
    DISC = 1
    BODY = 2
    SACRUM = 3
    CANAL = 4
    ENDPLATE = 5
    POSTERIOR = 6


def builtin(image: Volume, settings: Settings) -> FoundSpine:
    """Find discs, vertebral bodies, sacrum and canal in a sagittal MR image of any contrast.

    Parameters
    ----------
    image
        Sagittal slices in any axis order; one slice is enough.
    settings
        ``threads`` limits the processors used.

    Raises
    ------
    NothingToMeasureError
        Where no disc between two vertebrae can be found.
    """
    sheets = _Sheets.of(image.grid)
    shares, other = _shares(sheets.slices(image), settings.threads)
    column = _Column.of(shares, sheets)
    places = _disc_places(column) if column else []
    if column is None or not places:
        raise NothingToMeasureError(
            "no lumbar disc found in the sagittal image; check that it shows the lumbar spine "
            "from the side, or give a label map with --segmenter masks"
        )
    bodies, sacrum = _bones(column, places)
    return FoundSpine(
        grid=image.grid,
        discs=tuple(_found_disc(column, place, other) for place in places),
        bodies=tuple(bodies),
        sacrum=sacrum,
        canal=_canal(column),
        method=f"builtin:{weights_sha256()[:12]}",
    )


def network_input(image: Array) -> Float:
    """What the network sees of a slice: brightness, and contrast within the neighbourhood.

    Parameters
    ----------
    image
        (rows, columns), pixels of :data:`PIXEL_MM`, any scale from zero up.

    Returns
    -------
    NDArray
        (2, rows, columns), without scale.
    """
    from scipy.ndimage import uniform_filter

    image = np.asarray(image, dtype=np.float32)
    lit = image[image > 0]
    bright = float(np.quantile(lit, 0.98)) if lit.size else 1.0
    scaled = np.minimum(image / max(bright, 1e-12), 2.0)

    def mean(values: Float) -> Float:
        return np.asarray(uniform_filter(uniform_filter(values, _LOCAL_PX), _LOCAL_PX))

    centre = mean(scaled)
    spread = np.sqrt(np.maximum(mean(scaled**2) - centre**2, 0.0))
    return np.stack([scaled, np.clip((scaled - centre) / (spread + 0.02), -4.0, 4.0)])


@dataclass(frozen=True, eq=False)
class _Sheets:
    """Between the voxels of an image and slices as the network wants them.

    Slices are (slice, down, back): rows run to the feet, columns to the back, pixels are
    :data:`PIXEL_MM` and the picture is centred, so that the order and direction of the axes
    of the image make no difference.
    """

    grid: Grid
    axes: tuple[int, int, int]  # array axis of slice, down, back
    flips: tuple[bool, bool, bool]
    shape: tuple[int, int, int]

    @classmethod
    def of(cls, grid: Grid) -> _Sheets:
        left = grid.sagittal_axis
        rest = [axis for axis in range(3) if axis != left]
        down = max(rest, key=lambda axis: abs(grid.directions[2, axis]))
        back = next(axis for axis in rest if axis != down)
        axes = (left, down, back)
        wanted = ((left, 0), (down, 2), (back, 1))
        flips = tuple(bool(grid.directions[world, axis] > 0) for axis, world in wanted)
        size = [int(np.ceil(grid.shape[a] * grid.spacing_mm[a] / PIXEL_MM)) for a in axes[1:]]
        rows, columns = (-(-n // _SIDE_PX) * _SIDE_PX for n in size)
        return cls(grid, axes, flips, (grid.shape[left], rows, columns))  # type: ignore[arg-type]

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between slices, rows and columns."""
        return (float(self.grid.spacing_mm[self.axes[0]]), PIXEL_MM, PIXEL_MM)

    @property
    def _turned(self) -> tuple[int, ...]:
        return tuple(k for k, flip in enumerate(self.flips) if flip)

    def slices(self, image: Volume) -> Float:
        """(slices, rows, columns) the image at the network's resolution."""
        array = np.transpose(np.asarray(image.array, dtype=np.float32), self.axes)
        array = np.flip(array, self._turned)
        array = np.maximum(array - min(0.0, float(array.min())), 0.0)
        down, back = self._to_network(1), self._to_network(2)
        return np.asarray(down @ array @ back.T, dtype=np.float32)

    @property
    def shown(self) -> Mask:
        """(rows, columns) pixels within the image, a little away from its border."""
        inside = []
        for k in (1, 2):
            voxels, pixels = self._positions(k)
            inside.append(np.abs(pixels) < np.abs(voxels).max() - _EDGE_MM)
        return np.asarray(inside[0][:, None] & inside[1][None, :])

    def _positions(self, k: int) -> tuple[Array, Array]:
        """Millimetres from the centre: of image voxels and of network pixels along axis k."""
        count = self.grid.shape[self.axes[k]]
        step = float(self.grid.spacing_mm[self.axes[k]])
        voxels = (np.arange(count) - (count - 1) / 2) * step
        return voxels, (np.arange(self.shape[k]) - (self.shape[k] - 1) / 2) * PIXEL_MM

    def _to_network(self, k: int) -> Float:
        """Weights that turn image voxels into network pixels along axis k; zero outside."""
        voxels, pixels = self._positions(k)
        step = voxels[1] - voxels[0] if len(voxels) > 1 else PIXEL_MM
        reach = max(step, PIXEL_MM)
        weight = np.maximum(0.0, 1 - np.abs(pixels[:, None] - voxels[None, :]) / reach)
        inside = np.abs(pixels) <= np.abs(voxels).max() + step / 2 + 1e-6
        total = np.maximum(weight.sum(axis=1, keepdims=True), 1e-6)
        return np.asarray(weight / total * inside[:, None], dtype=np.float32)

    def mask(self, fractions: Float) -> SoftMask:
        """Fractions on the slices, some above zero, as a soft mask on a crop of the image grid."""
        boxes, parts = [], fractions
        for k, filled in enumerate(_box(fractions > 0.02, margin=0)):
            low, high = filled.start, filled.stop - 1
            if k == 0:
                boxes.append((max(low - 1, 0), min(high + 2, self.shape[0])))
                parts = parts[slice(*boxes[0])]
                continue
            voxels, pixels = self._positions(k)
            near = (voxels > pixels[low] - 2 * PIXEL_MM) & (voxels < pixels[high] + 2 * PIXEL_MM)
            index = np.flatnonzero(near)
            boxes.append((int(index[0]), int(index[-1]) + 1))
            weight = np.maximum(0.0, 1 - np.abs(voxels[near][:, None] - pixels[None, :]) / PIXEL_MM)
            parts = np.moveaxis(np.tensordot(weight.astype(np.float32), parts, (1, k)), 0, k)
        return self._in_image(parts, boxes)

    def _in_image(self, part: Float, boxes: Sequence[tuple[int, int]]) -> SoftMask:
        """Turn a piece of the slices back into the axis order of the image."""
        start, order = [0, 0, 0], np.argsort(self.axes)
        for k, (low, high) in enumerate(boxes):
            axis = self.axes[k]
            start[axis] = self.grid.shape[axis] - high if self.flips[k] else low
        part = np.flip(part, self._turned)
        part = np.ascontiguousarray(np.clip(np.transpose(part, order), 0.0, 1.0))
        place = self.grid.cropped((start[0], start[1], start[2]), part.shape)
        return SoftMask(part.astype(np.float32), place.affine)


def _shares(slices: Float, threads: int) -> tuple[Float, Float]:
    """(structures, slices, rows, columns) the share of each pixel, and the same of the discs alone in another contrast."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = max(1, threads)
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(weights(), options, providers=["CPUExecutionProvider"])

    def run(slice_: Float) -> Float:
        return np.asarray(session.run(None, {"image": network_input(slice_)[None]})[0][0])

    shares = np.zeros((len(Structure), *slices.shape), dtype=np.float32)
    other = np.zeros(slices.shape, dtype=np.float32)
    for k, one in enumerate(slices):
        shares[:, k] = run(one)
        if (shares[Structure.DISC, k] > 0.5).any():
            again = run(one**0.7)
            other[k] = again[Structure.DISC]
            shares[:, k] = (shares[:, k] + again) / 2
    return shares, other


@dataclass(frozen=True, eq=False)
class _Column:
    """The stack of bodies and discs, and its axis from head to feet.

    Parameters
    ----------
    sheets
        Where the slices are.
    shares
        (structures, slices, rows, columns) what the network said.
    mask
        (slices, rows, columns) where the stack is.
    axis_mm
        (points, 2) its axis in down, back millimetres, evenly spaced.
    along_mm
        (rows, columns) position along the axis, NaN further than the reach from it.
    behind_mm
        (rows, columns) distance behind the axis, negative in front of it.
    """

    sheets: _Sheets
    shares: Float
    mask: Mask
    axis_mm: Array
    along_mm: Float
    behind_mm: Float

    @classmethod
    def of(cls, shares: Float, sheets: _Sheets) -> _Column | None:
        """The heaviest stack in the picture, with pieces of it that stand alone in their slice."""
        from scipy import ndimage

        stack = shares[[Structure.DISC, Structure.BODY, Structure.ENDPLATE]].sum(axis=0)
        parts, count = ndimage.label(
            stack + shares[Structure.SACRUM] > 0.5, structure=np.ones((3, 3, 3))
        )
        if count == 0:
            return None
        weight = ndimage.sum_labels(stack, parts, np.arange(1, count + 1))
        main = parts == 1 + int(np.argmax(weight))
        axis = _axis(np.where(main, stack + 0.3 * shares[Structure.SACRUM], 0).sum(axis=0))
        if axis is None:
            return None
        along, behind = _along(axis, sheets.shape[1:])
        near = 1 + np.flatnonzero(weight > 0.02 * weight.max())
        mask = np.isin(parts, near) & np.isfinite(along)
        return cls(sheets, shares, mask, axis, along, behind)

    def stretch(self, low_mm: float, high_mm: float) -> Mask:
        """(rows, columns) the part of the picture beside a stretch of the axis."""
        return np.asarray((self.along_mm >= low_mm) & (self.along_mm < high_mm))

    def piece(self, structure: Structure, low_mm: float, high_mm: float) -> Mask:
        """Where a structure fills most of a pixel within a stretch, stray pieces left out."""
        where = (self.shares[structure] > 0.5) & self.mask & self.stretch(low_mm, high_mm)
        return _main(where, least=0.1)


def _axis(weight: Float) -> Array | None:
    """Smooth line through the middle of a stack seen from the side, run out at its ends."""
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
    """Continue both ends of a line straight on."""
    n = int(length_mm / PIXEL_MM)
    fit = min(len(line), int(30 / PIXEL_MM))
    ends = []
    for end, at in ((line[:fit], np.arange(-n, 0)), (line[-fit:], np.arange(fit, fit + n))):
        slope, start = np.polyfit(np.arange(fit), end, 1)
        ends.append(slope * at[:, None] + start)
    return np.concatenate([ends[0], line, ends[1]])


def _along(axis: Array, shape: tuple[int, ...]) -> tuple[Float, Float]:
    """Position along the axis and distance behind it, for every pixel of a slice."""
    from scipy.spatial import cKDTree

    points = np.stack(
        np.meshgrid(*(np.arange(n) * PIXEL_MM for n in shape), indexing="ij"), axis=-1
    )
    distance, nearest = cKDTree(axis).query(points, distance_upper_bound=2 * _REACH_MM)
    found = np.isfinite(distance)
    nearest = np.minimum(nearest, len(axis) - 1)
    tangent = np.gradient(axis, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    offset, tangent = points - axis[nearest], tangent[nearest]
    behind = offset[..., 1] * tangent[..., 0] - offset[..., 0] * tangent[..., 1]
    along = nearest * PIXEL_MM + (offset * tangent).sum(axis=-1)
    return (
        np.where(found & (distance < _REACH_MM), along, np.nan).astype(np.float32),
        np.where(found, behind, np.nan).astype(np.float32),
    )


@dataclass(frozen=True, eq=False)
class _Place:
    """One disc: where its middle is along the column, and where it fills most of a pixel."""

    at_mm: float
    mask: Mask


def _disc_places(column: _Column) -> list[_Place]:
    """Where along the column the discs are, cranial to caudal."""
    from scipy.ndimage import gaussian_filter1d
    from scipy.signal import find_peaks

    share = column.shares[Structure.DISC]
    where = column.mask & (share > 0.3)
    along = np.broadcast_to(column.along_mm, share.shape)[where]
    index = np.clip(along / PIXEL_MM, 0, len(column.axis_mm) - 1).astype(int)
    profile = gaussian_filter1d(np.bincount(index, share[where], len(column.axis_mm)), 2.0)
    peaks, _ = find_peaks(
        profile, distance=_LEAST_GAP_MM / PIXEL_MM, prominence=0.08 * profile.max(initial=0)
    )
    half = int(_HALF_STRETCH_MM / PIXEL_MM)
    between = [a + int(np.argmin(profile[a:b])) for a, b in pairwise(peaks)]
    bounds = [peaks[0] - half, *between, peaks[-1] + half] if len(peaks) else []
    places = []
    for peak, (low, high) in zip(peaks, pairwise(bounds), strict=True):
        mask = column.piece(Structure.DISC, low * PIXEL_MM, high * PIXEL_MM)
        place = _Place(float(peak * PIXEL_MM), mask)
        if _is_disc(place, column):
            places.append(place)
    return places


def _main(where: Mask, least: float = 1.0) -> Mask:
    """The largest connected part, and those of at least this share of it."""
    from scipy import ndimage

    box = _box(where, margin=0)
    parts, count = ndimage.label(where[box], structure=np.ones((3, 3, 3)))
    if count <= 1:
        return where
    sizes = np.bincount(parts.ravel())[1:]
    kept = np.zeros_like(where)
    kept[box] = np.isin(parts, 1 + np.flatnonzero(sizes >= least * sizes.max()))
    return kept


def _box(where: Mask, margin: int) -> tuple[slice, ...]:
    """The smallest box around a mask, with a margin within the slices."""
    box = []
    for k in range(3):
        filled = np.flatnonzero(where.any(axis=tuple(a for a in range(3) if a != k)))
        low, high = (int(filled[0]), int(filled[-1]) + 1) if filled.size else (0, 0)
        grow = margin if k else 0
        box.append(slice(max(0, low - grow), high + grow))
    return tuple(box)


def _is_disc(place: _Place, column: _Column) -> bool:
    """Large enough, whole, and between two bodies or a body and the sacrum.

    Bone is not asked for where the picture ends.
    """
    area = place.mask.sum(axis=(1, 2)) * PIXEL_MM**2
    if area.max(initial=0) < _LEAST_DISC_MM2:
        return False
    best = place.mask[int(area.argmax())]
    if np.ptp(np.quantile(column.behind_mm[best], [0.02, 0.98])) < _LEAST_LENGTH_MM:
        return False
    if best[~column.sheets.shown].sum() > 0.04 * best.sum():
        return False
    slices = area > 0.3 * area.max()
    above = _bone(column, slices, place.at_mm, -1)
    below = _bone(column, slices, place.at_mm, 1)
    if above is not None and above[0] < max(_LEAST_BONE, above[1]):
        return False
    return below is None or sum(below) >= _LEAST_BONE


def _bone(
    column: _Column, slices: Mask, at_mm: float, direction: int
) -> tuple[float, float] | None:
    """Share of body and of sacrum around the axis beside a disc; None beyond the picture."""
    low, high = sorted(at_mm + direction * d for d in _BODY_SEARCH_MM)
    where = column.stretch(low, high) & (np.abs(column.behind_mm) < _BODY_SEARCH_WIDTH_MM / 2)
    wanted = _BODY_SEARCH_WIDTH_MM * (high - low) / PIXEL_MM**2
    if (where & column.sheets.shown).sum() < 0.6 * wanted:
        return None
    body, sacrum = (
        float(column.shares[s][slices][:, where].mean()) for s in (Structure.BODY, Structure.SACRUM)
    )
    return body, sacrum


def _soft(share: Float, mask: Mask, margin_px: int = 2) -> Float:
    """A share as it is around a mask, zero elsewhere."""
    from scipy.ndimage import binary_dilation

    box = _box(mask, margin=margin_px)
    around = binary_dilation(mask[box], np.ones((1, 3, 3)), iterations=margin_px)
    soft = np.zeros_like(share)
    soft[box] = np.where(around, share[box], 0)
    return soft


def _found_disc(column: _Column, place: _Place, other: Float) -> FoundDisc:
    share = _soft(column.shares[Structure.DISC], place.mask)
    return FoundDisc(column.sheets.mask(share), _confidence(share, other, place.mask))


def _confidence(share: Float, other: Float, mask: Mask) -> float:
    """How clear the map is within the disc, times how little a change of contrast moves it."""
    clear = (float(share[mask].mean()) - _UNCLEAR[0]) / (_UNCLEAR[1] - _UNCLEAR[0])
    here = share > 0
    a, b = share[here], other[here]
    overlap = 2 * float((a * b).sum() / ((a**2).sum() + (b**2).sum()))
    steady = (overlap - _UNSTEADY[0]) / (_UNSTEADY[1] - _UNSTEADY[0])
    return float(np.sqrt(np.clip(clear, 0, 1) * np.clip(steady, 0, 1)))


def _bones(column: _Column, places: Sequence[_Place]) -> tuple[list[SoftMask], SoftMask | None]:
    """Vertebral bodies cranial to caudal, and the sacrum."""
    body, sacrum = column.shares[Structure.BODY], column.shares[Structure.SACRUM]
    at = [place.at_mm for place in places]
    gap = float(np.median(np.diff(at))) if len(at) > 1 else _USUAL_GAP_MM
    below = column.mask & column.stretch(at[-1], at[-1] + gap)
    ends_in_body = body[below].sum() > sacrum[below].sum()
    bounds = [at[0] - 1.3 * gap, *at, *([at[-1] + 1.3 * gap] if ends_in_body else [])]
    bodies = []
    for low, high in pairwise(bounds):
        piece = column.piece(Structure.BODY, low, high)
        if piece.sum(axis=(1, 2)).max() * PIXEL_MM**2 > _LEAST_BODY_MM2:
            bodies.append(column.sheets.mask(_soft(body, piece)))
    if not ends_in_body:  # what the network takes for a body there is the first sacral segment
        sacrum = np.where(below, np.minimum(sacrum + body, 1), sacrum)
    where = _near_main(sacrum > 0.5)
    large = where.sum(axis=(1, 2)).max() * PIXEL_MM**2 > _LEAST_BODY_MM2
    return bodies, column.sheets.mask(_soft(sacrum, where)) if large else None


def _near_main(where: Mask, near_mm: float = 4.0) -> Mask:
    """The largest part of a mask and what lies within twice this distance of it."""
    from scipy.ndimage import binary_dilation

    if not where.any():
        return where
    n = int(near_mm / PIXEL_MM)
    box = _box(where, margin=n)
    kept = np.zeros_like(where)
    kept[box] = where[box] & _main(binary_dilation(where[box], np.ones((1, 3, 3)), iterations=n))
    return kept


def _canal(column: _Column) -> SoftMask | None:
    """The thecal sac behind the column."""
    share = column.shares[Structure.CANAL]
    where = (share > 0.5) & (column.behind_mm > 0)
    if not where.any():
        return None
    return column.sheets.mask(_soft(share, _main(where, least=0.1)))
