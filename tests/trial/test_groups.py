"""What is concluded over subjects, and what a trial declares."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.trial.courses import L3, L4, L5, make_course

from discmri.core.errors import UsageError
from discmri.simulation.tables import TableDesign, draw_table
from discmri.trial.analysis import analyse
from discmri.trial.answer import answers, plan
from discmri.trial.declaration import (
    Covariate,
    Endpoint,
    Estimand,
    default_declaration,
    read_declaration,
)
from discmri.trial.drawn import drawn_courses, visit_names
from discmri.trial.groups import AnalysisRole, subject_contrasts
from discmri.trial.plan import Scan, Subject, Trial

FLAT = {L3: 9.0, L4: 8.0, L5: 10.0}


def trial_of(gains: dict[str, list[float]], **more):
    """Courses of two visits; gain of the treated disc by arm."""
    noise = np.random.default_rng(2)
    return [
        make_course(
            {"a": FLAT, "b": FLAT | {L3: 9.0 + noise.normal(0, 0.02), L4: 8.0 + gain}},
            name=f"{arm}{n}", arm=arm, **more,
        )
        for arm, own in gains.items()
        for n, gain in enumerate(own)
    ]  # fmt: skip


ARMS = {"cells": [0.5, 0.6, 0.7, 0.55], "saline": [0.0, 0.1, -0.1, 0.05]}


def test_arms_are_compared_and_never_pooled():
    found = analyse(trial_of(ARMS), ("a", "b")).effects
    assert [(one.name, one.role.value) for one in found if one.role is not AnalysisRole.SENSITIVITY] == [
        ("cells − saline", "primary"), ("cells", "exploratory"), ("saline", "exploratory"),
    ]  # fmt: skip
    first = found[0]
    assert first.found.estimate == pytest.approx(0.575, abs=0.05)
    assert first.p == pytest.approx(2 / 70)
    assert (first.subjects, first.controls, first.few) == (4, 4, True)
    assert [one.p for one in found[1:]] == [None] * 4


@pytest.mark.parametrize(("each", "few"), [(4, True), (5, False)])
def test_fewer_than_ten_subjects_are_marked(each, few):
    gains = {arm: np.linspace(0, 0.3, each).tolist() for arm in ("cells", "saline")}
    assert analyse(trial_of(gains), ("a", "b")).effects[0].few is few


def test_nine_subjects_are_few():
    gains = {"cells": [0.1, 0.2, 0.3, 0.4], "saline": [0.0, 0.1, 0.2, 0.1, 0.0]}
    assert analyse(trial_of(gains), ("a", "b")).effects[0].few


@pytest.mark.parametrize(
    ("cells", "saline", "names"),
    [
        (2, 2, ["cells − saline"]),
        (1, 3, ["saline"]),
        (3, 2, ["cells − saline", "cells"]),
        (3, 3, ["cells − saline", "cells", "saline"]),
    ],
)
def test_arms_need_two_subjects_each_and_one_alone_three(cells, saline, names):
    gains = {"cells": [0.5, 0.6, 0.7][:cells], "saline": [0.0, 0.1, -0.1][:saline]}
    found = analyse(trial_of(gains), ("a", "b")).effects
    assert [one.name for one in found if one.role is not AnalysisRole.SENSITIVITY] == names


def test_a_contrast_is_one_number_per_subject():
    courses = trial_of(ARMS, treated=(L4, L5))
    changes = analyse(courses, ("a", "b")).changes
    found = subject_contrasts(changes, Estimand.FROM_BASELINE)
    assert len(found) == 8
    assert found[0].value == pytest.approx((0.5 + 0.0) / 2)
    assert (found[0].baseline, found[0].level) == (pytest.approx(9.0), "L4-L5+L5-S1")


def test_what_untreated_discs_gain_is_taken_off_what_treated_ones_gain():
    """Of two treated discs 0.8 and 0.4 mm, of the untreated one 0.2 mm."""
    later = {L3: 9.2, L4: 8.8, L5: 10.4}
    changes = analyse([make_course({"a": FLAT, "b": later}, treated=(L4, L5))], ("a", "b")).changes
    (against,) = subject_contrasts(changes, Estimand.AGAINST_UNTREATED)
    (alone,) = subject_contrasts(changes, Estimand.FROM_BASELINE)
    assert against.value == pytest.approx(0.6 - 0.2)
    assert alone.value == pytest.approx(0.6)


def test_the_answer_comes_with_its_method_and_limits():
    told = answers(analyse(trial_of(ARMS), ("a", "b")))
    assert told[0].startswith("Yes, more: disc height at b, change of treated discs minus")
    assert "p 0.029; 4 and 4 subjects; exact permutation" in told[0]
    assert told[1].startswith("No declaration")
    one_arm = answers(analyse(trial_of({"": [0.0, 0.1, -0.1, 0.02, 0.05]}), ("a", "b")))
    assert one_arm[0].startswith("Not shown")
    assert "regress to the mean" in one_arm[-1]


@pytest.mark.parametrize(
    ("gains", "treated", "why"),
    [
        ({"cells": [0.5, 0.6]}, (L4,), "too few subjects"),
        ({"cells": ARMS["cells"], "saline": ARMS["saline"]}, (), "has no index discs"),
    ],
)
def test_a_question_without_answer_says_why(gains, treated, why):
    courses = trial_of(gains, treated=treated)
    (first, *_) = answers(analyse(courses, ("a", "b")))
    assert first.startswith("Not answered")
    assert why in first


def test_missing_visits_are_counted_in_a_sensitivity_row(late):
    courses = trial_of(ARMS)
    courses.append(make_course({"a": FLAT, "b": {L3: 9.0}}, name="lost", arm="cells"))
    courses.append(
        make_course(
            {"a": FLAT, "b": FLAT | {L4: 9.0}}, name="late", arm="cells", conditions={"b": late}
        )
    )
    found = [
        one for one in analyse(courses, ("a", "b")).effects
        if one.role in (AnalysisRole.PRIMARY, AnalysisRole.SENSITIVITY)
    ]  # fmt: skip
    assert [one.subjects for one in found] == [4, 6, 5]
    assert found[1].note == "missing visits counted as no change (2 subjects)"
    assert found[1].found.estimate == pytest.approx(found[0].found.estimate * 4 / 6, abs=0.05)


def test_covariates_take_the_baseline_out():
    """Both arms fall back by half of what they lie above 8 mm; active discs start higher."""
    rng = np.random.default_rng(5)
    courses = []
    for n in range(24):
        arm = ("cells", "saline")[n % 2]
        start = 8.0 + rng.normal(0, 0.5) + (0.6 if arm == "cells" else 0.0)
        after = start - 0.5 * (start - 8.0) + rng.normal(0, 0.02)
        heights = {"a": FLAT | {L4: start}, "b": FLAT | {L4: after}}
        courses.append(make_course(heights, name=f"S{n}", arm=arm))
    plain = analyse(courses, ("a", "b")).effects[0]
    usual = default_declaration(("a", "b"), arms=("cells", "saline"))
    with_baseline = replace(usual, covariates=(Covariate.BASELINE,))
    adjusted = analyse(courses, ("a", "b"), declaration=with_baseline).effects[0]
    assert plain.found.high < 0, "regression to the mean looks like an effect"
    assert adjusted.found.low < 0 < adjusted.found.high
    assert "adjusted for baseline" in adjusted.found.method


def test_the_secondary_family_is_adjusted_and_the_rest_has_no_p():
    courses = list(drawn_courses(draw_table(TableDesign(8, 8, visits=3), np.random.default_rng(1))))
    visits = visit_names(3)
    usual = default_declaration(visits, arms=("active", "control"))
    secondary = tuple(Endpoint("height_mm", visit) for visit in visits[1:3])
    found = analyse(courses, visits, declaration=replace(usual, secondary=secondary)).effects
    family = [one for one in found if one.role is AnalysisRole.SECONDARY]
    assert [one.endpoint.visit for one in family] == ["visit 1", "visit 2"]
    low, high = sorted(one.p for one in family)
    assert sorted(one.holm for one in family) == pytest.approx(
        [min(1.0, 2 * low), max(min(1.0, 2 * low), high)]
    )
    assert all(one.p is None for one in found if one.role is AnalysisRole.EXPLORATORY)


@pytest.mark.parametrize(
    "design", [TableDesign(5, 5, effect_sd=0.5), TableDesign(8, 8, effect_sd=0.5)]
)
def test_null_trials_reject_as_often_as_stated(design):
    """The effect of treatment differs between subjects, in both arms of mean zero."""
    rejected = 0
    for seed in range(120):
        table = draw_table(design, np.random.default_rng([seed, 6]))
        effect = analyse(list(drawn_courses(table)), visit_names(1)).effects[0]
        rejected += effect.found.p <= 0.05
        assert (effect.found.low <= 0 <= effect.found.high) == (effect.found.p > 0.05)
    assert rejected <= 14  # of 120; five percent are 6


def test_the_plan_names_every_rule():
    told = dict(plan(analyse(trial_of(ARMS), ("a", "b"))))
    assert {"Estimand", "Test", "Missing visits", "Noise band", "Time of day"} <= set(told)
    assert "Active minus saline" in told["Arms"]


# ------------------------------------------------------------------ trial.toml
TRIAL = Trial(
    tuple(
        Subject(name, (Scan(name, "a", Path("1")), Scan(name, "b", Path("2"))), (L4,), arm)
        for name, arm in (("S1", "cells"), ("S2", "other"))
    )
)
GOOD = """\
estimand = "treated_change"
control_arm = "other"
covariates = ["baseline", "level"]
diurnal = false
[primary]
parameter = "height_mm"
visit = "b"
[[secondary]]
parameter = "adc_disc_um2_ms"
visit = "b"
[responder]
parameters = ["height_mm"]
"""


def test_a_declaration_is_read(tmp_path):
    path = tmp_path / "trial.toml"
    path.write_text(GOOD, encoding="utf-8")
    found = read_declaration(path, TRIAL)
    assert found.declared
    assert (found.primary, found.secondary) == (
        Endpoint("height_mm", "b"), (Endpoint("adc_disc_um2_ms", "b"),),
    )  # fmt: skip
    assert (found.estimand, found.control_arm) == (Estimand.FROM_BASELINE, "other")
    assert found.covariates == (Covariate.BASELINE, Covariate.LEVEL)
    assert (found.responder_parameters, found.responder_visit) == (("height_mm",), "b")
    assert not found.diurnal


@pytest.mark.parametrize(("more", "control"), [("", "saline"), ('control_arm = ""\n', "")])
def test_what_a_declaration_leaves_out_follows_from_its_primary_endpoint(tmp_path, more, control):
    scans = tuple(Scan("S1", visit, Path("1")) for visit in "abc")
    trial = Trial(tuple(Subject(arm, scans, (L4,), arm) for arm in ("saline", "cells")))
    path = tmp_path / "trial.toml"
    path.write_text(f'{more}[primary]\nparameter = "adc_disc_um2_ms"\nvisit = "b"\n', "utf-8")
    found = read_declaration(path, trial)
    assert (found.responder_parameters, found.responder_visit) == (("adc_disc_um2_ms",), "b")
    assert (found.secondary, found.covariates, found.control_arm) == ((), (), control)
    assert found.estimand is Estimand.AGAINST_UNTREATED
    assert found.diurnal


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[primary]", "[primary", "cannot be read as TOML"),
        ("[primary]", "[first]", "unknown field `first`; it may have estimand"),
        (
            'parameter = "height_mm"\nvisit = "b"\n[[',
            'visit = "b"\n[[',
            "missing required field `parameter` - at `$.primary`",
        ),
        ('"height_mm"\nvisit', '"tallness"\nvisit', "tallness is not a parameter"),
        ('"height_mm"\nvisit', '"suggested_grade"\nvisit', "suggested_grade is not a number"),
        ('visit = "b"\n[[', 'visit = "a"\n[[', "there is no visit 'a' after the first"),
        ('"adc_disc_um2_ms"', '"height_mm"', "height_mm at b is declared twice"),
        ('"other"', '"placebo"', "there is no arm 'placebo'; arms: cells, other"),
        ('"treated_change"', '"best"', "Invalid enum value 'best' - at `$.estimand`"),
        ('"level"', '"age"', "Invalid enum value 'age' - at `$.covariate"),
        ("diurnal = false", "diurnal = 1", "Expected `bool`, got `int` - at `$.diurnal`"),
        ("diurnal = false", 'missing = "locf"', "Invalid enum value 'locf' - at `$.missing`"),
        (
            '["height_mm"]',
            '"height_mm"',
            "Expected `array | null`, got `str` - at `$.responder.parameters`",
        ),
        ("[[secondary]]", "[secondary]", "Expected `array`, got `object` - at `$.secondary`"),
        ('visit = "b"\n[[', 'visit = "b"\nweek = 4\n[[', "unknown field `week` - at `$.primary`"),
        ("[responder]", "[responder]\nrule = 1", "unknown field `rule` - at `$.responder`"),
        ('["height_mm"]', "[]", "length >= 1 - at `$.responder.parameters`"),
        (
            "[responder]",
            '[[secondary]]\nparameter = "adc_disc_um2_ms"\nvisit = "b"\n[responder]',
            "adc_disc_um2_ms at b is declared twice",
        ),
    ],
)
def test_a_declaration_that_contradicts_itself_is_refused_in_one_line(tmp_path, old, new, said):
    assert old in GOOD
    path = tmp_path / "trial.toml"
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UsageError) as refused:
        read_declaration(path, TRIAL)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("arms", "control"),
    [
        (("cells", "saline"), "saline"), (("placebo", "cells"), "placebo"), (("x", "y"), "y"),
        (("",), ""), (("x",), ""), (("x", "y", "z"), "z"), (("sham", "control", "cells"), ""),
    ],
)  # fmt: skip
def test_the_control_arm_is_known_by_its_name_else_it_is_the_last(arms, control):
    assert default_declaration(("a", "b"), arms=arms).control_arm == control
