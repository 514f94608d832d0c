"""Which series are measured: the sagittal one, the diffusion images, the ADC map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from discmri.core.diffusion import DirectionKind
from discmri.core.facts import Plane, Role
from discmri.core.findings import Code, Finding, info, warning
from discmri.study.frame import without_scale
from discmri.study.region import common_height, region_of, same_station, station_rank
from discmri.study.roles import COMPUTED_B
from discmri.study.series import SAGITTAL_ROLES, Image, Series
from discmri.study.stack import same_grid

_MEANINGFUL_DIRECTIONS = 3
SAME_PIXEL_MM = 0.1
_WHOLE_LUMBAR_MM = 150.0  # craniocaudal length of an image that shows most lumbar discs
_SAME_ECHO_MS = 1.0  # echo times of images that are fitted together
"""Smaller differences of the pixel size do not decide between series."""


@dataclass(frozen=True)
class Choice:
    """The series to use."""

    target: Series | None  # the sagittal series to segment and measure
    # one or more series that together hold the b-values of one acquisition
    diffusion: tuple[Series, ...]
    adc_map: Series | None  # the scanner's ADC map
    findings: tuple[Finding, ...]  # choices among several series, and faults of the chosen ones


def choose(series: Sequence[Series]) -> Choice:
    """The best series for each purpose, with the reasons as findings."""
    target, findings = _target(series)
    diffusion, notes = _diffusion(series, target)
    adc_map, more = _adc_map(series, target, diffusion)
    findings += notes + more
    used = [s for s in (target, *diffusion, adc_map) if s is not None]
    findings += [finding for one in used for finding in one.findings]
    return Choice(target, diffusion, adc_map, tuple(dict.fromkeys(findings)))


def _target(series: Sequence[Series]) -> tuple[Series | None, list[Finding]]:
    sagittal = [s for s in series if s.role in SAGITTAL_ROLES]
    usable = [s for s in sagittal if s.images]
    findings = [
        info(Code.SERIES_LEFT_OUT, f"{s.name}: {s.problem}", None, s.uid)
        for s in sagittal
        if s.problem
    ]
    if not usable:
        return None, findings
    finest = min(_pixel_mm(s) for s in usable)
    best = max(usable, key=lambda s: (*station_rank(s, usable), *_sagittal_rank(s, finest)))
    rivals = [s for s in usable if s is not best and s.role is best.role]
    if rivals:
        findings.append(info(Code.SERIES_CHOSEN, _why_chosen(best, rivals), None, best.uid))
    findings += _other_stations(best, rivals)
    if not best.t2_weighted:
        text = f"no usable sagittal T2 series; {best.name} ({best.role.value}) is measured instead"
        findings.append(warning(Code.NOT_T2, text, None, best.uid))
    if best.fat_suppressed:
        text = f"{best.name} is fat-suppressed ({best.contrast.fat_suppressed})"
        findings.append(warning(Code.FAT_SUPPRESSED, text, None, best.uid))
    return best, findings


def _other_stations(best: Series, rivals: Sequence[Series]) -> list[Finding]:
    """Findings on series of the same contrast that show, or may show, another part of the spine."""
    elsewhere = [one for one in rivals if same_station(best, one) is False]
    unknown = [
        one
        for one in rivals
        if same_station(best, one) is None and region_of(one) == region_of(best) == 0
    ]
    findings = []
    if elsewhere:
        text = (
            f"{best.name} was measured; {', '.join(one.name for one in elsewhere)} shows another "
            "part of the spine: check that the measured one is lumbar"
        )
        findings.append(warning(Code.OTHER_STATION, text, None, best.uid))
    if unknown:
        text = (
            f"{best.name} was measured; {', '.join(one.name for one in unknown)} has another "
            "frame of reference, and no description names the lumbar one: check it"
        )
        findings.append(warning(Code.OTHER_STATION, text, None, best.uid))
    return findings


def _sagittal_rank(series: Series, finest_mm: float) -> tuple[object, ...]:
    """Larger is better; the last entries only make the choice reproducible."""
    preference = {Role.SAG_T2: 3, Role.SAG_FS: 2, Role.SAG_T1: 1, Role.SAG_OTHER: 0}
    whole = sum(f.code is Code.SLICE_MISSING for f in series.findings) == 0
    return (
        preference[series.role],
        series.t2_weighted,
        series.original,
        region_of(series),
        min(series.slices, 5),
        _length_mm(series) >= _WHOLE_LUMBAR_MM,
        whole,
        -int((_pixel_mm(series) - finest_mm) / SAME_PIXEL_MM),
        series.slices,
        series.acquired,
        series.number or 0,
        series.uid,
    )


def _pixel_mm(series: Series) -> float:
    """In-plane pixel size."""
    return sorted(series.spacing_mm or (9.0, 9.0, 9.0))[1]


def _length_mm(series: Series) -> float:
    """Craniocaudal extent."""
    if series.grid is None:
        return 0.0
    axis = series.grid.axis_along((0.0, 0.0, 1.0))
    return float(series.grid.shape[axis] * series.grid.spacing_mm[axis])


def _why_chosen(best: Series, rivals: Sequence[Series]) -> str:
    def facts(series: Series) -> str:
        i, j, k = series.spacing_mm or (0.0, 0.0, 0.0)
        return f"{series.name} ({series.slices} slices, {i:.2f} x {j:.2f} x {k:.2f} mm)"

    others = "; ".join(facts(rival) for rival in rivals)
    return (
        f"{facts(best)} was chosen from {len(rivals) + 1} {best.role.value} series, before {others}"
    )


def _diffusion(
    series: Sequence[Series], target: Series | None
) -> tuple[tuple[Series, ...], list[Finding]]:
    weighted = [s for s in series if s.role is Role.DWI and s.images]
    candidates: list[tuple[Series, ...]] = [(s,) for s in weighted if len(_b_values([s])) > 1]
    if not candidates:
        candidates = [group for group in _acquisitions(weighted) if len(_b_values(group)) > 1]
    findings = [
        warning(Code.SERIES_LEFT_OUT, f"{s.name}: {s.problem}", None, s.uid)
        for s in series
        if s.problem and (s.role is Role.DWI or "EP" in s.contrast.techniques)
    ]
    findings += [
        info(Code.SERIES_LEFT_OUT, f"{s.name}: {s.reasons[0]}", None, s.uid)
        for s in series
        if s.role is Role.DERIVED and s.reasons[0].startswith(COMPUTED_B)
    ]
    if not candidates:
        if weighted:
            text = f"{weighted[0].name} lacks two b-values on one grid, so no ADC can be fitted"
            findings.append(warning(Code.SERIES_LEFT_OUT, text, None, weighted[0].uid))
        return (), findings
    best = max(candidates, key=lambda group: _diffusion_rank(group, target))
    images = [image for one in best for image in one.images]
    grid = weightings(images)[0].grid
    lost = sum(not same_grid(image.grid, grid) for image in images)
    if lost:
        text = f"{lost} of {len(images)} diffusion images lie on other slices and were left out"
        findings.append(warning(Code.SERIES_LEFT_OUT, text, None, best[0].uid))
    if conflict := _scale_conflict(weightings(images), best[0].manufacturer):
        findings.append(warning(Code.RESCALE_UNUSABLE, conflict, None, best[0].uid))
        return (), findings
    if len(candidates) > 1 or len(best) > 1:
        listed = ", ".join(f"{b:g}" for b in _b_values(best))
        text = f"{' + '.join(s.name for s in best)} (b {listed} s/mm2) was chosen as the diffusion series"
        findings.append(info(Code.SERIES_CHOSEN, text, None, best[0].uid))
    return best, findings


def _scale_conflict(images: Sequence[Image], manufacturer: str) -> str:
    """Why signals of the diffusion images cannot be compared; empty if they can."""
    scalings = [scaling for image in images for scaling in image.scalings]
    private = sum(scaling.philips_slope is not None for scaling in scalings)
    if lost := sum(without_scale(scalings)) or (private and len(scalings) - private):
        return (
            f"{lost} of {len(scalings)} diffusion images lack the rescale that the others have, "
            "so their signals cannot be compared and no ADC is fitted"
        )
    if "PHILIPS" in manufacturer.upper() and not private and len({s.slope for s in scalings}) > 1:
        return (
            "the diffusion images have different Rescale Slopes and lack the private scale slope of "
            "Philips, so their signals cannot be compared and no ADC is fitted; export them with "
            "private tags"
        )
    unusable = [scaling for scaling in scalings if scaling.problem]
    if not unusable or (
        len(unusable) == len(scalings) and len({scaling.problem for scaling in unusable}) == 1
    ):
        return ""
    return (
        f"{len(unusable)} of {len(scalings)} diffusion images have {unusable[0].problem} and the "
        "others another scale, so their signals cannot be compared and no ADC is fitted"
    )


def _acquisitions(weighted: Sequence[Series]) -> list[tuple[Series, ...]]:
    """Series of one b-value each, grouped by grid, frame of reference and echo time."""
    groups: list[list[Series]] = []
    for one in weighted:
        for group in groups:
            first = group[0]
            if (
                first.frame_of_reference_uid == one.frame_of_reference_uid
                and first.grid is not None
                and one.grid is not None
                and same_grid(first.grid, one.grid)
                and abs((first.contrast.te_ms or 0) - (one.contrast.te_ms or 0)) < _SAME_ECHO_MS
            ):
                group.append(one)
                break
        else:
            groups.append([one])
    return [tuple(sorted(group, key=lambda one: one.b_values_s_per_mm2)) for group in groups]


def _b_values(group: Sequence[Series]) -> tuple[float, ...]:
    """b-values of the images that would be fitted together, ascending."""
    kept = weightings([image for one in group for image in one.images])
    return tuple(sorted(_distinct(kept)))


def _diffusion_rank(group: tuple[Series, ...], target: Series | None) -> tuple[object, ...]:
    first = group[0]
    kept = weightings([image for one in group for image in one.images])
    return (
        target is None or first.frame_of_reference_uid == target.frame_of_reference_uid,
        _beside(first, target),
        region_of(first),
        first.plane is Plane.SAGITTAL,
        _isotropic(kept),
        first.original,
        len({image.b_value.value_s_per_mm2 for image in kept if image.b_value}),
        -round(_pixel_mm(first) / SAME_PIXEL_MM),
        first.slices,
        first.acquired,
        first.number or 0,
        first.uid,
    )


def _beside(series: Series, target: Series | None) -> bool:
    """Whether a series shows at least half of the craniocaudal range of the target."""
    share = None if target is None else common_height(series, target)
    return share is None or share >= 0.5


def _isotropic(images: Sequence[Image]) -> bool:
    """Whether every b > 0 has a trace image or at least three directions."""
    return all(
        image.b_value is None
        or image.b_value.kind is not DirectionKind.DIRECTIONAL
        or len(_directions(images, image.b_value.value_s_per_mm2)) >= _MEANINGFUL_DIRECTIONS
        for image in images
    )


def weightings(images: Sequence[Image]) -> tuple[Image, ...]:
    """The images of one grid to fit an ADC to, by b-value.

    If a b-value has both at least three directions and a combined image, the directions are used,
    because it is unknown how the scanner combined them.
    """
    if not images:
        return ()
    grids: list[list[Image]] = []
    for image in images:
        for group in grids:
            if same_grid(group[0].grid, image.grid):
                group.append(image)
                break
        else:
            grids.append([image])
    largest = max(
        grids, key=lambda group: (len(_distinct(group)), group[0].grid.shape[2], len(group))
    )
    kept = []
    for image in largest:
        b = image.b_value
        if b is None:
            continue
        full = len(_directions(largest, b.value_s_per_mm2)) >= _MEANINGFUL_DIRECTIONS
        combined = any(_is_combined(other, b.value_s_per_mm2) for other in largest)
        if b.kind is DirectionKind.TRACE and full:
            continue
        if b.kind is DirectionKind.DIRECTIONAL and combined and not full:
            continue
        kept.append(image)
    return tuple(sorted(kept, key=_weighting_order))


def _weighting_order(image: Image) -> tuple[float, tuple[float, ...]]:
    b = image.b_value
    return (0.0, ()) if b is None else (b.value_s_per_mm2, b.direction or ())


def _distinct(images: Sequence[Image]) -> set[float]:
    return {image.b_value.value_s_per_mm2 for image in images if image.b_value}


def _directions(images: Sequence[Image], b_s_per_mm2: float) -> set[object]:
    return {
        image.b_value.direction or n
        for n, image in enumerate(images)
        if image.b_value
        and image.b_value.kind is DirectionKind.DIRECTIONAL
        and image.b_value.value_s_per_mm2 == b_s_per_mm2
    }


def _is_combined(image: Image, b_s_per_mm2: float) -> bool:
    b = image.b_value
    return b is not None and b.kind is DirectionKind.TRACE and b.value_s_per_mm2 == b_s_per_mm2


def _adc_map(
    series: Sequence[Series], target: Series | None, diffusion: tuple[Series, ...]
) -> tuple[Series | None, list[Finding]]:
    maps = [s for s in series if s.role is Role.ADC_MAP and s.images]
    if not maps:
        return None, []

    def rank(one: Series) -> tuple[object, ...]:
        grids = [image.grid for group in diffusion for image in group.images[:1]]
        return (
            target is None or one.frame_of_reference_uid == target.frame_of_reference_uid,
            _beside(one, target),
            region_of(one),
            any(one.grid is not None and same_grid(one.grid, grid) for grid in grids),
            one.plane is Plane.SAGITTAL,
            one.slices,
            one.acquired,
            one.number or 0,
            one.uid,
        )

    best = max(maps, key=rank)
    if len(maps) == 1:
        return best, []
    text = f"{best.name} was chosen from {len(maps)} ADC maps"
    return best, [info(Code.SERIES_CHOSEN, text, None, best.uid)]
