from __future__ import annotations

import itertools

from discmri.core.levels import CANAL_LABEL, MEASURED_LEVELS, DiscLevel, Vertebra, levels_upward

# The interface's table, written out once more so that a slip in the code shows.
EXPECTED = {
    "T10-T11": 81, "T11-T12": 82, "T12-L1": 91, "L1-L2": 92, "L2-L3": 93, "L3-L4": 94,
    "L4-L5": 95, "L5-S1": 100, "L5-L6": 96, "L6-S1": 100, "S1-S2": 101,
}  # fmt: skip


def test_label_numbers_are_those_of_the_interface():
    assert {level.value: level.label_id for level in DiscLevel} == EXPECTED
    numbers = {
        "T10": 30, "T11": 31, "T12": 32, "L1": 41, "L2": 42, "L3": 43, "L4": 44, "L5": 45,
        "L6": 46, "S1": 50,
    }  # fmt: skip
    assert {vertebra.value: vertebra.label_id for vertebra in Vertebra} == numbers
    assert CANAL_LABEL == 2


def test_discs_and_vertebrae_chain():
    for lowest in (DiscLevel.L5_S1, DiscLevel.L6_S1):
        chain = levels_upward(lowest)
        assert chain[0].below is Vertebra.SACRUM
        for lower, upper in itertools.pairwise(chain):
            assert upper.below is lower.above


def test_a_residual_disc_lies_inside_the_sacrum_below_five_or_six_lumbar_bodies():
    assert DiscLevel.S1_S2.above is DiscLevel.S1_S2.below is Vertebra.SACRUM
    for six, above in ((False, DiscLevel.L5_S1), (True, DiscLevel.L6_S1)):
        chain = levels_upward(DiscLevel.S1_S2, six)
        assert chain == (DiscLevel.S1_S2, *levels_upward(above))


def test_six_lumbar_bodies_are_not_said_of_a_lowest_disc_that_settles_it():
    assert levels_upward(DiscLevel.L5_S1, six_lumbar=True) == levels_upward(DiscLevel.L5_S1)


def test_only_the_residual_disc_is_not_measured():
    assert [level for level in DiscLevel if not level.is_measured] == [DiscLevel.S1_S2]
    assert set(DiscLevel) - set(MEASURED_LEVELS) == {DiscLevel.S1_S2}
