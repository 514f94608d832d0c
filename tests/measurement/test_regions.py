import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.scene import T2_GRID, WIDTH_MM, Spine, outline_of

from discmri.core.levels import DiscLevel
from discmri.core.volume import Grid, Volume
from discmri.measurement.grade_features import Comparators
from discmri.measurement.grade_model import signal_tables
from discmri.measurement.regions import (
    NUCLEUS_ALONG,
    NUCLEUS_UP,
    PICTURE_COLUMNS,
    PICTURE_ROWS,
    central_sections,
    disc_coordinates,
    region,
    small_picture,
    straighten,
)
from discmri.results.outline import DiscSection

LEVEL = DiscLevel.L4_L5
OUTLINE = outline_of(Spine(), LEVEL)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(-12, 12))
@settings(max_examples=50)
def test_locate_inverts_the_frame(along: float, up: float, left: float) -> None:
    point = [(along - 0.5) * WIDTH_MM, (up - 0.5) * 11.0, left]
    place = disc_coordinates(OUTLINE, OUTLINE.frame.to_world(np.array([point])))
    assert place.along[0] == pytest.approx(along, abs=1e-6)
    assert place.up[0] == pytest.approx(up, abs=1e-6)
    assert place.left_mm[0] == pytest.approx(left, abs=1e-9)
    assert place.to_endplate_mm[0] == pytest.approx(11.0 * min(up, 1 - up), abs=1e-6)
    assert place.to_edge_mm[0] == pytest.approx(WIDTH_MM * min(along, 1 - along), abs=1e-6)
    assert place.height_mm[0] == pytest.approx(11.0)


def test_locate_outside_is_negative() -> None:
    place = disc_coordinates(
        OUTLINE, OUTLINE.frame.to_world(np.array([[0.0, 7.0, 0.0], [20.0, 0.0, 0.0]]))
    )
    assert place.to_endplate_mm[0] == pytest.approx(-1.5)
    assert place.to_edge_mm[1] == pytest.approx(-3.0)
    assert not place.within((0, 1), (0, 1)).any()


def test_straightening_shows_where_each_cell_lies() -> None:
    """An image whose value is the anterior coordinate gives evenly rising columns."""
    index = np.stack(np.meshgrid(*map(np.arange, T2_GRID.shape), indexing="ij"), axis=-1)
    picture = Volume(T2_GRID.to_world(index)[..., 1], T2_GRID.affine)
    straight = straighten(picture, OUTLINE, central_sections(OUTLINE, 3))
    n_sections, _, n_along = straight.shape
    assert n_sections == 3
    expected = ((np.arange(n_along) + 0.5) / n_along - 0.5) * WIDTH_MM
    assert straight == pytest.approx(np.broadcast_to(expected, straight.shape), abs=1e-3)


@pytest.mark.parametrize(("axis", "ends"), [(1, (-0.15, 1.15)), (2, (0.05, 0.95))])
def test_small_picture_shows_the_disc_without_borders_and_what_is_before_and_behind_it(
    axis: int, ends: tuple[float, float]
) -> None:
    """An image whose value is one coordinate gives evenly rising cells."""
    index = np.stack(np.meshgrid(*map(np.arange, T2_GRID.shape), indexing="ij"), axis=-1)
    image = Volume(T2_GRID.to_world(index)[..., axis], T2_GRID.affine)
    small = small_picture(image, OUTLINE, central_sections(OUTLINE, 3))
    count, size = ((PICTURE_COLUMNS, WIDTH_MM), (PICTURE_ROWS, 11.0))[axis - 1]
    share = ends[0] + (np.arange(count) + 0.5) / count * (ends[1] - ends[0])
    middle = (share - 0.5) * size + OUTLINE.frame.origin_mm[axis]
    expected = middle if axis == 1 else middle[:, None]
    assert small == pytest.approx(np.broadcast_to(expected, small.shape), abs=0.05)


def test_the_fitted_model_has_a_weight_for_each_cell_of_the_small_picture() -> None:
    for used, table in signal_tables().items():
        tissues = 2 if used is Comparators.BOTH else 1
        assert len(table.picture.mean) == tissues * PICTURE_ROWS * PICTURE_COLUMNS


def test_a_cell_of_the_small_picture_is_the_mean_of_two_by_three_samples() -> None:
    """Of a square, a mean of n samples differs from the middle by (1 - 1 / n²) / 12 of the cell's."""
    grid = Grid((1, 480, 130), np.diag([4.0, 0.1, 0.1, 1.0]))
    affine = grid.affine.copy()
    affine[:3, 3] = -2.0, -24.0, -6.5
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    squares = (Grid(grid.shape, affine).to_world(index) ** 2)[..., 1:]
    cells = (1.3 * WIDTH_MM / PICTURE_COLUMNS, 0.9 * 11.0 / PICTURE_ROWS)
    for axis, (cell_mm, samples) in enumerate(zip(cells, (3, 2), strict=True)):
        image = Volume(squares[..., axis], affine)
        middle = small_picture(image, OUTLINE, central_sections(OUTLINE, 1))
        spread = middle[PICTURE_ROWS // 2, PICTURE_COLUMNS // 2]
        assert spread == pytest.approx(cell_mm**2 * (1 - samples**-2) / 12, abs=0.01)


def test_borders_beyond_six_percent_of_the_width_are_those_at_six_percent() -> None:
    """A disc whose upper border rises to the front, in an image of cranial coordinates."""
    x = np.linspace(-20.0, 20.0, 41)
    flat = np.full_like(x, -5.0)
    cut = DiscSection(0.0, x, 5.0 + 0.2 * x, flat, np.zeros((4, 2)))
    wedge = dataclasses.replace(OUTLINE, sections=(cut,))
    index = np.stack(np.meshgrid(*map(np.arange, T2_GRID.shape), indexing="ij"), axis=-1)
    image = Volume(T2_GRID.to_world(index)[..., 2], T2_GRID.affine)
    top = small_picture(image, wedge, (cut,))[-1] - OUTLINE.frame.origin_mm[2]
    share = 0.05 + 0.9 * (PICTURE_ROWS - 0.5) / PICTURE_ROWS
    for column, at in ((0, 0.06), (-1, 0.94)):
        assert top[column] == pytest.approx(-5 + share * (10 + 0.2 * (40 * at - 20)), abs=0.02)


def test_central_sections_are_the_nearest_in_order() -> None:
    cuts = central_sections(OUTLINE, 3)
    assert [cut.left_mm for cut in cuts] == [-4.0, 0.0, 4.0]


def test_part_takes_fractions() -> None:
    straight = np.arange(60.0).reshape(1, 6, 10)
    assert region(straight, (0.5, 1.0), (0.0, 0.5)).shape == (1, 3, 5)


def test_the_nucleus_is_the_central_60_percent_of_the_width_and_55_of_the_height() -> None:
    rows, columns = np.mgrid[:1000, :1000] / 1000 + 0.0005
    for picture, along in ((rows, 0), (columns, 1)):
        nucleus = region(picture[None], NUCLEUS_ALONG, NUCLEUS_UP)
        assert nucleus.shape == (1, 550, 600)
        half = (0.275, 0.3)[along]
        assert nucleus.min() == pytest.approx(0.5 - half, abs=0.001)
        assert nucleus.max() == pytest.approx(0.5 + half, abs=0.001)
