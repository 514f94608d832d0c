"""Automatic quality checks of each disc of a measured study.

A check is a small function from :class:`MeasuredSpine` and one level to findings, which name the
affected values; checks do not change values.  To add one, write it below and add it to
:data:`CHECKS`.

Limits from a distribution are those of 1,504 discs that the built-in segmenter found on 201 slices
of SPIDER (van der Graaf 2024, CC BY 4.0) and 17 whole series.  Discs beyond a limit were inspected
when it was chosen.  The share of discs beyond it is given in parentheses.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from discmri.core.findings import Code, Finding, Severity, warning
from discmri.core.labels import SpineLabels
from discmri.core.levels import DiscLevel, Vertebra, levels_upward
from discmri.core.quality import DiscQuality, Quality
from discmri.core.volume import Volume
from discmri.measurement.grading import LEVEL_FACTORS
from discmri.measurement.picture_edge import STACK_SIDES, cut_sides, edge_distances
from discmri.measurement.signal import DiscSignal, csf_at
from discmri.measurement.t1_heights import endplate_gaps
from discmri.results.outline import DiscOutline, DiscSection
from discmri.results.records import Measurement

HEIGHT_MM = (2.0, 22.0)
WIDTH_MM = (22.0, 48.0)
MIN_CONFIDENCE = 0.5
MIN_SLICES = 3
SKIPPED_RATIO = 1.6  # distance between neighbours / the median of it
MAX_PITCH_MM = 60.0
MIN_SAC_MM = 4.0
"""Depth of the thecal sac in the disc's mid-plane.  The median is 12 mm, and even a stenosed sac is
deeper along the body above (7 %, all where a curved spine leaves the slice)."""
DARK_SHARE = 1 / 3
"""Signal around a disc / around the others; the lowest ratio from a coil's fall-off is 0.4 (0.1 %)."""
CSF_SHARE = (0.6, 1.5)
"""CSF beside a disc / beside the others, after bias-field correction (1 % of 803)."""
CORNER_MM = 2.0
"""Distance of a corner from the border; 0.65 mm come from rounded corners (0.9 %)."""
STEP_MM, STEP_SHARE, STEP_RUN_MM = 3.0, 0.6, 1.5
"""Rise of one border, and change of height as a share of it, within 1.5 mm: steeper than 60 degrees
and most of the disc's height (1.7 %, fragments and Schmorl's nodes with straight walls)."""
WIDTH_SHARE, FRAGMENT_SHARE = 0.75, 0.60
"""Width / median of the two discs above and the two below; neighbours differ by 5 % (median).  Values
below the first limit (2.8 %) are flagged, below the second (1.6 %, fragments of discs) rejected."""
TALLEST_SHARE = 1.5
"""Height / height of the tallest other disc, each divided by its level factor (0.1 %)."""
T1_T2_MM = 2.5
"""Difference of T1 and T2 heights minus that of the other discs (4 % of 413; 93 % are within 1.5 mm)."""


@dataclass(frozen=True, eq=False)
class MeasuredSpine:
    """The input of the checks."""

    image: Volume  # the sagittal series that was measured
    labels: SpineLabels
    outlines: Mapping[DiscLevel, DiscOutline]  # without discs that could not be traced
    # heights and shape of each disc by parameter
    values: Mapping[DiscLevel, Mapping[str, Measurement]]
    # t2 signal of each disc; empty if the image is not T2-weighted
    signals: Mapping[DiscLevel, DiscSignal]
    # the T2 image after bias-field correction; None if the image is not T2-weighted
    corrected: Volume | None = None
    # the T1 image of the same study and frame of reference; None without one
    t1: Volume | None = None

    def column(self, parameter: str) -> dict[DiscLevel, float]:
        """A parameter of all discs that have it."""
        found = {level: values.get(parameter) for level, values in self.values.items()}
        return {level: float(one.value) for level, one in found.items() if one is not None}

    @cached_property
    def slices(self) -> int:
        """Number of sagittal slices of the image."""
        return self.labels.grid.shape[self.labels.grid.sagittal_axis]

    @cached_property
    def steps_mm(self) -> np.ndarray:
        """(n - 1,) distance of each disc from the one above."""
        centres = [mask.centroid_mm for mask in self.labels.discs.values()]
        return np.asarray(np.linalg.norm(np.diff(centres, axis=0), axis=1))

    @cached_property
    def sac_mm(self) -> Mapping[DiscLevel, float]:
        """Depth of the thecal sac in each disc's mid-plane, mm."""
        return {level: _sac_depth(self.labels, level, one) for level, one in self.outlines.items()}

    @cached_property
    def brightness(self) -> Mapping[DiscLevel, float]:
        """90th percentile of the signal around each disc."""
        return {level: _brightness(self.image, one) for level, one in self.outlines.items()}

    @cached_property
    def csf(self) -> Mapping[DiscLevel, float | None]:
        """Signal of CSF beside each disc after bias-field correction; ``None`` for too few voxels."""
        image, canal = self.corrected, self.labels.canal
        if image is None or canal is None:
            return {}
        return csf_at(image, canal, {level: one.frame for level, one in self.outlines.items()})

    @cached_property
    def t1_gaps_mm(self) -> Mapping[DiscLevel, float]:
        """Distance of the endplates on T1 minus that of the borders, mm; empty without T1."""
        return {} if self.t1 is None else endplate_gaps(self.t1, self.outlines)


Check = Callable[[MeasuredSpine, DiscLevel], Iterable[Finding]]


def check(spine: MeasuredSpine, levels: Collection[DiscLevel]) -> list[Finding]:
    """Findings of all :data:`CHECKS` for the discs of ``levels``, in that order.

    An image of two slices gives one finding about the study.
    """
    found = [one for run in CHECKS for level in levels for one in run(spine, level)]
    if 1 < spine.slices < MIN_SLICES:
        found.append(warning(Code.FEW_SLICES, f"the series has {spine.slices} slices"))
    return found


def reference_levels(quality: Mapping[DiscLevel, DiscQuality]) -> set[DiscLevel]:
    """Discs that may be a reference for others: the good ones, else those to be checked."""
    for verdict in (Quality.GOOD, Quality.CHECK):
        found = {level for level, one in quality.items() if one.verdict is verdict}
        if found:
            return found
    return set()


# ------------------------------------------------------------------ possible values
def heights_plausible(spine: MeasuredSpine, level: DiscLevel) -> Iterator[Finding]:
    """Anterior, middle and posterior height within 2 to 22 mm."""
    names = ("height_anterior_mm", "height_middle_mm", "height_posterior_mm", "height_mm")
    values = {name: spine.column(name).get(level) for name in names}
    odd = {k: v for k, v in values.items() if v is not None and not _within(v, HEIGHT_MM)}
    if odd:
        listed = ", ".join(f"{name} {value:.1f} mm" for name, value in odd.items())
        text = f"{level.value}: {listed}; 2 to 22 mm is plausible"
        yield warning(Code.HEIGHT_IMPLAUSIBLE, text, level, values=tuple(odd))


def widths_plausible(spine: MeasuredSpine, level: DiscLevel) -> Iterator[Finding]:
    """Anteroposterior width within 22 to 48 mm."""
    width = spine.column("width_ap_mm").get(level)
    if width is not None and not _within(width, WIDTH_MM):
        text = f"{level.value}: {width:.1f} mm wide; 22 to 48 mm is plausible"
        yield warning(Code.WIDTH_IMPLAUSIBLE, text, level)


# ------------------------------------------------------------------ completely visible
def enough_slices(spine: MeasuredSpine, level: DiscLevel) -> Iterator[Finding]:
    """At least three slices through the disc, if the image has three."""
    outline = spine.outlines.get(level)
    if outline is None or spine.slices < MIN_SLICES:
        return
    count = len(outline.sections)
    if count < MIN_SLICES:
        text = f"{level.value}: {count} slice{'s' * (count != 1)} cross the disc"
        yield warning(Code.FEW_SLICES, text, level)


def inside_picture(spine: MeasuredSpine, level: DiscLevel) -> Iterator[Finding]:
    """The disc does not reach the edge of the image; padding does not belong to the image.

    A disc that is cut only by the first or last slice is a warning, because its mid-plane is visible.
    """
    mask = spine.labels.discs[level]
    text = f"{level.value}: the disc reaches the {{}} edge of the image"
    sides = cut_sides(mask, spine.image)
    if sides:
        yield _error(Code.CUT_BY_FIELD_OF_VIEW, text.format(" and ".join(sides)), level)
    stack = [
        side
        for side, distance_mm, step_mm in edge_distances(mask, spine.image)
        if side in STACK_SIDES and spine.slices >= MIN_SLICES and distance_mm < step_mm / 2
    ]
    if stack:
        values = ("width_lr_mm", "volume_mm3", "height_3d_mm")
        ends = " and ".join(sorted(stack))
        text = f"{level.value}: the slices end in the disc on the patient's {ends}"
        yield warning(Code.CUT_BY_FIELD_OF_VIEW, text, level, values=values)


def on_midline(spine: MeasuredSpine, level: DiscLevel) -> Iterator[Finding]:
    """The thecal sac lies behind the disc's mid-plane, and the image is not dark there."""
    sac_mm = spine.sac_mm.get(level)
    if spine.labels.canal is not None and sac_mm is not None and sac_mm < MIN_SAC_MM:
        text = (
            f"{level.value}: the thecal sac behind the disc's mid-plane is {sac_mm:.0f} mm deep, "
            f"at least {MIN_SAC_MM:.0f} mm are expected"
        )
        yield warning(Code.OFF_MIDLINE, text, level)
    share = _over_others(spine.brightness, level)
    if share is not None and share < DARK_SHARE:
        text = f"{level.value}: the signal is {share:.2f} of that around the other discs"
        yield warning(Code.OFF_MIDLINE, text, level)


def confident(spine: MeasuredSpine, level: DiscLevel) -> Iterator[Finding]:
    """The segmenter's confidence is at least 0.5."""
    confidence = spine.labels.confidence[level]
    if confidence < MIN_CONFIDENCE:
        text = f"{level.value}: the segmenter's confidence is {confidence:.2f}"
        yield warning(Code.LOW_CONFIDENCE, text, level)


# ------------------------------------------------------------------ border and corners
def corners_on_border(spine: MeasuredSpine, level: DiscLevel) -> Iterator[Finding]:
    """Each corner lies within 2 mm of the border."""
    outline = spine.outlines.get(level)
    if outline is None:
        return
    corners = outline.corners
    points = (
        corners.upper_anterior, corners.upper_posterior,
        corners.lower_anterior, corners.lower_posterior,
    )  # fmt: skip
    off_mm = max(_distance_mm(point, outline.mid.contour_mm) for point in points)
    if off_mm > CORNER_MM:
        text = f"{level.value}: a corner is {off_mm:.1f} mm away from the border"
        yield warning(Code.CORNERS_OFF_BORDER, text, level)


def border_smooth(spine: MeasuredSpine, level: DiscLevel) -> Iterator[Finding]:
    """No step in the inner 80 % of either border."""
    outline = spine.outlines.get(level)
    if outline is None:
        return
    rise_mm, share = border_step(outline.mid)
    if rise_mm > STEP_MM or share > STEP_SHARE:
        text = (
            f"{level.value}: within {STEP_RUN_MM} mm a border rises by {rise_mm:.1f} mm and "
            f"the height changes by {100 * share:.0f} %"
        )
        yield warning(Code.BORDER_STEP, text, level)


# ------------------------------------------------------------------ compared with other discs
def size_fits(spine: MeasuredSpine, level: DiscLevel) -> Iterator[Finding]:
    """Not much narrower than the discs around it, and not much taller than all others."""
    widths = spine.column("width_ap_mm")
    order = list(spine.labels.discs)
    place = order.index(level)
    near = [one for one in order[max(place - 2, 0) : place + 3] if one is not level]
    around = [widths[one] for one in near if one in widths]
    if level in widths and around:
        share = widths[level] / float(np.median(around))
        if share < WIDTH_SHARE:
            text = f"{level.value}: the width is {share:.2f} of that of the discs around it"
            make = _error if share < FRAGMENT_SHARE else warning
            yield make(Code.SIZE_UNLIKE_SPINE, text, level)
    heights = {one: value / LEVEL_FACTORS[one] for one, value in spine.column("height_mm").items()}
    tallest = max((value for one, value in heights.items() if one is not level), default=0.0)
    if level in heights and len(heights) > 2 and heights[level] > TALLEST_SHARE * tallest:
        text = (
            f"{level.value}: {heights[level] / tallest:.1f} times as high as the highest other disc"
        )
        yield warning(Code.SIZE_UNLIKE_SPINE, f"{text}, relative to the usual heights", level)


def none_skipped(spine: MeasuredSpine, level: DiscLevel) -> Iterator[Finding]:
    """No missing disc between this disc and the one above."""
    discs = spine.labels.discs
    found = list(discs)
    place = found.index(level)
    if place == 0:
        return
    steps = spine.steps_mm
    usual = float(np.median(steps)) if len(steps) > 2 else MAX_PITCH_MM / SKIPPED_RATIO
    chain = levels_upward(found[-1])[::-1]
    upper, step = found[place - 1], steps[place - 1]
    next_below = chain[chain.index(upper) + 1] if upper in chain[:-1] else None
    if step > SKIPPED_RATIO * usual or step > MAX_PITCH_MM or level is not next_below:
        text = f"{upper.value} and {level.value} are {step:.0f} mm apart; usual are {usual:.0f} mm"
        yield warning(Code.DISC_SKIPPED, text, level)


def canal_fits(spine: MeasuredSpine, level: DiscLevel) -> Iterator[Finding]:
    """CSF beside the disc has about the same signal as beside the others."""
    here = spine.csf.get(level)
    others = {
        one: value
        for one, value in spine.csf.items()
        if value is not None and (one is level or spine.sac_mm[one] >= MIN_SAC_MM)
    }
    share = _over_others(others, level)
    ends_above = level.below is Vertebra.SACRUM  # the sac may end or lie further behind
    if level in spine.csf and here is None and len(others) > 1 and not ends_above:
        text = f"{level.value}: no CSF beside the disc, but beside others"
        yield warning(Code.CANAL_UNLIKE_NEIGHBOURS, text, level)
    elif share is not None and not _within(share, CSF_SHARE):
        text = f"{level.value}: the signal of CSF is {share:.2f} of that beside the other discs"
        yield warning(Code.CANAL_UNLIKE_NEIGHBOURS, text, level)


def t1_agrees(spine: MeasuredSpine, level: DiscLevel) -> Iterator[Finding]:
    """The endplates on T1 are as far from the borders as at the other discs."""
    gaps = spine.t1_gaps_mm
    others = [gap for one, gap in gaps.items() if one is not level]
    if level not in gaps or len(others) < 2:
        return
    difference = gaps[level] - float(np.median(others))
    if abs(difference) > T1_T2_MM:
        text = f"{level.value}: the disc is {difference:+.1f} mm higher on T1 than on T2"
        yield warning(Code.T1_T2_HEIGHTS_DIFFER, text, level)


CHECKS: tuple[Check, ...] = (
    heights_plausible,
    widths_plausible,
    enough_slices,
    inside_picture,
    on_midline,
    confident,
    corners_on_border,
    border_smooth,
    size_fits,
    none_skipped,
    canal_fits,
    t1_agrees,
)


# ------------------------------------------------------------------ measures of the checks
def border_step(mid: DiscSection) -> tuple[float, float]:
    """Largest rise of a border (mm), and largest change of height / median height, within 1.5 mm."""
    x, upper, lower = mid.between(0.1, 0.9)
    even = np.arange(x[0], x[-1], STEP_RUN_MM / 3)
    top, bottom = np.interp(even, x, upper), np.interp(even, x, lower)
    if len(even) < 4:
        return 0.0, 0.0
    rises = [float(np.abs(one[3:] - one[:-3]).max()) for one in (top, bottom, top - bottom)]
    return max(rises[:2]), rises[2] / float(np.median(top - bottom))


def _sac_depth(labels: SpineLabels, level: DiscLevel, outline: DiscOutline) -> float:
    """Upper quartile of the sac's depth (mm) behind a disc and the body above.

    For the disc above the sacrum only behind the body, because the sac may end at the disc or lie
    further behind.
    """
    if labels.canal is None:
        return 0.0
    rows = (5.0, 35.0) if level.below is Vertebra.SACRUM else (-10.0, 20.0)
    step = 0.7
    behind = np.arange(outline.mid.x_mm[0] - 35.0, outline.mid.x_mm[0] + 4.0, step)
    x, z = np.meshgrid(behind, np.arange(*rows, 1.5))
    points = np.stack([x, z, np.full(x.shape, outline.mid.left_mm)], axis=-1)
    inside = labels.canal.sample(outline.frame.to_world(points)) > 0.5
    return float(np.percentile(inside.sum(axis=1) * step, 75))


def _brightness(image: Volume, outline: DiscOutline) -> float:
    """90th percentile of the signal within 20 mm of the disc's centre in its mid-plane."""
    reach = np.arange(-20.0, 20.1, 2.0)
    x, z = np.meshgrid(reach, reach)
    points = np.stack([x, z, np.full(x.shape, outline.mid.left_mm)], axis=-1)
    return float(np.percentile(image.sample(outline.frame.to_world(points)), 90))


def _distance_mm(point: np.ndarray, contour: np.ndarray) -> float:
    """Distance of a point (2,) from a closed line (n, 2)."""
    along = np.roll(contour, -1, axis=0) - contour
    share = ((point - contour) * along).sum(axis=1) / np.maximum((along**2).sum(axis=1), 1e-9)
    nearest = contour + np.clip(share, 0, 1)[:, None] * along
    return float(np.linalg.norm(nearest - point, axis=1).min())


def _over_others(values: Mapping[DiscLevel, float], level: DiscLevel) -> float | None:
    """A value / median of the other discs; ``None`` with fewer than two others."""
    others = [value for one, value in values.items() if one is not level]
    middle = float(np.median(others)) if len(others) > 1 else 0.0
    return values[level] / middle if level in values and middle > 0 else None


def _error(code: Code, text: str, level: DiscLevel) -> Finding:
    """A finding that rejects the disc."""
    return Finding(code, Severity.ERROR, text, level)


def _within(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]
