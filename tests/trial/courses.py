"""Courses made of plain numbers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np

from discmri.core.findings import Code, warning
from discmri.core.levels import DiscLevel
from discmri.core.quality import DiscQuality, Quality
from discmri.trial.change import Course, course_of
from discmri.trial.conditions import Conditions, SeriesConditions
from discmri.trial.follow_up import FollowUp
from discmri.trial.plan import RepeatKind, Scan, Subject
from discmri.trial.registration import Registration
from discmri.trial.values import DiscVisit, MeasuredScan, Value

L3, L4, L5 = DiscLevel.L3_L4, DiscLevel.L4_L5, DiscLevel.L5_S1
SAME = Conditions(
    SeriesConditions(clock_h=9.0, scanner="A", coil="S", field_t=1.5),
    SeriesConditions(clock_h=9.0, scanner="A", b_values_s_per_mm2=(0.0, 800.0)),
    "builtin:1", "0", "fit",
)  # fmt: skip

REJECTED = DiscQuality(Quality.REJECT, ("size_unlike_spine",))
Heights = Mapping[str, Mapping[DiscLevel, float]]
"""By visit (``a``, ``b``; ``a2`` is a repeat of ``a``) and disc."""


def make_course(
    heights: Heights,
    treated: tuple[DiscLevel, ...] = (L4,),
    name: str = "S1",
    conditions: Mapping[str, Conditions] | None = None,
    parameter: str = "height_mm",
    arm: str = "",
    *,
    flags: Mapping[tuple[str, DiscLevel], tuple[str, ...]] | None = None,
    rejected: Collection[tuple[str, DiscLevel]] = (),
    kind: RepeatKind = RepeatKind.OTHER_DAY,
) -> Course:
    """A course of one parameter; visits in order."""
    scans, measured, carried = [], {}, {}
    for n, (key, discs) in enumerate(heights.items()):
        visit, again = key[0], key[1:]
        scan = Scan(
            name, visit, Path(key), week=float(ord(visit)), repeat=int(again or 1),
            repeat_kind=kind if again else None, line=n,
        )  # fmt: skip
        values = {
            level: DiscVisit(
                {parameter: Value(value, "columns", 0.3)},
                tuple(
                    warning(Code(code), "", level) for code in (flags or {}).get((key, level), ())
                ),
                REJECTED if (key, level) in rejected else None,
            )
            for level, value in discs.items()
        }
        scans.append(scan)
        measured[scan.name] = MeasuredScan(
            scan, Path(key), conditions=(conditions or {}).get(key, SAME), discs=values,
            study_uid=f"{name}.{key}",
        )  # fmt: skip
        carried[scan.name] = Registration({level: level for level in discs}, np.eye(4), 1.0, 1.0)
    return course_of(Subject(name, tuple(scans), treated, arm), measured, FollowUp(carried))
