"""What decides at the edge of a picture and on T1, on pictures of a few numbers, from both sides."""

from __future__ import annotations

import numpy as np
import pytest
from tests.scene import Spine, outline_of

from discmri.core.levels import DiscLevel
from discmri.core.volume import Grid, SoftMask, Volume
from discmri.measurement.picture_edge import cut_sides
from discmri.measurement.t1_heights import endplate_gaps

LEVEL = DiscLevel.L4_L5
RAMP = np.arange(3 * 40 * 40).reshape(3, 40, 40) % 97 / 96.0


def block(last: int) -> SoftMask:
    """A structure that ends at this row from below, its last voxel half filled."""
    array = np.zeros((3, 40, 40), dtype=np.float32)
    array[:, 15:25, 10:last] = 1.0
    array[:, 15:25, last] = 0.6
    return SoftMask.from_fractions(array, np.diag([4.0, 1.0, 1.0, 1.0]))


@pytest.mark.parametrize(("rows_mm", "cut"), [(2, True), (4, False)])
def test_how_near_to_the_edge_a_soft_structure_may_end(rows_mm, cut):
    image = Volume(RAMP, np.diag([4.0, 1.0, 1.0, 1.0]))
    assert cut_sides(block(39 - rows_mm), image) == (["upper"] if cut else [])


@pytest.mark.parametrize(("noise", "padding"), [(0.007, True), (0.015, False)])
def test_how_much_values_of_padding_may_differ(noise, padding):
    """The picture ends at row 33; above it the values differ by a share of its range."""
    array = RAMP.copy()
    array[:, :, 34:] = 0.2 + noise * (np.indices(array[:, :, 34:].shape).sum(axis=0) % 2)
    image = Volume(array, np.diag([4.0, 1.0, 1.0, 1.0]))
    assert cut_sides(block(32), image) == (["upper"] if padding else [])


def t1(signal_at) -> Volume:
    """A picture whose signal depends on the distance from the middle of the disc, upwards, mm."""
    grid = Grid((5, 90, 240), np.diag([4.0, 0.5, 0.125, 1.0]))
    affine = grid.affine.copy()
    affine[:3, 3] = (-8.0, -22.0, -15.0)
    z = -15.0 + 0.125 * np.arange(240)
    return Volume(np.broadcast_to(signal_at(z), grid.shape).copy(), affine)


def gap(height: float, signal_at) -> float | None:
    outline = outline_of(Spine(heights_mm=dict.fromkeys(DiscLevel, height)), LEVEL)
    return endplate_gaps(t1(signal_at), {LEVEL: outline}).get(LEVEL)


@pytest.mark.parametrize(("away_mm", "found"), [(3.0, True), (6.0, False)])
def test_how_far_from_the_border_an_endplate_is_searched(away_mm, found):
    seen = gap(11.0, lambda z: 1.0 + np.clip(np.abs(z) - 5.5 - away_mm + 0.25, 0, 0.5))
    assert seen == (pytest.approx(2 * away_mm, abs=0.3) if found else None)


@pytest.mark.parametrize(("rise_per_mm", "found"), [(0.035, False), (0.07, True)])
def test_how_steeply_signal_rises_at_an_endplate(rise_per_mm, found):
    seen = gap(11.0, lambda z: 1.0 + rise_per_mm * np.clip(np.abs(z) - 6.5, 0, 2))
    assert (seen is not None) is found


def test_an_endplate_within_a_traced_border_is_found():
    """A quarter of the height inside, on both sides."""
    seen = gap(8.0, lambda z: 1.0 + np.clip(np.abs(z) - 1.75, 0, 0.5))
    assert seen == pytest.approx(-4.0, abs=0.3)


def test_a_bright_cleft_in_the_middle_of_a_thin_disc_is_no_endplate():
    def signal(z):
        cleft = 4 * np.clip(0.6 - np.abs(z), 0, 0.3)
        return 1.0 + cleft + np.clip(np.abs(z) - 3.0, 0, 0.5)

    assert gap(4.0, signal) == pytest.approx(2.5, abs=0.5)
