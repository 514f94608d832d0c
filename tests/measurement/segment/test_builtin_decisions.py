"""What decides what the built-in segmenter takes for discs, on drawn shares, from both sides.

Shares are drawn around a straight column in pixels of 0.8 mm; places are in millimetres along it.
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from discmri.core.volume import Grid, SoftMask, Volume
from discmri.measurement.segment.builtin import (
    _bone,
    _bones,
    _confidence,
    _disc_places,
    _DiscPosition,
    _exchanged,
    _is_disc,
    _refusal,
    _sacrum_above,
    _stretches,
    _upside_down,
    signal_shares,
)
from discmri.measurement.segment.column import VertebralColumn, _axis
from discmri.measurement.segment.network import PIXEL_MM, Channel
from discmri.measurement.segment.network_slices import NetworkSlices

ROWS, COLUMNS, MIDDLE = 224, 96, 48
DISC_MM, HALF_DEPTH_MM = 88.0, 16.0


def drawn(*parts: tuple[Channel, float, float, float, float, float]) -> VertebralColumn:
    """A column with so much of a structure from one place to another, in front of and behind it."""
    slices = NetworkSlices.of(
        Grid((1, COLUMNS - 1, ROWS - 1), np.diag([4.0, PIXEL_MM, PIXEL_MM, 1.0]))
    )
    along, columns = np.indices((ROWS, COLUMNS)) * PIXEL_MM
    behind = columns - MIDDLE * PIXEL_MM
    shares = np.zeros((len(Channel), 1, ROWS, COLUMNS), dtype=np.float32)
    for channel, share, start, stop, front, back in parts:
        where = (along >= start) & (along < stop) & (behind >= front) & (behind < back)
        shares[channel, 0][where] = share
    axis = np.stack([np.arange(ROWS) * PIXEL_MM, np.full(ROWS, MIDDLE * PIXEL_MM)], axis=1)
    mask = np.ones((1, ROWS, COLUMNS), dtype=bool)
    return VertebralColumn(
        slices, shares, mask, axis, *(np.float32(one) for one in (along, behind))
    )


def band(channel: Channel, start: float, stop: float, share: float = 1.0, half: float = 16.0):
    return channel, share, start, stop, -half, half


ABOVE = band(Channel.BODY, DISC_MM - 30, DISC_MM - 5)
BELOW = band(Channel.BODY, DISC_MM + 5, DISC_MM + 30)


def place(column: VertebralColumn, at: float = DISC_MM) -> _DiscPosition:
    share = column.shares[Channel.DISC]
    return _DiscPosition(at, share, share > 0.5)


@pytest.mark.parametrize(("apart", "count"), [(11, 1), (18, 2)])
def test_how_near_two_discs_may_be(apart, count):
    column = drawn(*(band(Channel.DISC, at, at + 4) for at in (80, 80 + apart)))
    assert len(_stretches(column, column.shares[Channel.DISC])) == count


@pytest.mark.parametrize(("share", "count"), [(0.29, 0), (0.31, 1)])
def test_how_clear_a_disc_is(share, count):
    column = drawn(band(Channel.DISC, 80, 88, share))
    assert len(_stretches(column, column.shares[Channel.DISC])) == count


def test_how_far_the_outermost_discs_are_searched():
    """Half a high disc and its endplates, but not the next one."""
    column = drawn(band(Channel.DISC, 80, 88))
    ((peak, low, high),) = _stretches(column, column.shares[Channel.DISC])
    assert 12 < peak - low < 30
    assert 12 < high - peak < 30


@pytest.mark.parametrize(
    ("height", "half", "disc"),
    [(3.2, 10, True), (1.6, 10, False), (8, 8.8, True), (8, 5.6, False)],
)
def test_what_is_too_small_is_no_disc(height, half, disc):
    """Of 20 mm length 64 and 32 mm2; of 8 mm height 18 and 11 mm long."""
    size = band(Channel.DISC, DISC_MM - height / 2, DISC_MM + height / 2, half=half)
    column = drawn(size, ABOVE, BELOW)
    assert _is_disc(place(column), column) is disc


@pytest.mark.parametrize(("share", "disc"), [(0.2, False), (0.45, True)])
@pytest.mark.parametrize("side", ["above", "below"])
def test_how_much_bone_lies_beside_a_disc(share, disc, side):
    thin = (Channel.BODY, share, *(ABOVE if side == "above" else BELOW)[2:])
    parts = (thin, BELOW) if side == "above" else (ABOVE, thin)
    column = drawn(band(Channel.DISC, DISC_MM - 4, DISC_MM + 4), *parts)
    assert _is_disc(place(column), column) is disc


@pytest.mark.parametrize(
    ("bone", "seen"),
    [
        (band(Channel.BODY, DISC_MM + 1, DISC_MM + 2.6), False),  # the endplate
        (band(Channel.BODY, DISC_MM + 3.4, DISC_MM + 5.6), True),
        (band(Channel.BODY, DISC_MM + 10, DISC_MM + 16), True),
        (band(Channel.BODY, DISC_MM + 19, DISC_MM + 33), False),  # the lower half of the body
        ((Channel.BODY, 1.0, DISC_MM + 4, DISC_MM + 16, 5.6, 8.5), True),
        ((Channel.BODY, 1.0, DISC_MM + 4, DISC_MM + 16, 10.0, 17.0), False),  # its wall
    ],
)
def test_where_bone_is_looked_for(bone, seen):
    column = drawn(bone)
    body, sacrum = _bone(column, np.array([True]), DISC_MM, 1)
    assert (body > 0.05) is seen
    assert sacrum == 0


@pytest.mark.parametrize(
    ("depth", "refused"), [(14.4, True), (22, False), (50, False), (70.0, True)]
)
def test_how_deep_discs_are(depth, refused):
    size = (Channel.DISC, 1.0, DISC_MM - 4, DISC_MM + 4, -depth / 2, depth / 2)
    column = drawn(size)
    assert bool(_refusal(column, [place(column)])) is refused


def one_level(*parts) -> tuple[list[SoftMask], SoftMask | None]:
    column = drawn(band(Channel.DISC, DISC_MM - 4, DISC_MM + 4), *parts)
    return _bones(column, [place(column)])


def test_of_a_single_disc_one_body_is_taken_on_each_side():
    """The next discs would be 36 mm away, and bodies begin again beyond them."""
    beyond = (band(Channel.BODY, DISC_MM - 66, DISC_MM - 41), band(Channel.BODY, DISC_MM + 41, 200))
    bodies, _ = one_level(ABOVE, BELOW, *beyond)
    heights = [one.volume_mm3 / (32 * 4) for one in bodies]
    assert heights == pytest.approx([27, 27], abs=4)  # 25 mm and their soft border


@pytest.mark.parametrize(("height", "found"), [(2.8, 1), (6.0, 2)])
def test_what_is_too_small_is_no_body(height, found):
    """32 mm long, so 82 to 102 and 179 to 204 mm2."""
    bodies, _ = one_level(ABOVE, band(Channel.BODY, DISC_MM + 5, DISC_MM + 5 + height))
    assert len(bodies) == found


@pytest.mark.parametrize(("gap_px", "parts"), [(9, 2), (11, 1)])
def test_how_far_apart_parts_of_a_sacrum_may_be(gap_px, parts):
    start = 120.0
    second = start + 20 * PIXEL_MM + gap_px * PIXEL_MM
    _, sacrum = one_level(
        ABOVE,
        band(Channel.SACRUM, start, start + 20 * PIXEL_MM),
        band(Channel.SACRUM, second, second + 10 * PIXEL_MM),
    )
    assert sacrum.volume_mm3 == pytest.approx((30 if parts == 2 else 20) * 32 * 0.8 * 4, rel=0.1)


@pytest.mark.parametrize(("disc", "plate", "found"), [(0.2, 0.8, True), (0.0, 0.9, False)])
def test_a_disc_of_little_more_than_endplates(disc, plate, found):
    thin = DISC_MM - 4, DISC_MM + 4
    column = drawn(
        band(Channel.DISC, *thin, disc), band(Channel.ENDPLATE, *thin, plate), ABOVE, BELOW
    )
    places = _disc_places(column)
    assert len(places) == found
    assert all(0.4 <= one.trust <= 0.6 for one in places)


def slice_of(body: int, **more: int) -> np.ndarray:
    """Shares of one slice that show so many pixels of each structure."""
    shares = np.zeros((len(Channel), 40, 100), dtype=np.float32)
    for name, count in {"body": body, **more}.items():
        shares[Channel[name.upper()]].reshape(-1)[:count] = 1.0
    return shares


@pytest.mark.parametrize(
    ("given", "mirrored", "exchanged"),
    [
        ({"posterior": 130, "canal": 100}, {"canal": 800}, True),
        ({"posterior": 250, "canal": 100}, {"canal": 800}, False),  # arches enough
        ({"sacrum": 60, "canal": 100}, {"canal": 800}, True),
        ({"sacrum": 120, "canal": 100}, {"canal": 800}, False),  # a sacrum in its place
        ({"canal": 500}, {"canal": 550}, False),  # hardly more
        ({"canal": 500}, {"canal": 800}, True),
    ],
)
def test_when_front_and_back_are_exchanged(given, mirrored, exchanged):
    """Of 1000 pixels of bodies."""
    said = _exchanged(slice_of(1000, **given), lambda: slice_of(1000, **mirrored))
    assert bool(said) is exchanged


@pytest.mark.parametrize(
    ("given", "turned", "doubted"),
    [(35, 300, True), (80, 300, False), (0, 90, False), (0, 180, True)],
)
def test_when_head_and_feet_may_be_exchanged(given, turned, doubted):
    said = _upside_down(slice_of(1000, sacrum=given), lambda: slice_of(1000, sacrum=turned))
    assert bool(said) is doubted


MASK = np.zeros((1, 60, 60), dtype=bool)
MASK[0, 25:35, 10:50] = True


def confidence(inside: float = 1.0, other: float = 1.0, border: float = 0.0) -> float:
    """Of a disc with this share, the other look's share of it, and border pixels half filled."""
    share = np.where(MASK, inside, 0.0).astype(np.float32)
    share[0, [24, 35], 10:50] = border
    return _confidence(share, share * other, MASK)


def test_confidence_in_what_is_clear_and_steady_and_sharp():
    assert confidence() == 1.0
    assert confidence(0.57) == 0.0  # unclear
    assert 0.1 < confidence(0.65) < 0.5
    assert confidence(other=0.27) == 0.0  # overlap of 0.5
    assert 0.5 < confidence(other=0.5) < 0.9  # overlap of 0.8


@pytest.mark.parametrize(
    ("border", "low", "high"),
    [(0.11, 0.9999, 1.0), (0.25, 0.85, 0.99)],  # 0.08 and 0.15 mm wide
)
def test_confidence_in_a_border(border, low, high):
    assert low <= confidence(border=border) <= high


def test_confidence_in_a_blurred_border():
    """One of 0.9 mm: six pixels half filled on each side, and 0.9 mm with them."""
    share = MASK.astype(np.float32)
    for row in (22, 23, 24, 35, 36, 37, 21, 38, 39):
        share[0, row, 10:50] = 0.5
    assert 0.5 < _confidence(share, share, MASK) < 0.7


def test_signals_are_those_of_voxels_well_inside():
    """Most voxels of bone and disc are mixed with others, which are brighter."""

    def mask(low: int, inside: float, mixed: float) -> SoftMask:
        array = np.zeros((1, 20, 20), dtype=np.float32)
        array[0, low, :5] = inside
        array[0, low, 5:] = mixed
        return SoftMask(array, np.eye(4))

    image = np.full((1, 20, 20), 9.0)
    image[0, [3, 12], :5] = [[4.0], [2.0]]
    found = SimpleNamespace(
        bodies=(mask(3, 0.97, 0.9),),
        sacrum=None,
        discs=(SimpleNamespace(mask=mask(12, 0.92, 0.8)),),
    )
    assert signal_shares(found, Volume(image, np.eye(4))) == [pytest.approx(0.5)]


DISC = band(Channel.DISC, DISC_MM - 4, DISC_MM + 4)


@pytest.mark.parametrize(("outside", "disc"), [(15, True), (17, False)])
def test_four_percent_of_a_disc_may_lie_outside_the_image(outside, disc):
    """Of 10 rows of 39 pixels."""
    column = drawn(DISC, ABOVE, BELOW)
    where = np.argwhere(place(column).mask[0])
    assert len(where) == 390
    shown = np.ones((ROWS, COLUMNS), dtype=bool)
    shown[tuple(where[:outside].T)] = False
    column = replace(column, network_slices=SimpleNamespace(shown=shown))
    assert _is_disc(place(column), column) is disc


def beside_each_other(one: VertebralColumn, other: VertebralColumn) -> VertebralColumn:
    """A column of two slices."""
    return replace(
        one,
        shares=np.concatenate([one.shares, other.shares], axis=1),
        mask=np.concatenate([one.mask, other.mask]),
    )


@pytest.mark.parametrize(("columns", "counted"), [(11, False), (13, True)])
def test_bone_is_seen_on_slices_with_three_tenths_of_the_largest_section(columns, counted):
    """Of 39 columns; there is no body beside the smaller section, but sacrum."""
    half = columns * PIXEL_MM / 2
    body = (Channel.BODY, 0.5, *ABOVE[2:])
    small = band(Channel.DISC, DISC_MM - 4, DISC_MM + 4, half=half)
    column = beside_each_other(drawn(DISC, body, BELOW), drawn(small, BELOW))
    assert int(place(column).mask[1].sum()) == 10 * columns
    assert _is_disc(place(column), column) is not counted
    sacrum = (Channel.SACRUM, 0.5, *ABOVE[2:])
    column = beside_each_other(drawn(DISC, body), drawn(small, sacrum))
    assert _sacrum_above(column, place(column)) == pytest.approx(0.5 if counted else 0.0)


@pytest.mark.parametrize(("columns", "seen"), [(13, False), (15, True)])
def test_bone_is_looked_for_where_six_tenths_of_its_place_are_shown(columns, seen):
    """Of 23 columns."""
    column = drawn(DISC, ABOVE)
    shown = np.zeros((ROWS, COLUMNS), dtype=bool)
    shown[:, MIDDLE - 11 : MIDDLE - 11 + columns] = True
    column = replace(column, network_slices=SimpleNamespace(shown=shown))
    assert (_bone(column, np.array([True]), DISC_MM, -1) is not None) is seen


@pytest.mark.parametrize(("height", "bodies"), [(5.6, 2), (7.2, 1)])
def test_a_sacrum_of_a_quarter_of_the_body_above_it_continues_it(height, bodies):
    """The body has 25 mm; then it is the first sacral segment."""
    sacrum = band(Channel.SACRUM, DISC_MM + 44, DISC_MM + 44 + height)
    assert len(one_level(ABOVE, BELOW, sacrum)[0]) == bodies


@pytest.mark.parametrize(("weight", "followed"), [(1.5, False), (2.5, True)])
def test_the_axis_follows_rows_of_a_fifth_of_the_usual_weight(weight, followed):
    """The first 100 rows have ten; where they end, less of a stack lies further behind."""
    stack = np.zeros((ROWS, COLUMNS), dtype=np.float32)
    stack[50:150, 40:50] = 1.0
    stack[150:180, 60] = weight
    end = _axis(stack)[-1, 1] / PIXEL_MM
    assert (end > 50) == followed


@pytest.mark.parametrize(("rows", "kept"), [(3, False), (5, True)])
def test_a_part_of_two_percent_of_the_largest_belongs_to_the_column(rows, kept):
    """20 pixels in a row, beside 4000."""
    column = drawn()
    shares = column.shares.copy()
    shares[Channel.BODY, 0, 50:150, 28:68] = 1.0
    shares[Channel.DISC, 0, 160 : 160 + rows, 38:58] = 1.0
    found = VertebralColumn.of(shares, column.network_slices)
    assert found.mask[0, 100, 48]
    assert found.mask[0, 161, 48] == kept
