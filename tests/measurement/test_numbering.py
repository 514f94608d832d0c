from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from tests.spines import box, box_spine

from discmri.core.errors import NothingToMeasureError, UsageError
from discmri.core.findings import Code, Severity
from discmri.core.labels import NumberingMethod
from discmri.core.levels import MEASURED_LEVELS, DiscLevel, Vertebra
from discmri.core.volume import SoftMask
from discmri.measurement.numbering import _body_name, name_levels


def names(labels):
    return [level.value for level in labels.discs]


def codes(findings):
    return {finding.code for finding in findings if finding.severity is not Severity.INFO}


def test_names_count_upwards_from_the_sacrum():
    labels, findings = name_levels(box_spine())
    assert names(labels) == ["T12-L1", "L1-L2", "L2-L3", "L3-L4", "L4-L5", "L5-S1"]
    assert labels.numbering is NumberingMethod.SACRUM
    assert 0.9 < labels.numbering_probability < 1  # a straight box has no promontory
    assert codes(findings) == set()
    assert next(iter(labels.vertebrae)) is Vertebra.T12
    assert list(labels.vertebrae)[-1] is Vertebra.SACRUM
    below = labels.vertebrae[Vertebra.L5].centroid_mm[2]
    assert below > labels.discs[DiscLevel.L5_S1].centroid_mm[2]
    assert below < labels.discs[DiscLevel.L4_L5].centroid_mm[2]


def test_the_readers_word_wins():
    labels, _ = name_levels(box_spine(), DiscLevel.L6_S1)
    assert names(labels)[-3:] == ["L4-L5", "L5-L6", "L6-S1"]
    assert labels.numbering is NumberingMethod.READER
    assert labels.numbering_probability == 1
    assert Vertebra.L6 in labels.vertebrae


def test_without_a_sacrum_names_are_assumed_and_said_to_be():
    labels, findings = name_levels(box_spine(sacrum=False))
    assert labels.numbering is NumberingMethod.ASSUMED
    assert labels.numbering_probability < 0.9
    assert {Code.SACRUM_MISSING, Code.NUMBERING_UNCERTAIN} <= codes(findings)


def test_names_of_an_image_that_may_be_upside_down_are_uncertain():
    upright, _ = name_levels(box_spine())
    labels, findings = name_levels(replace(box_spine(), upright_probability=0.14))
    assert names(labels) == names(upright)
    assert labels.numbering_probability == pytest.approx(0.14 * upright.numbering_probability)
    assert Code.NUMBERING_UNCERTAIN in codes(findings)


@pytest.mark.parametrize("first", [True, False])
def test_of_two_bodies_with_one_name_the_larger_is_taken(first):
    """A fragment lies within the body of L4."""
    spine = box_spine()
    fragment = box(slice(12, 20), slice(51 + 36, 60 + 36))
    bodies = (fragment, *spine.bodies) if first else (*spine.bodies, fragment)
    labels, _ = name_levels(replace(spine, bodies=bodies))
    whole, _ = name_levels(spine)
    assert labels.vertebrae[Vertebra.L4].volume_mm3 == whole.vertebrae[Vertebra.L4].volume_mm3


def test_a_body_far_from_every_disc_has_no_name():
    """It is larger than the highest body and 60 mm above the highest disc."""
    spine = box_spine()
    far = box(slice(5, 55), slice(265, 305))
    labels, _ = name_levels(replace(spine, bodies=(far, *spine.bodies)))
    whole, _ = name_levels(spine)
    assert list(labels.vertebrae) == list(whole.vertebrae)
    assert labels.vertebrae[Vertebra.T12].volume_mm3 == whole.vertebrae[Vertebra.T12].volume_mm3


def test_a_missed_disc_uses_up_its_name():
    labels, findings = name_levels(box_spine(discs=(0, 1, 3, 4)))
    assert names(labels) == ["L1-L2", "L2-L3", "L4-L5", "L5-S1"]
    skipped = [f.level for f in findings if f.code is Code.DISC_SKIPPED]
    assert skipped == [DiscLevel.L3_L4]


def test_names_given_by_a_label_map_are_kept():
    spine = box_spine(discs=(0, 1))
    given = (DiscLevel.L2_L3, DiscLevel.L3_L4)
    discs = tuple(replace(d, level=lv) for d, lv in zip(spine.discs, given, strict=True))
    labels, _ = name_levels(replace(spine, discs=discs, sacrum=None))
    assert names(labels) == ["L2-L3", "L3-L4"]
    assert labels.numbering is NumberingMethod.MASKS


@pytest.mark.parametrize("lowest", MEASURED_LEVELS)
def test_every_lowest_level_can_be_said(lowest):
    labels, _ = name_levels(box_spine(discs=(0, 1)), lowest)
    assert names(labels)[-1] == lowest.value


def test_discs_above_the_highest_name_are_left_out():
    labels, findings = name_levels(box_spine(discs=(0, 1, 2)), DiscLevel.T11_T12)
    assert names(labels) == ["T10-T11", "T11-T12"]
    assert any("left out" in finding.text for finding in findings)


def test_a_readers_word_that_leaves_too_few_names_is_refused():
    with pytest.raises(UsageError, match="only 1 of the 6"):
        name_levels(box_spine(), DiscLevel.T10_T11)


def test_a_residual_disc_moves_all_names_up_and_is_not_among_the_measured():
    spine = box_spine(lowest_depth=14)
    labels, findings = name_levels(spine, DiscLevel.S1_S2)
    assert names(labels) == ["T11-T12", "T12-L1", "L1-L2", "L2-L3", "L3-L4", "L4-L5", "L5-S1"][-5:]
    assert list(labels.residual_discs) == [DiscLevel.S1_S2]
    assert labels.residual_discs[DiscLevel.S1_S2] is spine.discs[-1].mask
    assert set(labels.confidence) == set(labels.segmenter_sd_mm) == set(labels.discs)
    found = [finding for finding in findings if finding.code is Code.RESIDUAL_S1_S2]
    assert [(one.severity, one.level) for one in found] == [(Severity.INFO, DiscLevel.S1_S2)]
    assert codes(findings) == set()


def test_the_body_above_a_residual_disc_becomes_sacrum():
    labels, _ = name_levels(box_spine(), DiscLevel.S1_S2)
    sacrum = labels.vertebrae[Vertebra.SACRUM]
    inside = sacrum.sample([[12.0, 25.0, z] for z in (20.0, 45.0, 60.0, 80.0)])
    assert list(inside) == [1.0, 1.0, 1.0, 0.0]  # sacrum, residual disc, first body, L5-S1
    assert (
        labels.vertebrae[Vertebra.L5].centroid_mm[2] > labels.discs[DiscLevel.L5_S1].centroid_mm[2]
    )


def test_a_residual_disc_has_its_number_in_the_label_map_over_the_sacrum():
    labels, _ = name_levels(box_spine(), DiscLevel.S1_S2)
    drawn = labels.label_map()[3, 25]
    assert (drawn[45], drawn[60], drawn[80], drawn[20]) == (101, 50, 100, 50)


def test_a_label_map_may_name_a_residual_disc_below_six_lumbar_bodies():
    spine = box_spine(discs=(0, 1, 2))
    given = (DiscLevel.L5_L6, DiscLevel.L6_S1, DiscLevel.S1_S2)
    discs = tuple(replace(d, level=lv) for d, lv in zip(spine.discs, given, strict=True))
    labels, _ = name_levels(replace(spine, discs=discs))
    assert names(labels) == ["L5-L6", "L6-S1"]
    assert list(labels.residual_discs) == [DiscLevel.S1_S2]


def test_a_residual_disc_alone_is_nothing_to_measure():
    with pytest.raises(NothingToMeasureError, match="S1-S2"):
        name_levels(box_spine(discs=(0,)), DiscLevel.S1_S2)


@pytest.mark.parametrize(
    ("at_mm", "name"),
    [(39, Vertebra.L4), (41, None), (-39, Vertebra.L5), (-41, None), (-1, Vertebra.L5)],
)
def test_a_body_has_the_name_of_a_disc_within_forty_millimetres(at_mm, name):
    body = SimpleNamespace(centroid_mm=np.array([0.0, 0.0, at_mm]))
    assert _body_name(body, [DiscLevel.L4_L5], np.zeros((1, 3))) is name


def with_remnant(share=1.0, **kwargs):
    mask = box(slice(16, 36), slice(10, 15))
    return replace(
        box_spine(**kwargs), remnant=SoftMask.from_fractions(share * mask.array, mask.affine)
    )


def test_a_remnant_below_l5_s1_is_s1_s2_and_changes_nothing_else():
    spine = with_remnant(0.6)
    without, before = name_levels(replace(spine, remnant=None))
    labels, findings = name_levels(spine)
    assert dict(labels.residual_discs) == {DiscLevel.S1_S2: spine.remnant}
    assert labels.remnants == {DiscLevel.S1_S2}
    assert vars(replace(labels, residual_discs={}, remnants=frozenset())) == vars(without)
    found = [one for one in findings if one not in before]
    assert [(one.code, one.severity) for one in found] == [(Code.RESIDUAL_S1_S2, Severity.INFO)]
    drawn, expected = labels.label_map(), without.label_map()
    inside = spine.remnant.on(spine.grid) >= 0.5
    assert (expected[inside] == Vertebra.SACRUM.label_id).all()
    assert (drawn[inside] == 101).all()
    assert (drawn[~inside] == expected[~inside]).all()


@pytest.mark.parametrize(
    ("lowest", "drawn"),
    [
        (DiscLevel.L5_S1, True),
        (DiscLevel.L6_S1, True),
        (DiscLevel.L4_L5, False),
    ],
)
def test_a_remnant_is_drawn_below_the_last_lumbar_disc_alone(lowest, drawn):
    labels, _ = name_levels(with_remnant(), lowest)
    assert bool(labels.residual_discs) is drawn


def test_a_remnant_below_uncertain_names_is_not_drawn():
    labels, _ = name_levels(replace(with_remnant(), upright_probability=0.8))
    assert not labels.residual_discs


def test_a_remnant_does_not_count_for_the_reader():
    spine = with_remnant()
    labels, findings = name_levels(spine, DiscLevel.S1_S2)
    assert labels.residual_discs[DiscLevel.S1_S2] is spine.discs[-1].mask
    assert labels.remnants == set()
    (doubt,) = [one for one in findings if one.code is Code.NUMBERING_UNCERTAIN]
    assert "found within the sacrum, which is S1-S2 anyway" in doubt.text


def test_a_residual_disc_takes_no_voxel_from_a_lumbar_disc():
    spine = with_remnant()
    over = replace(spine, remnant=spine.discs[-1].mask)
    labels, _ = name_levels(over)
    assert not (labels.label_map() == 101).any()
