"""Whether two scans of one subject can be compared, parameter by parameter.

To add a check: write a function of type :data:`Check` and add one line to :data:`CHECKS`.
Limits are this project's choice unless a source stands beside them; each is a constant here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

import numpy as np

from discmri.trial.conditions import Conditions, SeriesConditions, clock_text


class Comparability(Enum):
    """How far a change between two scans can be believed."""

    COMPARABLE = "comparable"
    CAUTION = "caution"  # the verdict stands, the remark beside it
    NOT_COMPARABLE = "not comparable"


CLOCK_H = 2.0
"""Difference in time of day: height falls by about 0.9 mm (Boos 1996) or 6 to 8 % (Martin 2022)
from morning to evening, and signal and ADC change as well; two hours are this project's choice."""
_SECOND_H = 1.0 / 3600  # times are sums of floats
REST_MIN = 20.0
"""Rest before the scan, by which two scans may differ."""
ECHO_SHARE, REPETITION_SHARE = 0.10, 0.20
PIXEL_SHARE, THICKNESS_SHARE = 0.15, 0.15
B_VALUE_SHARE = 0.05
TILT_CAUTION_DEG, TILT_DEG = 5.0, 12.0

HEIGHT = ("height_", "dhi_")
SHAPE = ("width_", "area_", "volume_", "wedge_", "bulge_", "listhesis_")
SIGNAL = ("signal_",)
ADC = ("adc_",)
GRADE = ("suggested_",)
EVERYTHING = (*HEIGHT, *SHAPE, *SIGNAL, *ADC, *GRADE)


@dataclass(frozen=True)
class Difference:
    """Something that may fake a change.

    Parameters
    ----------
    what
        Name of the condition.
    text
        How the scans differ, in words.
    touches
        Beginnings of the names of the parameters concerned.
    verdict
        How much it matters to them.
    """

    what: str
    text: str
    touches: tuple[str, ...]
    verdict: Comparability

    def concerns(self, parameter: str) -> bool:
        """Whether it bears on a parameter."""
        return parameter.startswith(self.touches)


@dataclass(frozen=True)
class ScanPair:
    """Two scans of one subject, and how the spine lay in them.

    Parameters
    ----------
    before, after
        Conditions of the earlier and the later scan.
    tilt_deg
        Angle between the slices of the two in the frame of the spine; ``None`` where unknown.
    """

    before: Conditions
    after: Conditions
    tilt_deg: float | None = None


UNLIKE = (
    "scanner", "scanner software", "field strength", "coil", "TE", "TR", "pixel size",
    "slice thickness", "slice distance", "software version",
)  # fmt: skip
"""Differences that repeat scans in one scanner and protocol say nothing about."""

Check = Callable[[ScanPair], Iterable[Difference]]
"""Differences of one kind between two scans."""

_CAUTION, _NOT = Comparability.CAUTION, Comparability.NOT_COMPARABLE


def time_of_day(pair: ScanPair) -> Iterable[Difference]:
    """Discs lose water and height while a person is up."""
    hours = hours_between(pair)
    touches = (*HEIGHT, "area_", "volume_", *SIGNAL, *ADC, *GRADE)
    if hours is None:
        text = "the time of day is not known of both scans; height falls about 0.9 mm over a day"
        yield Difference("time of day", text, touches, _CAUTION)
    elif hours > CLOCK_H + _SECOND_H:
        text = (
            f"{_clock_of(pair)}, more than {CLOCK_H:g} h apart; height falls "
            "about 0.9 mm over a day (Boos 1996)"
        )
        yield Difference("time of day", text, touches, _NOT)


def hours_between(pair: ScanPair) -> float | None:
    """Difference in time since getting up, or in clock time where that is not known of both."""
    up = pair.before.up_h, pair.after.up_h
    clock = pair.before.sagittal.clock_h, pair.after.sagittal.clock_h
    for before, after in (up, clock):
        if before is not None and after is not None:
            return abs(after - before)
    return None


def _clock_of(pair: ScanPair) -> str:
    before, after = pair.before, pair.after
    if before.up_h is not None and after.up_h is not None:
        return f"{before.up_h:.1f} and {after.up_h:.1f} h after getting up"
    return f"{clock_text(before.sagittal.clock_h)} and {clock_text(after.sagittal.clock_h)}"


def rest(pair: ScanPair) -> Iterable[Difference]:
    """Lying down before the scan gives some of it back."""
    before, after = pair.before.rest_min, pair.after.rest_min
    touches = (*HEIGHT, "area_", "volume_", *SIGNAL, *ADC)
    if before is None and after is None:
        return
    if before is None or after is None:
        yield Difference("rest", "rest before the scan is known of one only", touches, _CAUTION)
    elif abs(after - before) > REST_MIN:
        text = f"{before:g} and {after:g} min of rest before the scan"
        yield Difference("rest", text, touches, _CAUTION)


def scanner(pair: ScanPair) -> Iterable[Difference]:
    """Another scanner has other gradients, field shape and reconstruction."""
    before, after = pair.before.sagittal, pair.after.sagittal
    if before.field_t and after.field_t and abs(before.field_t - after.field_t) > 0.2:
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
    """Signal and where a border seems to lie depend on the weighting."""
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
        text = "fat is suppressed in one of them"
        yield Difference("fat suppression", text, (*HEIGHT, *SHAPE, *SIGNAL, *GRADE), _NOT)


def sampling(pair: ScanPair) -> Iterable[Difference]:
    """Coarser voxels see other borders and mix in more of the neighbours."""
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
    """The ADC depends on the b-values it is fitted to, and on who fits it."""
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
    """Slices that cut the spine at another angle show other sections of a disc."""
    if pair.tilt_deg is None or pair.tilt_deg <= TILT_CAUTION_DEG:
        return
    far = pair.tilt_deg > TILT_DEG
    text = f"the slices cut the spine {pair.tilt_deg:.1f}° differently"
    yield Difference("tilt", text, (*HEIGHT, *SHAPE, *GRADE), _NOT if far else _CAUTION)


def measurement(pair: ScanPair) -> Iterable[Difference]:
    """Borders of one segmenter are comparable with each other, not with another's."""
    before, after = pair.before, pair.after
    if before.segmenter != after.segmenter:
        text = f"{before.segmenter or 'unknown'} and {after.segmenter or 'unknown'}"
        yield Difference("segmenter", text, EVERYTHING, _NOT)
    if before.software != after.software:
        text = f"discmri {before.software or 'unknown'} and {after.software or 'unknown'}"
        yield Difference("software version", text, EVERYTHING, _CAUTION)


CHECKS: tuple[Check, ...] = (
    time_of_day,
    rest,
    scanner,
    weighting,
    sampling,
    diffusion,
    tilt,
    measurement,
)
"""Everything that is looked at between two scans."""


def differences(pair: ScanPair) -> tuple[Difference, ...]:
    """All that may fake a change between two scans."""
    return tuple(found for check in CHECKS for found in check(pair))


def worst_comparability(found: Iterable[Difference], parameter: str) -> Comparability:
    """The worst that any difference says of a parameter."""
    verdicts = [one.verdict for one in found if one.concerns(parameter)]
    order = [*Comparability]
    return max(verdicts, key=order.index, default=Comparability.COMPARABLE)


def alike(found: Iterable[Difference], parameter: str) -> bool:
    """Whether two scans were made alike as far as a parameter is concerned."""
    return not any(one.what in UNLIKE and one.concerns(parameter) for one in found)


def tilt_deg(before: SeriesConditions, after: SeriesConditions, rotation: object) -> float | None:
    """Angle between the slices of two scans in the frame of the spine.

    Parameters
    ----------
    before, after
        With their slice normals.
    rotation
        (3, 3), turns vectors of the later scan into the space of the earlier one.
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
