"""The grid of spines that the names of discs are tested on."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from benchmarks.junction_phantoms import (
    BRIGHTNESSES,
    DEPTH_SHARES,
    SACRAL_SLOPES_DEG,
    SEQUENCES,
    junction_phantoms,
    junction_specs,
)

from discmri.phantoms import PulseSequence
from discmri.phantoms.column import build_column


def test_the_grid_holds_every_size_brightness_and_slope_once():
    found = set()
    for spec in junction_specs():
        disc = spec.sacrum.residual_disc
        found.add((spec.sacral_slope_deg, disc.depth_share, disc.brightness))
        assert build_column(spec).junctions[0].disc == disc
    assert found == set(itertools.product(SACRAL_SLOPES_DEG, DEPTH_SHARES, BRIGHTNESSES))
    assert set(SEQUENCES) == {PulseSequence.T1, PulseSequence.T2}


def test_a_picture_shows_both_discs_where_its_truth_says():
    one = next(junction_phantoms(sequences=(PulseSequence.T2,)))
    assert one.name.startswith("t2-slope15-depth0.15")
    for point in (one.l5_s1_mm, one.s1_s2_mm):
        index = one.volume.grid.to_index(point)
        assert (index > -0.5).all()
        assert (index < np.array(one.volume.shape) - 0.5).all()
    assert 20 < np.linalg.norm(one.l5_s1_mm - one.s1_s2_mm) < 45
    assert one.spec.sacral_slope_deg == pytest.approx(15)
