"""Responders, by a rule that is declared in advance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from discmri.core.levels import DiscLevel
from discmri.core.text import number, significant
from discmri.results.names import human, listed, unit
from discmri.results.records import PARAMETER
from discmri.trial.change import Change, Course, Verdict
from discmri.trial.contrast import Contrast

PRIMARY = ("height_mm", "adc_disc_um2_ms")
"""Default parameters that must increase in a responder."""


class Response(Enum):
    """Response of a treated disc by the rule."""

    RESPONDER = "responder"
    NO_RESPONDER = "non-responder"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True)
class Rule:
    """Rule for the response of a treated disc."""

    visit: str  # visit at which it is applied
    parameters: tuple[str, ...] = PRIMARY  # parameters that must all increase

    def __str__(self) -> str:
        """In words."""
        return (
            f"At {self.visit}, a treated disc is a responder if {listed(self.parameters)} "
            f"{'each increased' if self.parameters[1:] else 'increased'} since the first visit by "
            "more than its noise band, and by more than in the untreated discs of the same subject "
            "(95 % interval of the difference above zero). It is not judged if a value is missing or "
            "scans are not comparable, unless another parameter already excludes a response."
        )


@dataclass(frozen=True)
class Judged:
    """Response of one treated disc."""

    subject: str
    arm: str
    level: DiscLevel
    response: Response
    reasons: tuple[str, ...]  # one per parameter


def judge(
    courses: Iterable[Course], changes: Sequence[Change], found: Sequence[Contrast], rule: Rule
) -> list[Judged]:
    """Apply the rule to every treated disc."""
    changed = {
        (one.subject, one.level, one.parameter): one for one in changes if one.visit == rule.visit
    }
    against = {
        (one.subject, one.level, one.parameter): one for one in found if one.visit == rule.visit
    }
    judged = []
    for course in courses:
        for level in course.subject.treated:
            steps = [
                _step(
                    name,
                    changed.get((course.subject.name, level, name)),
                    against.get((course.subject.name, level, name)),
                )
                for name in rule.parameters
            ]
            judged.append(
                Judged(
                    course.subject.name, course.subject.arm, level,
                    _together([response for response, _ in steps]),
                    tuple(reason for _, reason in steps),
                )
            )  # fmt: skip
    return judged


def _together(steps: Sequence[Response]) -> Response:
    for response in (Response.NO_RESPONDER, Response.NOT_JUDGED):
        if response in steps:
            return response
    return Response.RESPONDER


def _step(name: str, change: Change | None, against: Contrast | None) -> tuple[Response, str]:
    """Response by one parameter, with its reason."""
    if change is None or change.band is None:
        why = "value missing at one of the visits" if change is None else "its noise is unknown"
        return Response.NOT_JUDGED, f"{human(name)}: {why}"
    noise = significant(change.band.half, 2)
    size = f"{human(name)} {_signed(change.change, name)} {unit(name)} (noise ±{noise})"
    if change.verdict is Verdict.NOT_COMPARABLE:
        return Response.NOT_JUDGED, f"{size}: not comparable ({'; '.join(change.reasons)})"
    if change.verdict is Verdict.WITHIN or change.change < 0:
        why = "within noise" if change.verdict is Verdict.WITHIN else "decreased"
        return Response.NO_RESPONDER, f"{size}: {why}"
    if against is None:
        return Response.NOT_JUDGED, f"{size}: no untreated disc to compare it with"
    parts = (against.difference, against.low, against.high)
    difference, low, high = (_signed(part, name) for part in parts)
    other = f"{difference} [{low}, {high}] against untreated"
    if against.low > 0:
        caution = f" (caution: {'; '.join(change.reasons)})" if change.reasons else ""
        return Response.RESPONDER, f"{size}, {other}: increased beyond noise{caution}"
    return Response.NO_RESPONDER, f"{size}, {other}: not more than untreated discs"


def _signed(value: float, parameter: str) -> str:
    return ("+" if value > 0 else "") + number(value, min(PARAMETER[parameter].decimals, 3))
