"""Whom the population holds: how often, and the same for the same seed."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy import stats

from discmri.phantoms import PulseSequence, lumbar_spine
from discmri.phantoms.column import build_column
from discmri.phantoms.population import (
    DEGENERATIONS,
    RESIDUAL_DISC,
    RESIDUAL_DISC_DEEP,
    SIX_LUMBAR,
    WORST_GRADES,
    member,
)
from discmri.phantoms.vendors import VENDORS

MANY = [member(5, number) for number in range(1, 1201)]


def collapse(grade: str) -> int:
    return int(grade.rsplit("/", maxsplit=1)[-1])


def test_the_worst_discs_are_as_in_the_patients_that_were_published():
    worst = Counter(max(map(collapse, one.options.grades)) for one in MANY)
    expected = np.array([*WORST_GRADES.values()], dtype=float)
    found = [worst[grade] for grade in WORST_GRADES]
    assert sum(found) == len(MANY)
    assert stats.chisquare(found, expected / expected.sum() * len(MANY)).pvalue > 0.001


def test_lower_discs_wear_more_and_every_grade_occurs():
    grades = np.array([[collapse(g) for g in one.options.grades[-5:]] for one in MANY])
    means = grades.mean(axis=0)
    assert list(means[:3]) == sorted(means[:3])
    assert min(means[3:]) > means[2]
    assert set(grades.ravel()) == set(range(1, 9))
    assert any("/" in grade for one in MANY for grade in one.options.grades)


def test_even_deals_every_grade_alike():
    rng = np.random.default_rng(0)
    dealt = [collapse(g) for _ in range(400) for g in DEGENERATIONS["even"](rng, 5)]
    assert stats.chisquare([dealt.count(g) for g in range(1, 9)]).pvalue > 0.001


def test_what_trials_meet_occurs():
    share = np.mean([one.options.six_lumbar for one in MANY])
    assert share == pytest.approx(SIX_LUMBAR, abs=0.02)
    assert {one.vendor for one in MANY} == set(VENDORS)
    assert {one.protocol.field_strength_t for one in MANY} == {1.5, 3.0}
    assert {one.compression for one in MANY} == {"none", "rle", "jpeg-ls"}
    assert any(one.options.listhesis_mm for one in MANY)
    assert any(one.options.scoliosis_deg for one in MANY)
    spacing = [one.protocol.spacing_mm for one in MANY]
    assert (min(spacing), max(spacing)) == (
        pytest.approx(0.5, abs=0.02),
        pytest.approx(1, abs=0.02),
    )
    snr = [one.protocol.snr for one in MANY]
    assert min(snr) < 17
    assert max(snr) > 55


def test_residual_discs_are_as_frequent_as_stated_and_fit_their_sacrum():
    discs = [one.options.residual_disc for one in MANY]
    found = [disc for disc in discs if disc is not None]
    assert len(found) / len(MANY) == pytest.approx(RESIDUAL_DISC, abs=0.04)
    deep = np.mean([disc.depth_share > 0.7 for disc in found])
    assert deep == pytest.approx(RESIDUAL_DISC_DEEP, abs=0.05)
    assert min(disc.brightness for disc in found) < 0.05
    assert max(disc.brightness for disc in found) > 0.9
    deepest = sorted(
        (one for one in MANY if one.options.residual_disc),
        key=lambda one: one.options.residual_disc.depth_share * one.options.size,
    )
    for one in deepest[-40:]:
        column = build_column(lumbar_spine(one.options, one.seed))
        assert column.junctions[0].disc == one.options.residual_disc


def test_every_stack_covers_the_widest_disc():
    for one in MANY:
        assert one.protocol.slices * one.protocol.pitch_mm >= 62


def test_a_member_depends_on_seed_and_number_alone():
    assert member(5, 7) == MANY[6]
    assert member(6, 7) != MANY[6]
    assert len({one.seed for one in MANY}) == len(MANY)
    assert member(5, 7, sequences=(PulseSequence.T2,)).options == MANY[6].options
