"""What of disc, bone and canal a sign of the junction is measured on, on points in millimetres."""

from __future__ import annotations

import math

import numpy as np
import pytest

from discmri.measurement.junction_signs import (
    _canal_depth,
    _depth_at,
    _disc_on_slice,
    _DiscOnSlice,
    _turn_deg,
    _walls,
)

FORWARD = np.array([1.0, 0.0])
DISC = _DiscOnSlice(np.zeros(2), FORWARD, 34.0, 8.0)
"""A disc at the origin, 8 mm high."""


def block(back: float, front: float, low: float, high: float, step: float = 0.5) -> np.ndarray:
    """Points 1 mm apart from back to front, and so far apart from low to high."""
    x, y = np.meshgrid(np.arange(back, front + 0.5), np.arange(low, high + step / 2, step))
    return np.stack([x.ravel(), y.ravel()], axis=1)


@pytest.mark.parametrize(("share", "deeper"), [(0.014, False), (0.03, True)])
@pytest.mark.parametrize("side", [1, -1])
def test_how_many_pixels_at_an_end_do_not_count(share, deeper, side):
    """A thread of pixels 10 to 15 mm in front of or behind a disc of 2,000."""
    disc = block(-20, 19, -6, 6, 0.25)
    count = round(share * len(disc))
    thread = np.column_stack([side * np.linspace(30, 35, count), np.zeros(count)])
    found = _disc_on_slice(np.concatenate([disc, thread]), 1.0).depth_mm
    assert (found > 45) is deeper


@pytest.mark.parametrize(("off_mm", "counts"), [(1.2, True), (2.2, False)])
@pytest.mark.parametrize("side", [1, -1])
def test_how_near_to_a_line_bone_and_canal_are_measured(off_mm, counts, side):
    """A part further back lies so far above or below the line through the disc."""
    near = block(-20, 20, -0.5, 0.5)
    other = block(-60, -40, side * off_mm, side * off_mm)
    points = np.concatenate([near, other])
    assert (_depth_at(points, np.zeros(2), FORWARD) > 60) is counts
    assert (_canal_depth(points, DISC) > 60) is counts


def test_the_walls_of_half_a_body_are_followed_by_the_millimetre():
    along, up = block(-15, 15, 0, 60).T
    assert 11 <= len(_walls(along, up, 3.0)) <= 18


@pytest.mark.parametrize(("gap_mm", "whole"), [(2.0, True), (3.5, False)])
def test_another_bone_in_the_same_row_is_left_out(gap_mm, whole):
    near = np.concatenate([block(-15, 15, 0, 30), block(-25 - gap_mm, -15 - gap_mm, 0, 30)])
    found = _walls(*near.T, 3.0)
    assert (found[:, 0] < -20).all() == whole
    assert (found[:, 1] > 13).all()


@pytest.mark.parametrize(
    ("begins", "ends", "seen"),
    [
        (2.0, 8.0, True),  # rows at 2 to 8 mm
        (2.0, 7.0, True),
        (2.0, 6.0, False),
        (3.0, 12.0, False),  # there is none at 2 mm, where the endplate ends
    ],
)
def test_how_much_of_a_wall_a_turn_needs(begins, ends, seen):
    above = block(-15, 15, 4 + begins, 4 + ends)
    bone = np.concatenate([above, above * [1, -1]])
    turn = _turn_deg(bone, DISC)
    assert math.isfinite(turn) is seen
    assert not seen or turn == pytest.approx(0.0, abs=0.1)
