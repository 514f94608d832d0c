"""Search for a residual disc between S1 and S2 that the network did not outline.

The network counts most small residual discs as sacrum.  In any contrast a disc has dark endplates, so
a residual disc is a dark band, or a dark ring, across the marrow of the sacrum, about one vertebra below
the lowest lumbar disc.  A fused joint leaves a thin line, a vein a line in another place, and the
border of the sacrum a line along it: none of them counts as a disc.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from discmri.core.volume import Array, SoftMask
from discmri.measurement.segment.column import VertebralColumn
from discmri.measurement.segment.network import PIXEL_MM, Channel, Float
from discmri.measurement.segment.parts import Mask, box_around

# Place, as a multiple of the usual distance between discs, from the centre of the lowest disc down the
# sacrum.  Two readers saw S1-S2 at 0.67 to 1.27 on SPIDER slices; the next joint follows from 1.4.
_PLACE = (0.6, 1.3)
_SEARCH = (0.3, 1.6)  # where the marrow is compared
_STEEPEST_DEG = 32.0  # slope against the perpendicular of the sacrum

# Size
_LEAST_DEPTH_MM = 5.0
_LEAST_FILL = 0.3  # of the depth of the sacrum there
_LEAST_DARK_MM = 1.0
"""Smallest mean thickness times contrast: a thickness of bone without any signal that would be as dark.
It does not depend on the resolution; fused joints of SPIDER slices have 0.6 to 0.8 mm."""

# Signal
_LEAST_CONTRAST = 0.3  # darkness of a disc, as a share of the marrow on its darker side
_MARROW_RATIO = 2.0  # largest ratio of the marrow above to that below
_CLEAR = 2.0  # smallest darkness, as a multiple of the noise of the marrow
_DARK = (0.2, 1.5)  # threshold of dark pixels: share of the marrow, and multiple of its noise
_MARROW_MM = (6.0, 5.0)  # width of the neighbourhood, down and back, whose mean is the marrow
_UNUSUAL = 0.2  # pixels that differ more from it are no marrow
_ROUNDS = 4  # in which marrow is separated from what is none
_BESIDE_MM = (1.5, 7.5)  # marrow above and below a disc, from its border
_BELOW_MM = 15.0
_WIDER_BELOW = 1.3  # the sacrum narrows downwards; wider bone below is not the middle of a sacrum

# Picture
_STEP_MM = 0.4
_HALF_WIDTH_MM = 24.0
_COARSE = 2  # pixels of the picture in a pixel of its smooth fields
_NOTCH_MM = 4.0  # half of the largest notch in the sacrum that is filled
_CORTEX_MM = 1.2
_CORE_MM = 5.0  # largest height of a brighter centre between two endplates
_ACROSS_MM = 4.0  # shorter dark pieces are not part of a band across the sacrum
_GAP_MM = 3.0  # largest gap along a band
_SPUR_MM = 2.4  # narrower pieces above and below a band belong to the cortex
_MARGIN_MM = 1.0  # of a band above and below
_ENDPLATE_MM = 0.7  # dark border that is not drawn, at most a quarter of a band on each side
_SMOOTH_MM = (0.3, 0.8)  # down, back
_ROUND_MM = 0.6

# Slices
_SHOWN = 0.5  # smallest section of the lowest disc, as a share of the largest
_MIDDLE_MM = 6.0  # slices this near the middle decide
_OVERLAP = 0.5  # of the shallower of two neighbouring sections


@dataclass(frozen=True, eq=False)
class _Frame:
    """A picture that runs down the sacrum from the lowest disc, in steps of :data:`_STEP_MM`."""

    origin_px: Array
    down: Array
    length_mm: float

    @property
    def axes_mm(self) -> tuple[Array, Array]:
        """Positions down the sacrum and backwards."""
        return (
            np.arange(0, self.length_mm, _STEP_MM),
            np.arange(-_HALF_WIDTH_MM, _HALF_WIDTH_MM, _STEP_MM),
        )

    @property
    def back(self) -> Array:
        return np.array([-self.down[1], self.down[0]])

    def sample(self, plane: Float) -> Float:
        """The picture of a slice; zero outside it."""
        from scipy.ndimage import map_coordinates

        down, back = np.meshgrid(*self.axes_mm, indexing="ij")
        at = down * self.down[:, None, None] + back * self.back[:, None, None]
        at = self.origin_px[:, None, None] + at / PIXEL_MM
        return np.asarray(map_coordinates(plane, at, order=1), dtype=np.float32)

    def restore(self, picture: Float, shape: tuple[int, ...]) -> Float:
        """The slice, (rows, columns), of a picture."""
        from scipy.ndimage import map_coordinates

        rows, columns = np.indices(shape)
        offset = np.stack([rows - self.origin_px[0], columns - self.origin_px[1]]) * PIXEL_MM
        down = np.tensordot(self.down, offset, 1)
        back = np.tensordot(self.back, offset, 1) + _HALF_WIDTH_MM
        at = np.stack([down, back]) / _STEP_MM
        return np.asarray(map_coordinates(picture, at, order=1), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class _RemnantOnSlice:
    """A residual disc on one slice: its mask in the picture, and how much signal is missing there."""

    mask: Mask
    dark_mm2: float


def find_remnant(
    column: VertebralColumn, slices: Float, lowest: Mask, usual_mm: float
) -> SoftMask | None:
    """A residual disc below the lowest disc; ``None`` if there is no clear one.

    Parameters
    ----------
    column
        The vertebral column, with the shares of the network.
    slices
        (slices, rows, columns) the image at the resolution of the network.
    lowest
        (slices, rows, columns) the lowest disc.
    usual_mm
        Usual distance between the centres of neighbouring discs.
    """
    area = lowest.sum(axis=(1, 2))
    shown = np.flatnonzero(area > _SHOWN * area.max())
    frame = _frame(column, lowest[shown], shown, usual_mm)
    if frame is None:
        return None
    bone = column.shares[[Channel.DISC, Channel.BODY, Channel.SACRUM, Channel.ENDPLATE]].sum(axis=0)
    found = {
        int(k): section
        for k in shown
        if (section := _section(frame.sample(slices[k]), frame.sample(bone[k]), frame, usual_mm))
    }
    spacing_mm = column.network_slices.spacing_mm[0]
    middle = float(np.average(shown, weights=area[shown]))
    deciding = [
        int(k) for k in shown if abs(k - middle) * spacing_mm <= max(_MIDDLE_MM, spacing_mm / 2)
    ]
    run = _run(found, deciding)
    if 2 * len(set(run) & set(deciding)) <= len(deciding):
        return None
    whole = np.zeros(lowest.shape, dtype=np.float32)
    for k in run:
        whole[k] = frame.restore(_between_endplates(found[k].mask, frame), lowest.shape[1:])
    box = box_around(whole > 0, margin=0)
    return column.network_slices.mask(whole[box], box)


def _frame(
    column: VertebralColumn, lowest: Mask, shown: NDArray[np.intp], usual_mm: float
) -> _Frame | None:
    """From the centre of the lowest disc towards the sacrum below it; ``None`` without a sacrum."""
    origin = np.argwhere(lowest)[:, 1:].mean(axis=0)
    sacrum = column.shares[Channel.SACRUM][shown].sum(axis=0)
    rows, columns = np.indices(sacrum.shape)
    distance_mm = np.hypot(rows - origin[0], columns - origin[1]) * PIXEL_MM
    weight = np.where((distance_mm < _PLACE[1] * usual_mm) & (rows > origin[0]), sacrum, 0)
    if weight.sum() <= 0:
        return None
    down = (
        np.array([np.average(rows, weights=weight), np.average(columns, weights=weight)]) - origin
    )
    return _Frame(origin, down / np.linalg.norm(down), (_SEARCH[1] + 0.1) * usual_mm)


def _section(image: Float, bone: Float, frame: _Frame, usual_mm: float) -> _RemnantOnSlice | None:
    """The clearest residual disc of a slice."""
    from scipy import ndimage

    coarse = _closed(bone[::_COARSE, ::_COARSE] > 0.5, _ball(_NOTCH_MM / _COARSE))
    whole = _main(ndimage.binary_fill_holes((bone > 0.5) | _fine(coarse, bone.shape)))
    inner = ndimage.binary_erosion(whole, _ball(_CORTEX_MM))
    down_mm = frame.axes_mm[0][:, None] / usual_mm
    inner &= (down_mm > _SEARCH[0]) & (down_mm < _SEARCH[1])
    if not inner.any():
        return None
    smooth = ndimage.gaussian_filter(image, [mm / _STEP_MM for mm in _SMOOTH_MM])
    marrow = _marrow(smooth[::_COARSE, ::_COARSE], inner[::_COARSE, ::_COARSE])
    missing = 1 - smooth / np.maximum(_fine(marrow, smooth.shape), 1e-6)
    noise = 1.4826 * float(np.median(np.abs(missing[inner])))
    bands = _bands(inner & (missing > max(_DARK[0], _DARK[1] * noise)), inner)
    parts, count = ndimage.label(bands, np.ones((3, 3)))
    sections = []
    for n in range(1, count + 1):
        where = _whole_band(parts == n, missing, inner, frame)
        clear = float(np.median(missing[where & (missing > _DARK[0])])) > _CLEAR * noise
        if clear and _is_disc(where, missing, smooth, whole, frame, usual_mm):
            sections.append(
                _RemnantOnSlice(where, float(missing[where].clip(0).sum()) * _STEP_MM**2)
            )
    return max(sections, key=lambda one: one.dark_mm2, default=None)


def _marrow(image: Float, inner: Mask) -> Float:
    """Mean signal of the marrow around each pixel."""
    from scipy.ndimage import gaussian_filter

    widths = [mm / _STEP_MM / _COARSE for mm in _MARROW_MM]
    here = inner
    for _ in range(_ROUNDS):
        weight = gaussian_filter(here.astype(np.float32), widths, mode="constant")
        mean = gaussian_filter(np.where(here, image, 0), widths, mode="constant")
        mean = mean / np.maximum(weight, 1e-6)
        here = inner & (np.abs(image - mean) < _UNUSUAL * mean)
    return np.asarray(mean)


def _fine(coarse: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    rows, columns = shape
    return coarse.repeat(_COARSE, axis=0).repeat(_COARSE, axis=1)[:rows, :columns]


def _bands(dark: Mask, inner: Mask) -> Mask:
    """Dark bands across the sacrum, with what they enclose."""
    from scipy import ndimage

    filled = ndimage.binary_fill_holes(_closed(dark, _upright()) & inner)
    level = np.ones((1, round(_ACROSS_MM / _STEP_MM)))
    return np.asarray(
        ndimage.binary_opening(ndimage.binary_opening(filled, level), _ball(_ROUND_MM))
    )


def _whole_band(where: Mask, missing: Float, inner: Mask, frame: _Frame) -> Mask:
    """The dark band of which a part was found, up to half of its contrast."""
    from scipy import ndimage

    down_mm, back_mm = np.meshgrid(*frame.axes_mm, indexing="ij")
    centre, along, depth_mm = _axis(where, frame)
    height_mm = where.sum() * _STEP_MM**2 / depth_mm
    across = (down_mm - centre[0]) * along[1] - (back_mm - centre[1]) * along[0]
    strip = inner & (np.abs(across) < height_mm / 2 + _MARGIN_MM)
    contrast = float(np.median(missing[where & (missing > _DARK[0])]))
    dark = strip & (missing > max(contrast / 2, _DARK[0]))
    level = np.ones((1, 1 + 2 * round(_GAP_MM / 2 / _STEP_MM)), dtype=bool)
    filled = ndimage.binary_fill_holes(_closed(_closed(dark, _upright()), level) & strip)
    filled = ndimage.binary_opening(filled, np.ones((1, round(_SPUR_MM / _STEP_MM))))
    filled = ndimage.binary_opening(filled, _ball(_ROUND_MM))
    parts, _ = ndimage.label(filled, np.ones((3, 3)))
    sizes = np.bincount(parts[where], minlength=2)[1:]
    return np.asarray(parts == 1 + sizes.argmax()) if sizes.any() else where


def _axis(where: Mask, frame: _Frame) -> tuple[Array, Array, float]:
    """Centre and backward direction of a band, (down, back), and its length in mm."""
    index = np.argwhere(where)
    points = np.stack([axis[n] for axis, n in zip(frame.axes_mm, index.T, strict=True)], axis=1)
    centre = points.mean(axis=0)
    _, _, axes = np.linalg.svd(points - centre, full_matrices=False)
    along = axes[0] * (np.sign(axes[0][1]) or 1.0)
    depth_mm = float(np.ptp(np.quantile((points - centre) @ along, [0.02, 0.98]))) + _STEP_MM
    return centre, along, depth_mm


def _is_disc(
    where: Mask, missing: Float, image: Float, whole: Mask, frame: _Frame, usual_mm: float
) -> bool:
    """Whether a dark band has place, slope, size and contrast of a residual disc."""
    down_mm, back_mm = np.meshgrid(*frame.axes_mm, indexing="ij")
    centre, along, depth_mm = _axis(where, frame)
    height_mm = where.sum() * _STEP_MM**2 / depth_mm
    row = round(centre[0] / _STEP_MM)
    widths_mm = whole[row : row + round(_BELOW_MM / _STEP_MM)].sum(axis=1) * _STEP_MM
    width_mm, below_mm = float(widths_mm[0]), float(widths_mm.max())
    if not (
        _PLACE[0] < centre[0] / usual_mm < _PLACE[1]
        and abs(np.degrees(np.arctan2(along[0], along[1]))) < _STEEPEST_DEG
        and depth_mm > max(_LEAST_DEPTH_MM, _LEAST_FILL * width_mm)
        and below_mm < _WIDER_BELOW * width_mm
    ):
        return False
    dark = where & (missing > _DARK[0])
    if height_mm * float(np.median(missing[dark])) < _LEAST_DARK_MM:
        return False
    offset = np.stack([down_mm - centre[0], back_mm - centre[1]])
    beside = np.abs(np.tensordot(along, offset, 1)) < depth_mm / 2
    beyond = np.tensordot([along[1], -along[0]], offset, 1)
    marrow = []
    for side in (-1, 1):
        away = side * beyond - height_mm / 2
        near = whole & beside & (away > _BESIDE_MM[0]) & (away < _BESIDE_MM[1])
        marrow.append(float(np.median(image[near])) if near.any() else 0.0)
    low, high = sorted(marrow)
    darkness = 1 - float(np.median(image[dark])) / max(low, 1e-6)
    return high < _MARROW_RATIO * low and darkness > _LEAST_CONTRAST


def _run(found: dict[int, _RemnantOnSlice], deciding: Sequence[int]) -> list[int]:
    """Neighbouring slices whose sections overlap, around the clearest of the deciding ones."""
    start = max((k for k in deciding if k in found), key=lambda k: found[k].dark_mm2, default=None)
    if start is None:
        return []
    run = [start]
    for step in (-1, 1):
        k = start
        while k + step in found and _overlap(found[k].mask, found[k + step].mask):
            k += step
            run.append(k)
    return sorted(run)


def _overlap(one: Mask, other: Mask) -> bool:
    return bool((one & other).sum() > _OVERLAP * min(one.sum(), other.sum()))


def _between_endplates(band: Mask, frame: _Frame) -> Float:
    """Smooth soft mask of a band without its endplates, which are as dark as the band."""
    from scipy.ndimage import gaussian_filter1d

    down_mm, _ = frame.axes_mm
    columns = np.flatnonzero(band.any(axis=0))
    middle, half = np.zeros((2, band.shape[1]))
    for n in columns:
        rows = down_mm[band[:, n]]
        middle[n] = (rows[0] + rows[-1]) / 2
        half[n] = (rows[-1] - rows[0] + _STEP_MM) / 2
    for values in (middle, half):
        values[columns] = gaussian_filter1d(values[columns], _ROUND_MM / _STEP_MM, mode="nearest")
    half = np.maximum(half - _ENDPLATE_MM, half / 2)
    depth = half - np.abs(down_mm[:, None] - middle)
    return np.asarray(
        np.where(half > 0, np.clip(depth / _STEP_MM + 0.5, 0, 1), 0), dtype=np.float32
    )


def _main(where: Mask) -> Mask:
    """The largest connected part."""
    from scipy.ndimage import label

    parts, count = label(where)
    return where if count < 2 else np.asarray(parts == 1 + np.bincount(parts.ravel())[1:].argmax())


def _closed(where: Mask, element: Mask) -> Mask:
    """Closing that ignores the border of the picture."""
    from scipy.ndimage import binary_closing

    margin = max(element.shape)
    padded = binary_closing(np.pad(where, margin), element)
    return np.asarray(where | padded[margin:-margin, margin:-margin])


def _upright() -> Mask:
    return np.ones((1 + 2 * round(_CORE_MM / 2 / _STEP_MM), 1), dtype=bool)


def _ball(radius_mm: float) -> Mask:
    reach = int(radius_mm / _STEP_MM)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    return np.asarray(np.hypot(x, y) * _STEP_MM <= radius_mm)
