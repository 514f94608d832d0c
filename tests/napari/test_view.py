"""Where voxels and patient points are shown."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from discmri.core.volume import Grid
from discmri.napari.view import SagittalView

SPACING = np.array([4.4, 0.7, 0.9])  # slices, craniocaudal, anteroposterior
SHAPE = (5, 20, 16)


def turned_grid(order, signs, tilt_deg=0.0):
    """A sagittal grid with its array axes in some order and direction."""
    c, s = np.cos(np.radians(tilt_deg)), np.sin(np.radians(tilt_deg))
    directions = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    axes = directions[:, [0, 2, 1]] * SPACING  # columns: left-right, up, anterior
    affine = np.eye(4)
    affine[:3, :3] = axes[:, order] * np.array(signs)
    affine[:3, 3] = (-7.0, 12.0, 30.0)
    return Grid(tuple(SHAPE[axis] for axis in order), affine)


TURNS = [
    (order, signs)
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)
]


@pytest.mark.parametrize(("order", "signs"), TURNS)
def test_left_is_anterior_and_up_is_cranial_however_it_was_stored(order, signs):
    grid = turned_grid(order, signs)
    view = SagittalView.of(grid)
    np.testing.assert_allclose(view.spacing_mm, SPACING)
    assert view.shape == SHAPE
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    places = [view.shown(grid.to_world(index)[..., axis]) for axis in range(3)]
    right, anterior, superior = (np.asarray(place) for place in places)
    assert np.all(np.diff(right, axis=0) < 0), "slices from the patient's right to the left"
    assert np.all(np.diff(superior, axis=1) < 0), "rows downwards"
    assert np.all(np.diff(anterior, axis=2) < 0), "columns from anterior to posterior"


@pytest.mark.parametrize(("order", "signs"), TURNS[::5])
def test_points_are_placed_where_their_voxels_are_shown(order, signs):
    grid = turned_grid(order, signs, tilt_deg=20.0)
    view = SagittalView.of(grid)
    array = np.zeros(grid.shape)
    voxel = tuple(n // 3 for n in grid.shape)
    array[voxel] = 1.0
    shown = np.argwhere(view.shown(array))[0]
    np.testing.assert_allclose(view.place(grid.to_world(voxel)), shown * view.spacing_mm, atol=1e-9)
    between = view.place(grid.to_world([voxel, np.add(voxel, 1)]))
    np.testing.assert_allclose(np.linalg.norm(np.diff(between, axis=0)), np.linalg.norm(SPACING))


def test_painting_what_is_shown_paints_the_array():
    grid = turned_grid((2, 0, 1), (-1, 1, -1))
    view = SagittalView.of(grid)
    array = np.zeros(grid.shape, dtype=np.uint8)
    view.shown(array)[2, 3, 4] = 95
    assert np.count_nonzero(array) == 1
    np.testing.assert_allclose(
        view.place(grid.to_world(np.argwhere(array)[0])), np.array([2, 3, 4]) * SPACING, atol=1e-9
    )


@pytest.mark.parametrize(("at_mm", "number"), [(-3.0, 0), (2.1, 0), (2.3, 1), (8.8, 2), (99.0, 4)])
def test_the_nearest_slice(at_mm, number):
    assert SagittalView.of(turned_grid((0, 1, 2), (1, 1, 1))).slice_at(at_mm) == number
