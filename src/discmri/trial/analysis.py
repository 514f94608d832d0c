"""The analysis of the measured values of a trial, without files and images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from discmri.trial.change import Change, Course, changes_of, repeat_differences
from discmri.trial.contrast import Contrast, contrasts
from discmri.trial.declaration import Declaration, default_declaration
from discmri.trial.grades import Reads, Shifts, VisitGrade, grades_of, shifts
from discmri.trial.groups import GroupEffect, group_effects
from discmri.trial.noise import Noise, RepeatNoise, repeat_noise
from discmri.trial.plan import RepeatKind
from discmri.trial.responders import Judged, Rule, judge


@dataclass(frozen=True)
class Analysis:
    """Results of the analysis of a trial.

    Parameters
    ----------
    declaration
        Endpoints and estimand.
    courses
        Subjects with their visits.
    noise
        Noise from the repeat scans of the trial.
    changes, contrasts, effects
        Change per disc; treated against untreated discs per subject; effects over subjects, the
        primary one first.
    rule, judged
        Responder rule, and its result for each treated disc.
    grades, shifts
        Grades per disc, and shift tables.
    """

    declaration: Declaration
    courses: tuple[Course, ...]
    noise: Noise
    changes: tuple[Change, ...]
    contrasts: tuple[Contrast, ...]
    effects: tuple[GroupEffect, ...]
    rule: Rule
    judged: tuple[Judged, ...]
    grades: tuple[VisitGrade, ...]
    shifts: tuple[Shifts, ...]


def analyse(
    courses: Sequence[Course],
    visits: Sequence[str],
    reads: Reads | None = None,
    declaration: Declaration | None = None,
) -> Analysis:
    """Analyse a trial.

    Parameters
    ----------
    courses
        Subjects with their visits.
    visits
        Names of all visits, earliest first.
    reads
        Grades of readers.
    declaration
        Endpoints and estimand; defaults if not given.

    Returns
    -------
    Analysis
        Noise, changes, contrasts, effects over subjects, responders and grades.

    Examples
    --------
    >>> analyse(courses, ("baseline", "week 12")).judged[0].response  # doctest: +SKIP
    <Response.RESPONDER: 'responder'>
    """
    usual = visits[0] if visits else ""
    arms = tuple(dict.fromkeys(one.subject.arm for one in courses))
    asked = declaration or default_declaration(visits, arms=arms)
    noise = Noise(_repeats(courses), asked.diurnal)
    changes = [change for course in courses for change in changes_of(course, noise)]
    starting = {one.subject.name: one.subject.arm for one in courses if one.baseline.name == usual}
    treated = {one.subject.name for one in courses if one.subject.treated}
    against = contrasts(changes)
    rule = Rule(asked.responder_visit or asked.primary.visit, asked.responder_parameters)
    grades = [grade for course in courses for grade in grades_of(course, reads or {})]
    counted = {name: arm for name, arm in starting.items() if name in treated}
    return Analysis(
        asked,
        tuple(courses),
        noise,
        tuple(changes),
        tuple(against),
        tuple(group_effects(changes, asked, counted)),
        rule,
        tuple(judge(courses, changes, against, rule)),
        tuple(grades),
        tuple(shifts((one for one in grades if one.subject in starting), usual)),
    )


def _repeats(courses: Sequence[Course]) -> dict[RepeatKind, dict[str, RepeatNoise]]:
    pairs: dict[RepeatKind, list[dict[str, list[float]]]] = {}
    for course in courses:
        for kind, differences in repeat_differences(course):
            pairs.setdefault(kind, []).append(differences)
    return {kind: repeat_noise(own) for kind, own in pairs.items()}
