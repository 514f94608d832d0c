from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.disc_model import LEVEL, PATIENT, DiscModel, disc_labels, rotation, sagittal_grid

from discmri.core.findings import Code, MeasurementError
from discmri.core.levels import DiscLevel, Vertebra
from discmri.core.volume import Grid, SoftMask
from discmri.measurement.height import measure_heights
from discmri.measurement.outline import height_lines, trace_disc
from discmri.measurement.outline.contours import mid_contour, section_of
from discmri.measurement.shape import measure_shape
from discmri.results.outline import BodyEnd

MODEL = DiscModel(turn=rotation(12.0, 6.0, 3.0), slip=1.5)
LOOSE = {"width_lr_mm": 1.0, "volume_mm3": 60.0, "area_mm2": 5.0, "wedge_deg": 0.7}


@cache
def labels(**options):
    spacing = options.pop("spacing", 0.8)
    grid = sagittal_grid(spacing=spacing, between=options.pop("between", 4.0))
    return disc_labels(MODEL, grid, thickness=3.5, **options)


def measured(found):
    outline = trace_disc(found, LEVEL)
    values = measure_heights(outline)[0] + measure_shape(outline)[0]
    return {m.parameter: float(m.value) for m in values}


def remade(found, change):
    """The same structures with every mask passed through ``change``."""
    return replace(
        found,
        discs={k: change(m) for k, m in found.discs.items()},
        vertebrae={k: change(m) for k, m in found.vertebrae.items()},
        canal=change(found.canal),
    )


def assert_same(first, second, share=1.0, tolerance=0.15):
    assert first.keys() == second.keys()
    for name, value in first.items():
        allowed = share * LOOSE.get(name, tolerance)
        assert second[name] == pytest.approx(value, abs=allowed), name


def test_frame_follows_the_disc_not_the_patient():
    frame = trace_disc(labels(), LEVEL).frame
    truth = PATIENT @ MODEL.turn.T
    angles = np.degrees(np.arccos(np.clip((frame.axes * truth).sum(axis=1), -1, 1)))
    assert angles[1] < 0.6  # the normal
    assert angles[0] < 2.5
    assert angles[2] < 2.5
    np.testing.assert_allclose(frame.axes @ frame.axes.T, np.eye(3), atol=1e-9)
    assert abs(MODEL.to_local(frame.origin_mm)[2]) < 0.8


def test_contour_lies_on_the_analytic_border():
    outline = trace_disc(labels(), LEVEL)
    contour = outline.mid.contour_mm
    world = outline.frame.to_world(np.column_stack([contour, np.zeros(len(contour))]))
    x, y, left = MODEL.to_local(world).T
    flat = np.abs(x) < 14
    gap = np.minimum(np.abs(y - MODEL.upper(x, left)), np.abs(y - MODEL.lower(x, left)))
    assert gap[flat].max() < 0.25
    assert gap[flat].mean() < 0.08


def test_corners_lie_on_the_rims():
    outline = trace_disc(labels(), LEVEL)
    corners = outline.corners
    for end, side, point in (
        (1, 1, corners.upper_anterior),
        (-1, 1, corners.upper_posterior),
        (1, -1, corners.lower_anterior),
        (-1, -1, corners.lower_posterior),
    ):
        x, y, _ = MODEL.to_local(outline.frame.to_world(np.append(point, 0.0)))
        rim = end * MODEL.depth / 2 + side * MODEL.slip / 2
        surface = MODEL.upper(rim, 0.0) if side > 0 else MODEL.lower(rim, 0.0)
        assert x == pytest.approx(rim, abs=0.6)
        assert y == pytest.approx(float(surface), abs=0.35)


def test_body_height_is_that_of_the_model():
    straight = DiscModel(hollow_upper=0.0, hollow_lower=0.0, wedge_deg=0.0)
    outline = trace_disc(disc_labels(straight, sagittal_grid(0.8), thickness=3.5), LEVEL)
    for body in (outline.above, outline.below):
        assert body is not None
        assert body.far_end is BodyEnd.SEEN
        assert body.height_mm == pytest.approx(straight.body_height - straight.gap, abs=0.8)


def test_osteophyte_does_not_move_the_corner():
    clean = labels()
    body = clean.vertebrae[Vertebra.L3]
    points = body.grid.to_world(np.indices(body.shape).reshape(3, -1).T)
    x, y, left = MODEL.to_local(points).T
    rim = MODEL.depth / 2 + MODEL.slip / 2
    base = MODEL.upper(np.full_like(x, rim), left)
    spur = (x > rim - 2) & (x < rim + 4) & (y > base + 0.5) & (y < base + 3.0) & (np.abs(left) < 15)
    grown = SoftMask(np.maximum(body.array, spur.reshape(body.shape)), body.affine)
    spurred = replace(clean, vertebrae={**clean.vertebrae, Vertebra.L3: grown})
    before, after = (trace_disc(each, LEVEL).corners.upper_anterior for each in (clean, spurred))
    assert np.abs(after - before).max() < 1.0


@settings(max_examples=6)
@given(
    st.permutations([0, 1, 2]),
    st.tuples(*[st.booleans()] * 3),
    st.tuples(*[st.floats(-20, 20)] * 3),
    st.tuples(*[st.floats(-300, 300)] * 3),
)
def test_numbers_do_not_depend_on_axes_or_pose(order, flips, angles, shift):
    """Permuted and reversed axes, a patient who lies turned and elsewhere."""
    move = np.eye(4)
    move[:3, :3], move[:3, 3] = rotation(*angles), shift

    def change(mask):
        array, affine = mask.array, mask.affine.copy()
        for axis, flip in enumerate(flips):
            if flip:
                affine[:3, 3] += affine[:3, axis] * (array.shape[axis] - 1)
                affine[:3, axis] *= -1
                array = np.flip(array, axis)
        affine[:, :3] = affine[:, order]
        return SoftMask(np.ascontiguousarray(array.transpose(order)), move @ affine)

    assert_same(measured(labels()), measured(remade(labels(), change)), share=0.1)


def test_numbers_do_not_depend_on_the_crop():
    def padded(mask):
        affine = mask.affine.copy()
        affine[:3, 3] = mask.grid.to_world((-3, -1, 0))
        return SoftMask(np.pad(mask.array, ((3, 2), (1, 4), (0, 2))), affine)

    assert_same(measured(labels()), measured(remade(labels(), padded)), share=0.02)


@pytest.mark.parametrize(("spacing", "between"), [(0.5, 3.3), (1.0, 5.0), (1.0, 1.0)])
def test_numbers_do_not_depend_on_the_spacing(spacing, between):
    grid = sagittal_grid(spacing, between, slices=round(56 / between))
    thickness = between if between < 2 else 0.85 * between
    found = disc_labels(MODEL, grid, thickness, samples=(3, 3, 4))
    assert_same(measured(labels()), measured(found), share=1.6)


def test_hard_masks_are_nearly_as_good():
    rough = measured(labels(hard=True))
    fine = measured(labels())
    for name in ("height_columns_mm", "height_area_mm", "height_middle_mm"):
        assert rough[name] == pytest.approx(fine[name], abs=0.35)


@pytest.mark.parametrize("slices", [1, 2, 3])
def test_few_slices_still_give_a_height(slices):
    model = DiscModel()
    grid = sagittal_grid(0.8, 4.0, slices=slices)
    outline = trace_disc(disc_labels(model, grid, thickness=3.5), LEVEL)
    values, errors = measure_heights(outline)
    found = {m.parameter: m.value for m in values}
    assert found["height_columns_mm"] == pytest.approx(model.truth["height_columns_mm"], abs=0.25)
    assert "height_3d_mm" not in found
    assert errors
    assert all(e.code in (Code.FEW_SLICES, Code.CUT_BY_FIELD_OF_VIEW) for e in errors)
    assert outline.mid in outline.sections
    assert len(outline.sections) == slices + 1


@pytest.mark.parametrize("height", [2.0, 3.0])
def test_collapsed_disc(height):
    model = DiscModel(
        height=height, wedge_deg=1.0, hollow_upper=0.2, hollow_lower=0.1, bulge_back=1.5
    )
    found = measured(disc_labels(model, sagittal_grid(0.9), thickness=3.5))
    for name in ("height_columns_mm", "height_3d_mm"):
        truth = model.truth | model.truth_3d
        assert found[name] == pytest.approx(truth[name], abs=0.2), name


def test_disc_without_neighbours_or_canal():
    alone = measured(labels(bodies=False, canal=False))
    whole = measured(labels())
    for name in ("height_columns_mm", "height_area_mm", "area_mm2", "width_ap_mm"):
        assert alone[name] == pytest.approx(whole[name], rel=0.02)
    assert alone["height_dabbs_mm"] == pytest.approx(whole["height_dabbs_mm"], abs=0.8)
    assert "listhesis_mm" not in alone


def test_sections_are_ordered_and_one_is_the_mid_plane():
    outline = trace_disc(labels(), LEVEL, central_slices=5)
    left = [cut.left_mm for cut in outline.sections]
    assert left == sorted(left, reverse=True)
    assert len(left) == 6
    assert sum(cut is outline.mid for cut in outline.sections) == 1
    assert outline.mid.left_mm == 0.0


def test_height_lines_end_on_the_disc_border():
    outline = trace_disc(labels(), LEVEL)
    lines = height_lines(outline)
    assert set(lines) == {"anterior", "middle", "posterior", "corner_anterior", "corner_posterior"}
    heights = {m.parameter: m.value for m in measure_heights(outline)[0]}
    for name in ("anterior", "middle", "posterior"):
        top, bottom = lines[name]
        assert np.linalg.norm(top - bottom) == pytest.approx(heights[f"height_{name}_mm"], abs=0.1)
        assert (top - bottom) @ outline.frame.cranial > 0


def test_mask_without_a_border_is_refused():
    grid = Grid((9, 40, 40), np.diag([4.0, 1.0, 1.0, 1.0]))
    array = np.full(grid.shape, 0.0)
    array[3:6, 10:30, 15:25] = 0.4
    faint = replace(labels(), discs={LEVEL: SoftMask(array, grid.affine)}, vertebrae={}, canal=None)
    with pytest.raises(MeasurementError) as caught:
        trace_disc(faint, LEVEL)
    assert caught.value.code is Code.OUTLINE_FAILED


def test_round_blob_is_no_disc():
    grid = Grid((9, 40, 40), np.diag([4.0, 1.0, 1.0, 1.0]))
    y, z = np.indices((40, 40)) - 20
    array = np.tile((y**2 + z**2 < 100) * 1.0, (9, 1, 1))
    blob = replace(labels(), discs={LEVEL: SoftMask(array, grid.affine)}, vertebrae={}, canal=None)
    with pytest.raises(MeasurementError) as caught:
        trace_disc(blob, LEVEL)
    assert caught.value.code is Code.OUTLINE_FAILED


def test_unknown_level_is_a_key_error():
    with pytest.raises(KeyError):
        trace_disc(labels(), DiscLevel.T10_T11)


def test_a_thin_bent_disc_whose_centroid_lies_outside_it():
    spacing = 0.5
    y, z = np.meshgrid(np.arange(-25, 25, spacing), np.arange(-12, 20, spacing), indexing="ij")
    middle = 9.0 * (y / 17.0) ** 2
    edge = np.clip((1.2 - np.abs(z - middle)) / spacing + 0.5, 0, 1)
    edge *= np.clip((17.0 - np.abs(y)) / spacing + 0.5, 0, 1)
    affine = np.diag([4.0, spacing, spacing, 1.0])
    affine[:3, 3] = [0.0, -25.0, -12.0]
    mask = SoftMask(edge[None].astype(np.float32), affine)
    assert mask.grid.to_index(mask.centroid_mm)[2] > 0
    at = np.round(mask.grid.to_index(mask.centroid_mm)).astype(int)
    assert mask.array[tuple(at)] < 0.5, "the case is what it says"
    found = trace_disc(replace(labels(), discs={LEVEL: mask}, vertebrae={}, canal=None), LEVEL)
    assert np.ptp(found.mid.contour_mm, axis=0)[0] == pytest.approx(34.0, abs=1.0)


def test_a_flared_rim_does_not_hide_the_border_before_it():
    """From the middle of a thin disc the hollow before a flare at its rim cannot be seen."""
    flared = [(0, 2.5), (3, 1.5), (6, 2.5), (15, 3), (30, 3)]
    whole = np.array([*flared, *((x, -y) for x, y in reversed(flared))], dtype=float)
    mid = section_of(mid_contour([(at, whole - [15, 0]) for at in (-6.0, -2.0, 2.0, 6.0)]), 0.0)
    hollow = np.interp(3.0 - 15.0, mid.x_mm, mid.upper_mm - mid.lower_mm)
    assert hollow == pytest.approx(3.0, abs=0.05)
    assert mid.width_mm == pytest.approx(30.0, abs=0.01)
