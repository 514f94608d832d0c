"""All that is concluded from the measured values of a trial; no files and no images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from discmri.trial.change import Change, Course, changes_of, repeat_differences
from discmri.trial.contrast import Contrast, Pooled, contrasts, pooled
from discmri.trial.grades import Reads, Shifts, VisitGrade, grades_of, shifts
from discmri.trial.noise import Noise, repeat_noise
from discmri.trial.responders import PRIMARY, Judged, Rule, judge


@dataclass(frozen=True)
class Analysis:
    """A trial's conclusions.

    Parameters
    ----------
    courses
        Subjects from visit to visit.
    noise
        What the trial's own repeat scans say.
    changes, contrasts, pooled
        Per disc; treated against untreated per subject; over subjects.
    rule, judged
        When a disc counts as a responder, and which do.
    grades, shifts
        Per disc, and as tables.
    """

    courses: tuple[Course, ...]
    noise: Noise
    changes: tuple[Change, ...]
    contrasts: tuple[Contrast, ...]
    pooled: tuple[Pooled, ...]
    rule: Rule
    judged: tuple[Judged, ...]
    grades: tuple[VisitGrade, ...]
    shifts: tuple[Shifts, ...]


def analyse(
    courses: Sequence[Course],
    visits: Sequence[str],
    reads: Reads | None = None,
    parameters: Sequence[str] = PRIMARY,
    at: str = "",
) -> Analysis:
    """Draw the conclusions.

    Parameters
    ----------
    courses
        Subjects from visit to visit.
    visits
        Names of all visits, earliest first.
    reads
        Grades of readers.
    parameters, at
        In which a responder gains, and at which visit; the last one by default.

    Returns
    -------
    Analysis
        Noise, changes, contrasts, responders and grades.

    Examples
    --------
    >>> analyse(courses, ("baseline", "week 12")).judged[0].response  # doctest: +SKIP
    <Response.RESPONDER: 'responder'>
    """
    usual = visits[0] if visits else ""
    differences = [pair for course in courses for pair in repeat_differences(course)]
    noise = Noise(repeat_noise(differences))
    changes = [change for course in courses for change in changes_of(course, noise)]
    starting = {c.subject.name for c in courses if c.baseline.name == usual}
    against = contrasts(changes)
    rule = Rule(at or (visits[-1] if visits else ""), tuple(parameters))
    grades = [grade for course in courses for grade in grades_of(course, reads or {})]
    return Analysis(
        tuple(courses),
        noise,
        tuple(changes),
        tuple(against),
        tuple(pooled(one for one in changes if one.subject in starting)),
        rule,
        tuple(judge(courses, changes, against, rule)),
        tuple(grades),
        tuple(shifts((one for one in grades if one.subject in starting), usual)),
    )
