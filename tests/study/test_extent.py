"""Headers that claim pictures larger than any person."""

from pathlib import Path

import numpy as np
import pytest
from tests.study.builder import SeriesSpec, write

from discmri.core.errors import GeometryError, NothingToMeasureError
from discmri.core.volume import Grid
from discmri.study import read_study
from discmri.study.extent import refuse_absurd_extent


@pytest.mark.parametrize(
    "spec",
    [
        SeriesSpec(spacing=(900.0, 900.0)),
        SeriesSpec(rows=300, columns=300, spacing=(15.0, 15.0)),
        SeriesSpec(step=4e5, picture=lambda points: points[..., 0] * 0),
        SeriesSpec(origin=(1e9, 0.0, 0.0), picture=lambda points: points[..., 0] * 0),
    ],
    ids=["pixels", "sides", "slices", "place"],
)
def test_absurd_headers_are_refused_before_any_resampling(tmp_path: Path, spec: SeriesSpec) -> None:
    study = read_study(write(tmp_path / "s", spec))
    with pytest.raises(NothingToMeasureError, match="impossible"):
        study.target()


@pytest.mark.parametrize("shape", [(448, 448, 15), (512, 1600, 17), (320, 320, 256)])
def test_real_pictures_pass(shape: tuple[int, int, int]) -> None:
    grid = Grid(shape, np.diag([0.7, 0.7, 4.4, 1.0]))
    refuse_absurd_extent(grid)
    with pytest.raises(GeometryError):
        refuse_absurd_extent(Grid(shape, np.diag([700.0, 700.0, 4400.0, 1.0])))


def test_half_a_kilometre_does_not_pass() -> None:
    with pytest.raises(GeometryError, match="pixel spacing"):
        refuse_absurd_extent(Grid((500_000, 4, 4), np.eye(4)))


@pytest.mark.parametrize("beyond", [False, True])
@pytest.mark.parametrize(
    ("shape", "spacing", "limit_mm"),
    [((4, 4, 4), (1.0, 1.0, 50.0), 50.0), ((250, 4, 4), (10.0, 1.0, 1.0), 10.0),
     ((150, 100, 4), (10.0, 10.0, 1.0), 10.0)],
    ids=["voxel of 50 mm", "side of 2.5 m", "slice of 1.5 m2"],
)  # fmt: skip
def test_either_side_of_what_a_scanner_holds(shape, spacing, limit_mm, beyond: bool) -> None:
    scale = 1.01 if beyond else 0.99
    sides = [side * scale if side == limit_mm else side for side in spacing]
    if shape[1] == 100:  # the area grows with both sides
        sides = [spacing[0] * scale**0.5, spacing[1] * scale**0.5, spacing[2]]
    grid = Grid(shape, np.diag([*sides, 1.0]))
    if beyond:
        with pytest.raises(GeometryError, match="impossible"):
            refuse_absurd_extent(grid)
    else:
        refuse_absurd_extent(grid)


@pytest.mark.parametrize(("away_mm", "refused"), [(9_900.0, False), (-10_100.0, True)])
def test_ten_metres_from_the_isocentre_is_the_end(away_mm: float, refused: bool) -> None:
    affine = np.eye(4)
    affine[1, 3] = away_mm
    if refused:
        with pytest.raises(GeometryError, match="impossible"):
            refuse_absurd_extent(Grid((4, 4, 4), affine))
    else:
        refuse_absurd_extent(Grid((4, 4, 4), affine))
