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
