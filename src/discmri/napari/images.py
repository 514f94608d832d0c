"""What is drawn of one study: pictures on one lattice, labels, and a mark for every disc."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from discmri.core.errors import DicomError, SessionError
from discmri.core.levels import DiscLevel
from discmri.core.volume import Array, Grid, SoftMask, Volume
from discmri.napari.view import SagittalView
from discmri.results.height.stations import STATIONS
from discmri.results.outline import DiscBorder
from discmri.results.pictures.canvas import window
from discmri.results.residual import border_mm
from discmri.study import Role

if TYPE_CHECKING:
    from discmri.study import Series, Study

ADC_RANGE_UM2_MS = (0.0, 3.0)
_NAMES = {Role.SAG_T2: "T2", Role.SAG_FS: "fat-suppressed", Role.SAG_T1: "T1"}
_ORDER = {Role.SAG_T1: 1, Role.SAG_FS: 2, Role.SAG_T2: 3}
"""The other series that are shown, from left to right."""
_AROUND_DISCS_MM = 25.0
_NAME_MM = 13.0  # from the front of a disc to the middle of its name
_ROUNDED_POINTS = 1.8  # of a border, of which a voxel has one or two: rounds steps of 1 voxel
_DASH_MM, _DASH_GAP_MM = 2.0, 1.5


@dataclass(frozen=True, eq=False)
class Picture:
    """One image as it is drawn."""

    name: str  # its weighting, never what its header says
    array: NDArray[Any]  # (slice, row, column)
    limits: tuple[float, float]  # grey values that become black and white
    colours: str = "gray"  # name of the colour map
    unit: str = ""  # of its values, where they have one
    note: str = ""  # what else stands over it

    @property
    def title(self) -> str:
        """What stands over it."""
        return " ".join(filter(None, (self.name, self.unit, self.note)))


@dataclass(frozen=True, eq=False)
class DiscMark:
    """Where one disc is shown; shown millimetres as in :class:`SagittalView`."""

    centre_mm: Array  # (3,) middle of the disc
    name_mm: Array  # (2,) row and column at which its name stands, beside its anterior border
    # (n, 2, 3) ends of the height lines, all on the slice of the centre; empty where the disc is
    # not traced
    lines_mm: Array


@dataclass(frozen=True, eq=False)
class Images:
    """Everything that is drawn of one study before it is measured."""

    view: SagittalView  # how its grid is shown
    pictures: tuple[Picture, ...]  # the segmented series first, then the other sagittal ones
    labels: NDArray[np.uint8]  # (i, j, k) the automatic label map
    marks: Mapping[DiscLevel, DiscMark]  # by automatic level; without height lines
    # sagittal series that are there and not shown, each with the reason
    left_out: tuple[str, ...] = ()


def images_of(
    study: Study, labels: NDArray[np.uint8], drawn_on: Grid, discs: Mapping[DiscLevel, int]
) -> Images:
    """Read the pictures of a study and say where its discs are.

    ``labels`` (i, j, k) is its label map on the grid ``drawn_on``, ``discs`` the label number of
    each disc.  Raises ``SessionError`` where that grid is not the one of the segmented series.
    """
    target = study.target()
    image = study.read(target)
    grid = image.grid
    if drawn_on.shape != grid.shape or np.abs(drawn_on.affine - grid.affine).max() > 0.01:
        raise SessionError(
            f"the label map ({drawn_on.shape}) does not lie on the grid of the segmented series "
            f"({grid.shape}); measure the study again"
        )
    view = SagittalView.of(grid)
    near = _near(view.shown(labels), view, tuple(discs.values()))
    pictures = [Picture(_name(target), *_drawn(view, image, near))]
    others, left_out = _others(study, target, view)
    for name, volume in others:
        free = _free(name, [one.name for one in pictures])
        pictures.append(Picture(free, *_drawn(view, volume, near)))
    found = {
        level: mark
        for level, number in discs.items()
        if (mark := mark_of(view, labels == number)) is not None
    }
    return Images(view, tuple(pictures), labels, found, left_out)


def _others(
    study: Study, target: Series, view: SagittalView
) -> tuple[list[tuple[str, Volume]], tuple[str, ...]]:
    """The other sagittal series on the grid of the segmented one, and those that are left out."""
    found, left_out = [], []
    grid = view.grid
    for series in sorted(study.series, key=lambda one: _ORDER.get(one.role, 0)):
        if series.role not in _ORDER or series is target:
            continue
        name, why = _name(series), _why_not(series, target)
        if why:
            left_out.append(f"{name}: {why}")
            continue
        try:
            volume = study.read(series)
        except DicomError:
            left_out.append(f"{name}: it cannot be read")
            continue
        same = volume.shape == grid.shape and np.allclose(volume.affine, grid.affine, atol=1e-3)
        found.append((name, volume if same else volume.resampled(grid)))
    return found, tuple(left_out)


def adc_to_come(view: SagittalView) -> Picture:
    """What stands where the ADC will, so that nothing moves when it is there."""
    nothing = np.zeros(view.shape, dtype=np.uint8)
    return Picture("ADC", nothing, ADC_RANGE_UM2_MS, note="…")


def adc_picture(view: SagittalView, adc: Volume) -> Picture:
    """The ADC, which lies on the grid of the view."""
    return Picture("ADC", view.shown(adc.array), ADC_RANGE_UM2_MS, "viridis", "µm²/ms")


def _name(series: Series) -> str:
    """What a sagittal series is called, from its role; never what its header says."""
    if series.role is Role.SAG_FS and series.contrast.ti_ms:
        return "STIR"
    return _NAMES.get(series.role, "image")


def _free(name: str, taken: Sequence[str]) -> str:
    """The name, with a number where another picture has it."""
    number = sum(one.split()[0] == name for one in taken)
    return f"{name} {number + 1}" if number else name


def _why_not(series: Series, target: Series) -> str:
    """Why a series is not shown beside the segmented one; empty where it can be."""
    if not series.images:
        return "it cannot be read"
    if series.frame_of_reference_uid != target.frame_of_reference_uid:
        return "it is in another frame of reference"
    return ""


def _near(shown: NDArray[Any], view: SagittalView, numbers: tuple[int, ...]) -> tuple[slice, ...]:
    """The part of the picture around the discs, whose grey values set the window."""
    where = np.argwhere(np.isin(shown, numbers))
    if not where.size:
        return (slice(None),) * 3
    margin = np.round(_AROUND_DISCS_MM / view.spacing_mm).astype(int)
    low = np.maximum(where.min(axis=0) - margin, 0)
    high = where.max(axis=0) + 1 + margin
    return tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))


def _drawn(
    view: SagittalView, image: Volume, near: tuple[slice, ...]
) -> tuple[NDArray[Any], tuple[float, float]]:
    shown = view.shown(image.array)
    return shown, window(shown[near])


def mark_of(view: SagittalView, where: NDArray[np.bool_]) -> DiscMark | None:
    """The mark of a disc from the (i, j, k) voxels of its label; ``None`` where there are none."""
    voxels = np.argwhere(view.shown(where))
    if not voxels.size:
        return None
    centre = voxels.mean(axis=0)
    centre[0] = round(float(centre[0]))
    front = float(voxels[:, 2].min()) * view.spacing_mm[2]
    centre_mm = centre * view.spacing_mm
    return DiscMark(centre_mm, np.array([centre_mm[1], front - _NAME_MM]), np.empty((0, 2, 3)))


def traced(mark: DiscMark, view: SagittalView, border: DiscBorder) -> DiscMark:
    """The mark with the height lines of a traced disc.

    The lines lie in the disc's own mid-sagittal plane; they are drawn on the acquired slice that
    is nearest to its middle, which becomes the slice of the disc.
    """
    middle_mm = view.place(border.frame.origin_mm)
    depth_mm = view.slice_at(float(middle_mm[0])) * view.spacing_mm[0]
    found = [line for share in STATIONS.values() if (line := border.line_mm(share)) is not None]
    lines = view.place(np.array(found).reshape(-1, 2, 3))
    lines[..., 0] = depth_mm
    centre = np.array([depth_mm, *middle_mm[1:]])
    return replace(mark, centre_mm=centre, lines_mm=lines)


def dashes_of(view: SagittalView, where: NDArray[np.bool_]) -> Array:
    """(n, 2, 3) dashes along the border of a label on its middle slice, shown millimetres.

    ``where`` (i, j, k) has at least one voxel.
    """
    mask = SoftMask.from_fractions(where.astype(np.float32), view.grid.affine)
    border = view.place(border_mm(mask))
    way = np.append(0.0, np.linalg.norm(np.diff(border, axis=0), axis=1).cumsum())
    starts = np.arange(0.0, way[-1] - _DASH_MM, _DASH_MM + _DASH_GAP_MM)
    ends = np.stack([starts, starts + _DASH_MM], axis=1)
    return np.stack([np.interp(ends, way, border[:, axis]) for axis in range(3)], axis=-1)


def border_of(view: SagittalView, mask: SoftMask, mid: Array | None = None) -> Array:
    """(n, 2, 3) short pieces of the border of a disc on every slice, shown millimetres.

    ``mid`` (m, 3), the closed border in the mid-sagittal plane in RAS+ millimetres, is drawn on the
    slice nearest to it; the half-filled line of the mask stands on the other slices.  Around whole
    voxels that line goes in steps, which are rounded for the eye; nothing is measured on it.
    """
    from skimage.measure import find_contours

    axis, loops = mask.sagittal_axis, {}
    drawn = _rounded if mask.is_hard else np.asarray
    for number, plane in enumerate(np.moveaxis(mask.array, axis, 0)):
        found = find_contours(np.pad(plane, 1), 0.5)
        if found:
            placed = [
                view.place(mask.grid.to_world(np.insert(drawn(one) - 1.0, axis, number, axis=1)))
                for one in found
            ]
            loops[view.slice_at(float(placed[0][0, 0]))] = placed
    if mid is not None:
        closed = view.place(np.vstack([mid, mid[:1]]))
        loops[view.slice_at(float(closed[:, 0].mean()))] = [closed]
    pieces = [np.empty((0, 2, 3))]
    for number, placed in loops.items():
        for loop in placed:
            loop[:, 0] = number * view.spacing_mm[0]
            pieces.append(np.stack([loop[:-1], loop[1:]], axis=1))
    return np.concatenate(pieces)


def _rounded(loop: Array) -> Array:
    """(n, 2) a closed border of whole voxels without its steps; a small one keeps its size."""
    from scipy.ndimage import gaussian_filter1d

    points = min(_ROUNDED_POINTS, len(loop) / 20)
    smooth = gaussian_filter1d(loop[:-1], points, axis=0, mode="wrap")
    return np.vstack([smooth, smooth[:1]])
