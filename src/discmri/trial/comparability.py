"""Comparability of two scans of one subject, by parameter.

To add a check, write a function of type :data:`ComparabilityCheck` and add one line to :data:`CHECKS`.  Limits
without a source are choices of this project.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

import numpy as np

from discmri.trial.conditions import Conditions, SeriesConditions, clock_text


class Comparability(Enum):
    """Whether two scans can be compared."""

    COMPARABLE = "comparable"
    CAUTION = "caution"  # compared, with a remark
    NOT_COMPARABLE = "not comparable"


CLOCK_H = 2.0
"""Limit of the difference in time of day, a choice of this project: from morning to evening, height
falls by about 0.9 mm (Boos 1996) or 6 to 8 % (Martin 2022), and signal and ADC change as well."""
_SECOND_H = 1.0 / 3600  # times are sums of floats
REST_MIN = 20.0
"""Limit of the difference in rest before the scan."""
ECHO_SHARE, REPETITION_SHARE = 0.10, 0.20
PIXEL_SHARE, THICKNESS_SHARE = 0.15, 0.15
B_VALUE_SHARE = 0.05
FIELD_T = 0.2  # headers of 1.5 T state 1.494 T as well
TILT_CAUTION_DEG, TILT_DEG = 5.0, 12.0

HEIGHT = ("height_", "dhi_")
SHAPE = ("width_", "area_", "volume_", "wedge_", "bulge_", "listhesis_")
SIGNAL = ("signal_",)
ADC = ("adc_",)
GRADE = ("suggested_",)
EVERYTHING = (*HEIGHT, *SHAPE, *SIGNAL, *ADC, *GRADE)


@dataclass(frozen=True)
class Difference:
    """A difference between two scans that may cause an apparent change."""

    what: str  # name of the condition
    text: str
    touches: tuple[str, ...]  # prefixes of the names of affected parameters
    verdict: Comparability  # comparability of these parameters

    def concerns(self, parameter: str) -> bool:
        """Whether it affects a parameter."""
        return parameter.startswith(self.touches)


@dataclass(frozen=True)
class ScanPair:
    """Two scans of one subject."""

    before: Conditions  # conditions of the earlier scan
    after: Conditions  # conditions of the later scan
    # angle between their slices in the frame of the spine; None if unknown
    tilt_deg: float | None = None


UNLIKE = (
    "scanner", "scanner software", "field strength", "coil", "TE", "TR", "pixel size",
    "slice thickness", "slice distance", "software version",
)  # fmt: skip
"""Differences that are not covered by repeat scans with one scanner and protocol."""

ComparabilityCheck = Callable[[ScanPair], Iterable[Difference]]
"""Differences of one kind between two scans."""

_CAUTION, _NOT = Comparability.CAUTION, Comparability.NOT_COMPARABLE


def time_of_day(pair: ScanPair) -> Iterable[Difference]:
    """Discs lose water and height during the day."""
    hours = hours_between(pair)
    touches = (*HEIGHT, "area_", "volume_", *SIGNAL, *ADC, *GRADE)
    if hours is None:
        text = (
            "the time of day is not known for both scans; height falls by about 0.9 mm over a day "
            "(Boos 1996)"
        )
        yield Difference("time of day", text, touches, _CAUTION)
    elif hours > CLOCK_H + _SECOND_H:
        text = (
            f"{_clock_of(pair)}, more than {CLOCK_H:g} h apart; height falls by "
            "about 0.9 mm over a day (Boos 1996)"
        )
        yield Difference("time of day", text, touches, _NOT)


def hours_between(pair: ScanPair) -> float | None:
    """Difference in time since rising, or in clock time if that is not known for both; hours."""
    up = pair.before.up_h, pair.after.up_h
    clock = pair.before.sagittal.clock_h, pair.after.sagittal.clock_h
    for before, after in (up, clock):
        if before is not None and after is not None:
            return abs(after - before)
    return None


def _clock_of(pair: ScanPair) -> str:
    before, after = pair.before, pair.after
    if before.up_h is not None and after.up_h is not None:
        return f"{before.up_h:.1f} and {after.up_h:.1f} h after rising"
    return f"{clock_text(before.sagittal.clock_h)} and {clock_text(after.sagittal.clock_h)}"


def rest(pair: ScanPair) -> Iterable[Difference]:
    """Discs recover some height while lying down before the scan."""
    before, after = pair.before.rest_min, pair.after.rest_min
    touches = (*HEIGHT, "area_", "volume_", *SIGNAL, *ADC)
    if before is None and after is None:
        return
    if before is None or after is None:
        yield Difference("rest", "rest before the scan is known for one only", touches, _CAUTION)
    elif abs(after - before) > REST_MIN:
        text = f"{before:g} and {after:g} min of rest before the scan"
        yield Difference("rest", text, touches, _CAUTION)


def scanner(pair: ScanPair) -> Iterable[Difference]:
    """Scanners differ in gradients, field homogeneity and reconstruction."""
    before, after = pair.before.sagittal, pair.after.sagittal
    if before.field_t and after.field_t and abs(before.field_t - after.field_t) > FIELD_T:
        text = f"{before.field_t:g} T and {after.field_t:g} T"
        yield Difference("field strength", text, (*SIGNAL, *ADC, *GRADE), _NOT)
        yield Difference("field strength", text, (*HEIGHT, *SHAPE), _CAUTION)
    if before.scanner != after.scanner:
        text = f"{before.scanner or 'unnamed'} and {after.scanner or 'unnamed'}"
        yield Difference("scanner", text, (*SIGNAL, *ADC, *GRADE), _NOT)
        yield Difference("scanner", text, (*HEIGHT, *SHAPE), _CAUTION)
    elif before.software != after.software:
        text = f"{before.software or 'unknown'} and {after.software or 'unknown'}"
        yield Difference("scanner software", text, EVERYTHING, _CAUTION)
    if before.coil != after.coil:
        text = f"{before.coil or 'unnamed'} and {after.coil or 'unnamed'}"
        yield Difference("coil", text, (*SIGNAL, *GRADE, *ADC), _CAUTION)


def weighting(pair: ScanPair) -> Iterable[Difference]:
    """Signal and apparent borders depend on the weighting."""
    before, after = pair.before.sagittal, pair.after.sagittal
    for what, share, a, b in (
        ("TE", ECHO_SHARE, before.te_ms, after.te_ms),
        ("TR", REPETITION_SHARE, before.tr_ms, after.tr_ms),
    ):
        if _differ(a, b, share):
            text = f"{a:g} and {b:g} ms"
            yield Difference(what, text, (*SIGNAL, *GRADE), _NOT)
            yield Difference(what, text, (*HEIGHT, *SHAPE), _CAUTION)
    if before.fat_suppressed != after.fat_suppressed:
        text = "fat is suppressed in one scan only"
        yield Difference("fat suppression", text, (*HEIGHT, *SHAPE, *SIGNAL, *GRADE), _NOT)


def sampling(pair: ScanPair) -> Iterable[Difference]:
    """Apparent borders and partial volume depend on the voxel size."""
    for kind, before, after in _series(pair):
        touches = (*HEIGHT, *SHAPE, *GRADE) if kind == "sagittal" else ADC
        for what, share, a, b in (
            ("pixel size", PIXEL_SHARE, before.pixel_mm, after.pixel_mm),
            ("slice thickness", THICKNESS_SHARE, before.thickness_mm, after.thickness_mm),
            ("slice distance", THICKNESS_SHARE, before.pitch_mm, after.pitch_mm),
        ):
            if _differ(a, b, share):
                text = f"{kind}: {a:.2f} and {b:.2f} mm"
                yield Difference(what, text, touches, _CAUTION)


def diffusion(pair: ScanPair) -> Iterable[Difference]:
    """The ADC depends on b-values and on the fit."""
    before, after = pair.before.diffusion, pair.after.diffusion
    if before is None or after is None:
        return
    a, b = before.b_values_s_per_mm2, after.b_values_s_per_mm2
    if len(a) != len(b) or any(_differ(x, y, B_VALUE_SHARE) for x, y in zip(a, b, strict=True)):
        text = f"{_listed(a)} and {_listed(b)} s/mm²"
        yield Difference("b-values", text, ADC, _NOT)
    if pair.before.adc_source != pair.after.adc_source:
        text = f"{pair.before.adc_source or 'none'} and {pair.after.adc_source or 'none'}"
        yield Difference("source of the ADC", text, ADC, _NOT)
    if _differ(before.te_ms, after.te_ms, ECHO_SHARE):
        text = f"diffusion: {before.te_ms:g} and {after.te_ms:g} ms"
        yield Difference("TE", text, ADC, _CAUTION)


def tilt(pair: ScanPair) -> Iterable[Difference]:
    """Slices at different angles show different sections of a disc."""
    if pair.tilt_deg is None or pair.tilt_deg <= TILT_CAUTION_DEG:
        return
    far = pair.tilt_deg > TILT_DEG
    text = f"the slices differ by {pair.tilt_deg:.1f}° relative to the spine"
    yield Difference("tilt", text, (*HEIGHT, *SHAPE, *GRADE), _NOT if far else _CAUTION)


def measurement(pair: ScanPair) -> Iterable[Difference]:
    """Borders of different segmenters are not comparable."""
    before, after = pair.before, pair.after
    if before.segmenter != after.segmenter:
        text = f"{before.segmenter or 'unknown'} and {after.segmenter or 'unknown'}"
        yield Difference("segmenter", text, EVERYTHING, _NOT)
    if before.software != after.software:
        text = f"discmri {before.software or 'unknown'} and {after.software or 'unknown'}"
        yield Difference("software version", text, EVERYTHING, _CAUTION)


CHECKS: tuple[ComparabilityCheck, ...] = (
    time_of_day,
    rest,
    scanner,
    weighting,
    sampling,
    diffusion,
    tilt,
    measurement,
)
"""All checks of two scans."""


def differences(pair: ScanPair) -> tuple[Difference, ...]:
    """All differences between two scans that may cause an apparent change."""
    return tuple(found for check in CHECKS for found in check(pair))


def worst_comparability(found: Iterable[Difference], parameter: str) -> Comparability:
    """Worst comparability of a parameter over all differences."""
    verdicts = [one.verdict for one in found if one.concerns(parameter)]
    order = [*Comparability]
    return max(verdicts, key=order.index, default=Comparability.COMPARABLE)


def alike(found: Iterable[Difference], parameter: str) -> bool:
    """Whether scanner and protocol are the same as far as they affect a parameter."""
    return not any(one.what in UNLIKE and one.concerns(parameter) for one in found)


def tilt_deg(before: SeriesConditions, after: SeriesConditions, rotation: object) -> float | None:
    """Angle between the slices of two scans in the frame of the spine, degrees.

    ``rotation`` (3, 3) takes vectors of the later scan to the space of the earlier one.
    """
    if before.slice_normal is None or after.slice_normal is None:
        return None
    turned = np.asarray(rotation, dtype=float) @ np.array(after.slice_normal)
    cosine = abs(float(turned @ np.array(before.slice_normal)))
    return float(np.degrees(np.arccos(min(cosine, 1.0))))


def _series(pair: ScanPair) -> Iterable[tuple[str, SeriesConditions, SeriesConditions]]:
    yield "sagittal", pair.before.sagittal, pair.after.sagittal
    if pair.before.diffusion is not None and pair.after.diffusion is not None:
        yield "diffusion", pair.before.diffusion, pair.after.diffusion


def _differ(a: float | None, b: float | None, share: float) -> bool:
    return a is not None and b is not None and abs(a - b) > share * max(abs(a), abs(b), 1e-9)


def _listed(values: Iterable[float]) -> str:
    return ", ".join(f"{value:g}" for value in values) or "none"
