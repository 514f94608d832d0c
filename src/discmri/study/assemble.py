"""Frames of one study -> series with roles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from discmri.core.diffusion import BValue, DirectionKind
from discmri.core.errors import GeometryError
from discmri.core.facts import Plane, Role
from discmri.core.findings import Code, Finding, info, warning
from discmri.study.bvalues import absent_means_zero
from discmri.study.bvalues.text import is_from_text
from discmri.study.frame import ContrastParameters, Frame
from discmri.study.roles import RoleEvidence, computed_kind, decide
from discmri.study.series import Series, plane_of
from discmri.study.stack import Stack, grouped, on_common_slices, stacks_of

_SCREENSHOT_CLASSES = "1.2.840.10008.5.1.4.1.1.7"


def assemble(frames: Sequence[Frame]) -> tuple[Series, ...]:
    """Series of one study in order of their numbers; mixed series are taken apart."""
    by_uid = grouped(frames, lambda frame: frame.origin.series_uid, close=False)
    series = [one for group in by_uid for one in _parts(group)]
    order = [(s.number if s.number is not None else 10**6, s.uid, n) for n, s in enumerate(series)]
    return tuple(series[key[2]] for key in sorted(order))


def without_duplicates(frames: Sequence[Frame]) -> tuple[list[Frame], tuple[Finding, ...]]:
    """Each image once, however many files hold it."""
    unique: dict[tuple[object, ...], Frame] = {}
    for frame in frames:
        where = None if frame.geometry is None else tuple(frame.geometry.position)
        key = (frame.sop_instance_uid, frame.index, frame.origin.series_uid, where)
        unique.setdefault(key, frame)
    left_out = len(frames) - len(unique)
    if not left_out:
        return list(frames), ()
    text = f"{left_out} images were found more than once (same SOP Instance UID)"
    return list(unique.values()), (info(Code.DUPLICATE_INSTANCE, text),)


def _parts(frames: list[Frame]) -> list[Series]:
    """The kinds of picture within one DICOM series."""
    frames = _with_absent_zeros(frames)
    weighted = any(frame.b_value and frame.b_value.value_s_per_mm2 > 0 for frame in frames)
    planes = _planes(frames)

    def kind(frame: Frame) -> tuple[object, ...]:
        word = computed_kind(frame.image_type)
        derived = None if weighted and not word else frame.image_type[:1]
        te = frame.contrast.te_ms if not word else None
        return (
            word,
            derived,
            None if te is None else round(te, 1),
            frame.pixels.rows,
            frame.pixels.columns,
            frame.pixels.samples,
            _plane(frame),
        )

    groups = grouped(frames, kind)
    return [_series(group, planes, len(groups), groups) for group in groups]


def _with_absent_zeros(frames: list[Frame]) -> list[Frame]:
    """Images without a b-value get b = 0 where the scanner writes none for zero."""
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


def _planes(frames: Sequence[Frame]) -> int:
    """In how many planes a series lies; a few stray slices do not count."""
    counts = Counter(_plane(frame) for frame in frames if frame.geometry is not None)
    return sum(3 * count >= max(counts.values()) for count in counts.values())


def _plane(frame: Frame) -> Plane:
    return Plane.UNKNOWN if frame.geometry is None else plane_of(frame.geometry.normal)


def _series(frames: list[Frame], planes: int, n_parts: int, groups: list[list[Frame]]) -> Series:
    first = frames[0]
    origin, uid = first.origin, first.origin.series_uid
    values = sorted({f.b_value.value_s_per_mm2 for f in frames if f.b_value is not None})
    from_text = bool(values) and all(f.b_value is None or is_from_text(f.b_value) for f in frames)
    facts = RoleEvidence(
        plane=_plane(first),
        contrast=_typical_contrast(frames),
        words=first.image_type,
        b_values_s_per_mm2=tuple(values),
        b_from_text=from_text,
        slices=_slices(frames),
        planes=planes,
        text=f"{origin.description} {origin.protocol}".lower().replace("_", " ").replace("-", " "),
        screenshot=_screenshot(first),
        tiles=max(frame.tiles for frame in frames),
    )
    decision = decide(facts)
    diffusion = decision.role is Role.DWI
    if not diffusion:
        frames = [replace(frame, b_value=None) for frame in frames]
    stacks, problem = _stacks(frames, decision.problem, diffusion)
    findings = [finding for stack in stacks for finding in stack.findings]
    if stacks and len(stacks[0].frames) < facts.slices and not findings:
        text = f"{len(stacks[0].frames)} of {facts.slices} slices are there at every weighting"
        findings.append(warning(Code.SLICE_MISSING, text))
    apart = _split_by_geometry(first, groups)
    if apart:
        findings.append(warning(Code.SERIES_SPLIT, apart))
    part = "" if n_parts == 1 else _part_name(first, groups)
    if part:
        text = f"one of {n_parts} kinds of image in its series: {part}"
        findings.append(info(Code.SERIES_SPLIT, text))
    unweighted = sum(frame.b_value is None for frame in frames) if diffusion else 0
    if unweighted:
        text = f"{unweighted} of {len(frames)} images name no b-value and were left out"
        findings.append(warning(Code.SERIES_LEFT_OUT, text))
    if diffusion and any(f.b_value is not None and is_from_text(f.b_value) for f in frames):
        findings.append(warning(Code.B_VALUE_FROM_TEXT, "b-values were read from free text"))
    return Series(
        uid=uid,
        part=part,
        number=origin.number,
        description=origin.description,
        protocol=origin.protocol,
        body_part=origin.body_part,
        role=decision.role,
        reasons=decision.reasons,
        plane=facts.plane,
        contrast=replace(
            facts.contrast, fat_suppressed=decision.fat_suppressed or facts.contrast.fat_suppressed
        ),
        t2_weighted=decision.t2_weighted,
        images=tuple(stacks),
        slices=facts.slices,
        manufacturer=origin.manufacturer,
        model=origin.model,
        field_t=origin.field_t,
        station=origin.station,
        software=" ".join(origin.software),
        coil=origin.coil,
        thickness_mm=None if first.geometry is None else first.geometry.thickness_mm,
        frame_of_reference_uid=origin.frame_of_reference_uid,
        phase_axis=_phase_axis(first),
        acquired=min((frame.acquired for frame in frames if frame.acquired), default=""),
        original=first.image_type[:1] != ("DERIVED",),
        problem=problem,
        findings=tuple(replace(one, series_uid=uid) for one in dict.fromkeys(findings)),
    )


def _stacks(frames: list[Frame], problem: str, diffusion: bool) -> tuple[list[Stack], str]:
    if problem:
        return [], problem
    if diffusion:
        frames = [frame for frame in frames if frame.b_value is not None]
    try:
        stacks = stacks_of(frames)
        return (on_common_slices(stacks) if diffusion else stacks), ""
    except GeometryError as error:
        return [], str(error)


def _screenshot(frame: Frame) -> str:
    if frame.origin.sop_class.startswith(_SCREENSHOT_CLASSES):
        return "a secondary capture"
    if frame.pixels.samples != 1:
        return "a colour picture"
    return ""


def _typical_contrast(frames: Sequence[Frame]) -> ContrastParameters:
    return Counter(frame.contrast for frame in frames).most_common(1)[0][0]


def _slices(frames: Sequence[Frame]) -> int:
    if frames[0].geometry is None:
        return len(frames)
    normal = frames[0].geometry.normal
    return len(
        {round(float(f.geometry.position @ normal), 1) for f in frames if f.geometry is not None}
    )


def _split_by_geometry(frame: Frame, groups: list[list[Frame]]) -> str:
    """What keeps slices of one kind from forming one volume: another size or another tilt."""
    alike = [group[0] for group in groups if _same_kind(group[0], frame)]
    if len(alike) < 2:
        return ""
    sizes = sorted({(one.pixels.rows, one.pixels.columns) for one in alike})
    if len(sizes) > 1:
        listed = ", ".join(f"{rows} x {columns}" for rows, columns in sizes)
        what = f"have different sizes ({listed})"
    else:
        what = "are tilted against each other or have different pixel spacings"
    return f"slices of one series {what}; only those alike form the volume used"


def _same_kind(a: Frame, b: Frame) -> bool:
    return (
        computed_kind(a.image_type) == computed_kind(b.image_type)
        and a.image_type[:1] == b.image_type[:1]
        and a.contrast.te_ms == b.contrast.te_ms
        and _plane(a) is _plane(b)
    )


def _part_name(frame: Frame, groups: list[list[Frame]]) -> str:
    """The words that tell this kind of picture from the others of its series."""
    word = computed_kind(frame.image_type) or ""
    te = frame.contrast.te_ms
    names = [word] if word else []
    if len({group[0].contrast.te_ms for group in groups}) > 1 and te is not None and not word:
        names.append(f"TE {te:g} ms")
    if len({_plane(group[0]) for group in groups}) > 1:
        names.append(_plane(frame).value)
    sizes = {(group[0].pixels.rows, group[0].pixels.columns) for group in groups}
    if len(sizes) > 1:
        names.append(f"{frame.pixels.rows} x {frame.pixels.columns}")
    alike = [group for group in groups if computed_kind(group[0].image_type) == word]
    if len({group[0].image_type[:1] for group in alike}) > 1 and frame.image_type:
        names.append(frame.image_type[0].lower())
    number = next(
        n
        for n, group in enumerate(groups, 1)
        if group[0].sop_instance_uid == frame.sop_instance_uid and group[0].index == frame.index
    )
    return ", ".join(names) or f"part {number}"


def _phase_axis(frame: Frame) -> tuple[float, float, float] | None:
    if frame.geometry is None or frame.phase_along_row is None:
        return None
    g = frame.geometry
    x, y, z = g.along_row if frame.phase_along_row else g.along_column
    return (float(-x), float(-y), float(z))
