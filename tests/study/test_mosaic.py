"""Mosaics become slices at their places: against the same picture written slice by slice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset
from tests.study.builder import SeriesSpec, save, uid, write
from tests.study.bvalues.test_readers import csa
from tests.study.test_enhanced import enhanced, item, t2_frames

from discmri.core.findings import Code
from discmri.study import Series, Study, read_study

SPEC = SeriesSpec("dwi", slices=5, rows=8, columns=10)


def tiled(down: int, across: int) -> np.ndarray:
    picture = np.zeros((down * SPEC.rows, across * SPEC.columns), np.uint16)
    for k, position in enumerate(SPEC.positions()):
        top, left = (k // across) * SPEC.rows, (k % across) * SPEC.columns
        picture[top : top + SPEC.rows, left : left + SPEC.columns] = SPEC.pixels(position)
    return picture


def mosaic(b: int, down: int, across: int) -> Dataset:
    ds = SPEC.dataset(0)
    ds.SOPInstanceUID, ds.ScanningSequence = uid("mosaic", b), "EP"
    ds.DiffusionBValue = float(b)
    picture = tiled(down, across)
    ds.Rows, ds.Columns, ds.PixelData = *picture.shape, picture.tobytes()
    return ds


def siemens(
    b: int, reverse: bool = False, protocol: np.ndarray | None = None, **tags: list[str] | None
) -> Dataset:
    """Position as if the picture were one slice; CSA headers place the slices.

    ``protocol`` holds the first pixels of the slices as the protocol has them.
    """
    ds = mosaic(b, 3, 3)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "DIFFUSION", "NONE", "ND", "MOSAIC"]
    row, column = (np.array(axis) for axis in SPEC.orientation)
    corner = SPEC.positions()[0] - row * 0.75 * SPEC.columns - column * 1.5 * SPEC.rows
    ds.ImagePositionPatient = [f"{x:.8f}" for x in corner]
    ds.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0A, "US", SPEC.slices)
    normal = np.cross(row, column)
    image: dict[str, list[str]] = {
        "B_value": [str(b)],
        "ProtocolSliceNumber": ["0"],
        "SliceNormalVector": [f"{x:.8f}" for x in normal * (-1 if reverse else 1)],
    }
    image |= {name: value for name, value in tags.items() if value is not None}
    for name, value in tags.items():
        if value is None:
            image.pop(name)
    block = ds.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    block.add_new(0x10, "OB", csa(image, newer=True))
    if reverse and protocol is None:
        protocol = np.array(SPEC.positions()[::-1])
    if protocol is not None:
        half = row * 0.75 * SPEC.columns / 2 + column * 1.5 * SPEC.rows / 2
        lines = [
            f"sSliceArray.asSlice[{n}].sPosition.d{axis} = {value:.6f}"
            for n, position in enumerate(protocol)
            for axis, value in zip(("Sag", "Cor", "Tra"), position + half, strict=True)
        ]
        block.add_new(0x20, "OB", "\n".join(lines).encode())
    return ds


def uih(b: int) -> Dataset:
    ds = mosaic(b, 2, 3)
    del ds.ImagePositionPatient
    block = ds.private_block(0x0065, "Image Private Header", create=True)
    block.add_new(0x50, "DS", str(SPEC.slices))
    items = []
    for position in SPEC.positions():
        item = Dataset()
        item.ImagePositionPatient = [f"{x:.8f}" for x in position]
        items.append(item)
    block.add_new(0x51, "SQ", items)
    return ds


def stored(folder: Path, *datasets: Dataset) -> Study:
    for n, ds in enumerate(datasets):
        save(ds, folder / f"m{n}")
    return read_study(write(folder, SeriesSpec()))


def dwi(study: Study) -> Series:
    (series,) = (one for one in study.series if one.description == "dwi")
    return series


@pytest.mark.parametrize("kind", ["siemens", "backwards", "uih"])
def test_tiles_lie_where_single_slices_do(tmp_path: Path, kind: str) -> None:
    make = {"siemens": siemens, "backwards": lambda b: siemens(b, reverse=True), "uih": uih}[kind]
    single = read_study(write(tmp_path / "single", SeriesSpec("t2", 5, 8, 10))).target().images[0]
    study = stored(tmp_path / "tiles", make(0), make(800))
    series = study.diffusion()
    assert series is not None
    assert series.b_s_per_mm2.tolist() == [0, 800]
    np.testing.assert_allclose(series.affine, single.grid.affine, atol=1e-5)
    np.testing.assert_array_equal(series.signal[..., 0], single.read())
    assert dwi(study).slices == 5


@pytest.mark.parametrize(("off_mm", "believed"), [(0.7, True), (1.5, False)])
def test_a_protocol_of_slices_elsewhere_is_not_believed(
    tmp_path: Path, off_mm: float, believed: bool
) -> None:
    """It lists the slices the other way round than the image header, which holds without it."""
    column = np.array(SPEC.orientation[1])
    protocol = np.array(SPEC.positions()[::-1]) + off_mm * column
    study = stored(tmp_path, *(siemens(b, reverse=True, protocol=protocol) for b in (0, 800)))
    affine = study.diffusion().affine
    places = [(affine @ [0, 0, k, 1])[0] for k in (0, SPEC.slices - 1)]
    # LPS to RAS: x changes sign
    drawn = [-SPEC.positions()[k][0] for k in (0, -1)]
    mirrored = [drawn[0], 2 * drawn[0] - drawn[1]]
    assert sorted(places) == pytest.approx(sorted(drawn if believed else mirrored), abs=1e-4)


def test_a_protocol_of_tilted_slices_is_not_believed(tmp_path: Path) -> None:
    row, column = (np.array(axis) for axis in SPEC.orientation)
    step = SPEC.step * (np.cross(row, column) * np.cos(0.5) + column * np.sin(0.5))
    protocol = SPEC.positions()[0] + np.arange(SPEC.slices)[:, None] * step
    single = read_study(write(tmp_path / "single", SeriesSpec("t2", 5, 8, 10))).target().images[0]
    study = stored(tmp_path / "tiles", *(siemens(b, protocol=protocol) for b in (0, 800)))
    np.testing.assert_allclose(study.diffusion().affine, single.grid.affine, atol=1e-5)


@pytest.mark.parametrize(
    ("tags", "cause"),
    [
        ({"SliceNormalVector": None}, "direction"),
        ({"SliceNormalVector": ["0", "0", "1"]}, "direction"),
        ({"SliceNormalVector": ["0.866025", "0.5", "0"]}, "direction"),  # 30 degrees off
        ({"ProtocolSliceNumber": ["4"]}, "backwards"),
    ],
)
def test_tiles_that_cannot_be_placed_are_refused(tmp_path: Path, tags: dict, cause: str) -> None:
    study = stored(tmp_path, siemens(0, **tags), siemens(800, **tags))
    assert study.diffusion() is None
    assert cause in dwi(study).problem
    assert Code.SERIES_LEFT_OUT in {finding.code for finding in study.findings}


def test_a_picture_that_its_tiles_do_not_divide(tmp_path: Path) -> None:
    ds = siemens(800)
    ds[0x0019, 0x100A].value = 20  # five tiles to a side of 24 x 30 pixels
    study = stored(tmp_path, ds)
    assert "do not divide an image of 24 x 30 pixels" in dwi(study).problem


def test_mosaics_in_an_enhanced_image_are_refused(tmp_path: Path) -> None:
    spec = SeriesSpec("dwi", slices=2, rows=24, columns=30)
    frames = t2_frames(spec)
    for ds, _ in frames:
        ds.MRImageFrameTypeSequence = item(
            FrameType=["ORIGINAL", "PRIMARY", "DIFFUSION", "NONE", "MOSAIC"]
        )
        ds.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0A, "US", 5)
    study = stored(tmp_path, enhanced(spec, frames))
    assert "is part of an enhanced image" in dwi(study).problem
