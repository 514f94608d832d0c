"""Named soft masks -> the outline of one disc."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from discmri.core.findings import Code, MeasurementError
from discmri.core.labels import SpineLabels
from discmri.core.levels import DiscLevel, Vertebra
from discmri.core.volume import Array, SoftMask
from discmri.measurement.outline.contours import (
    SliceContours,
    flattened,
    mid_contour,
    section_of,
    slice_contours,
)
from discmri.measurement.outline.corners import body_corners, disc_corners
from discmri.measurement.outline.orientation import Surroundings, first_frame
from discmri.results.outline import (
    BodyCorners,
    BodyEnd,
    Corners,
    DiscFrame,
    DiscOutline,
    DiscSection,
)

_MIN_WIDTH_MM, _MIN_HEIGHT_MM = 8.0, 0.8


@dataclass(frozen=True, eq=False)
class _Body:
    contours: SliceContours
    far_end: BodyEnd

    @classmethod
    def of(cls, mask: SoftMask | None, is_sacrum: bool, is_cut: bool) -> _Body | None:
        if mask is None:
            return None
        cut = BodyEnd.CUT if is_cut or _reaches_edge(mask) else BodyEnd.SEEN
        return cls(slice_contours(mask), BodyEnd.SACRUM if is_sacrum else cut)


def _reaches_edge(mask: SoftMask) -> bool:
    """Whether the mask reaches the edge of its slices, so that the image cuts it."""
    slices = np.moveaxis(mask.array, mask.sagittal_axis, 0)
    edges = (slices[:, 0], slices[:, -1], slices[:, :, 0], slices[:, :, -1])
    return any(bool((edge > 0.5).sum() > 5) for edge in edges)


def trace_disc(
    labels: SpineLabels,
    level: DiscLevel,
    central_slices: int = 7,
    cut_bodies: Collection[Vertebra] = (),
) -> DiscOutline:
    """Trace the border of one disc with sub-voxel precision in its own frame.

    Parameters
    ----------
    labels
        Named soft masks; the adjacent bodies and the canal are used if present.
    level
        The disc.
    central_slices
        Number of slices nearest the mid-plane that are traced (Belavy 2012: the error of about
        seven equals that of all).
    cut_bodies
        Bodies that the image shows only in part; their height is not used as reference.

    Returns
    -------
    DiscOutline
        Frame, mid-sagittal section, further sections and corners, mm.

    Raises
    ------
    MeasurementError
        ``OUTLINE_FAILED`` if the mask has no border or one that is impossible for a disc.
    KeyError
        If ``labels`` has no such disc.

    Examples
    --------
    >>> outline = trace_disc(labels, DiscLevel.L4_L5)  # doctest: +SKIP
    >>> outline.mid.width_mm  # doctest: +SKIP
    34.9
    """
    mask = labels.discs[level]
    contours = slice_contours(mask)
    if not contours.loops_mm:
        raise MeasurementError(
            Code.OUTLINE_FAILED, f"the mask of {level.value} fills no voxel by more than half"
        )
    around = Surroundings.of(labels, level)
    bodies = (
        _Body.of(around.above, False, level.above in cut_bodies),
        _Body.of(around.below, level.below is Vertebra.SACRUM, level.below in cut_bodies),
    )
    frame = first_frame(mask, contours, around)
    for seen in ((None, None), bodies):
        frame = _origin_inside(contours, frame)
        mid = section_of(mid_contour(_central(contours, frame, central_slices)), 0.0)
        _check(mid, level)
        frame = _settled(frame, mid, disc_corners(mid, *_neighbours(seen, frame, mid)))
    frame = _origin_inside(contours, frame)
    cuts = _central(contours, frame, central_slices)
    mid = section_of(mid_contour(cuts), 0.0)
    above, below = _neighbours(bodies, frame, mid)
    sections = [section_of(outline, left) for left, outline in cuts]
    return DiscOutline(
        frame=frame,
        mid=mid,
        sections=tuple(sorted((*sections, mid), key=lambda cut: -cut.left_mm)),
        corners=disc_corners(mid, above, below),
        mask=mask,
        above=above,
        below=below,
        border_sd_mm=_border_sd(labels, level, frame, mid),
    )


def _origin_inside(contours: SliceContours, frame: DiscFrame) -> DiscFrame:
    """The frame with its origin moved into the disc, which it may miss if thin and bent."""
    cuts = flattened(contours.largest, frame)
    if any(_surrounds_origin(outline) for _, outline in cuts):
        return frame
    left_mm, outline = min(cuts, key=lambda cut: abs(cut[0]))
    cut = section_of(outline, left_mm)
    middle = len(cut.x_mm) // 2
    up_mm = (cut.upper_mm[middle] + cut.lower_mm[middle]) / 2
    return frame.moved(np.array([cut.x_mm[middle], up_mm, 0.0]))


def _central(
    contours: SliceContours, frame: DiscFrame, central_slices: int
) -> list[tuple[float, Array]]:
    """The slices nearest the mid-plane whose outline contains the frame's origin."""
    cuts = [cut for cut in flattened(contours.largest, frame) if _surrounds_origin(cut[1])]
    if not cuts:
        raise MeasurementError(Code.OUTLINE_FAILED, "no slice shows the middle of the disc")
    return sorted(cuts, key=lambda cut: abs(cut[0]))[:central_slices]


def _surrounds_origin(outline: Array) -> bool:
    angle = np.arctan2(outline[:, 1], outline[:, 0])
    turns = np.angle(np.exp(1j * np.diff(angle, append=angle[0]))).sum()
    return bool(abs(turns) > np.pi)


def _check(mid: DiscSection, level: DiscLevel) -> None:
    height = float(np.median(mid.upper_mm - mid.lower_mm))
    if mid.width_mm < _MIN_WIDTH_MM or height < _MIN_HEIGHT_MM or mid.width_mm < 1.2 * height:
        raise MeasurementError(
            Code.OUTLINE_FAILED,
            f"the outline of {level.value} is {mid.width_mm:.1f} mm deep and {height:.1f} mm high, "
            "which is impossible for a disc",
        )


def _neighbours(
    bodies: tuple[_Body | None, _Body | None], frame: DiscFrame, mid: DiscSection
) -> tuple[BodyCorners | None, BodyCorners | None]:
    above, below = (
        None if body is None else body_corners(body.contours, frame, mid, side, body.far_end)
        for body, side in zip(bodies, (1, -1), strict=True)
    )
    return _plausible(above, mid, 1), _plausible(below, mid, -1)


def _plausible(body: BodyCorners | None, mid: DiscSection, side: int) -> BodyCorners | None:
    """The body if its near rim fits this disc, else ``None``."""
    if body is None:
        return None
    front, back = (
        (body.lower_anterior, body.lower_posterior)
        if side > 0
        else (body.upper_anterior, body.upper_posterior)
    )
    depth = front[0] - back[0]
    near = abs((front + back)[0] / 2 - (mid.x_mm[0] + mid.x_mm[-1]) / 2) < 0.5 * mid.width_mm
    return body if 0.5 < depth / mid.width_mm < 1.5 and near else None


def _settled(frame: DiscFrame, mid: DiscSection, corners: Corners) -> DiscFrame:
    """The frame along the bisector of both endplate chords, with its origin in the disc's centre."""
    middle = (mid.x_mm[0] + mid.x_mm[-1]) / 2
    height = (
        np.interp(middle, mid.x_mm, mid.upper_mm) + np.interp(middle, mid.x_mm, mid.lower_mm)
    ) / 2
    upper = corners.upper_anterior - corners.upper_posterior
    lower = corners.lower_anterior - corners.lower_posterior
    bisector = upper / np.linalg.norm(upper) + lower / np.linalg.norm(lower)
    moved = frame.moved(np.array([middle, height, 0.0]))
    return moved.turned(float(np.arctan2(bisector[1], bisector[0])))


def _border_sd(labels: SpineLabels, level: DiscLevel, frame: DiscFrame, mid: DiscSection) -> float:
    """SD (mm) of the step across the endplates; 0.29 voxel for a hard mask."""
    mask = labels.discs[level]
    spacing = np.delete(mask.spacing_mm, mask.sagittal_axis)
    voxel = float(
        np.abs(np.delete(mask.grid.directions, mask.sagittal_axis, 1).T @ frame.cranial) @ spacing
    )
    if mask.is_hard:
        return 0.29 * voxel
    x, upper, lower = mid.between(0.2, 0.8)
    pick = slice(None, None, 6)
    offsets = np.linspace(-3.0, 3.0, 61)
    widths = []
    for border, sign in ((upper, 1.0), (lower, -1.0)):
        y = border[pick, None] + sign * offsets
        points = np.stack(np.broadcast_arrays(x[pick, None], y, 0.0), axis=-1)
        profile = np.median(mask.sample(frame.to_world(points)), axis=0)
        step = np.clip(-np.gradient(profile, offsets), 0, None)
        mean = np.average(offsets, weights=step + 1e-12)
        widths.append(np.sqrt(np.average((offsets - mean) ** 2, weights=step + 1e-12)))
    return float(np.mean(widths))
