"""Change per disc, parameter and visit, with its uncertainty and a verdict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from discmri.core.findings import Code
from discmri.core.levels import DiscLevel
from discmri.results.parameter import Parameter
from discmri.results.records import PARAMETER
from discmri.trial.comparability import (
    Comparability,
    Difference,
    ScanPair,
    alike,
    differences,
    tilt_deg,
    worst_comparability,
)
from discmri.trial.diurnal import diurnal
from discmri.trial.follow_up import FollowUp
from discmri.trial.noise import Band, Noise
from discmri.trial.plan import RepeatKind, Subject
from discmri.trial.registration import Registration
from discmri.trial.values import TRACKED, DiscVisit, MeasuredScan, Value

NAMING = frozenset(
    {
        Code.NUMBERING_UNCERTAIN, Code.SACRUM_MISSING, Code.SIX_LUMBAR_BODIES,
        Code.TRANSITIONAL_SUSPECTED, Code.DISC_SKIPPED,
    }
)  # fmt: skip
"""Flags about the level of a disc, which is carried over by registration, not about its values."""


_TRACKED = tuple(one.name for one in TRACKED)


class Verdict(Enum):
    """Verdict on a change."""

    BEYOND = "beyond noise"
    WITHIN = "within noise"
    NOT_COMPARABLE = "not comparable"


@dataclass(frozen=True)
class Visit:
    """One scan of a subject, with the levels of the first visit."""

    measured: MeasuredScan
    registration: Registration | None  # correspondence of its discs with those of the first visit
    discs: Mapping[DiscLevel, DiscVisit]  # values by level of the first visit
    # level found at this visit, by level of the first visit
    own_names: Mapping[DiscLevel, DiscLevel]
    # differences from the first visit that may cause an apparent change
    differences: tuple[Difference, ...] = ()
    # angle between its slices and those of the first visit in the frame of the spine
    tilt_deg: float | None = None

    @property
    def name(self) -> str:
        """Name of the visit."""
        return self.measured.scan.visit

    @property
    def numbering(self) -> str:
        """Problem with the levels of this visit in words; empty if none."""
        if self.measured.reason:
            return ""
        if self.registration is None:
            return "levels could not be carried to this visit: its images could not be read again"
        if self.registration.problem:
            return f"levels could not be carried to this visit: {self.registration.problem}"
        if self.registration.contradicted:
            pairs = ", ".join(
                f"{own.value} is {frozen.value}" for own, frozen in self.registration.names.items()
            )
            return f"the numbering found at this visit differs from that of the first ({pairs})"
        return ""


@dataclass(frozen=True)
class Course:
    """One subject with all visits."""

    subject: Subject
    visits: tuple[Visit, ...]  # first scans of the visits in order, then repeats
    # as in FollowUp
    pictures: Mapping[tuple[str, DiscLevel], str] = field(default_factory=dict, repr=False)

    @property
    def baseline(self) -> Visit:
        """The first visit."""
        return self.visits[0]

    @property
    def later(self) -> tuple[Visit, ...]:
        """Visits after the first, without repeats."""
        return tuple(one for one in self.visits[1:] if one.measured.scan.repeat == 1)

    @property
    def repeats(self) -> tuple[tuple[Visit, Visit], ...]:
        """Pairs of the scan of a visit and a repeat."""
        first = {one.name: one for one in self.visits if one.measured.scan.repeat == 1}
        return tuple(
            (first[one.name], one)
            for one in self.visits
            if one.measured.scan.repeat > 1 and one.name in first
        )

    @property
    def levels(self) -> tuple[DiscLevel, ...]:
        """Levels of lumbar discs at the first visit, cranial to caudal."""
        return tuple(level for level in self.baseline.discs if level.above.value.startswith("L"))


@dataclass(frozen=True)
class Change:
    """Change of one value of one disc since the first visit."""

    subject: str
    arm: str
    visit: str
    level: DiscLevel  # at the first visit
    treated: bool
    parameter: str
    unit: str
    before: Value  # at the first visit
    after: Value  # at this visit
    change: float
    band: Band | None  # None if its noise is unknown
    comparability: Comparability  # of the two scans in this parameter
    reasons: tuple[str, ...]  # against comparability
    verdict: Verdict

    @property
    def percent(self) -> float | None:
        """Change in percent of the first value; ``None`` unless that is positive."""
        first = self.before.value
        assert isinstance(first, float)
        return 100 * self.change / first if first > 0 else None


def course_of(subject: Subject, scans: Mapping[str, MeasuredScan], followed: FollowUp) -> Course:
    """Combine the scans of a subject, by name, with their registrations and pictures."""
    ordered = sorted(subject.scans, key=lambda scan: scan.repeat > 1)
    baseline = scans[ordered[0].name]
    visits = []
    for scan in ordered:
        measured = scans[scan.name]
        registration = followed.registrations.get(scan.name)
        names = {} if registration is None else registration.names
        if measured is baseline and not names:  # its levels are those of the subject
            names = {level: level for level in measured.discs}
        discs = {
            frozen: measured.discs[own] for own, frozen in names.items() if own in measured.discs
        }
        own = {frozen: own for own, frozen in names.items()}
        tilt = followed.tilts_deg.get(scan.name)
        if (
            tilt is None
            and registration is not None
            and not registration.problem
            and measured is not baseline
        ):
            before, after = baseline.conditions.sagittal, measured.conditions.sagittal
            tilt = _rounded(tilt_deg(before, after, registration.matrix[:3, :3]))
        pair = ScanPair(baseline.conditions, measured.conditions, tilt)
        found = () if measured.reason or measured is baseline else differences(pair)
        visits.append(Visit(measured, registration, discs, own, found, tilt))
    return Course(subject, tuple(visits), followed.pictures)


def _rounded(tilt: float | None) -> float | None:
    """Rounded as in the tables, so that these give the same results."""
    return None if tilt is None else round(tilt, 2)


def changes_of(course: Course, noise: Noise) -> Iterator[Change]:
    """All changes of a subject."""
    for visit in course.later:
        for level, before in course.baseline.discs.items():
            after = visit.discs.get(level)
            if after is None:
                continue
            for name in _measured((before,)):
                if after.number(name) is not None:
                    yield _change(course, visit, level, PARAMETER[name], noise)


def _measured(discs: Iterable[DiscVisit]) -> list[str]:
    """Tracked parameters with a number in any of the discs."""
    there = [disc for disc in discs if disc.values]
    names = {name for disc in there for name in disc.values if disc.number(name) is not None}
    return [name for name in _TRACKED if name in names]


def _change(
    course: Course, visit: Visit, level: DiscLevel, parameter: Parameter, noise: Noise
) -> Change:
    name = parameter.name
    discs = course.baseline.discs[level], visit.discs[level]
    before, after = (disc.values[name] for disc in discs)
    assert isinstance(before.value, float)
    assert isinstance(after.value, float)
    change = after.value - before.value
    segmenter = visit.measured.conditions.segmenter
    band = noise.band(name, before, after, segmenter, alike(visit.differences, name))
    if band is not None and noise.with_diurnal:
        pair = ScanPair(course.baseline.measured.conditions, visit.measured.conditions)
        band = band.at_other_hours(diurnal(name, before.value, pair))
    comparable, reasons = _comparability(visit, name, before, after)
    flags = tuple(_flagged(name, {course.baseline.name: discs[0], visit.name: discs[1]}))
    if flags and comparable is Comparability.COMPARABLE:
        comparable = Comparability.CAUTION
    rejected = tuple(_rejected({course.baseline.name: discs[0], visit.name: discs[1]}))
    if rejected:
        comparable = Comparability.NOT_COMPARABLE
    reasons = (*reasons, *flags, *rejected)
    if comparable is Comparability.NOT_COMPARABLE or band is None:
        what = Verdict.NOT_COMPARABLE
    else:
        what = Verdict.BEYOND if abs(change) > band.half else Verdict.WITHIN
    if band is None:
        reasons = (*reasons, "its noise is unknown")
    return Change(
        course.subject.name, course.subject.arm, visit.name, level,
        level in course.subject.treated, name, parameter.unit, before, after, change, band,
        comparable, reasons, what,
    )  # fmt: skip


def _comparability(
    visit: Visit, parameter: str, before: Value, after: Value
) -> tuple[Comparability, tuple[str, ...]]:
    found = [one for one in visit.differences if one.concerns(parameter)]
    reasons = [f"{one.what}: {one.text}" for one in found]
    worst = worst_comparability(found, parameter)
    if before.method != after.method:
        reasons.append(f"method: {before.method} and {after.method}")
        worst = Comparability.NOT_COMPARABLE
    if visit.registration is not None and visit.registration.contradicted:
        reasons.append("numbering: differs from that of the first visit")
        if worst is Comparability.COMPARABLE:
            worst = Comparability.CAUTION
    return worst, tuple(reasons)


def _flagged(parameter: str, discs: Mapping[str, DiscVisit]) -> Iterator[str]:
    """Flags of the values, without those about levels."""
    for visit, disc in discs.items():
        flags = [flag for flag in disc.flags_of(parameter) if Code(flag) not in NAMING]
        if flags:
            yield f"flagged at {visit}: {', '.join(flags)}"


def _rejected(discs: Mapping[str, DiscVisit]) -> Iterator[str]:
    """Visits at which the disc was rejected, with reasons."""
    for visit, disc in discs.items():
        if disc.is_rejected and disc.quality is not None:
            yield f"rejected at {visit}: {', '.join(disc.quality.reasons)}"


def repeat_differences(course: Course) -> Iterator[tuple[RepeatKind, dict[str, list[float]]]]:
    """Kind of each pair of repeat scans, and differences of all lumbar discs by parameter."""
    levels = course.levels
    for first, again in course.repeats:
        pair = ScanPair(first.measured.conditions, again.measured.conditions)
        found = differences(pair)
        both = [
            (first.discs[level], again.discs[level])
            for level in levels
            if level in first.discs
            and level in again.discs
            and not (first.discs[level].is_rejected or again.discs[level].is_rejected)
        ]
        collected: dict[str, list[float]] = {}
        for name in _measured(disc for disc, _ in both):
            if worst_comparability(found, name) is Comparability.NOT_COMPARABLE:
                continue
            pairs = [(one.number(name), other.number(name)) for one, other in both]
            changes = [b - a for a, b in pairs if a is not None and b is not None]
            if changes:
                collected[name] = changes
        yield again.measured.scan.repeat_kind or RepeatKind.SAME_SESSION, collected
