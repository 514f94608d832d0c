"""What decides how a disc is outlined, on shapes of a few points or voxels, from both sides."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from discmri.core.findings import Code, MeasurementError
from discmri.core.levels import DiscLevel
from discmri.core.volume import Grid, SoftMask
from discmri.measurement.outline.contours import (
    SliceContours,
    mid_plane_weights,
    section_of,
    slice_contours,
)
from discmri.measurement.outline.corners import _own_ends, body_corners, robust_parabolas
from discmri.measurement.outline.orientation import (
    Surroundings,
    _axis_in_slice,
    _centre_beside,
    _mid_plane,
    _sign,
    _turned_to_canal,
)
from discmri.measurement.outline.painting import repainted
from discmri.measurement.outline.tracing import _check, _plausible, _reaches_edge
from discmri.results.face import check_whole
from discmri.results.outline import BodyEnd, DiscFrame

UP, FRAME = np.array([0.0, 0.0, 1.0]), DiscFrame(np.zeros(3), *np.eye(3)[[1, 2]], -np.eye(3)[0])
"""A disc at the origin whose frame has the patient's axes."""


def voxels(*centres: tuple[float, float, float]) -> SoftMask:
    """Whole voxels of 1 mm on a grid from -70 to 70 mm."""
    array = np.zeros((141, 141, 141), dtype=np.float32)
    for centre in centres:
        array[tuple(np.round(np.array(centre) + 70).astype(int))] = 1.0
    affine = np.eye(4)
    affine[:3, 3] = -70
    return SoftMask.from_fractions(array, affine)


def test_a_canal_that_ends_near_the_disc_is_taken_beside_it():
    """It leans by 45 degrees and ends 5 mm above the disc."""
    around = Surroundings(None, None, voxels(*((0, -20 + z, z) for z in range(-40, 6))))
    beside = around.canal_beside(np.zeros(3), UP)
    assert beside[1] == pytest.approx(-20, abs=2)


def test_a_canal_pressed_shut_at_the_disc_is_found_above_and_below():
    around = Surroundings(None, None, voxels(*((0, -20, z) for z in range(-40, 41) if abs(z) > 5)))
    assert around.canal_beside(np.zeros(3), UP) == pytest.approx([0, -20, 0], abs=0.1)


def test_the_middle_is_that_of_the_near_part_of_a_body():
    """Both bodies reach far to one side, but only 25 mm away from the disc."""
    near = [(0, 0, 8), (0, 0, 9)]
    far = [(-20, 0, 25), (-20, 0, 26)]
    below = [(x, y, -z) for x, y, z in (*near, *far)]
    around = Surroundings(voxels(*near, *far), voxels(*below), None)
    disc = voxels((0, 0, 0))
    assert abs(_mid_plane(FRAME, disc, around)) < 2


def test_a_body_of_which_little_is_seen_gives_the_middle():
    above = [(-9, y, 16) for y in range(-10, 11)]
    around = Surroundings(voxels(*above), voxels(*((x, y, -z) for x, y, z in above)), None)
    cut = np.zeros((3, 3, 3), dtype=np.float32)
    cut[:, 1, 1] = 1.0  # the disc reaches both outer slices, so its own middle is unknown
    disc = SoftMask(cut, np.eye(4))
    assert disc.is_cut_at_sides
    assert _mid_plane(FRAME, disc, around) == pytest.approx(9.0, abs=0.1)


@pytest.mark.parametrize(("count", "enough"), [(1, False), (2, True)])
def test_less_than_a_voxel_beside_a_disc_has_no_centre(count, enough):
    """Each is filled by seven tenths."""
    array = np.zeros((3, 3, 3), dtype=np.float32)
    array[1, 1, :count] = 0.7
    found = _centre_beside(SoftMask(array, np.eye(4)), np.array([1.0, 1.0, 0.5]), UP, 20.0)
    assert (found is not None) is enough


@pytest.mark.parametrize(("aside", "turned"), [(30, (20, 26)), (60, (22, 30))])
def test_a_canal_far_aside_turns_a_disc_only_so_far(aside, turned):
    angle = np.radians(aside)
    canal = voxels(*((30 * np.sin(angle), -30 * np.cos(angle), z) for z in range(-20, 21)))
    cut = np.zeros((3, 3, 3), dtype=np.float32)
    cut[:, 1, 1] = 1.0
    found = _turned_to_canal(FRAME, SoftMask(cut, np.eye(4)), Surroundings(None, None, canal))
    low, high = turned
    assert low < abs(np.degrees(np.arctan2(found.anterior[0], found.anterior[1]))) < high


def test_slices_beside_the_middle_count_and_those_far_from_it_do_not():
    weights = mid_plane_weights(np.array([-15.0, -10.0, -5.0, 0.0, 5.0, 10.0, 15.0]))
    assert (weights[[0, 6]] == 0).all()
    assert (np.abs(weights[[1, 5]]) > 1e-3).all()


def hard_slab(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The border of a hard mask between two heights per column, in voxels: its largest polygon."""
    rows = np.arange(40)
    inside = (rows >= low[:, None]) & (rows < high[:, None])
    inside[:5] = inside[-5:] = False
    array = np.repeat(inside[None].astype(np.float32), 3, axis=0)
    return slice_contours(SoftMask(array, np.diag([4.0, 1.0, 1.0, 1.0]))).loops_mm[1][0][:, 1:]


def test_a_hard_mask_two_voxels_high_keeps_its_height():
    loop = hard_slab(np.full(60, 20), np.full(60, 22))
    middle = loop[np.abs(loop[:, 0] - 30) < 10, 1]
    assert middle.max() - middle.min() == pytest.approx(2.0, abs=0.25)


def test_the_steps_of_a_slanting_hard_mask_are_smoothed():
    slant = 10 + np.arange(60) / 3.0
    loop = hard_slab(np.zeros(60) + 2, slant)
    upper = loop[(np.abs(loop[:, 0] - 30) < 15) & (loop[:, 1] > 8)]
    residual = upper[:, 1] - np.polyval(np.polyfit(upper[:, 0], upper[:, 1], 1), upper[:, 0])
    assert np.sqrt(np.mean(residual**2)) < 0.16  # unsmoothed 0.23 voxels


DISC = section_of(np.array([[-17.0, -4], [17, -4], [17, 4], [-17, 4]]), 0.0)


def body_above(outline: list[tuple[float, float]], *left_mm: float, far=BodyEnd.SEEN):
    """Corners of a body with the same outline (anterior, cranial) in slices so far to the left."""
    points = np.array(outline, dtype=float)
    loops = [
        (FRAME.to_world(np.column_stack([points, np.full(len(points), left)])),) for left in left_mm
    ]
    return body_corners(SliceContours(tuple(loops)), FRAME, DISC, 1, far)


def box(height: float) -> list[tuple[float, float]]:
    return [(-17, 5), (17, 5), (17, 5 + height), (-17, 5 + height)]


@pytest.mark.parametrize(("height", "found"), [(11, False), (17, True)])
def test_what_is_too_low_is_no_body(height, found):
    assert (body_above(box(height), 0.0) is not None) is found


@pytest.mark.parametrize(("left_mm", "found"), [(9.0, True), (16.0, False)])
def test_a_body_seen_only_far_from_the_middle_gives_no_corners(left_mm, found):
    assert (body_above(box(27), left_mm) is not None) is found


@pytest.mark.parametrize(("low", "found"), [(-9.5, True), (-10.5, False)])
def test_a_body_that_begins_a_centimetre_beyond_the_middle_of_its_disc_is_another(low, found):
    outline = [(-17, low), (17, low), (17, 32), (-17, 32)]
    assert (body_above(outline, 0.0) is not None) is found


@pytest.mark.parametrize(("off", "dropped"), [(5.5, False), (6.5, True)])
def test_a_slice_with_corners_six_millimetres_off_is_dropped(off, dropped):
    near, away = (np.add(box(27.0), (0.0, up)) for up in (0.0, off))
    left = {-6.0: near, -2.0: near, 4.0: away}
    loops = [
        (FRAME.to_world(np.column_stack([points, np.full(4, at)])),) for at, points in left.items()
    ]
    found = body_corners(SliceContours(tuple(loops)), FRAME, DISC, 1, BodyEnd.SEEN)
    others = body_above(box(27.0), -6.0, -2.0)
    assert np.allclose(found.lower_anterior, others.lower_anterior) is dropped


def test_the_ends_of_a_border_are_its_bends_in_the_outer_35_percent():
    """It bends at 20 and 80 of 100; the notch in its middle is deeper."""
    x = np.arange(101.0)
    border = np.interp(x, [0, 20, 40, 50, 60, 80, 100], [-3.0, 0, 0, -10, 0, 0, -3])
    assert _own_ends(x, border) == (20.0, 80.0)


@pytest.mark.parametrize(("points", "fitted"), [(5, False), (6, True)])
def test_a_curve_needs_six_points(points, fitted):
    t = np.arange(float(points))[None]
    assert np.isfinite(robust_parabolas(t, 2 * t**2 + 1)).all() == fitted


def test_a_pedicle_does_not_move_the_corner_of_a_body():
    """The back wall ends 12 mm above the rim, where a pedicle starts."""
    outline = [(-17, 5), (17, 5), (17, 32), (-17, 32), (-17, 31), (-29, 31), (-27, 17), (-17, 17)]
    found = body_above(outline, 0.0, far=BodyEnd.CUT)
    assert found.lower_posterior == pytest.approx([-17, 5], abs=0.1)


def test_a_small_spur_on_the_wall_does_not_move_the_corner_along_the_rim():
    """It stands 2 to 4 mm above the rim and 1 mm out."""
    outline = [(-17, 5), (17, 5), (17, 7), (18, 7.3), (18, 8.9), (17, 9.2), (17, 32), (-17, 32)]
    found = body_above(outline, 0.0)
    assert found.lower_anterior[0] == pytest.approx(17, abs=0.5)


@pytest.mark.parametrize(
    ("width", "height", "possible"),
    [
        (12, 3, True),
        (6, 3, False),
        (30, 1.2, True),
        (30, 0.5, False),
        (12.2, 10, True),
        (11.8, 10, False),
    ],
)
def test_what_is_too_small_is_no_disc(width, height, possible):
    x, y = width / 2, height / 2
    mid = section_of(np.array([[-x, -y], [x, -y], [x, y], [-x, y]]), 0.0)
    if possible:
        _check(mid, DiscLevel.L4_L5)
    else:
        with pytest.raises(MeasurementError) as caught:
            _check(mid, DiscLevel.L4_L5)
        assert caught.value.code is Code.OUTLINE_FAILED


@pytest.mark.parametrize(("pixels", "reached"), [(5, False), (6, True)])
@pytest.mark.parametrize("edge", [(0, 0), (0, -1), (1, 0), (1, -1)])
def test_six_pixels_at_the_edge_of_a_slice_are_cut(edge, pixels, reached):
    axis, end = edge
    array = np.zeros((3, 12, 12), dtype=np.float32)
    np.moveaxis(array[1], axis, 0)[end, 3 : 3 + pixels] = 1.0
    assert _reaches_edge(SoftMask(array, np.diag([4.0, 1.0, 1.0, 1.0]))) is reached


@pytest.mark.parametrize(
    ("rim", "fits"),
    [
        ((-10.0, 10.0), True),
        ((-4.9, 4.9), False),
        ((-5.1, 5.1), True),
        ((-14.9, 14.9), True),
        ((-15.1, 15.1), False),
        ((-0.1, 19.9), True),
        ((0.1, 20.1), False),
        ((-19.9, 0.1), True),
        ((-20.1, -0.1), False),
    ],
)
@pytest.mark.parametrize("side", [-1, 1])
def test_the_rim_of_a_body_has_half_to_one_and_a_half_of_the_depth_of_its_disc(rim, fits, side):
    """The disc reaches from -10 to 10 mm; the middle of the rim lies over it."""
    near = {"upper": [(40.0, 5.0), (-40.0, 5.0)], "lower": [(40.0, -5.0), (-40.0, -5.0)]}
    near["lower" if side > 0 else "upper"] = [(rim[1], 0.0), (rim[0], 0.0)]
    body = SimpleNamespace(
        **{
            f"{end}_{part}": np.array(near[end][n])
            for end in near
            for n, part in enumerate(("anterior", "posterior"))
        }
    )
    mid = section_of(np.array([[-10, -4], [10, -4], [10, 4], [-10, 4]]), 0.0)
    assert (_plausible(body, mid, side) is body) is fits


@pytest.mark.parametrize(("deep", "known"), [(12, False), (13, True)])
def test_a_disc_as_high_as_deep_has_no_axis(deep, known):
    """The variance along it is at least one and a half of that across: 10 pixels high."""
    array = np.zeros((3, 16, 16), dtype=np.float32)
    array[:, 1 : 1 + deep, 1:11] = 1.0
    mask = SoftMask(array, np.diag([4.0, 1.0, 1.0, 1.0]))
    if known:
        assert abs(_axis_in_slice(mask, 0)) == pytest.approx([0, 1, 0], abs=1e-6)
    else:
        with pytest.raises(MeasurementError):
            _axis_in_slice(mask, 0)


@pytest.mark.parametrize(("up", "sign"), [(1.0, 1.0), (0.7, 1.0), (0.6, -1.0)])
def test_head_and_feet_count_half_as_much_again_as_front_and_back(up, sign):
    """The axis points to the back, and its normal more or less to the head."""
    around = Surroundings(None, None, None)
    assert _sign(np.array([0.0, -1.0, 0.0]), np.array([0.0, 0.0, up]), np.zeros(3), around) == sign


@pytest.mark.parametrize(("behind_mm", "turned"), [(4, False), (6, True)])
def test_a_canal_within_five_millimetres_of_the_middle_turns_nothing(behind_mm, turned):
    canal = voxels(*((3, -behind_mm, z) for z in range(-20, 21)))
    cut = np.zeros((3, 3, 3), dtype=np.float32)
    cut[:, 1, 1] = 1.0
    found = _turned_to_canal(FRAME, SoftMask(cut, np.eye(4)), Surroundings(None, None, canal))
    assert (abs(found.anterior[0]) > 0.1) == turned


@pytest.mark.parametrize(("first", "fitted"), [(0.9, True), (1.1, False)])
@pytest.mark.parametrize("side", [-1, 1])
def test_slices_that_begin_a_millimetre_beside_the_middle_are_averaged(first, fitted, side):
    """Otherwise a slope through them is followed to the middle."""
    left = side * np.array([first, first + 4, first + 8])
    assert (abs(mid_plane_weights(left) @ left) < 1e-9) == fitted


@pytest.mark.parametrize(("slices", "enough"), [(2, False), (3, True)])
def test_how_many_slices_a_face_needs(slices, enough):
    array = np.zeros((7, 5, 5), dtype=np.float32)
    array[1 : 1 + slices, 1:4, 1:4] = 1.0
    outline = SimpleNamespace(mask=SoftMask(array, np.diag([4.0, 1.0, 1.0, 1.0])))
    if enough:
        check_whole(outline)
    else:
        with pytest.raises(MeasurementError) as caught:
            check_whole(outline)
        assert caught.value.code is Code.FEW_SLICES


def test_a_painted_layer_belongs_to_a_soft_mask_and_fades_beyond():
    """One layer of voxels in front of a box."""
    before = np.zeros((5, 30, 20), dtype=bool)
    before[1:4, 5:20, 8:14] = True
    after = before.copy()
    after[1:4, 20, 8:14] = True
    grid = Grid(before.shape, np.diag([4.0, 1.0, 1.0, 1.0]))
    soft = before.astype(np.float32)
    soft[:, 4] = soft[:, 5] * 0.3
    mask = SoftMask.from_fractions(soft, grid.affine)
    share = repainted(mask, grid, before, after).on(grid)[2, :, 11]
    assert share[20] > 0.5
    assert 0.1 < share[21] < 0.5
    assert share[22] < 0.05
    assert share[4] == pytest.approx(0.3, abs=0.01)
