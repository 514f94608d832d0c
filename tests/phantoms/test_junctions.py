"""The grid of spines that the names of discs are tested on."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.junction_phantoms import (
    BRIGHTNESSES,
    CUT_MM,
    FILLS,
    S1_RATIOS,
    SLOPES_DEG,
    JunctionPhantom,
    cut_below,
    junction_phantoms,
    verdict,
    wishes,
)

from discmri.phantoms import PulseSequence
from discmri.phantoms.column import build_column

DEEP, SMALL = 36, 2  # places of the grid


@pytest.fixture(scope="module")
def small() -> JunctionPhantom:
    return next(junction_phantoms(5, sequences=(PulseSequence.T2,), numbers=[SMALL]))


def test_the_grid_holds_every_size_shape_slope_and_brightness_once():
    grid = wishes()
    assert len(grid) == len(set(grid))
    assert len(grid) == len(FILLS) * len(S1_RATIOS) * len(SLOPES_DEG) * len(BRIGHTNESSES)


def test_a_picture_is_of_the_spine_that_was_asked_for(small: JunctionPhantom):
    wish, junction = wishes()[SMALL], build_column(small.spec).junctions[0]
    assert small.spec.sacral_slope_deg == wish.slope_deg
    assert small.spec.sacrum.s1_depth_ratio == wish.s1_ratio
    assert junction.disc is not None
    assert junction.disc.brightness == wish.brightness
    # the room for a disc is what its share of the others' depth leaves of the sacrum's
    assert small.fill == pytest.approx(wish.fill, rel=0.01)
    assert junction.lens.half_depth_mm / junction.rim.half_depth_mm == pytest.approx(
        small.fill, rel=1e-6
    )


def test_a_spine_does_not_depend_on_which_others_are_made(small: JunctionPhantom):
    both = junction_phantoms(5, sequences=(PulseSequence.T2,), numbers=[SMALL - 1, SMALL])
    again = list(both)[1]
    assert again.name == small.name == "002-t2"
    assert np.array_equal(again.volume.array, small.volume.array)


def test_a_cut_picture_ends_below_l5_s1_and_keeps_its_place(small: JunctionPhantom):
    cut = cut_below(small)
    at, there = (one.volume.grid.to_index(small.l5_s1_mm) for one in (cut, small))
    same = [
        one.volume.array[tuple(np.round(index).astype(int)[:2])]
        for one, index in ((cut, at), (small, there))
    ]
    assert np.array_equal(*same)
    rows = (0, cut.volume.shape[1] - 1)
    ends = [cut.volume.grid.to_world([at[0], row, at[2]])[2] for row in rows]
    assert min(ends) == pytest.approx(small.l5_s1_mm[2] - CUT_MM, abs=3.0)  # oblique


def test_l5_s1_is_found_above_a_small_remnant(small: JunctionPhantom):
    said, _, _ = verdict(small)
    assert said == "right"


@pytest.mark.parametrize("number", [SMALL + 180 + DEEP])
def test_the_kind_tells_type_and_shape(number: int, small: JunctionPhantom):
    deep = next(junction_phantoms(5, sequences=(PulseSequence.T2,), numbers=[number]))
    assert small.kind == "type 2"
    assert deep.kind == "type 4: whole depth, squared S1"
