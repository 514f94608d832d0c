from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from discmri.core.errors import UsageError
from discmri.core.levels import DiscLevel, Vertebra
from discmri.phantoms import Phantom, SpineOptions, lumbar_spine, make_phantom
from discmri.phantoms.column import build_column
from discmri.phantoms.truth import disc_truth


@pytest.mark.parametrize(
    ("grade", "least", "most"), [(5, 0, 0), (6, 0.1, 0.3), (7, 0.3, 0.6), (8, 0.6, 0.9)]
)
def test_collapse_loses_as_much_height_as_the_scheme_says(grade, least, most):
    asked = lumbar_spine(SpineOptions(grades=[grade] * 5), seed=2)
    normal = lumbar_spine(SpineOptions(grades=[5] * 5), seed=2)
    for n in (3, 6, 7):
        truth = disc_truth(build_column(asked), asked.discs[n])
        assert least <= truth.height_loss_share <= most
        whole = disc_truth(build_column(normal), normal.discs[n]).height_columns_mm
        loss = 1 - truth.height_columns_mm / whole
        assert least - 0.02 <= loss <= most + 0.02


def test_asked_heights_and_slips_arrive():
    options = SpineOptions(heights_mm=[8, 9, 10, 11, 12], listhesis_mm={DiscLevel.L4_L5: 5.0})
    straight = make_phantom(lumbar_spine(replace(options, listhesis_mm={}), seed=4)).truth()
    slipped = make_phantom(lumbar_spine(options, seed=4)).truth()
    for level, height in zip(list(slipped)[3:], [8, 9, 10, 11, 12], strict=True):
        assert straight[level].height_dabbs_mm == pytest.approx(height, abs=0.6)
    moved = slipped[DiscLevel.L4_L5].listhesis_mm - straight[DiscLevel.L4_L5].listhesis_mm
    assert moved == pytest.approx(5.0, abs=0.1)


def test_a_sixth_lumbar_body_brings_its_discs():
    truth = make_phantom(lumbar_spine(SpineOptions(six_lumbar=True), seed=1)).truth()
    assert [level.value for level in truth][-3:] == ["L4-L5", "L5-L6", "L6-S1"]
    assert truth[DiscLevel.L6_S1].label_id == 100


def test_scoliosis_is_the_angle_between_the_most_tilted_bodies():
    column = make_phantom(lumbar_spine(SpineOptions(scoliosis_deg=24), seed=1)).scene.column
    tilt = [np.degrees(np.arcsin(b.frame.axes[0, 2])) for b in column.bodies.values()]
    assert max(tilt) - min(tilt) == pytest.approx(24, abs=2.5)
    straight = make_phantom(lumbar_spine(seed=1)).scene.column
    assert all(abs(b.frame.origin_mm[0]) < 1e-9 for b in straight.bodies.values())


def test_lordosis_is_the_angle_between_l1_and_the_sacrum():
    tilts = {}
    for asked in (40.0, 60.0):
        spec = lumbar_spine(SpineOptions(lordosis_deg=asked), seed=6)
        column = make_phantom(spec).scene.column
        lowest = column.discs[DiscLevel.L5_S1].frame.axes[1:, 2]
        l1 = column.bodies[Vertebra.L1].frame.axes[1:, 2]
        tilts[asked] = np.degrees(np.arctan2(*lowest) - np.arctan2(*l1))
    assert tilts[60.0] - tilts[40.0] == pytest.approx(20, abs=6)


def test_a_chain_with_a_missing_disc_is_refused():
    spec = lumbar_spine(seed=0)
    with pytest.raises(UsageError, match="one disc below every vertebra"):
        replace(spec, discs=spec.discs[:-1])


def test_a_wish_for_a_disc_that_does_not_exist_is_refused():
    with pytest.raises(UsageError, match="L6-S1"):
        lumbar_spine(SpineOptions(listhesis_mm={DiscLevel.L6_S1: 3.0}))
    with pytest.raises(UsageError, match="6 grades"):
        lumbar_spine(SpineOptions(grades=[1] * 6))


def test_discs_and_bodies_neither_overlap_nor_leave_a_hole(phantom: Phantom):
    column = phantom.scene.column
    levels = list(column.discs)
    for upper, lower in itertools.pairwise(levels):
        body = column.bodies[lower.above]
        z = np.linspace(-40, 40, 4001)
        line = body.frame.to_world(np.zeros_like(z), np.zeros_like(z), z)
        local = body.frame.to_local(line.T)
        in_body = body.beyond_discs(line.T, local[2]) > 0
        in_disc = column.discs[upper].inside(line) | column.discs[lower].inside(line)
        assert not (in_body & in_disc).any()
        run = np.flatnonzero(in_body)
        assert z[run[-1]] - z[run[0]] == pytest.approx(body.height_mm, abs=6)
        assert np.ptp(run) + 1 == len(run)
        assert in_disc[run[0] - 2]
        assert in_disc[run[-1] + 2]
