"""Effects of treatment over subjects, with one number per subject.

The number of a subject is its contrast at a visit: the change of its treated discs minus that of its
untreated ones, or the former alone (the estimand).  With arms, the effect is active minus control;
single arms are reported as well, and arms are never pooled.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from discmri.core.volume import Array
from discmri.trial.change import Change
from discmri.trial.comparability import Comparability
from discmri.trial.declaration import Covariate, Declaration, Endpoint, Estimand
from discmri.trial.inference import TestResult, adjusted, can_adjust, holm, one_group, two_groups

LEAST_SUBJECTS = 3
"""Minimum number of subjects of a single group."""
LEAST_PER_ARM = 2
FEW_SUBJECTS = 10
"""With fewer subjects, intervals are marked."""


class AnalysisRole(Enum):
    """Role of a row."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    SENSITIVITY = "sensitivity"
    EXPLORATORY = "exploratory"


@dataclass(frozen=True)
class SubjectContrast:
    """Contrast of one subject in one parameter at one visit."""

    subject: str
    arm: str
    visit: str
    parameter: str
    unit: str
    value: float  # the contrast
    baseline: float  # mean first value of the treated discs
    level: str  # their levels


@dataclass(frozen=True)
class GroupEffect:
    """The effect over subjects of one arm, or of active minus control."""

    group: str  # arm
    control: str  # control arm; empty for a single arm
    endpoint: Endpoint
    unit: str
    subjects: int  # in the arm
    controls: int  # in the control arm
    found: TestResult
    role: AnalysisRole  # role of the row; only primary and secondary rows have a p value
    holm: float | None = None  # p adjusted for the secondary family; None for other rows
    note: str = ""  # remark; may be empty

    @property
    def p(self) -> float | None:
        """Two-sided p of a declared row."""
        return self.found.p if self.role in (AnalysisRole.PRIMARY, AnalysisRole.SECONDARY) else None

    @property
    def few(self) -> bool:
        """Whether the interval is marked for few subjects."""
        return self.subjects + self.controls < FEW_SUBJECTS

    @property
    def name(self) -> str:
        """Name such as ``cells − saline``."""
        return f"{self.group} − {self.control}" if self.control else self.group or "all subjects"


def subject_contrasts(
    changes: Iterable[Change], estimand: Estimand, comparable: bool = True
) -> list[SubjectContrast]:
    """One number per subject, visit and parameter; thoracic discs are ignored.

    ``comparable`` leaves out changes between scans that are not comparable.
    """
    groups: dict[tuple[str, str, str], list[Change]] = defaultdict(list)
    for one in changes:
        lumbar = one.level.above.value.startswith("L")
        if lumbar and not (comparable and one.comparability is Comparability.NOT_COMPARABLE):
            groups[one.subject, one.visit, one.parameter].append(one)
    found = []
    for own in groups.values():
        treated = [one for one in own if one.treated]
        others = [one for one in own if not one.treated]
        against = estimand is Estimand.AGAINST_UNTREATED
        if not treated or (against and not others):
            continue
        value = float(np.mean([one.change for one in treated]))
        if against:
            value -= float(np.mean([one.change for one in others]))
        baseline = float(np.mean([float(one.before.value) for one in treated]))
        first = treated[0]
        found.append(
            SubjectContrast(
                first.subject, first.arm, first.visit, first.parameter, first.unit, value,
                baseline, "+".join(one.level.value for one in treated),
            )
        )  # fmt: skip
    return found


def group_effects(
    changes: Sequence[Change], declaration: Declaration, subjects: Mapping[str, str]
) -> list[GroupEffect]:
    """All rows: primary, its sensitivity analyses, secondary family, exploratory.

    ``subjects`` has the arm of each subject with the usual first visit.
    """
    own = [one for one in changes if one.subject in subjects]
    contrasts = subject_contrasts(own, declaration.estimand)
    by_endpoint: dict[Endpoint, list[SubjectContrast]] = defaultdict(list)
    for one in contrasts:
        by_endpoint[Endpoint(one.parameter, one.visit)].append(one)
    rows: list[GroupEffect] = []
    for role, endpoints in (
        (AnalysisRole.PRIMARY, (declaration.primary,)), (AnalysisRole.SECONDARY, declaration.secondary),
    ):  # fmt: skip
        for endpoint in endpoints:
            rows += _rows(by_endpoint.pop(endpoint, []), endpoint, declaration, role)
    rows = _with_holm(rows)
    loose = subject_contrasts(own, declaration.estimand, comparable=False)
    rows[1:1] = _sensitivity(rows, contrasts, loose, declaration, subjects)
    for endpoint, found in by_endpoint.items():
        rows += _rows(found, endpoint, declaration, AnalysisRole.EXPLORATORY)
    return rows


def _rows(
    found: Sequence[SubjectContrast],
    endpoint: Endpoint,
    declaration: Declaration,
    role: AnalysisRole,
) -> list[GroupEffect]:
    """Active minus control for each active arm, then single arms; without arms one row."""
    by_arm: dict[str, list[SubjectContrast]] = defaultdict(list)
    for one in found:
        by_arm[one.arm].append(one)
    control = declaration.control_arm
    against = by_arm.get(control, []) if control else []
    rows = [
        _effect(own, against, endpoint, declaration, role)
        for arm, own in by_arm.items()
        if arm != control and min(len(own), len(against)) >= LEAST_PER_ARM
    ]
    alone = AnalysisRole.EXPLORATORY if control or len(by_arm) > 1 else role
    return rows + [
        _effect(own, [], endpoint, declaration, alone)
        for own in by_arm.values()
        if len(own) >= LEAST_SUBJECTS
    ]


def _effect(
    own: Sequence[SubjectContrast], control: Sequence[SubjectContrast], endpoint: Endpoint,
    declaration: Declaration, role: AnalysisRole,
) -> GroupEffect:  # fmt: skip
    values, others = [one.value for one in own], [one.value for one in control]
    covariates = _covariates([*own, *control], declaration.covariates)
    arm = [1.0] * len(own) + [0.0] * len(control) if control else None
    note = ""
    if covariates.shape[1] and can_adjust(len(own) + len(control), 1 + bool(control), covariates):
        found = adjusted([*values, *others], arm, covariates)
        named = " and ".join(one.value for one in declaration.covariates)
        found = replace(found, method=f"{found.method}, adjusted for {named}")
    else:
        found = two_groups(values, others) if control else one_group(values)
        note = "too few subjects for the declared covariates" if covariates.shape[1] else ""
    return GroupEffect(
        own[0].arm, control[0].arm if control else "", endpoint, own[0].unit, len(own),
        len(control), found, role, note=note,
    )  # fmt: skip


def _covariates(found: Sequence[SubjectContrast], asked: Sequence[Covariate]) -> Array:
    columns: list[list[float]] = []
    if Covariate.BASELINE in asked:
        columns.append([one.baseline for one in found])
    if Covariate.LEVEL in asked:
        others = sorted({one.level for one in found})[1:]
        columns += [[float(one.level == level) for one in found] for level in others]
    return np.array(columns, dtype=np.float64).reshape(len(columns), len(found)).T


def _with_holm(rows: Sequence[GroupEffect]) -> list[GroupEffect]:
    family = [n for n, one in enumerate(rows) if one.role is AnalysisRole.SECONDARY]
    adjusted_ = dict(zip(family, holm([rows[n].found.p for n in family]), strict=True))
    return [replace(one, holm=adjusted_.get(n)) for n, one in enumerate(rows)]


def _sensitivity(
    rows: Sequence[GroupEffect],
    contrasts: Sequence[SubjectContrast],
    loose: Sequence[SubjectContrast],
    declaration: Declaration,
    subjects: Mapping[str, str],
) -> list[GroupEffect]:
    """Sensitivity analyses of the primary row: missing and not comparable visits."""
    if not rows or rows[0].role is not AnalysisRole.PRIMARY:
        return []
    at = declaration.primary
    own = [one for one in contrasts if (one.parameter, one.visit) == (at.parameter, at.visit)]
    there = {one.subject for one in own}
    # subjects with the primary parameter at any visit have treated discs
    template = {one.subject: one for one in loose if one.parameter == at.parameter}
    missing = [
        replace(template[name], visit=at.visit, value=0.0) if name in template
        else SubjectContrast(name, arm, at.visit, at.parameter, rows[0].unit, 0.0, 0.0, "")
        for name, arm in subjects.items() if name not in there
    ]  # fmt: skip
    every = [one for one in loose if (one.parameter, one.visit) == (at.parameter, at.visit)]
    plain = replace(declaration, covariates=())
    found = []
    for chosen, note in (
        ([*own, *missing], f"missing visits counted as no change ({len(missing)} subjects)"),
        (every, f"scans that are not comparable included ({len(every) - len(own)} subjects)"),
    ):
        found += [
            replace(one, note=note)
            for one in _rows(chosen, at, plain, AnalysisRole.SENSITIVITY)[:1]
        ]
    return found
