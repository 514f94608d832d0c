"""Frames -> stacks of slices on a regular grid.

Slices are placed by Image Position and Image Orientation only: positions are projected on the slice
normal.  Grids map to RAS+ millimetres, converted from the LPS of DICOM.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from discmri.core.diffusion import BValue
from discmri.core.errors import GeometryError
from discmri.core.findings import Code, Finding, info, warning
from discmri.core.volume import Grid
from discmri.study.closeness import B_WITHIN_S_PER_MM2
from discmri.study.extent import refuse_absurd_extent
from discmri.study.frame import Frame, Geometry, Scaling
from discmri.study.pixels import stored_values
from discmri.study.source import InputFile

SAME_DIRECTION = 2e-3  # difference of cosines, about 0.1 degrees
DIRECTION_WITHIN = 0.02  # of each component of a gradient direction
SAME_POSITION_MM = 0.05
REGULAR_WITHIN = 0.02  # of the spacing: rounding of headers
USABLE_WITHIN = 0.10  # of the spacing: irregular, but still close to a regular grid
SHEAR_WITHIN_PIXELS = 0.25
STATED_WITHIN = 0.05  # of the spacing: Spacing Between Slices agrees with the positions
SAME_GRID_WITHIN = 0.02  # of the smallest voxel side
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Stack:
    """Parallel slices at equal distances."""

    frames: tuple[Frame, ...]  # in order along the slice normal
    grid: Grid  # of the array (column index, row index, slice), to RAS+ millimetres
    b_value: BValue | None = None  # diffusion weighting of all frames; None without
    findings: tuple[Finding, ...] = ()  # findings about the slices, without series

    @property
    def scalings(self) -> tuple[Scaling, ...]:
        """Value scaling of each slice."""
        return tuple(frame.scaling for frame in self.frames)

    @property
    def averages(self) -> float | None:
        """Number of averaged acquisitions; ``None`` if unknown or different between slices."""
        stated = {frame.averages for frame in self.frames}
        return stated.pop() if len(stated) == 1 else None

    @property
    def instance_uids(self) -> tuple[str, ...]:
        """SOP Instance UIDs, each once, in slice order."""
        return tuple(dict.fromkeys(frame.sop_instance_uid for frame in self.frames))

    @property
    def dicom_files(self) -> tuple[InputFile, ...]:
        """Its files, each once, in slice order."""
        return tuple(dict.fromkeys(frame.pixels.file for frame in self.frames))

    def read(self, threads: int = 2) -> NDArray[np.float32]:
        """(column, row, slice) rescaled values; padding is zero.

        Raises
        ------
        DicomError
            If pixel values cannot be decoded.
        """
        columns, rows, slices = self.grid.shape
        values = np.empty((slices, rows, columns), dtype=np.float32)
        for n, stored in enumerate(stored_values(self.frames, threads)):
            scaling = self.frames[n].scaling
            values[n] = stored
            if scaling.slope != 1.0:
                values[n] *= scaling.slope
            if scaling.intercept != 0.0:
                values[n] += scaling.intercept
            if scaling.padding is not None:
                values[n][stored == scaling.padding] = 0.0
        return values.T


def grouped(
    frames: Sequence[Frame], same: Callable[[Frame], Hashable], close: bool = True
) -> list[list[Frame]]:
    """Frames with equal ``same`` and, if ``close``, nearly equal orientation and pixel size.

    Groups and their frames keep the given order.
    """
    groups: dict[Hashable, list[list[Frame]]] = {}
    for frame in frames:
        siblings = groups.setdefault(same(frame), [])
        for group in siblings:
            if not close or parallel(group[0], frame):
                group.append(frame)
                break
        else:
            siblings.append([frame])
    return [group for siblings in groups.values() for group in siblings]


def stacks_of(frames: Sequence[Frame]) -> list[Stack]:
    """Stacks of one kind of image, separated by b-value and direction, then by repetition.

    If not all positions are repeated equally often, the slice acquired last at each one is kept.

    Raises
    ------
    GeometryError
        If the slices form no regular stack.
    """
    stacks = []
    problem: GeometryError | None = None
    for group in _by_weighting(frames):
        for repetition, findings in _repetitions(group):
            try:
                stacks.append(_stack(repetition, findings))
            except GeometryError as error:
                problem = error
    if not stacks and problem is not None:
        raise problem
    return stacks


def parallel(a: Frame, b: Frame) -> bool:
    """Whether orientation and pixel size of two slices agree to within rounding."""
    if a.geometry is None or b.geometry is None:
        return a.geometry is b.geometry
    directions = max(
        np.abs(a.geometry.along_row - b.geometry.along_row).max(),
        np.abs(a.geometry.along_column - b.geometry.along_column).max(),
    )
    if not directions < SAME_DIRECTION:
        return False
    pixels_mm = zip(a.geometry.pixel_mm, b.geometry.pixel_mm, strict=True)
    return all(abs(one - other) <= 1e-3 * abs(other) for one, other in pixels_mm)


def positions_mm(frames: Sequence[Frame]) -> list[float]:
    """Distinct positions along the normal of the first slice, ascending, in millimetres."""
    normal = _geometry(frames[0]).normal
    along = sorted(float(f.geometry.position @ normal) for f in frames if f.geometry is not None)
    return along[:1] + [b for a, b in pairwise(along) if b - a > SAME_POSITION_MM]


def in_plane_mm(frames: Sequence[Frame]) -> float:
    """Largest shift of slices against the first one within its plane, in millimetres."""
    first = _geometry(frames[0])
    steps = np.array([_geometry(frame).position - first.position for frame in frames])
    in_plane = steps - np.outer(steps @ first.normal, first.normal)
    return float(np.linalg.norm(in_plane, axis=1).max())


def same_weighting(a: Frame, b: Frame) -> bool:
    """Whether b-value, kind and direction agree to within rounding."""
    one, other = a.b_value, b.b_value
    if one is None or other is None:
        return one is other
    if one.kind is not other.kind or (one.direction is None) is not (other.direction is None):
        return False
    apart = abs(one.value_s_per_mm2 - other.value_s_per_mm2)
    turned = np.subtract(one.direction or 0.0, other.direction or 0.0)
    return apart <= B_WITHIN_S_PER_MM2 and bool(np.abs(turned).max() <= DIRECTION_WITHIN)


def _by_weighting(frames: Sequence[Frame]) -> list[list[Frame]]:
    groups: list[list[Frame]] = []
    known: dict[Hashable, list[Frame]] = {}
    for frame in frames:
        b = frame.b_value
        key = None if b is None else (b.value_s_per_mm2, b.kind, b.direction)
        if key not in known:
            group = next((one for one in groups if same_weighting(one[0], frame)), [])
            if not group:
                groups.append(group)
            known[key] = group
        known[key].append(frame)
    return groups


def _geometry(frame: Frame) -> Geometry:
    if frame.geometry is None:
        raise GeometryError("the slices have no position and orientation in their headers")
    return frame.geometry


def _repetitions(
    frames: Sequence[Frame],
) -> list[tuple[list[Frame], tuple[Finding, ...]]]:
    """One list of frames per repetition, each position once, ordered along the normal."""
    normal = _geometry(frames[0]).normal
    along = [(float(_geometry(f).position @ normal), f.acquired, f.order, f) for f in frames]
    along.sort(key=lambda item: item[:3])
    places: list[list[Frame]] = []
    last = -np.inf
    for distance, _, _, frame in along:
        if distance - last < SAME_POSITION_MM:
            places[-1].append(frame)
        else:
            places.append([frame])
            last = distance
    for place in places:
        place.sort(key=lambda frame: (frame.acquired, frame.order))
    counts = {len(place) for place in places}
    if len(places) == 1 and len(frames) > 1:
        raise GeometryError(
            f"all {len(frames)} slices have the same position (Image Position Patient), so they form "
            "no volume; check whether an export or anonymiser has overwritten their positions"
        )
    if counts == {1}:
        return [([place[0] for place in places], ())]
    if len(counts) == 1:
        (count,) = counts
        note = info(Code.SERIES_SPLIT, f"{count} repetitions at every slice position")
        return [([place[n] for place in places], (note,)) for n in range(count)]
    repeated = sum(len(place) > 1 for place in places)
    text = (
        f"{repeated} of {len(places)} slice positions occur more than once; "
        "the image acquired last was kept"
    )
    return [([place[-1] for place in places], (warning(Code.SLICE_REPEATED, text),))]


def _stack(frames: list[Frame], findings: tuple[Finding, ...]) -> Stack:
    first = _geometry(frames[0])
    distances = np.array([_geometry(frame).position @ first.normal for frame in frames])
    _refuse_shear(frames, first)
    if len(frames) == 1:
        uid = frames[0].origin.series_uid
        spacing, start = _thickness(first, uid), float(distances[0])
        notes: tuple[Finding, ...] = (_single_slice(first),)
    else:
        chosen, spacing, start, notes = _regular_run(distances, first)
        frames = frames[chosen]
    first = _geometry(frames[0])
    origin = first.position + (start - first.position @ first.normal) * first.normal
    affine = np.eye(4)
    affine[:3, 0] = first.along_row * first.pixel_mm[1]
    affine[:3, 1] = first.along_column * first.pixel_mm[0]
    affine[:3, 2] = first.normal * spacing
    affine[:3, 3] = origin
    affine[:3] = _LPS_TO_RAS @ affine[:3]
    shape = (frames[0].pixels.columns, frames[0].pixels.rows, len(frames))
    grid = Grid(shape, affine)
    refuse_absurd_extent(grid)
    return Stack(tuple(frames), grid, frames[0].b_value, (*findings, *notes))


def _regular_run(
    distances: NDArray[np.float64], geometry: Geometry
) -> tuple[slice, float, float, tuple[Finding, ...]]:
    """The slices to use, their spacing, the position of the first, and findings about them.

    If slices are missing, the longest run without a gap is used; of equally long runs, the one
    nearest to the middle.
    """
    gaps = np.diff(distances)
    typical = float(np.median(gaps))
    breaks = np.flatnonzero(np.abs(gaps - typical) > USABLE_WITHIN * typical)
    edges = [0, *(breaks + 1), len(distances)]
    middle = len(distances) / 2
    runs = [slice(int(a), int(b)) for a, b in pairwise(edges)]
    run = max(runs, key=lambda r: (r.stop - r.start, -abs((r.start + r.stop) / 2 - middle)))
    length = run.stop - run.start
    if length < min(3, len(distances)):
        raise GeometryError(
            f"the distances between the {len(distances)} slices vary from {gaps.min():.2f} to "
            f"{gaps.max():.2f} mm, so they form no volume; check that the series is complete"
        )
    spacing, start = np.polyfit(np.arange(length), distances[run], 1)
    notes = []
    if length < len(distances):
        text = (
            f"slices are missing (gaps of {gaps[breaks].max():.1f} mm instead of "
            f"{typical:.1f} mm); the longest run of {length} of {len(distances)} slices is used"
        )
        notes.append(warning(Code.SLICE_MISSING, text))
    deviation = float(np.abs(distances[run] - (start + spacing * np.arange(length))).max())
    if deviation > REGULAR_WITHIN * spacing + 0.01:
        text = (
            f"slices deviate by up to {deviation:.2f} mm from a regular spacing of {spacing:.2f} mm"
        )
        notes.append(warning(Code.SPACING_IRREGULAR, text))
    stated = geometry.between_mm
    if stated is not None and abs(stated - spacing) > STATED_WITHIN * spacing:
        text = f"Spacing Between Slices is {stated:g} mm, but {spacing:.3f} mm by the positions"
        notes.append(info(Code.HEADER_CONTRADICTS_GEOMETRY, text))
    return run, float(spacing), float(start), tuple(notes)


def _refuse_shear(frames: Sequence[Frame], first: Geometry) -> None:
    drift = in_plane_mm(frames)
    if drift > SHEAR_WITHIN_PIXELS * min(first.pixel_mm):
        raise GeometryError(
            f"the slices are shifted against each other by up to {drift:.2f} mm in their plane, "
            "so they form no rectangular volume; resample the series first"
        )


def _thickness(geometry: Geometry, series_uid: str) -> float:
    if geometry.thickness_mm is None:
        raise GeometryError(
            f"series {series_uid} is a single slice without Slice Thickness, so it has no volume"
        )
    return geometry.thickness_mm


def _single_slice(geometry: Geometry) -> Finding:
    text = f"a single slice; its thickness of {geometry.thickness_mm:g} mm is used as the spacing"
    return warning(Code.SINGLE_SLICE, text)


def on_common_slices(stacks: Sequence[Stack]) -> list[Stack]:
    """Stacks of one acquisition, cropped to their common slices so that they share one grid.

    Stacks that do not lie on the slices of the longest one, or hold less than half of them (an
    aborted scan), are not changed.
    """
    longest = max(stacks, key=lambda stack: len(stack.frames))
    starts = [
        _first_slice(stack, longest.grid) if 2 * len(stack.frames) >= len(longest.frames) else None
        for stack in stacks
    ]
    placed = [(s, start) for s, start in zip(stacks, starts, strict=True) if start is not None]
    low = max(start for _, start in placed)
    high = min(start + len(stack.frames) for stack, start in placed)
    if high - low < 1:
        return list(stacks)
    return [
        stack if start is None else _cut(stack, low - start, high - start)
        for stack, start in zip(stacks, starts, strict=True)
    ]


def _first_slice(stack: Stack, grid: Grid) -> int | None:
    """Index of the first slice of a stack on ``grid``; ``None`` if it lies elsewhere."""
    start = round(float(grid.to_index(stack.grid.affine[:3, 3])[2]))
    columns, rows, slices = stack.grid.shape
    there = Grid((columns, rows, slices), grid.cropped((0, 0, start), grid.shape).affine)
    return start if same_grid(there, stack.grid) else None


def _cut(stack: Stack, start: int, stop: int) -> Stack:
    if (start, stop) == (0, len(stack.frames)):
        return stack
    columns, rows, _ = stack.grid.shape
    grid = stack.grid.cropped((0, 0, start), (columns, rows, stop - start))
    return replace(stack, frames=stack.frames[start:stop], grid=grid)


def same_grid(a: Grid, b: Grid) -> bool:
    """Whether two grids have the same voxels to within 0.02 of the smallest voxel side."""
    if a.shape != b.shape:
        return False
    corners = np.array([[0, 0, 0], [n - 1 for n in a.shape], [a.shape[0] - 1, 0, 0]])
    apart = np.abs(a.to_world(corners) - b.to_world(corners)).max()
    return bool(apart < SAME_GRID_WITHIN * a.spacing_mm.min() + 1e-3)
