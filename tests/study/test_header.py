"""What one header says, on datasets of a few elements."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import Dataset
from tests.study.builder import SeriesSpec
from tests.study.test_enhanced import item

from discmri.study.frame import Frame, PixelPlace
from discmri.study.header import HeaderReader
from discmri.study.source import InputFile

PLACE = PixelPlace(
    InputFile(Path("a.dcm"), "a.dcm"), offset=0, length=0, syntax="", frames=1, rows=12, columns=10,
    samples=1, bits_allocated=16, bits_stored=16, signed=False, keyword="PixelData",
    photometric="MONOCHROME2",
)  # fmt: skip
SQUARE = [0, 1, 0, 0, 0, -1]


def frame_of(place: PixelPlace = PLACE, **elements: object) -> Frame:
    """The frame of a header without contrast and description, but for what is given."""
    ds = SeriesSpec("x").dataset(0)
    for keyword in ("EchoTime", "RepetitionTime", "ScanningSequence", "ImageType", "PixelData"):
        if keyword in ds:
            delattr(ds, keyword)
    for keyword, value in elements.items():
        if isinstance(value, Dataset):
            ds.update(value)
        else:
            setattr(ds, keyword, value)
    (frame,) = HeaderReader().frames_of(ds, place)
    return frame


def private(group: int, creator: str, element: int, vr: str, value: object) -> Dataset:
    ds = Dataset()
    ds.private_block(group, creator, create=True).add_new(element, vr, value)
    return ds


SIEMENS_B = private(0x19, "SIEMENS MR HEADER", 0x0C, "IS", "800")


def test_private_groups_do_not_replace_standard_ones():
    group = private(
        0x2005, "Philips MR Imaging DD 005", 0x0F, "SQ",
        item(EffectiveEchoTime=0.0, RFEchoTrainLength=12),
    )  # fmt: skip
    group.MREchoSequence = item(EffectiveEchoTime=100.0)
    frame = frame_of(PerFrameFunctionalGroupsSequence=[group])
    assert (frame.contrast.te_ms, frame.contrast.echo_train) == (100.0, 12)


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ({}, False),
        ({"ScanningSequence": "EP"}, True),
        ({"EchoPlanarPulseSequence": "YES"}, True),
        ({"SeriesDescription": "ax DWI"}, True),
        ({"ProtocolName": "trace"}, True),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "DIFFUSION"]}, True),
        ({"DiffusionBValue": 800.0}, True),
    ],
)
def test_private_b_values_are_read_where_diffusion_is_suspected(said, read):
    frame = frame_of(SIEMENS=SIEMENS_B, **said)
    assert (None if frame.b_value is None else frame.b_value.value_s_per_mm2) == (
        800.0 if read else None
    )


@pytest.mark.parametrize(
    ("b", "said", "computed"),
    [
        (1400.0, {"SeriesDescription": "DWI calc_b1400"}, True),
        (1400.0, {"SeriesDescription": "DWI", "ImageComments": "Synthetic"}, True),
        (1400.0, {"SeriesDescription": "DWI b1400"}, False),
        (1400.0, {"SeriesDescription": "computed ADC of DWI"}, False),
        (0.0, {"SeriesDescription": "DWI calc_b1400"}, False),
    ],
)
def test_computed_weightings_are_marked_by_their_description(b, said, computed):
    """An image of b = 0 is acquired, whatever is computed from it."""
    assert ("CALC_BVALUE" in frame_of(DiffusionBValue=b, **said).image_type) is computed


@pytest.mark.parametrize(
    ("date", "read"), [("20240105", "20240105"), ("2024.01.05", "20240105"), ("2024-1-5", "")]
)
def test_dates_of_old_files_have_dots(date, read):
    ds = Dataset()
    ds.add_new(0x00080020, "LO", date)
    assert frame_of(DATE=ds).owner.study_date == read


@pytest.mark.parametrize(("text", "number"), [("2", 2.0), ("0.5", None), (["2", "3"], None)])
def test_averages_are_one_number_from_one(text, number):
    assert frame_of(NumberOfAverages=text).averages == number


def test_the_time_of_a_frame_comes_before_that_of_the_acquisition():
    times = {"FrameAcquisitionDateTime": "20240105101502", "AcquisitionDateTime": "20240105101500"}
    assert frame_of(**times).acquired == "20240105101502"
    del times["FrameAcquisitionDateTime"]
    assert frame_of(**times).acquired == "20240105101500"
    assert frame_of().acquired == "20240105101500.25"


@pytest.mark.parametrize(
    ("slope", "intercept", "read", "problem"),
    [
        ("2", "-5", (2.0, -5.0), ""),
        ("2", "0", (2.0, 0.0), ""),
        (["2", "2"], "0", (2.0, 0.0), ""),
        ("0", "7", (1.0, 7.0), "Rescale Slope '0'"),
        (["2", "3"], "0", (1.0, 0.0), r"Rescale Slope '2\\3'"),
    ],
)
def test_a_slope_of_zero_is_no_slope(slope, intercept, read, problem):
    found = frame_of(RescaleSlope=slope, RescaleIntercept=intercept).scaling
    assert (found.slope, found.intercept, found.problem) == (*read, problem)
    assert found.stated


@pytest.mark.parametrize("alone", ["RescaleSlope", "RescaleIntercept"])
def test_a_rescale_is_stated_by_both_of_its_numbers(alone):
    assert not frame_of(**{alone: "2"}).scaling.stated


@pytest.mark.parametrize(("slope", "read"), [(2.0, 2.0), (0.0, 1.0)])
def test_a_real_world_slope_of_zero_is_a_problem(slope, read):
    mapping = item(
        RealWorldValueSlope=slope, RealWorldValueIntercept=0.0,
        MeasurementUnitsCodeSequence=item(CodeValue="um2/ms"),
    )  # fmt: skip
    found = frame_of(RealWorldValueMappingSequence=mapping).scaling
    assert found.real_slope == read
    assert bool(found.problem) == (slope == 0)


@pytest.mark.parametrize(
    ("changed", "read"),
    [
        ({}, True),
        ({"ImageOrientationPatient": [0, 1.019, 0, 0, 0, -1]}, True),
        ({"ImageOrientationPatient": [0, 1.021, 0, 0, 0, -1]}, False),
        ({"ImageOrientationPatient": [0, 1, 0, 0, 0, -0.979]}, False),
        ({"ImageOrientationPatient": [0, 1, 0, 0, 0.019, -1]}, True),
        ({"ImageOrientationPatient": [0, 1, 0, 0, 0.021, -1]}, False),
        ({"PixelSpacing": [0.0011, 0.5]}, True),
        ({"PixelSpacing": [0.0009, 0.5]}, False),
        ({"PixelSpacing": [0.5, 999.0]}, True),
        ({"PixelSpacing": [0.5, 1001.0]}, False),
    ],
)
def test_axes_are_right_angled_to_two_percent_and_pixels_of_a_possible_size(changed, read):
    assert (frame_of(**changed).geometry is not None) is read


@pytest.mark.parametrize(("manufacturer", "read"), [("Philips Healthcare", 0.25), ("OTHER", None)])
@pytest.mark.parametrize(("scale", "possible"), [(0.25, True), (0.0, False), (1e31, False)])
def test_a_scale_slope_is_one_of_philips(manufacturer, read, scale, possible):
    slope = private(0x2005, "Philips MR Imaging DD 001", 0x0E, "FL", scale)
    found = frame_of(Manufacturer=manufacturer, SCALE=slope).scaling
    assert found.philips_slope == (read if possible else None)


@pytest.mark.parametrize("te", [1e31, float("nan"), 0.0, -1.0])
def test_impossible_times_are_missing(te):
    ds = Dataset()
    ds.add_new(0x00189082, "FD", te)
    assert frame_of(TE=ds).contrast.te_ms is None


def test_a_mosaic_that_cannot_be_split_is_left_whole():
    words = ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]
    frame = frame_of(ImageType=words)
    assert frame.tiles == 2
    assert frame.unplaced
    assert "enhanced" not in frame.unplaced
    two = frame_of(replace(PLACE, frames=2), ImageType=words)
    assert two.unplaced == "is part of an enhanced image"


def test_slices_without_a_number_keep_their_order():
    ds = SeriesSpec("x").dataset(0)
    del ds.InstanceNumber
    ds.PerFrameFunctionalGroupsSequence = [Dataset(), Dataset()]
    frames = HeaderReader().frames_of(ds, PLACE)
    assert [frame.order[1] for frame in frames] == [0, 1]
