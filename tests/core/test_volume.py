"""Geometry against nibabel and against plain arithmetic."""

from __future__ import annotations

from contextlib import nullcontext

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nibabel.orientations import apply_orientation, inv_ornt_aff
from scipy.spatial.transform import Rotation

from discmri.core.diffusion import BValue, DiffusionSeries
from discmri.core.errors import GeometryError
from discmri.core.volume import Grid, SoftMask, Volume

OBLIQUE = np.eye(4)
OBLIQUE[:3, :3] = Rotation.from_euler("xyz", [12, -7, 4], degrees=True).as_matrix() @ np.diag(
    [4.4, 0.6, 0.7]
)
OBLIQUE[:3, 3] = [-20.0, 35.0, 11.0]


def ramp(shape: tuple[int, int, int], affine: np.ndarray) -> Volume:
    """An image whose value is a linear function of patient position."""
    points = Grid(shape, affine).to_world(np.moveaxis(np.indices(shape), 0, -1))
    return Volume(points @ np.array([0.3, -0.2, 0.5]), affine)


def test_index_and_world_agree_with_nibabel():
    grid = Grid((5, 30, 40), OBLIQUE)
    index = np.array([[0, 0, 0], [4, 29, 39], [2, 3.5, 7.25]])
    expected = nib.affines.apply_affine(OBLIQUE, index)
    np.testing.assert_allclose(grid.to_world(index), expected)
    np.testing.assert_allclose(grid.to_index(expected), index, atol=1e-9)
    np.testing.assert_allclose(grid.spacing_mm, [4.4, 0.6, 0.7])


@given(st.permutations([0, 1, 2]), st.tuples(*[st.sampled_from([-1, 1])] * 3))
def test_sampling_does_not_depend_on_array_order(order, flips):
    image = ramp((5, 8, 9), OBLIQUE)
    orientation = np.array(list(zip(order, flips, strict=True)))
    turned = Volume(
        apply_orientation(image.array, orientation),
        image.affine @ inv_ornt_aff(orientation, image.shape),
    )
    inside = image.grid.to_world([[2, 3.3, 4.1], [0.4, 6, 2.2]])
    expected = inside @ np.array([0.3, -0.2, 0.5])
    np.testing.assert_allclose(turned.sample(inside), expected, atol=1e-4)
    moved = turned.grid.directions[:, turned.sagittal_axis]
    assert abs(moved @ image.grid.directions[:, 0]) == pytest.approx(1)


def test_a_point_outside_has_the_outside_value_and_one_in_the_outer_half_voxel_does_not():
    image = Volume(np.full((3, 3, 3), 7.0), np.eye(4))
    values = image.sample([[-0.4, 1, 1], [-0.6, 1, 1], [1, 1, 2.4]], outside=-1.0)
    np.testing.assert_allclose(values, [7.0, -1.0, 7.0])


@pytest.mark.parametrize(
    "affine",
    [
        np.diag([0.0, 1, 1, 1]),
        np.diag([np.nan, 1, 1, 1]),
        np.array([[1, 0.5, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]),
        np.eye(3),
    ],
)
def test_bad_geometry_is_refused(affine):
    with pytest.raises(GeometryError):
        Grid((2, 2, 2), affine)


def test_a_cropped_mask_returns_to_its_place():
    full = np.zeros((5, 30, 40), dtype=np.float32)
    full[1:4, 10:20, 5:12] = 1.0
    full[2, 10, 5] = 0.4
    mask = SoftMask.from_fractions(full, OBLIQUE)
    assert mask.array.size < full.size
    np.testing.assert_allclose(mask.on(Grid(full.shape, OBLIQUE)), full, atol=1e-5)
    assert mask.volume_mm3 == pytest.approx(full.sum() * 4.4 * 0.6 * 0.7, rel=1e-6)
    weights = np.argwhere(full > 0)
    values = full[tuple(weights.T)]
    centre = nib.affines.apply_affine(OBLIQUE, (weights * values[:, None]).sum(0) / values.sum())
    np.testing.assert_allclose(mask.centroid_mm, centre, atol=1e-6)


def test_a_mask_beyond_one_is_refused():
    with pytest.raises(ValueError, match="within 0 and 1"):
        SoftMask(np.full((2, 2, 2), 1.5), np.eye(4))


def test_a_crop_of_a_grid_is_put_back_as_interpolation_would():
    """Where a mask lies voxel for voxel on a grid it is copied, which is ten times as fast."""
    oblique = np.array(
        [[0.9, -0.4, 0.0, 5.0], [0.4, 0.9, 0.0, -7.0], [0.0, 0.0, 4.0, 11.0], [0, 0, 0, 1.0]]
    )
    grid = Grid((9, 8, 7), oblique)
    array = np.random.default_rng(2).random((4, 3, 2)).astype(np.float32)
    mask = SoftMask(array, grid.cropped((3, 5, 4), array.shape).affine)
    full = mask.on(grid)
    assert full.sum() == pytest.approx(array.sum())
    np.testing.assert_array_equal(full[3:7, 5:8, 4:6], array)
    beside = oblique.copy()
    beside[:3, 3] += 1e-4 * oblique[:3, 0]  # no crop of that grid any more
    np.testing.assert_allclose(mask.on(Grid(grid.shape, beside)), full, atol=5e-4)
    part = grid.cropped((4, 0, 0), (5, 8, 7))  # holds only three quarters of the mask
    np.testing.assert_allclose(mask.on(part), full[4:], atol=1e-6)


def mask_of(array: np.ndarray) -> SoftMask:
    return SoftMask(array.astype(np.float32), np.diag([4.0, 1.0, 1.0, 1.0]))


@pytest.mark.parametrize(("skew", "refused"), [(0.9e-3, False), (1.1e-3, True)])
def test_axes_are_orthogonal_to_a_thousandth(skew, refused):
    affine = np.eye(4)
    affine[0, 1] = skew
    with pytest.raises(GeometryError, match="orthogonal") if refused else nullcontext():
        Grid((2, 2, 2), affine)


@pytest.mark.parametrize(("beyond", "refused"), [(0.9e-3, False), (1.1e-3, True)])
@pytest.mark.parametrize("end", [0.0, 1.0])
def test_fractions_lie_within_zero_and_one_to_a_thousandth(end, beyond, refused):
    array = np.full((2, 2, 2), 0.5)
    array[0, 0, 0] = end + (beyond if end else -beyond)
    with pytest.raises(ValueError, match="within 0 and 1") if refused else nullcontext():
        mask_of(array)


@pytest.mark.parametrize(("fraction", "counted"), [(0.03, True), (0.015, False)])
def test_two_percent_of_a_voxel_are_in_a_mask(fraction, counted):
    array = np.zeros((5, 5, 5))
    array[2, 2, 2], array[2, 2, 4] = 1.0, fraction
    assert len(mask_of(array).filled[0]) == 1 + counted
    crop = SoftMask.from_fractions(array, np.eye(4), margin=0)
    assert crop.shape == (1, 1, 1 + 2 * counted)


@pytest.mark.parametrize(
    ("between", "fraction", "hard"),
    [(1, 0.5, True), (3, 0.5, False), (3, 0.985, True), (3, 0.97, False), (3, 0.015, True),
     (3, 0.03, False)],
)  # fmt: skip
def test_a_drawn_label_has_two_percent_of_its_voxels_between_zero_and_one(between, fraction, hard):
    array = np.zeros((1, 10, 20))
    array[0, :5] = 1.0
    array[0, 5, :between] = fraction
    assert mask_of(array).is_hard == hard


@pytest.mark.parametrize("outermost", [0, -1])
@pytest.mark.parametrize(("area", "cut"), [(7, True), (5, False)])
def test_a_structure_is_cut_if_an_outer_slice_has_six_tenths_of_its_area(outermost, area, cut):
    array = np.zeros((3, 10, 4))
    array[1, :, 0] = array[outermost, :area, 0] = 1.0
    assert mask_of(array).is_cut_at_sides == cut


@pytest.mark.parametrize(("b", "nominal"), [(4.9, 0.0), (5.0, 5.0), (400.0, 400.0)])
def test_b_values_below_five_are_zero(b, nominal):
    series = DiffusionSeries(np.zeros((1, 1, 1, 1)), np.eye(4), (BValue(b, "tag"),))
    assert series.b_s_per_mm2.tolist() == [nominal]
