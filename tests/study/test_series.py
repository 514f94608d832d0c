"""Which images form a series: rounding, odd headers, torn series, copies, stations."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tests.study.builder import SeriesSpec, save, uid

from discmri.core.errors import NothingToMeasureError
from discmri.core.findings import Code, Severity
from discmri.study import Study, read_study
from discmri.study.closeness import common_values, same_echo_time
from discmri.study.frame import Geometry
from discmri.study.identity import _fits
from discmri.study.parts import _planes


def stored(folder: Path, datasets: list) -> Study:
    for n, ds in enumerate(datasets):
        save(ds, folder / f"{n:03d}")
    return read_study(folder)


def found(study: Study, code: Code) -> list[Severity]:
    return [finding.severity for finding in study.findings if finding.code is code]


@pytest.mark.parametrize("te", [("102.04", "102.06"), ("30", "30.0000991"), ("100.2", "100.6")])
def test_echo_times_that_differ_by_rounding_form_one_stack(tmp_path: Path, te: tuple) -> None:
    slices = SeriesSpec(slices=6).datasets()
    for k, ds in enumerate(slices):
        ds.EchoTime = te[k % 2]
    study = stored(tmp_path, slices)
    assert [series.slices for series in study.series] == [6]
    assert found(study, Code.SLICE_MISSING) == found(study, Code.SERIES_SPLIT) == []


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [(30, 30.29, True), (30, 30.31, False), (100, 100.5, True), (100, 100.6, False)],
)
def test_either_side_of_the_tolerance_of_echo_times(a: float, b: float, same: bool) -> None:
    assert same_echo_time(a, b) is same


def test_the_most_frequent_value_stands_for_its_neighbours() -> None:
    assert common_values([800, 800, 799.6, 801.1], 1.0) == {799.6: 800, 800: 800, 801.1: 801.1}


@pytest.mark.parametrize(
    "change",
    [
        {"EchoTime": None},
        {"ImageType": ["DERIVED", "SECONDARY"]},
        {"ImageType": ["ORIGINAL", "PRIMARY", "MPR"]},
        {"ImageType": None},
    ],
)
@pytest.mark.parametrize("odd", [0, 3])
def test_a_slice_with_an_odd_header_stays_where_it_fits(
    tmp_path: Path, change: dict, odd: int
) -> None:
    slices = SeriesSpec(slices=7).datasets()
    for keyword, value in change.items():
        setattr(slices[odd], keyword, value)
    study = stored(tmp_path, slices)
    assert study.target().shape == (10, 12, 7)
    assert found(study, Code.SLICE_ODD) == [Severity.WARNING]
    assert found(study, Code.SLICE_MISSING) == []


@pytest.mark.parametrize("offset", [1.0, 4.0])
def test_an_odd_slice_that_fits_no_gap_stays_apart(tmp_path: Path, offset: float) -> None:
    spec = SeriesSpec(slices=7)
    slices = spec.datasets()
    del slices[3]
    odd = spec.dataset(3, spec.positions()[3] - [offset, 0, 0])
    odd.ImageType = ["DERIVED", "SECONDARY"]
    study = stored(tmp_path, [*slices, odd])
    assert found(study, Code.SLICE_ODD) == []
    assert sorted(series.slices for series in study.series) == [1, 6]


def test_the_slices_of_another_kind_do_not_fill_a_gap(tmp_path: Path) -> None:
    """The fat image of a Dixon series lies where the water image lacks a slice."""
    spec = SeriesSpec(slices=7)
    water, fat = spec.datasets(), spec.datasets()
    for kind, group in (("WATER", water), ("FAT", fat)):
        for ds in group:
            ds.ImageType, ds.SOPInstanceUID = ["DERIVED", "PRIMARY", kind], uid(kind, len(group))
            ds.SOPInstanceUID += f".{ds.InstanceNumber}"
    del water[3]
    study = stored(tmp_path, [*water, *fat])
    assert sorted(series.slices for series in study.series) == [6, 7]


@pytest.mark.parametrize("number", [3, None])
def test_a_series_uid_for_every_slice(tmp_path: Path, number: int | None) -> None:
    slices = SeriesSpec(slices=6).datasets()
    for k, ds in enumerate(slices):
        ds.SeriesInstanceUID, ds.SeriesNumber = uid("torn", k), number
    study = stored(tmp_path, slices)
    assert [series.slices for series in study.series] == [6]
    expected = Severity.WARNING if number is None else Severity.INFO
    assert found(study, Code.SERIES_JOINED) == [expected]


def test_a_series_number_for_every_slice_too(tmp_path: Path) -> None:
    slices = SeriesSpec(slices=6).datasets()
    for k, ds in enumerate(slices):
        ds.SeriesInstanceUID, ds.SeriesNumber, ds.AcquisitionNumber = uid("torn", k), 10 + k, 2
    assert [series.slices for series in stored(tmp_path, slices).series] == [6]


@pytest.mark.parametrize(
    "change",
    [
        {"SeriesDescription": "other"},
        {"FrameOfReferenceUID": "1.2.3"},
        {"EchoTime": 60},
        {"SeriesNumber": 9},
    ],
)
def test_slices_of_other_acquisitions_are_not_joined(tmp_path: Path, change: dict) -> None:
    slices = SeriesSpec(slices=6).datasets()
    for k, ds in enumerate(slices):
        ds.SeriesInstanceUID = uid("torn", k)
        for keyword, value in change.items():
            if k >= 3:
                setattr(ds, keyword, value)
    assert [series.slices for series in stored(tmp_path, slices).series] == [3, 3]


def test_two_whole_series_of_one_number_stay_apart(tmp_path: Path) -> None:
    once, again = SeriesSpec("t2").datasets(), SeriesSpec("t2").datasets()
    for ds in again:
        ds.SeriesInstanceUID += ".1"
        ds.SOPInstanceUID += ".1"
    assert len(stored(tmp_path, [*once, *again]).series) == 2


def test_halves_of_a_series_under_two_uids(tmp_path: Path) -> None:
    slices = SeriesSpec(slices=8).datasets()
    for ds in slices[4:]:
        ds.SeriesInstanceUID += ".1"
    study = stored(tmp_path, slices)
    assert [series.slices for series in study.series] == [8]


def test_equal_uids_with_other_pixels_are_other_images(tmp_path: Path) -> None:
    slices, copies, others = (SeriesSpec().datasets() for _ in range(3))
    for ds in others:
        ds.PixelData = np.full((ds.Rows, ds.Columns), 7, np.uint16).tobytes()
        ds.AcquisitionTime = "101900"
    study = stored(tmp_path, [*slices, *copies, *others])
    assert len(study.target().images) == 2
    assert found(study, Code.DUPLICATE_INSTANCE) == [Severity.INFO]
    assert found(study, Code.UID_NOT_UNIQUE) == [Severity.WARNING]


def test_equal_uids_with_other_b_values_are_other_images(tmp_path: Path) -> None:
    images = []
    for b in (0, 800):
        for ds in SeriesSpec("dwi").datasets():
            ds.ScanningSequence, ds.DiffusionBValue = "EP", float(b)
            images.append(ds)  # the same pixels: the b-value alone tells them apart
    study = stored(tmp_path, [*SeriesSpec().datasets(), *images])
    assert study.diffusion().b_s_per_mm2.tolist() == [0, 800]
    assert found(study, Code.UID_NOT_UNIQUE) == []


def two_stations(**changes: object) -> list:
    upper = SeriesSpec(origin=(-8.0, -20.0, 230.0), rows=100).datasets()
    lower = SeriesSpec(origin=(-8.0, -20.0, 110.0), rows=100).datasets()
    for n, station in enumerate((lower, upper)):
        for ds in station:
            ds.SOPInstanceUID += f".{n}"
            ds.AcquisitionTime = f"10{n}000"
    for ds in upper:
        for keyword, value in changes.items():
            setattr(ds, keyword, value)
    return [*upper, *lower]


def test_two_heights_of_one_series_are_stations(tmp_path: Path) -> None:
    study = stored(tmp_path, two_stations())
    assert [series.part for series in study.series] == [
        "station 1 of 2 from the head",
        "station 2 of 2 from the head",
    ]
    volume = study.read(study.target())
    assert volume.affine[2, 3] == pytest.approx(110.0)
    assert found(study, Code.OTHER_STATION) == [Severity.WARNING]


def test_all_slices_at_one_position_are_refused(tmp_path: Path) -> None:
    spec = SeriesSpec(slices=6)
    slices = [spec.dataset(k, spec.positions()[0]) for k in range(6)]
    study = stored(tmp_path, slices)
    with pytest.raises(NothingToMeasureError, match="all 6 slices have the same position"):
        study.target()


def frames_at(*positions: tuple[float, float]) -> list[SimpleNamespace]:
    """Sagittal slices at places to the left and to the back."""
    along_row, along_column = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, -1.0])
    return [
        SimpleNamespace(
            geometry=Geometry(np.array([left, back, 0.0]), along_row, along_column, (1.0, 1.0))
        )
        for left, back in positions
    ]


@pytest.mark.parametrize(("shift_mm", "fits"), [(0.9, True), (1.1, False)])
def test_halves_of_a_series_are_shifted_by_less_than_a_millimetre(shift_mm, fits) -> None:
    whole = frames_at((0.0, 0.0), (4.0, 0.0), (8.0, 0.0))
    half = frames_at((2.0, shift_mm), (6.0, shift_mm))
    assert _fits(half, [whole]) is fits


@pytest.mark.parametrize(("few", "most", "planes"), [(3, 9, 2), (2, 8, 1)])
def test_a_plane_counts_with_a_third_of_the_slices_of_the_largest(few, most, planes) -> None:
    axial = SimpleNamespace(geometry=SimpleNamespace(normal=np.array([0.0, 0.0, 1.0])))
    assert _planes([*frames_at(*((4.0 * n, 0.0) for n in range(most))), *[axial] * few]) == planes
