"""Checks of a measured study: what came out must be possible and completely seen.

A check is a small function from :class:`QcInput` to findings; the values themselves are
never changed here.  To add one: write it below and add it to :data:`CHECKS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from discmri.core.findings import Code, Finding, warning
from discmri.core.labels import SpineLabels
from discmri.core.levels import DiscLevel, levels_upward
from discmri.core.settings import Settings
from discmri.core.volume import SoftMask
from discmri.results.outline import DiscOutline
from discmri.results.records import DiscRecord

HEIGHT_MM = (2.0, 22.0)
WIDTH_MM = (22.0, 48.0)
MIN_CONFIDENCE = 0.5
MIN_SLICES = 3
SKIPPED_RATIO = 1.6  # distance between neighbours / the median of it
MAX_PITCH_MM = 60.0


@dataclass(frozen=True, eq=False)
class QcInput:
    """What the checks look at.

    Parameters
    ----------
    labels, outlines, records, settings
        As in the result; a disc that could not be traced has no outline.
    """

    labels: SpineLabels
    outlines: Mapping[DiscLevel, DiscOutline]
    records: Sequence[DiscRecord]
    settings: Settings


Check = Callable[[QcInput], Iterable[Finding]]


def check(
    labels: SpineLabels,
    outlines: Mapping[DiscLevel, DiscOutline],
    records: Sequence[DiscRecord],
    settings: Settings,
) -> list[Finding]:
    """Findings of every check in :data:`CHECKS`, in that order."""
    measured = QcInput(labels, outlines, records, settings)
    return [finding for one in CHECKS for finding in one(measured)]


def heights_plausible(measured: QcInput) -> Iterator[Finding]:
    """Anterior, middle and posterior height within 2 to 22 mm."""
    names = ("height_anterior_mm", "height_middle_mm", "height_posterior_mm")
    for record in measured.records:
        values = {name: record.get(name) for name in names}
        odd = {k: v for k, v in values.items() if v is not None and not _within(v, HEIGHT_MM)}
        if odd:
            told = ", ".join(f"{name} {float(value):.1f} mm" for name, value in odd.items())
            text = f"{record.level.value}: {told}; 2 to 22 mm is plausible"
            yield warning(Code.HEIGHT_IMPLAUSIBLE, text, record.level)


def widths_plausible(measured: QcInput) -> Iterator[Finding]:
    """Anteroposterior width within 22 to 48 mm."""
    for record in measured.records:
        width = record.get("width_ap_mm")
        if width is not None and not _within(width, WIDTH_MM):
            text = f"{record.level.value}: {float(width):.1f} mm wide; 22 to 48 mm is plausible"
            yield warning(Code.WIDTH_IMPLAUSIBLE, text, record.level)


def enough_slices(measured: QcInput) -> Iterator[Finding]:
    """At least three slices through every disc."""
    for level, outline in measured.outlines.items():
        count = len(outline.sections)
        if count < MIN_SLICES:
            text = f"{level.value}: {count} slice{'s' * (count != 1)} cross the disc"
            yield warning(Code.FEW_SLICES, text, level)


def inside_picture(measured: QcInput) -> Iterator[Finding]:
    """No disc touches the edge of the picture; for a single slice, of the slice."""
    for level, mask in measured.labels.discs.items():
        sides = _touched(mask, measured.labels)
        if sides:
            text = f"{level.value}: the disc reaches the {' and '.join(sides)} edge of the picture"
            yield warning(Code.CUT_BY_FIELD_OF_VIEW, text, level)


def confident(measured: QcInput) -> Iterator[Finding]:
    """The segmenter trusts every disc at least half."""
    for level, confidence in measured.labels.confidence.items():
        if confidence < MIN_CONFIDENCE:
            text = f"{level.value}: the segmenter's confidence is {confidence:.2f}"
            yield warning(Code.LOW_CONFIDENCE, text, level)


def none_skipped(measured: QcInput) -> Iterator[Finding]:
    """Neighbouring discs lie one vertebra apart and carry neighbouring names."""
    discs = measured.labels.discs
    found = list(discs)
    if len(found) < 2:
        return
    centres = [discs[level].centroid_mm for level in found]
    steps = np.linalg.norm(np.diff(centres, axis=0), axis=1)
    usual = float(np.median(steps)) if len(steps) > 2 else MAX_PITCH_MM / SKIPPED_RATIO
    chain = levels_upward(found[-1])[::-1]
    for upper, lower, step in zip(found, found[1:], steps, strict=False):
        next_below = chain[chain.index(upper) + 1] if upper in chain[:-1] else None
        too_far = step > SKIPPED_RATIO * usual or step > MAX_PITCH_MM
        if too_far or lower is not next_below:
            text = (
                f"{upper.value} and {lower.value} are {step:.0f} mm apart, {usual:.0f} mm is usual"
            )
            yield warning(Code.DISC_SKIPPED, text, lower)


CHECKS: tuple[Check, ...] = (
    heights_plausible,
    widths_plausible,
    enough_slices,
    inside_picture,
    confident,
    none_skipped,
)


def _within(value: float | int | str, limits: tuple[float, float]) -> bool:
    return limits[0] <= float(value) <= limits[1]


_SIDES = (("right", "left"), ("anterior", "posterior"), ("upper", "lower"))


def _touched(mask: SoftMask, labels: SpineLabels) -> list[str]:
    """Names of the picture's edges that a disc reaches."""
    grid = labels.grid
    index = np.argwhere(mask.array >= 0.5)
    if not len(index):
        return []
    voxels = np.round(grid.to_index(mask.grid.to_world(index))).astype(int)
    touched = []
    for axis, size in enumerate(grid.shape):
        if axis == grid.sagittal_axis and size < MIN_SLICES:
            continue
        direction = grid.directions[:, axis]
        world = int(np.argmax(np.abs(direction)))
        first = 1 if direction[world] > 0 else 0  # the side on which the axis begins
        if voxels[:, axis].min() <= 0:
            touched.append(_SIDES[world][first])
        if voxels[:, axis].max() >= size - 1:
            touched.append(_SIDES[world][1 - first])
    return sorted(touched)
