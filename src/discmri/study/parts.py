"""Splitting of a DICOM series into kinds of image and stations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from discmri.core.diffusion import BValue, DirectionKind
from discmri.core.facts import Plane
from discmri.core.findings import Code, Finding, info, warning
from discmri.study.bvalues import absent_means_zero
from discmri.study.bvalues.text import names_series
from discmri.study.closeness import B_WITHIN_S_PER_MM2, TE_WITHIN, TE_WITHIN_MS, common_values
from discmri.study.frame import Frame, Geometry
from discmri.study.roles import computed_kind
from discmri.study.series import plane_of
from discmri.study.stack import (
    REGULAR_WITHIN,
    SAME_POSITION_MM,
    SHEAR_WITHIN_PIXELS,
    grouped,
    in_plane_mm,
    parallel,
    positions_mm,
    same_weighting,
)

_FEW_SLICES = 2
_FEW_SHIFTED = 0.25
_FEW_IN_A_PLANE = 3  # less than a third of those in the largest plane
"""Largest share of images that are left out because they are shifted within their plane."""


@dataclass(frozen=True)
class Part:
    """Slices of one kind at one station."""

    frames: list[Frame]
    name: str = ""  # difference from the other parts of the series; empty if there is only one
    planes: int = 1  # number of planes (sagittal, axial …) in the whole series
    findings: tuple[Finding, ...] = field(default=())  # findings of the splitting, without series


def parts_of(frames: list[Frame]) -> list[Part]:
    """The parts of one DICOM series: kinds of image, each divided into stations."""
    frames = _with_common_values(_with_absent_zeros(_without_shared_text(frames)))
    planes = _planes(frames)
    groups, notes = _with_odd_slices(_kinds(frames))
    stations = [_stations(group) for group in groups]
    total = sum(len(places) for places, _ in stations)
    parts = []
    for n, (group, (places, shifted)) in enumerate(zip(groups, stations, strict=True)):
        for k, place in enumerate(places, 1):
            name = "" if len(groups) == 1 else _name(n, groups)
            findings = [*notes[n], *shifted]
            if apart := _split_by_geometry(group[0], groups):
                findings.append(warning(Code.SERIES_SPLIT, apart))
            if len(places) > 1:
                station = f"station {k} of {len(places)} from the head"
                name = ", ".join(filter(None, (name, station)))
            if name:
                text = f"one of {total} kinds of image in its series: {name}"
                findings.append(info(Code.SERIES_SPLIT, text))
            parts.append(Part(place, name, planes, tuple(findings)))
    return parts


def plane_of_frame(frame: Frame) -> Plane:
    """Orientation of the slice in the patient."""
    return Plane.UNKNOWN if frame.geometry is None else plane_of(frame.geometry.normal)


def _without_shared_text(frames: list[Frame]) -> list[Frame]:
    """Remove a b-value that comes from the name of a series with several b-values.

    A series has several if another image has its own b-value, or if acquired images repeat a
    position.
    """
    named = [frame for frame in frames if frame.b_value and names_series(frame.b_value)]
    if not named:
        return frames
    acquired = [frame for frame in named if not computed_kind(frame.image_type)]
    placed = [frame for frame in acquired if frame.geometry is not None]
    own = any(frame.b_value and not names_series(frame.b_value) for frame in frames)
    if not own and (not placed or len(positions_mm(placed)) == len(placed)):
        return frames
    shared = set(map(id, named))
    return [replace(frame, b_value=None) if id(frame) in shared else frame for frame in frames]


def _with_absent_zeros(frames: list[Frame]) -> list[Frame]:
    """Images without a b-value get b = 0 if this scanner omits a b-value of zero."""
    plain = [frame for frame in frames if not computed_kind(frame.image_type)]
    some = any(frame.b_value and frame.b_value.value_s_per_mm2 > 0 for frame in plain)
    origin = frames[0].origin
    if not some or not absent_means_zero(origin.manufacturer, origin.software):
        return frames
    zero = BValue(0.0, "absent, which this scanner writes for zero", DirectionKind.NONE)
    return [
        replace(frame, b_value=zero)
        if frame.b_value is None and not computed_kind(frame.image_type)
        else frame
        for frame in frames
    ]


def _with_common_values(frames: list[Frame]) -> list[Frame]:
    """Make echo times and b-values equal that differ by rounding only."""
    te = common_values(
        (f.contrast.te_ms for f in frames if f.contrast.te_ms is not None), TE_WITHIN_MS, TE_WITHIN
    )
    b = common_values(
        (f.b_value.value_s_per_mm2 for f in frames if f.b_value is not None), B_WITHIN_S_PER_MM2
    )
    if all(key == value for table in (te, b) for key, value in table.items()):
        return frames
    found = []
    for frame in frames:
        contrast, b_value = frame.contrast, frame.b_value
        if contrast.te_ms is not None:
            contrast = replace(contrast, te_ms=te[contrast.te_ms])
        if b_value is not None:
            b_value = replace(b_value, value_s_per_mm2=b[b_value.value_s_per_mm2])
        found.append(replace(frame, contrast=contrast, b_value=b_value))
    return found


def _kinds(frames: list[Frame]) -> list[list[Frame]]:
    weighted = any(frame.b_value and frame.b_value.value_s_per_mm2 > 0 for frame in frames)

    def kind(frame: Frame) -> tuple[object, ...]:
        word = computed_kind(frame.image_type)
        derived = None if weighted and not word else frame.image_type[:1]
        return (
            word,
            derived,
            frame.contrast.te_ms if not word else None,
            frame.pixels.rows,
            frame.pixels.columns,
            frame.screenshot,
            plane_of_frame(frame),
        )

    return grouped(frames, kind)


def _planes(frames: Sequence[Frame]) -> int:
    """Number of planes of a series; planes with few slices do not count."""
    counts = Counter(plane_of_frame(frame) for frame in frames if frame.geometry is not None)
    return sum(_FEW_IN_A_PLANE * count >= max(counts.values()) for count in counts.values())


def _with_odd_slices(
    groups: list[list[Frame]],
) -> tuple[list[list[Frame]], list[list[Finding]]]:
    """Return slices with different headers to the stack whose gaps they fill exactly."""
    merged: dict[int, list[Frame]] = dict(enumerate(groups))
    notes: dict[int, list[Finding]] = {n: [] for n in merged}
    by_size = sorted(merged, key=lambda n: len(groups[n]))
    for odd in by_size:
        for host in reversed(by_size):
            if host == odd or host not in merged or len(merged[host]) < len(merged[odd]):
                continue
            if _belongs(merged[odd], merged[host]):
                notes[host].append(_on_odd(merged[odd], merged[host]))
                merged[host] = [*merged[host], *merged.pop(odd)]
                break
    return list(merged.values()), [notes[n] for n in merged]


def _belongs(odd: list[Frame], host: list[Frame]) -> bool:
    """Whether all slices of ``odd`` lie at missing positions of the regular stack ``host``."""
    a, b = odd[0], host[0]
    if a.geometry is None or b.geometry is None or not parallel(a, b):
        return False
    if (a.pixels.rows, a.pixels.columns, a.screenshot) != (
        b.pixels.rows, b.pixels.columns, b.screenshot,
    ):  # fmt: skip
        return False
    te = {a.contrast.te_ms, b.contrast.te_ms}
    if None not in te and len(te) > 1 and not computed_kind(a.image_type):
        return False
    limit = SHEAR_WITHIN_PIXELS * min(b.geometry.pixel_mm)
    if in_plane_mm([*host[:1], *odd]) > limit:
        return False
    for frame in odd:
        siblings = [one for one in host if same_weighting(one, frame)]
        kin = [one for one in odd if one is not frame and same_weighting(one, frame)]
        if len(siblings) < 2 or not _fills_gap(frame, siblings, kin, b.geometry):
            return False
    return True


def _fills_gap(frame: Frame, host: list[Frame], kin: list[Frame], first: Geometry) -> bool:
    """Whether a slice is one spacing from a neighbour and a multiple of it from all others."""

    def along(frames: Sequence[Frame]) -> np.ndarray:
        return np.unique([f.geometry.position @ first.normal for f in frames if f.geometry])

    (place,), others = along([frame]), along([*host, *kin])
    everywhere = np.sort([*others, place])
    gaps = np.diff(everywhere)
    gaps = gaps[gaps > SAME_POSITION_MM]
    if not gaps.size or np.abs(others - place).min() <= SAME_POSITION_MM:
        return False
    spacing = float(np.median(gaps))
    tolerance = REGULAR_WITHIN * spacing + 0.01
    steps = np.abs(along(host) - place) / spacing
    off = np.abs(steps - np.round(steps)) * spacing
    near = abs(float(np.abs(others - place).min()) - spacing) <= tolerance
    return near and bool((off <= tolerance * np.maximum(1, np.round(steps))).all())


def _on_odd(odd: list[Frame], host: list[Frame]) -> Finding:
    def words(frame: Frame) -> str:
        te = frame.contrast.te_ms
        timing = "no echo time" if te is None else f"TE {te:g} ms"
        return f"ImageType {'/'.join(frame.image_type) or '(none)'}, {timing}"

    text = (
        f"{len(odd)} slices differ in their headers ({words(odd[0])}) from the other {len(host)} "
        f"({words(host[0])}) but fill gaps of their stack exactly; they were kept in it"
    )
    return warning(Code.SLICE_ODD, text)


def _stations(frames: list[Frame]) -> tuple[list[list[Frame]], list[Finding]]:
    """Stacks of one kind at different positions within their plane, from the head down.

    A few shifted slices are left out with a finding.  A station has at least two slices; slices
    that are all shifted form one sheared stack, which :mod:`~discmri.study.stack` refuses.
    """
    first = frames[0].geometry
    if first is None or any(frame.geometry is None for frame in frames):
        return [frames], []
    limit = SHEAR_WITHIN_PIXELS * min(first.pixel_mm)
    if in_plane_mm(frames) <= limit:
        return [frames], []
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    axes = np.stack([first.along_row, first.along_column], axis=1)
    points = np.array([frame.geometry.position for frame in frames if frame.geometry]) @ axes
    near = cKDTree(points).sparse_distance_matrix(cKDTree(points), limit, output_type="coo_matrix")
    near.data[:] = 1.0  # a distance of zero would not count as a connection
    count, labels = connected_components(near, directed=False)
    places = [
        [f for f, label in zip(frames, labels, strict=True) if label == n] for n in range(count)
    ]
    stations = [place for place in places if len(positions_mm(place)) > _FEW_SLICES]
    shifted = len(frames) - sum(map(len, stations))
    if shifted and shifted <= _FEW_SHIFTED * len(frames):
        text = (
            f"{shifted} of {len(frames)} images are shifted within their plane (Image Position "
            "Patient) and were left out"
        )
        return _from_the_head(stations), [warning(Code.SLICE_MISSING, text)]
    if count < 2 or min(len(positions_mm(place)) for place in places) < 2:
        return [frames], []
    return _from_the_head(places), []


def _from_the_head(places: list[list[Frame]]) -> list[list[Frame]]:
    return sorted(places, key=_height_mm, reverse=True)


def _height_mm(frames: list[Frame]) -> float:
    """Craniocaudal position of the centre of the first image."""
    frame, geometry = frames[0], frames[0].geometry
    if geometry is None:
        return 0.0
    down = geometry.along_column * geometry.pixel_mm[0] * frame.pixels.rows
    across = geometry.along_row * geometry.pixel_mm[1] * frame.pixels.columns
    return float((geometry.position + 0.5 * (down + across))[2])


def _split_by_geometry(frame: Frame, groups: list[list[Frame]]) -> str:
    """Why slices of one kind do not form one volume: different size or orientation."""
    alike = [group[0] for group in groups if _same_kind(group[0], frame)]
    if len(alike) < 2:
        return ""
    sizes = sorted({(one.pixels.rows, one.pixels.columns) for one in alike})
    if len(sizes) > 1:
        listed = ", ".join(f"{rows} x {columns}" for rows, columns in sizes)
        what = f"have different sizes ({listed})"
    else:
        what = "have different orientations or pixel spacings"
    return f"slices of one series {what}; only equal ones form the volume that is used"


def _same_kind(a: Frame, b: Frame) -> bool:
    return (
        computed_kind(a.image_type) == computed_kind(b.image_type)
        and a.image_type[:1] == b.image_type[:1]
        and a.screenshot == b.screenshot
        and a.contrast.te_ms == b.contrast.te_ms
        and plane_of_frame(a) is plane_of_frame(b)
    )


def _name(n: int, groups: list[list[Frame]]) -> str:
    """Name of the n-th kind of image by its differences from the others of its series."""
    frame = groups[n][0]
    word = frame.screenshot or computed_kind(frame.image_type)
    te = frame.contrast.te_ms
    names = [word] if word else []
    if len({group[0].contrast.te_ms for group in groups}) > 1 and te is not None and not word:
        names.append(f"TE {te:g} ms")
    if len({plane_of_frame(group[0]) for group in groups}) > 1:
        names.append(plane_of_frame(frame).value)
    sizes = {(group[0].pixels.rows, group[0].pixels.columns) for group in groups}
    if len(sizes) > 1:
        names.append(f"{frame.pixels.rows} x {frame.pixels.columns}")
    alike = [group for group in groups if computed_kind(group[0].image_type) == word]
    if len({group[0].image_type[:1] for group in alike}) > 1 and frame.image_type:
        names.append(frame.image_type[0].lower())
    return ", ".join(names) or f"part {n + 1}"
