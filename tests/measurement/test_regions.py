import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.scene import T2_GRID, WIDTH_MM, Spine, outline_of

from discmri.core.levels import DiscLevel
from discmri.core.volume import Volume
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
