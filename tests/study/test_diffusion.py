"""Diffusion series in the dialects of the vendors, each with signals of a known ADC."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import DataElement, Dataset
from tests.study.builder import SeriesSpec, save, write

from discmri.core.diffusion import DirectionKind
from discmri.core.findings import Code, MeasurementError, Severity
from discmri.study import Role, Study, read_study

ADC = 1.5e-3  # mm2/s
AXES = ([1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0])
Mark = Callable[[Dataset, float, list[float] | None], None]


def image(name: str, b: float, mark: Mark, direction=None, **tags) -> list[Dataset]:
    """One weighting of a DWI series: uniform signal 1000 exp(-b ADC)."""
    spec = SeriesSpec(
        name, tags=tags, picture=lambda p: np.full(p.shape[:-1], 1000 * np.exp(-b * ADC))
    )
    found = spec.datasets()
    for ds in found:
        ds.ScanningSequence, ds.EchoTime, ds.SeriesNumber = "EP", 60, 8
        ds.SOPInstanceUID = (
            f"{ds.SOPInstanceUID}.{int(b)}.{AXES.index(direction) if direction else 9}"
        )
        mark(ds, b, direction)
    return found


def store(folder: Path, *images: list[Dataset]) -> Study:
    for n, group in enumerate(images):
        for k, ds in enumerate(group):
            save(ds, folder / f"d{n}_{k}")
    write(folder, SeriesSpec())
    return read_study(folder)


def standard(ds: Dataset, b: float, direction: list[float] | None) -> None:
    ds.DiffusionBValue = b
    ds.DiffusionDirectionality = "NONE" if b == 0 else "DIRECTIONAL" if direction else "ISOTROPIC"
    if direction:
        ds.DiffusionGradientOrientation = direction


def siemens(ds: Dataset, b: float, direction: list[float] | None) -> None:
    ds.Manufacturer = "SIEMENS"
    ds.ImageType = ["ORIGINAL" if direction or not b else "DERIVED", "PRIMARY", "DIFFUSION",
                    "NONE" if direction or not b else "TRACEW", "ND"]  # fmt: skip
    block = ds.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0C, "IS", int(b))
    block.add_new(0x0D, "CS", "DIRECTIONAL" if direction else "NONE")
    if direction:
        block.add_new(0x0E, "FD", direction)


def ge(ds: Dataset, b: float, direction: list[float] | None) -> None:
    ds.Manufacturer = "GE MEDICAL SYSTEMS"
    parameters = ds.private_block(0x0043, "GEMS_PARM_01", create=True)
    parameters.add_new(0x39, "IS", [1_000_000_000 + int(b), 8, 0, 0])
    parameters.add_new(0x30, "SS", 14 if b == 0 else 3 + AXES.index(direction) if direction else 15)
    acquisition = ds.private_block(0x0019, "GEMS_ACQU_01", create=True)
    for offset, component in zip((0xBB, 0xBC, 0xBD), direction or (0, 0, 0), strict=True):
        acquisition.add_new(offset, "DS", str(float(component)))


def philips(ds: Dataset, b: float, direction: list[float] | None) -> None:
    ds.Manufacturer = "Philips Medical Systems"
    block = ds.private_block(0x2001, "Philips Imaging DD 001", create=True)
    block.add_new(0x03, "FL", b or 0.002)
    block.add_new(0x04, "CS", "O" if direction or not b else "I")
    vector = ds.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
    for offset, component in zip((0xB0, 0xB1, 0xB2), direction or (0, 0, 0), strict=True):
        vector.add_new(offset, "FL", float(component))


def canon(ds: Dataset, b: float, direction: list[float] | None) -> None:
    ds.Manufacturer = "TOSHIBA"
    if b:
        ds.DiffusionBValue = b
        ds.DiffusionGradientOrientation = direction or [0, 0, 0]


def uih(ds: Dataset, b: float, direction: list[float] | None) -> None:
    ds.Manufacturer = "UIH"
    block = ds.private_block(0x0065, "Image Private Header", create=True)
    block.add_new(0x09, "FD", b * 0.93 + 1.2)
    block.add_new(0x0A, "FD", b)
    block.add_new(0x37, "FD", direction or [0.0, 0.0, 0.0])


DIALECTS = [standard, siemens, ge, philips, canon, uih]


def assert_adc(study: Study, n: int) -> None:
    series = study.diffusion()
    assert series is not None
    assert series.signal.shape == (10, 12, 5, n)
    fitted = -np.polyfit(series.b_s_per_mm2, np.log(series.signal[3, 3, 2]), 1)[0]
    assert fitted == pytest.approx(ADC, rel=5e-3)


@pytest.mark.parametrize("mark", DIALECTS)
def test_directions(tmp_path: Path, mark: Mark) -> None:
    images = [image("dwi", 0, mark), *(image("dwi", 800, mark, axis) for axis in AXES)]
    study = store(tmp_path, *images)
    assert_adc(study, 4)
    series = study.diffusion()
    assert series.b_s_per_mm2.tolist() == [0, 800, 800, 800]
    kinds = [b.kind for b in series.b_values]
    assert kinds == [DirectionKind.NONE] + [DirectionKind.DIRECTIONAL] * 3
    directions = np.abs([b.direction for b in series.b_values[1:]])
    np.testing.assert_allclose(np.sort(directions.argmax(axis=1)), [0, 1, 2])
    assert series.frame_of_reference_uid == study.target().frame_of_reference_uid
    if mark is uih:
        assert series.b_values[1].measured_s_per_mm2 == pytest.approx(745.2)


@pytest.mark.parametrize("mark", DIALECTS)
def test_trace(tmp_path: Path, mark: Mark) -> None:
    study = store(tmp_path, *(image("dwi", b, mark) for b in (0, 400, 800)))
    assert_adc(study, 3)
    kinds = [b.kind for b in study.diffusion().b_values]
    assert kinds == [DirectionKind.NONE, DirectionKind.TRACE, DirectionKind.TRACE]
    assert study.choice.diffusion[0].role is Role.DWI


@pytest.mark.parametrize("mark", DIALECTS)
def test_directions_trace_and_adc_in_one_series(tmp_path: Path, mark: Mark) -> None:
    """The directions are fitted, the combined image is left out, the map is a map."""
    images = [image("dwi", 0, mark), *(image("dwi", 800, mark, axis) for axis in AXES)]
    images.append(image("dwi", 800, mark))
    adc = image("dwi", 1, lambda *_: None, ImageType=["DERIVED", "PRIMARY", "DIFFUSION", "ADC"])
    for ds in adc:
        ds.Manufacturer = images[0][0].Manufacturer
        ds.PixelData = np.full((ds.Rows, ds.Columns), 1500, np.uint16).tobytes()
        ds.SOPInstanceUID += ".7"
    study = store(tmp_path, *images, adc)
    assert_adc(study, 4)
    roles = {(series.role, series.part) for series in study.series}
    assert (Role.ADC_MAP, "ADC") in roles
    scanner = study.adc_map()
    assert scanner.volume.unit == "um2/ms"
    assert scanner.volume.array[2, 2, 2] == pytest.approx(1.5)
    assert Code.SERIES_SPLIT in {f.code for f in study.findings}


def test_two_directions_do_not_replace_the_combined_image(tmp_path: Path) -> None:
    """Two of three axes are no mean diffusivity."""
    images = [image("dwi", 0, standard), *(image("dwi", 800, standard, one) for one in AXES[:2])]
    study = store(tmp_path, *images, image("dwi", 800, standard))
    assert_adc(study, 2)
    kinds = [b.kind for b in study.diffusion().b_values]
    assert kinds == [DirectionKind.NONE, DirectionKind.TRACE]


def test_ge_map_kinds(tmp_path: Path) -> None:
    """GE says in a private tag alone what an image is."""
    images = [image("dwi", 0, ge), image("dwi", 800, ge)]
    maps = image("dwi", 1, ge)
    for ds in maps:
        ds[0x0043, 0x1030].value = 20
        ds.PixelData = np.full((ds.Rows, ds.Columns), 1500, np.uint16).tobytes()
    study = store(tmp_path, *images, maps)
    assert_adc(study, 2)
    assert study.adc_map().volume.array.max() == pytest.approx(1.5)


def test_philips_scale_slopes(tmp_path: Path) -> None:
    """Displayed values differ by series; the floating point values compare."""
    study_images = []
    for name, b, slope, scale in (("low", 0, 2.0, 0.01), ("high", 800, 0.25, 0.1)):
        group = image(name, b, philips)
        for ds in group:
            floating = 1000 * np.exp(-b * ADC) * 40
            stored = round(floating * scale)  # SV = (FP RS SS - RI) / RS
            ds.PixelData = np.full((ds.Rows, ds.Columns), stored, np.uint16).tobytes()
            ds.RescaleSlope, ds.RescaleIntercept = slope, 0
            block = ds.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
            block.add_new(0x0E, "FL", scale)
            block.add_new(0x0D, "FL", 0.0)
        study_images.append(group)
    study = store(tmp_path, *study_images)
    assert len(study.choice.diffusion) == 2
    signal = study.diffusion().signal[0, 0, 0]
    assert np.log(signal[0] / signal[1]) / 800 == pytest.approx(ADC, rel=2e-3)


def test_weightings_spread_over_series(tmp_path: Path) -> None:
    study = store(tmp_path, image("b0", 0, standard), image("b800", 800, standard))
    assert [s.description for s in study.choice.diffusion] == ["b0", "b800"]
    assert_adc(study, 2)
    inputs = [study.inputs(series) for series in study.choice.diffusion]
    assert inputs[0].pixels_sha256 == inputs[1].pixels_sha256
    assert len(inputs[0].sop_instance_uids) == 10


def test_another_frame_of_reference_is_not_combined(tmp_path: Path) -> None:
    other = image("b800", 800, standard, FrameOfReferenceUID="1.2.3")
    study = store(tmp_path, image("b0", 0, standard), other)
    assert study.diffusion() is None
    assert Code.SERIES_LEFT_OUT in {f.code for f in study.findings}


def test_text_is_the_last_resort_and_flagged(tmp_path: Path) -> None:
    def by_name(ds: Dataset, b: float, _direction: object) -> None:
        ds.SequenceName = f"*ep_b{int(b)}"

    study = store(tmp_path, image("dwi", 0, by_name), image("dwi", 800, by_name))
    assert_adc(study, 2)
    assert Code.B_VALUE_FROM_TEXT in {f.code for f in study.findings}


def test_one_b_value_from_text_is_enough_for_a_warning(tmp_path: Path) -> None:
    """An absurd value in the tag is not believed; the name of the sequence stands in."""
    for b in (0.0, 800.0):
        for k, ds in enumerate(image("dwi", b, siemens)):
            ds.SequenceName = f"*ep_b{int(b)}t"
            if b:
                ds[0x0019, 0x100C].value = 99_999_999
            save(ds, tmp_path / f"{int(b)}_{k}")
    study = read_study(tmp_path)
    series = study.diffusion()
    assert series is not None
    assert series.b_values[-1].value_s_per_mm2 == 800
    assert Code.B_VALUE_FROM_TEXT in {f.code for f in study.findings}


def test_absent_b_values_are_zero_for_canon_alone(tmp_path: Path) -> None:
    def silent(ds: Dataset, b: float, direction: list[float] | None) -> None:
        canon(ds, b, direction)
        ds.Manufacturer = "SIEMENS"

    images = [image("dwi", 0, silent), *(image("dwi", 800, silent, axis) for axis in AXES)]
    assert store(tmp_path, *images).diffusion() is None


def test_trace_series_beside_the_acquired_one(tmp_path: Path) -> None:
    """Siemens keeps combined images in a series of their own; the acquired one is fitted."""
    acquired = [image("dwi", 0, siemens), *(image("dwi", 800, siemens, axis) for axis in AXES)]
    combined = [image("dwi_TRACEW", b, siemens) for b in (0, 800)]
    for ds in combined[0]:
        ds.ImageType = ["DERIVED", "PRIMARY", "DIFFUSION", "TRACEW", "ND"]
    study = store(tmp_path, *acquired, *combined)
    assert [series.description for series in study.choice.diffusion] == ["dwi"]
    assert_adc(study, 4)


def test_unreadable_weighting_is_left_out(tmp_path: Path) -> None:
    """An impossible b-value is no b-value."""
    images = [image("dwi", b, standard) for b in (0, 800)]
    odd = image("dwi", 90000, standard)
    study = store(tmp_path, *images, odd)
    assert study.diffusion().b_s_per_mm2.tolist() == [0, 800]


@pytest.mark.parametrize(("missing", "kept"), [(0, 4), (4, 4), (1, 3)])
def test_a_slice_missing_in_one_weighting(tmp_path: Path, missing: int, kept: int) -> None:
    """What is left is what all weightings show, in its right place."""
    images = [image("dwi", 0, standard), *(image("dwi", 800, standard, axis) for axis in AXES)]
    del images[2][missing]
    study = store(tmp_path, *images)
    series = study.diffusion()
    assert series.signal.shape == (10, 12, kept, 4)
    assert Code.SLICE_MISSING in {f.code for f in study.findings}
    whole = study.target().grid
    first = whole.to_index(series.volume(0).grid.to_world((0, 0, 0)))
    expected = {0: 1, 4: 0, 1: 2}[missing]
    assert first == pytest.approx((0, 0, expected), abs=1e-6)


def test_a_weighting_broken_off_does_not_cut_the_others(tmp_path: Path) -> None:
    images = [image("dwi", b, standard) for b in (0, 400, 800)]
    del images[2][2:]
    study = store(tmp_path, *images)
    series = study.diffusion()
    (finding,) = (f for f in study.findings if f.code is Code.SERIES_LEFT_OUT)
    assert "1 of 3 diffusion images" in finding.text
    assert series.signal.shape == (10, 12, 5, 2)
    assert series.b_s_per_mm2.tolist() == [0, 400]


def test_a_study_without_diffusion_is_no_finding_of_the_reader(t2: Path) -> None:
    study = read_study(t2)
    assert study.diffusion() is None
    assert study.adc_map() is None
    assert study.findings == ()


def test_adc_map_with_a_unit_that_cannot_be(tmp_path: Path) -> None:
    maps = image("adc", 0, lambda *_: None, ImageType=["DERIVED", "PRIMARY", "DIFFUSION", "ADC"])
    for ds in maps:
        ds.PixelData = np.full((ds.Rows, ds.Columns), 40, np.uint16).tobytes()
    study = store(tmp_path, maps)
    with pytest.raises(MeasurementError) as error:
        study.adc_map()
    assert error.value.code is Code.ADC_UNIT_UNKNOWN


def test_mosaic_is_named(tmp_path: Path) -> None:
    tiled = image("dwi", 800, siemens, AXES[0])
    for ds in tiled:
        ds[0x0019, 0x100C]
        ds.private_block(0x0019, "SIEMENS MR HEADER").add_new(0x0A, "US", 48)
    study = store(tmp_path, tiled)
    (series,) = (s for s in study.series if s.description == "dwi")
    assert "a mosaic of 48 slices" in series.problem
    (finding,) = (f for f in study.findings if f.code is Code.SERIES_LEFT_OUT)
    assert "enhanced" in finding.text


@pytest.mark.parametrize(
    "tags",
    [
        {"ImageType": ["DERIVED", "PRIMARY", "DIFFUSION", "CALC_BVALUE", "ND"]},
        {"SeriesDescription": "dwi calculated b1400"},
        {"SeriesDescription": "dwi_synthetic", "ImageType": ["ORIGINAL", "PRIMARY"]},
        {"ImageComments": "computed DWI"},
    ],
)
@pytest.mark.parametrize("own_series", [True, False])
def test_computed_b_values_are_left_out_and_named(
    tmp_path: Path, tags: dict, own_series: bool
) -> None:
    acquired = [image("dwi", 0, standard), *(image("dwi", 800, standard, axis) for axis in AXES)]
    computed = image("calc" if own_series else "dwi", 1400, standard, **tags)
    if not own_series and "SeriesDescription" in tags:
        for ds in computed:  # a description holds for the whole series
            ds.SeriesDescription, ds.ImageComments = "dwi", "calculated"
    study = store(tmp_path, *acquired, computed)
    assert_adc(study, 4)
    (finding,) = (f for f in study.findings if f.code is Code.SERIES_LEFT_OUT)
    assert "computed, not acquired: diffusion images b 1400" in finding.text


@pytest.mark.parametrize("slope", ["NaN", "inf", "0", "about two"])
def test_an_unusable_slope_among_usable_ones_gives_no_fit(tmp_path: Path, slope: str) -> None:
    images = [image("dwi", b, standard) for b in (0, 800)]
    for group, text in zip(images, ("1.28", slope), strict=True):
        for ds in group:
            ds.add(DataElement(0x00281053, "LO", text))
            ds.RescaleIntercept = 0
    study = store(tmp_path, *images)
    assert study.diffusion() is None
    found = [f for f in study.findings if f.code is Code.RESCALE_UNUSABLE]
    assert {f.severity for f in found} == {Severity.WARNING}
    assert "cannot be compared" in found[0].text


def test_one_unusable_intercept_of_all_images_is_said_and_fitted(tmp_path: Path) -> None:
    images = [image("dwi", b, standard) for b in (0, 800)]
    for group in images:
        for ds in group:
            ds.add(DataElement(0x00281052, "LO", "NaN"))
    study = store(tmp_path, *images)
    assert_adc(study, 2)
    assert Code.RESCALE_UNUSABLE in {f.code for f in study.findings}


@pytest.mark.parametrize(("bits", "used"), [(8, False), (9, True)])
def test_pixels_of_eight_bits_are_an_export(tmp_path: Path, bits: int, used: bool) -> None:
    adc = {"ImageType": ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"], "BitsStored": bits}
    study = store(tmp_path, image("adc", 0, lambda *_: None, HighBit=bits - 1, **adc))
    assert (study.choice.adc_map is not None) is used
    problems = [series.problem for series in study.series if series.description == "adc"]
    assert ("eight bits" in problems[0]) is not used


def test_averages_reach_the_fit(tmp_path: Path) -> None:
    images = [image("dwi", b, standard, NumberOfAverages=n) for b, n in ((0, 1), (800, 4))]
    assert store(tmp_path / "a", *images).diffusion().averages == (1, 4)
    del images[1][0].NumberOfAverages
    assert store(tmp_path / "b", *images).diffusion().averages == ()


def test_inspect_lists_the_b_values_that_the_reasons_name(tmp_path: Path) -> None:
    """Two positions alone are no volume, but the weightings are known."""
    images = [image("dwi", b, standard) for b in (2, 400, 800)]
    for group in images:
        for k, ds in enumerate(group):
            ds.ImagePositionPatient = [float(k * k), 0, 0]
    facts = store(tmp_path, *images).describe()
    (series,) = (one for one in facts.series if one.description == "dwi")
    assert series.problem
    assert series.reasons[0] == "b-values 0, 400, 800 s/mm2"
    assert series.b_values_s_per_mm2 == (0, 400, 800)
    assert Code.B_VALUE_NEAR_ZERO in {f.code for f in series.findings}


@pytest.mark.parametrize("own", [True, False])
def test_the_name_of_a_series_with_several_weightings_is_no_b_value(
    tmp_path: Path, own: bool
) -> None:
    def mark(ds: Dataset, b: float, direction: list[float] | None) -> None:
        ds.SeriesDescription, ds.SeriesInstanceUID = "DWI b800", "1.2.8"
        if own and b:
            ds.DiffusionBValue = b

    study = store(tmp_path, image("x", 0, mark), image("y", 800, mark))
    (dwi,) = (one for one in study.series if one.description == "DWI b800")
    assert dwi.b_values_s_per_mm2 == ((800,) if own else ())
    assert study.diffusion() is None
    assert Code.SERIES_LEFT_OUT in {found.code for found in study.findings}


def test_an_absent_zero_wins_over_the_name_of_the_series(tmp_path: Path) -> None:
    """Canon writes no b-value for zero, and technicians write the highest one into the name."""

    def mark(ds: Dataset, b: float, direction: list[float] | None) -> None:
        canon(ds, b, direction)
        ds.SeriesDescription, ds.SeriesInstanceUID = "DWI b800", "1.2.8"

    assert_adc(store(tmp_path, image("x", 0, mark), image("y", 800, mark)), 2)


@pytest.mark.parametrize("separate", [True, False])
@pytest.mark.parametrize("slope", [2, 1])
def test_a_slope_that_only_some_images_state(tmp_path: Path, slope: int, separate: bool) -> None:
    def mark(ds: Dataset, b: float, direction: list[float] | None) -> None:
        standard(ds, b, direction)
        if b:
            ds.RescaleSlope, ds.RescaleIntercept = slope, 0
        if not separate:
            ds.SeriesInstanceUID = "1.2.8"

    study = store(tmp_path, image("x", 0, mark), image("y", 800, mark))
    assert (study.diffusion() is None) == (slope == 2)
    told = Code.RESCALE_UNUSABLE in {found.code for found in study.findings}
    assert told == (slope == 2)


def test_a_private_scale_that_only_some_images_state(tmp_path: Path) -> None:
    def mark(ds: Dataset, b: float, direction: list[float] | None) -> None:
        philips(ds, b, direction)
        if b:
            ds.private_block(0x2005, "Philips MR Imaging DD 001").add_new(0x0E, "FL", 0.01)

    study = store(tmp_path, image("x", 0, mark), image("y", 800, mark))
    assert study.diffusion() is None
    assert Code.RESCALE_UNUSABLE in {found.code for found in study.findings}


def test_a_slope_that_one_slice_of_a_stack_or_map_lacks(tmp_path: Path) -> None:
    t2 = SeriesSpec(tags={"RescaleSlope": 2, "RescaleIntercept": 0}).datasets()
    adc = image("adc", 0, lambda ds, _b, _d: None, RescaleSlope=2, RescaleIntercept=0)
    for ds in adc:
        ds.ImageType = ["DERIVED", "PRIMARY", "ADC"]
    for group in (t2, adc):
        del group[0].RescaleSlope
    for n, ds in enumerate([*t2, *adc]):
        save(ds, tmp_path / f"{n}")
    study = read_study(tmp_path)
    (told,) = (f for f in study.target().findings if f.code is Code.RESCALE_UNUSABLE)
    assert "1 of 5 images state no Rescale Slope" in told.text
    with pytest.raises(MeasurementError, match="no Rescale Slope"):
        study.adc_map()


@pytest.mark.parametrize("slope", [2, 1])
def test_philips_slopes_without_their_private_scale(tmp_path: Path, slope: int) -> None:
    def mark(ds: Dataset, b: float, direction: list[float] | None) -> None:
        standard(ds, b, direction)
        ds.Manufacturer = "Philips Medical Systems"
        ds.RescaleSlope, ds.RescaleIntercept = (slope if b else 1), 0

    study = store(tmp_path, image("x", 0, mark), image("y", 800, mark))
    assert (study.diffusion() is None) == (slope == 2)
