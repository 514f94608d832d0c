"""Simulated tables as subjects and visits, for the analysis of real trials."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from discmri.core.levels import DiscLevel
from discmri.simulation.tables import DrawnTable
from discmri.trial.change import Course, course_of
from discmri.trial.conditions import Conditions, SeriesConditions
from discmri.trial.follow_up import FollowUp
from discmri.trial.plan import RepeatKind, Scan, Subject
from discmri.trial.registration import Registration
from discmri.trial.values import DiscVisit, MeasuredScan, Value

LEVELS = tuple(DiscLevel(name) for name in ("L1-L2", "L2-L3", "L3-L4", "L4-L5", "L5-S1"))
ACTIVE, CONTROL = "active", "control"
MORNING_H = 9.0
_NAMES = Registration({level: level for level in LEVELS}, np.eye(4), 1.0, 1.0)


def visit_names(visits: int) -> tuple[str, ...]:
    """Names of the first visit and of later visits.

    >>> visit_names(2)
    ('baseline', 'visit 1', 'visit 2')
    """
    return ("baseline", *(f"visit {n}" for n in range(1, visits + 1)))


def drawn_courses(
    table: DrawnTable, parameter: str = "height_mm", hours_later: float = 0.0
) -> Iterator[Course]:
    """Subjects of a simulated table with values of one parameter.

    Later visits are ``hours_later`` in the day than the first.
    """
    design, names = table.design, visit_names(table.design.visits)
    kind = RepeatKind.OTHER_DAY if design.other_day else RepeatKind.SAME_SESSION
    for n in range(design.subjects):
        subject = f"S{n + 1:03d}"
        rows = [
            (Scan(subject, name, Path(), week=4.0 * k), table.values[n, k])
            for k, name in enumerate(names)
        ]
        if n < design.repeats:
            again = Scan(subject, names[0], Path(), week=0.0, repeat=2, repeat_kind=kind)
            rows.append((again, table.again[n]))
        measured = {
            scan.name: MeasuredScan(
                scan, Path(), conditions=_at(hours_later if scan.week else 0.0),
                discs={
                    level: DiscVisit({parameter: Value(float(value), "columns")})
                    for level, value in zip(LEVELS, values, strict=True)
                },
            )
            for scan, values in rows
        }  # fmt: skip
        arm = "" if not design.control else ACTIVE if n < design.active else CONTROL
        scans = tuple(scan for scan, _ in rows)
        who = Subject(subject, scans, (LEVELS[table.treated[n]],), arm)
        yield course_of(who, measured, FollowUp(dict.fromkeys(measured, _NAMES)))


def _at(hours: float) -> Conditions:
    return Conditions(SeriesConditions(clock_h=MORNING_H + hours, scanner="one"), segmenter="masks")
