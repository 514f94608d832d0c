"""What decides what is a disc, a body or a spine, on boxes and short lists, from both sides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.measurement.segment.test_pieces import column_with, pieces
from tests.spines import box_spine

from discmri.core.labels import FoundDisc, FoundSpine
from discmri.core.volume import Grid, SoftMask
from discmri.measurement.segment import network
from discmri.measurement.segment.anatomy import impossible_anatomy
from discmri.measurement.segment.column import _along, _axis, _outward
from discmri.measurement.segment.joint import _bone_between, _without_islands, split_bodies
from discmri.measurement.segment.network import PIXEL_MM, Channel
from discmri.measurement.segment.network_slices import NetworkSlices
from discmri.measurement.segment.pieces import one_disc
from discmri.measurement.segment.schemes import SCHEMES


def box(middle, size_mm, voxel_mm=(4.0, 1.0, 1.0)) -> SoftMask:
    """A box of whole voxels about a point."""
    shape = np.round(np.array(size_mm) / voxel_mm).astype(int)
    affine = np.diag([*voxel_mm, 1.0])
    affine[:3, 3] = np.array(middle) - np.array(voxel_mm) * (shape - 1) / 2
    return SoftMask.from_fractions(np.ones(shape, dtype=np.float32), affine)


def spine(*, thickness=8.0, apart=36.0, canal=30.0, sacrum=None) -> FoundSpine:
    """Three discs above each other; canal and sacrum so far behind and in front of them."""
    usual = box_spine()
    size = (40.0, 34.0, thickness)
    discs = [box((0, 0, -n * apart), size, (4.0, 1.0, thickness)) for n in range(3)]
    behind = None if canal is None else box((0, -canal, -36), (12.0, 2.0, 201.0))
    below = None if sacrum is None else box((0, sacrum, -110), (40.0, 20.0, 30.0))
    return replace(
        usual, discs=tuple(FoundDisc(one, 0.9) for one in discs), canal=behind, sacrum=below
    )


@pytest.mark.parametrize(
    ("possible", "impossible", "said"),
    [
        ({"thickness": 1.5}, {"thickness": 0.7}, "1 mm high"),
        ({"apart": 11}, {"apart": 6}, "6 mm apart"),
        ({"canal": 7}, {"canal": 3.5}, "mm behind"),
        ({"canal": 50}, {"canal": 85}, "85 mm behind"),
        ({"canal": None, "sacrum": 10}, {"canal": None, "sacrum": 22}, "22 mm in front"),
    ],
)
def test_what_cannot_be_a_spine(possible, impossible, said):
    assert impossible_anatomy(spine(**possible)) == ""
    assert said in impossible_anatomy(spine(**impossible))


@pytest.mark.parametrize(("length_mm", "found"), [(14, False), (30, True)])
def test_what_is_too_short_is_no_column(length_mm, found):
    weight = np.zeros((200, 60), dtype=np.float32)
    weight[50 : 50 + round(length_mm / PIXEL_MM), 25:35] = 1.0
    assert (_axis(weight) is not None) is found


@pytest.mark.parametrize(
    ("areas", "kept"),
    [
        ([100, 30, 0], 2),
        ([100, 18, 0], 1),
        ([100, 60, 80], 3),  # not yet small
        ([100, 40, 60], 2),  # small, then another structure
        ([100, 40, 35], 3),
        ([100, 40, 44], 3),
    ],
)
def test_where_a_structure_ends_to_the_side(areas, kept):
    assert _outward(np.array(areas)).tolist() == [n < kept for n in range(3)]


@pytest.mark.parametrize(("away_mm", "beside"), [(20, True), (45, False)])
def test_what_lies_beside_the_column(away_mm, beside):
    axis = np.stack([np.arange(100) * PIXEL_MM, np.full(100, 60.0)], axis=1)
    along, _ = _along(axis, (100, 150))
    for way in (1, -1):
        column = round((60 + way * away_mm) / PIXEL_MM)
        assert np.isfinite(along[50, column]) == beside


def blocks(*sizes: int) -> list[np.ndarray]:
    return [np.arange(200).reshape(1, 1, 200) < size for size in sizes]


def test_a_small_part_is_no_disc():
    assert len(_without_islands(blocks(100, 100, 100, 15))) == 4
    assert len(_without_islands(blocks(100, 100, 100, 7))) == 3


def test_a_body_ends_behind_its_discs():
    """Bone goes on straight behind the discs, whose backs are at 20 mm."""
    where = np.zeros((3, 60, 60), dtype=bool)
    discs = [np.zeros_like(where) for _ in range(2)]
    discs[0][1, 20:50, 40:44] = discs[1][1, 20:50, 10:14] = True
    where[1, 5:50, 15:39] = True
    bodies = split_bodies(where, discs, Grid(where.shape, np.eye(4)))
    (body,) = (one for one in bodies if one.any())
    assert 15.5 < np.argwhere(body)[:, 1].min() < 18.5


@pytest.mark.parametrize(("bone_mm", "between"), [(17, False), (36, True)])
def test_how_much_bone_parts_two_discs(bone_mm, between):
    """Their middles are 100 mm apart."""
    one, other, bone = (np.zeros((1, 1, 120), dtype=bool) for _ in range(3))
    one[..., 10] = other[..., 110] = True
    bone[..., 30 : 30 + bone_mm] = True
    assert _bone_between(one, other, bone) is between


@pytest.mark.parametrize(("bone", "one"), [(3, True), (7, False)])
def test_how_much_bone_parts_two_pieces(bone, one):
    """Eight columns lie between them."""
    front, back = (slice(30, 35), slice(10, 22)), (slice(30, 35), slice(30, 44))
    mask = pieces(front, back)
    found = one_disc(mask, column_with((slice(0, 64), slice(22, 22 + bone))))
    assert (found == (mask if one else pieces(back))).all()


def upto(*ends: tuple[int, int]) -> set[int]:
    return {number for first, last in ends for number in range(first, last + 1)}


@pytest.mark.parametrize(
    ("scheme", "numbers"),
    [
        # 25 vertebrae, as many cut ones and discs; the canal
        ("spider", upto((1, 25), (100, 100), (101, 125), (201, 225))),
        # vertebrae, their parts, discs and endplates
        ("spineps", upto((1, 26), (28, 28), (41, 62), (101, 126), (128, 128), (201, 228))),
        ("totalsegmentator", upto((1, 56))),
        # cord and canal, cervical to lumbar vertebrae and sacrum, discs
        ("totalspineseg", upto((1, 2), (11, 17), (21, 32), (41, 46), (50, 50), (63, 67), (71, 82),
                               (91, 96), (100, 101))),
    ],
)  # fmt: skip
def test_the_numbers_that_a_program_writes_are_known(scheme, numbers):
    assert SCHEMES[scheme].numbers == numbers


@pytest.mark.parametrize(
    ("scheme", "canal", "sacrum"),
    [
        ("spider", {100}, set()),
        ("spineps", {60, 61}, {26}),
        ("totalsegmentator", {21}, {18}),
        ("totalspineseg", {1, 2}, {50}),
    ],
)
def test_canal_and_sacrum_of_a_program(scheme, canal, sacrum):
    known = SCHEMES[scheme]
    assert (set(known.canal), set(known.sacrum)) == (canal, sacrum)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_is_ignored_is_nothing_that_is_read(scheme):
    known = SCHEMES[scheme]
    read = {*known.discs, *known.vertebrae, *known.canal, *known.sacrum}
    assert read.isdisjoint(known.others)


def test_spider_counts_whole_and_cut_vertebrae_from_below():
    named = SCHEMES["spider"].vertebrae
    for first in (1, 101):
        assert [named[first + n].value for n in range(3)] == ["L5", "L4", "L3"]


@pytest.mark.parametrize("spacing_mm", [1.0, 1.5, 4.4])
def test_the_neighbours_that_the_network_sees(monkeypatch, spacing_mm):
    """It was trained with slices 3 to 5 mm apart."""
    apart = []

    class SeenError(Exception):
        pass

    def look(_, steps, *__):
        apart.append(steps * spacing_mm)
        raise SeenError

    monkeypatch.setattr(network, "_Look", look)
    with pytest.raises(SeenError):
        network.shares_of(np.zeros((9, 32, 32), dtype=np.float32), spacing_mm, 1)
    assert 3 <= apart[0] <= 5


def test_contrast_is_that_of_a_neighbourhood_the_network_was_trained_with():
    """A point counts up to 30 pixels away, twice half of the neighbourhood."""
    image = np.zeros((101, 101), dtype=np.float32)
    image[50, 50] = 1.0
    seen = np.abs(network._local_contrast(image)[50]) > 1e-7
    assert np.flatnonzero(seen)[[0, -1]].tolist() == [20, 80]


def test_the_second_look_lifts_what_is_dark():
    image = np.full((1, 32, 32), 0.25, dtype=np.float32)
    image[:, ::2] = 1.0
    look = network._Look(image, 1, network._OTHER_GAMMA)
    look.prepare(0)
    assert 0.3 < look._features[0][0].min() < 0.5


def test_columns_around_the_spine_are_looked_at():
    shares = np.zeros((len(Channel), 3, 20, 480), dtype=np.float32)
    shares[Channel.BODY, :, :, 200:240] = 1.0
    found = network._columns_of_spine(shares, 480)
    before, after = (200 - found.start) * PIXEL_MM, (found.stop - 240) * PIXEL_MM
    assert 25 <= before <= 50
    assert 25 <= after <= 60


def test_the_border_of_an_image_is_not_shown():
    """The outermost voxels, to 2 mm, of pixels of 0.8 mm."""
    shown = NetworkSlices.of(Grid((1, 40, 40), np.diag([4.0, 0.8, 0.8, 1.0]))).shown
    rows = np.flatnonzero(shown.any(axis=1))
    assert len(rows) == 40 - 2 * 3  # pixels at 0, 0.8 and 1.6 mm are hidden
