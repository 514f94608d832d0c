"""Frames of one study -> series with roles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

from discmri.core.diffusion import BValue
from discmri.core.errors import GeometryError
from discmri.core.facts import Role
from discmri.core.findings import Code, Finding, info, warning
from discmri.study.bvalues.text import is_from_text
from discmri.study.frame import ContrastParameters, Frame, without_scale
from discmri.study.parts import Part, parts_of, plane_of_frame
from discmri.study.roles import COMPUTED_B, RoleEvidence, decide
from discmri.study.series import Series
from discmri.study.stack import Stack, grouped, on_common_slices, positions_mm, stacks_of

EXPORT_BITS = 8


def assemble(frames: Sequence[Frame]) -> tuple[Series, ...]:
    """Series of one study in order of their numbers; mixed series are split."""
    by_uid = grouped(frames, lambda frame: frame.origin.series_uid, close=False)
    series = [_series(part) for group in by_uid for part in parts_of(group)]
    order = [(s.number if s.number is not None else 10**6, s.uid, n) for n, s in enumerate(series)]
    return tuple(series[key[2]] for key in sorted(order))


def _series(part: Part) -> Series:
    frames = _with_lost_scale_named(part.frames)
    first = frames[0]
    origin, uid = first.origin, first.origin.series_uid
    values = sorted({f.b_value.value_s_per_mm2 for f in frames if f.b_value is not None})
    from_text = bool(values) and all(f.b_value is None or is_from_text(f.b_value) for f in frames)
    facts = RoleEvidence(
        plane=plane_of_frame(first),
        contrast=_typical_contrast(frames),
        words=first.image_type,
        b_values_s_per_mm2=tuple(values),
        b_from_text=from_text,
        slices=_slices(frames),
        planes=part.planes,
        text=f"{origin.description} {origin.protocol}".lower().replace("_", " ").replace("-", " "),
        screenshot=first.screenshot,
        tiles=max(frame.tiles for frame in frames),
        unplaced=first.unplaced,
    )
    decision = decide(facts)
    diffusion = decision.role is Role.DWI
    named = decision.reasons[0].startswith(("b-value", "b = 0", COMPUTED_B))
    stated = dict.fromkeys(f.b_value for f in frames if f.b_value is not None) if named else {}
    if not diffusion:
        frames = [replace(frame, b_value=None) for frame in frames]
    windowed = _windowed(frames) if decision.role in (Role.DWI, Role.ADC_MAP) else ""
    stacks, problem = _stacks(frames, decision.problem or windowed, diffusion)
    findings = _on_stacks(stacks, facts.slices) + list(part.findings) + _on_frames(frames)
    if diffusion:
        findings += _on_b_values(frames, stated)
    return Series(
        uid=uid,
        part=part.name,
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
        stated_b_values=tuple(stated),
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


def _on_stacks(stacks: list[Stack], slices: int) -> list[Finding]:
    findings = [finding for stack in stacks for finding in stack.findings]
    if stacks and len(stacks[0].frames) < slices and not findings:
        text = f"{len(stacks[0].frames)} of {slices} slices exist at every b-value"
        findings.append(warning(Code.SLICE_MISSING, text))
    return findings


def _on_frames(frames: list[Frame]) -> list[Finding]:
    findings = []
    spaces = {frame.origin.frame_of_reference_uid for frame in frames}
    if len(spaces) > 1:
        text = f"its images have {len(spaces)} frames of reference, so the patient may have moved"
        findings.append(warning(Code.HEADER_CONTRADICTS_GEOMETRY, text))
    wrong = sorted({frame.scaling.problem for frame in frames if frame.scaling.problem})
    if wrong:
        count = sum(bool(frame.scaling.problem) for frame in frames)
        text = (
            f"{count} of {len(frames)} images state {'; '.join(wrong[:3])}: "
            "their values may be on another scale"
        )
        findings.append(warning(Code.RESCALE_UNUSABLE, text))
    return findings


def _on_b_values(frames: list[Frame], stated: Collection[BValue]) -> list[Finding]:
    findings = []
    unweighted = sum(frame.b_value is None for frame in frames)
    if unweighted:
        text = f"{unweighted} of {len(frames)} images have no b-value and were left out"
        findings.append(warning(Code.SERIES_LEFT_OUT, text))
    small = sorted({b.declared_s_per_mm2 for b in stated if b.declared_s_per_mm2})
    if small:
        listed = ", ".join(f"{b:g}" for b in small[:5])
        findings.append(info(Code.B_VALUE_NEAR_ZERO, f"b {listed} s/mm2 counts as zero"))
    if any(f.b_value is not None and is_from_text(f.b_value) for f in frames):
        findings.append(warning(Code.B_VALUE_FROM_TEXT, "b-values were read from free text"))
    return findings


def _with_lost_scale_named(frames: list[Frame]) -> list[Frame]:
    """Frames, with a problem noted where only other images have a rescale: the scale is unknown."""
    lost = without_scale([frame.scaling for frame in frames])
    if not any(lost):
        return frames
    problem = "no Rescale Slope where others do"
    return [
        replace(frame, scaling=replace(frame.scaling, problem=frame.scaling.problem or problem))
        if one
        else frame
        for frame, one in zip(frames, lost, strict=True)
    ]


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


def _windowed(frames: Sequence[Frame]) -> str:
    """Why the values are not those of the scanner if they have eight bits; else empty."""
    if max(frame.pixels.bits_stored for frame in frames) > EXPORT_BITS:
        return ""
    return (
        "its pixel values have eight bits, as in an export of the displayed window; "
        "export the original images"
    )


def _typical_contrast(frames: Sequence[Frame]) -> ContrastParameters:
    return Counter(frame.contrast for frame in frames).most_common(1)[0][0]


def _slices(frames: Sequence[Frame]) -> int:
    return len(frames) if frames[0].geometry is None else len(positions_mm(frames))


def _phase_axis(frame: Frame) -> tuple[float, float, float] | None:
    if frame.geometry is None or frame.phase_along_row is None:
        return None
    g = frame.geometry
    x, y, z = g.along_row if frame.phase_along_row else g.along_column
    return (float(-x), float(-y), float(z))
