"""Geometry against nibabel and against plain arithmetic."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nibabel.orientations import apply_orientation, inv_ornt_aff
from scipy.spatial.transform import Rotation

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
