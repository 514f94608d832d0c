"""DICOM objects against programs and arithmetic that are not ours."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK

from discmri.core.errors import ResultsError, UsageError
from discmri.core.findings import Code
from discmri.core.settings import Settings
from discmri.measurement.pipeline import StudySteps
from discmri.measurement.segment.masks import masks
from discmri.measurement.whole_study import measure
from discmri.results import pictures
from discmri.results.dicom import SegKind, dicom_objects, presentation
from discmri.results.dicom.codes import SCHEME, own_codes
from discmri.results.dicom.conform import IDENTIFYING
from discmri.results.dicom.instance import to_bytes
from discmri.results.dicom.read import _combined, read_segmentation
from discmri.results.dicom.segmentation import segmentation_of, structures
from discmri.results.dicom.show import wide_table
from discmri.results.dicom.source import DicomSource
from discmri.results.read import read_results
from discmri.study import read_study
from discmri.study.deidentify import Pseudonyms

KINDS = (SegKind.BINARY, SegKind.FRACTIONAL, SegKind.LABELMAP)


@pytest.fixture(params=["classic", "enhanced"])
def case(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def written(classic, enhanced, tmp_path_factory) -> dict[str, Path]:
    folders = {}
    for name, one in (("classic", classic), ("enhanced", enhanced)):
        folders[name] = tmp_path_factory.mktemp(name)
        for kind, made in one.made.objects.items():
            (folders[name] / f"{kind}.dcm").write_bytes(to_bytes(made))
    return folders


def positions(ds: pydicom.Dataset) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Of each frame: LPS position of the first pixel, step along a row, step along a column."""
    shared = ds.SharedFunctionalGroupsSequence[0]
    found = []
    for frame in ds.PerFrameFunctionalGroupsSequence:
        place = frame.PlanePositionSequence[0].ImagePositionPatient
        turn = (frame.get("PlaneOrientationSequence") or shared.PlaneOrientationSequence)[0]
        size = (frame.get("PixelMeasuresSequence") or shared.PixelMeasuresSequence)[0]
        cosines = np.array(turn.ImageOrientationPatient, dtype=float)
        row_mm, column_mm = map(float, size.PixelSpacing)
        found.append((np.array(place, float), cosines[:3] * column_mm, cosines[3:] * row_mm))
    return found


def drawn(ds: pydicom.Dataset, numbers: list[int], grid, shape) -> np.ndarray:
    """The label map that the frames stand for, by pydicom and own arithmetic alone."""
    pixels = ds.pixel_array.reshape(-1, ds.Rows, ds.Columns)
    labels = np.zeros(shape, dtype=int)
    rows, columns = np.mgrid[: ds.Rows, : ds.Columns]
    for frame, (origin, along_row, along_column) in enumerate(positions(ds)):
        lps = origin + columns[..., None] * along_row + rows[..., None] * along_column
        index = np.round(grid.to_index(lps * [-1, -1, 1])).astype(int)
        values = pixels[frame].astype(int)
        if "SegmentIdentificationSequence" in ds.PerFrameFunctionalGroupsSequence[frame]:
            segment = ds.PerFrameFunctionalGroupsSequence[frame].SegmentIdentificationSequence[0]
            values = values * int(segment.ReferencedSegmentNumber)
        inside = values > 0
        labels[tuple(index[inside].T)] = np.array([0, *numbers])[values[inside]]
    return labels


@pytest.mark.parametrize("kind", KINDS)
def test_voxels_of_a_segmentation_are_those_of_the_label_map(case, kind):
    source = DicomSource.of(case.result)
    with_bones = kind is SegKind.FRACTIONAL
    made = segmentation_of(source, kind, with_bones)
    ds = pydicom.dcmread(io.BytesIO(to_bytes(made)))
    numbers = [one.label_id for one in structures(source, with_bones)]
    expected = np.where(
        np.isin(case.result.label_map.array, numbers), case.result.label_map.array, 0
    )
    found = drawn(ds, numbers, case.result.label_map.grid, expected.shape)
    assert np.count_nonzero(found != expected) == 0
    assert len(numbers) == len(case.result.records) + (8 if with_bones else 0)


def test_another_library_sees_the_same_frames_in_the_same_place(case, tmp_path):
    path = tmp_path / "seg.dcm"
    path.write_bytes(to_bytes(segmentation_of(DicomSource.of(case.result))))
    ds, seen = pydicom.dcmread(path), SimpleITK.ReadImage(str(path))
    assert np.array_equal(SimpleITK.GetArrayFromImage(seen), ds.pixel_array)
    first, along_row, along_column = positions(ds)[0]
    np.testing.assert_allclose(seen.GetOrigin(), first, atol=1e-3)
    towards = np.reshape(seen.GetDirection(), (3, 3)).T[:2]
    for way, expected in zip(towards, (along_row, along_column), strict=True):
        np.testing.assert_allclose(way, expected / np.linalg.norm(expected), atol=1e-6)


def test_frames_that_do_not_end_on_a_byte_are_not_binary(classic):
    source = DicomSource.of(classic.result)
    rows, columns = classic.result.label_map.array.shape[1::-1]
    expected = "BINARY" if rows * columns % 8 == 0 else "FRACTIONAL"
    assert segmentation_of(source).SegmentationType == expected


@pytest.mark.parametrize("kind", KINDS)
def test_a_segmentation_is_read_as_the_label_map_it_was_made_of(classic, kind, tmp_path):
    result = classic.result
    (tmp_path / "seg.dcm").write_bytes(
        to_bytes(segmentation_of(DicomSource.of(result), kind, with_bones=True))
    )
    (tmp_path / "labels.nii.gz").write_bytes(result.label_map.to_bytes())
    from_dicom, from_nifti = (
        masks(result.image, Settings(segmenter="masks", masks=tmp_path / name))
        for name in ("seg.dcm", "labels.nii.gz")
    )
    assert [one.level for one in from_dicom.discs] == [one.level for one in from_nifti.discs]
    assert len(from_dicom.bodies) == len(from_nifti.bodies)
    for one, other in zip(from_dicom.discs, from_nifti.discs, strict=True):
        grid = result.image.grid
        np.testing.assert_allclose(one.mask.on(grid), other.mask.on(grid), atol=1e-4)


def test_a_segmentation_of_another_study_is_refused(classic, enhanced, tmp_path):
    path = tmp_path / "seg.dcm"
    path.write_bytes(to_bytes(enhanced.made.objects["seg"]))
    steps = StudySteps(read_study(classic.study), Settings(segmenter="masks", masks=path))
    with pytest.raises(UsageError, match="belongs to study"):
        steps.segmentation  # noqa: B018 - a step is done when it is asked for


def two_of_one_level(ds):
    first, second = ds.SegmentSequence[:2]
    second.SegmentedPropertyTypeCodeSequence = first.SegmentedPropertyTypeCodeSequence


def one_position_less(ds):
    del ds.PerFrameFunctionalGroupsSequence[3].PlanePositionSequence


def another_orientation(ds):
    orientation = ds.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0]
    orientation.ImageOrientationPatient = [0, 1, 0, 0, 1, 0]


def half_the_pixels(ds):
    ds.PixelData = ds.PixelData[:1000]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (two_of_one_level, "2 segments are coded or labelled T12-L1"),
        (one_position_less, "a frame or segment has no PlanePositionSequence"),
        (another_orientation, "not a readable DICOM SEG"),
        (half_the_pixels, "not a readable DICOM SEG"),
    ],
)
def test_a_segmentation_that_contradicts_itself_is_refused(classic, tmp_path, damage, reason):
    ds = pydicom.dcmread(
        io.BytesIO(to_bytes(segmentation_of(DicomSource.of(classic.result), SegKind.BINARY)))
    )
    damage(ds)
    ds.save_as(tmp_path / "seg.dcm")
    with pytest.raises(UsageError, match=reason):
        read_segmentation(tmp_path / "seg.dcm")


def test_a_segment_of_unknown_meaning_is_told_and_left_out(classic, tmp_path):
    ds = segmentation_of(DicomSource.of(classic.result), SegKind.BINARY)
    segment = ds.SegmentSequence[0]
    segment.SegmentLabel = "Tumour"
    segment.SegmentedPropertyTypeCodeSequence[0].CodeValue = "86049000"
    (tmp_path / "seg.dcm").write_bytes(to_bytes(ds))
    settings = Settings(segmenter="masks", masks=tmp_path / "seg.dcm")
    found = masks(classic.result.image, settings)
    assert len(found.discs) == len(classic.result.records) - 1
    (told,) = found.findings
    assert told.code is Code.LABELS_UNKNOWN
    assert "unknown segments 'Tumour'" in told.text


def test_a_segment_of_unknown_meaning_takes_no_voxel_of_others():
    shares = np.ones((1, 1, 2, 2))
    shares[..., 0, 0] = 0.6  # of the disc
    assert _combined(shares, {1: 95, 2: 0}).ravel().tolist() == [95, 95]
    assert _combined(shares, {1: 95, 2: 96}).ravel().tolist() == [96, 96]


def test_what_cannot_be_made_is_left_out_with_a_finding(classic, tmp_path, monkeypatch):
    def refuse(_source):
        raise ValueError("scaled frame by frame")

    monkeypatch.setattr(presentation, "presentation_of", refuse)
    classic.result.write(tmp_path / "out", ["dicom"])
    assert not (tmp_path / "out/dicom/heights_pr.dcm").exists()
    found = read_results(tmp_path / "out").findings[-1]
    assert found.code is Code.DICOM_OBJECT_LEFT_OUT
    assert found.text.startswith("heights_pr")


@pytest.mark.parametrize("keyword", IDENTIFYING)
def test_headers_that_no_object_can_be_made_of_are_told_in_a_line(classic, monkeypatch, keyword):
    with_headers(classic, monkeypatch, **{keyword: None})
    with pytest.raises(ResultsError, match=f"they have no {keyword}; leave out --format dicom"):
        dicom_objects(classic.result)


def test_headers_against_the_standard_give_objects_that_follow_it(classic, monkeypatch, tmp_path):
    name = "Yamada^Tarou=\u5c71\u7530^\u592a\u90ce"
    with_headers(
        classic, monkeypatch, SpecificCharacterSet=["", "ISO 2022 IR 87"], PatientName=name,
        PatientBirthDate="***", PatientSex="X", PatientAge="45", PatientID=None, SliceThickness=None,
        BodyPartExamined="lumbar spine sagittal", StudyDescription="d" * 90, RescaleType="normalized",
        WindowCenter=["1", "2"], WindowWidth=["0", "-1"], AcquisitionDate="00010101",
    )  # fmt: skip
    made = dicom_objects(classic.result)
    assert made.objects.keys() == classic.made.objects.keys()
    for kind, one in made.objects.items():
        path = tmp_path / f"{kind}.dcm"
        path.write_bytes(to_bytes(one))
        bad = [line for line in said("dciodvfy", "-new", path) if SCHEME not in line]
        assert not [line for line in bad if "DICOMDIR" not in line], path.name
        back = pydicom.dcmread(path)
        assert (back.PatientName, back.PatientBirthDate, back.PatientID) == (name, "", "")
    shared = made.objects["seg"].SharedFunctionalGroupsSequence[0]
    protocol_mm = 5.5  # thickness and gap
    assert shared.PixelMeasuresSequence[0].SliceThickness == protocol_mm


def with_headers(case, monkeypatch, **values):
    """Let the study's headers hold other values; ``None`` takes an element away."""
    study = case.result.study
    read = type(study).headers

    def changed(*arguments):
        headers = read(*arguments)
        for one in headers:
            for keyword, value in values.items():
                if value is not None:
                    setattr(one, keyword, value)
                elif keyword in one:
                    del one[keyword]
        return headers

    monkeypatch.setattr(type(study), "headers", lenient(changed))


def lenient(function):
    def called(*arguments):
        with pydicom.config.disable_value_validation():
            return function(*arguments)

    return called


def test_a_folder_read_back_gives_the_same_values(classic, tmp_path):
    folder = classic.result.write(tmp_path / "out", ("csv", "nifti", "outlines"))
    again = dicom_objects(read_results(folder, classic.study), Settings())
    assert set(again.objects) == {"seg", "values_sr", "lines_sr", "heights_pr", "report_pdf"}
    assert "do not store the fitted ADC" in again.left_out["adc_pm"]
    (tmp_path / "values_sr.dcm").write_bytes(to_bytes(again.objects["values_sr"]))
    with (folder / "discs.csv").open(encoding="utf-8", newline="") as file:
        assert wide_table(tmp_path / "values_sr.dcm")[1] == list(csv.reader(file))[1:]
    assert again.objects["seg"].PixelData == classic.made.objects["seg"].PixelData


@pytest.mark.parametrize("content", [b"", b"x" * 200, b"\0" * 128 + b"DICM"])
def test_show_refuses_what_is_no_report(content, tmp_path):
    path = tmp_path / "other.dcm"
    path.write_bytes(content)
    with pytest.raises((UsageError, ResultsError), match=r"other\.dcm"):
        wide_table(path)


def test_the_report_shows_the_table_to_the_last_digit(case, tmp_path):
    path = tmp_path / "values_sr.dcm"
    path.write_bytes(to_bytes(case.made.objects["values_sr"]))
    case.result.write(tmp_path / "out", ["csv"])
    header, rows = wide_table(path)
    with (tmp_path / "out" / "discs.csv").open(encoding="utf-8", newline="") as file:
        expected = list(csv.reader(file))
    assert [list(header), *rows] == expected


def test_lines_lie_in_their_discs_and_say_what_the_table_says(case):
    made = case.made.objects["lines_sr"]
    files = {str(one.SOPInstanceUID): one for one in DicomSource.of(case.result).headers}
    groups = made.ContentSequence[-1].ContentSequence
    assert len(groups) == 3 * len(case.result.records)
    for group in groups:
        items = {item.ValueType: item for item in group.ContentSequence}
        reference = items["SCOORD"].ContentSequence[0].ReferencedSOPSequence[0]
        header = files[reference.ReferencedSOPInstanceUID]
        (column, row), (column_2, row_2) = np.reshape(items["SCOORD"].GraphicData, (2, 2))
        spacing = header.get("PixelSpacing") or (
            header.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing
        )
        length = np.hypot((column_2 - column) * spacing[1], (row_2 - row) * spacing[0])
        value = float(items["NUM"].MeasuredValueSequence[0].NumericValue)
        assert length == pytest.approx(value, abs=0.6), group
    columns = [f"height_{one}_mm" for one in ("anterior", "middle", "posterior")]
    assert [
        float(item.MeasuredValueSequence[0].NumericValue)
        for group in groups
        for item in group.ContentSequence
        if item.ValueType == "NUM"
    ] == [
        round(float(record.get(column)), 3) for record in case.result.records for column in columns
    ]


@pytest.mark.parametrize("name", ["classic", "enhanced", "mosaic"])
def test_the_parametric_map_holds_the_fit(name, request):
    case = request.getfixturevalue(name)
    ds = pydicom.dcmread(io.BytesIO(to_bytes(case.made.objects["adc_pm"])))
    adc = case.result.fitted_adc
    pixels = np.frombuffer(ds.FloatPixelData, "<f4").reshape(-1, ds.Rows, ds.Columns)
    rows, columns = np.mgrid[: ds.Rows, : ds.Columns]
    for frame, (origin, along_row, along_column) in zip(pixels, positions(ds), strict=True):
        lps = origin + columns[..., None] * along_row + rows[..., None] * along_column
        index = np.round(adc.grid.to_index(lps * [-1, -1, 1])).astype(int)
        np.testing.assert_allclose(
            frame, adc.array[tuple(np.moveaxis(index, -1, 0))] * 1e-3, rtol=1e-6
        )
    mapping = ds.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    assert mapping.MeasurementUnitsCodeSequence[0].CodeValue == "mm2/s"
    b_values = [
        float(one.NumericValue)
        for one in mapping.QuantityDefinitionSequence
        if one.ValueType == "NUMERIC"
    ]
    assert b_values == list(case.result.provenance.diffusion.b_s_per_mm2)


def test_two_makings_give_the_same_bytes(classic, monkeypatch):
    monkeypatch.setattr(pictures, "draw", None)  # the page shows the overview and nothing else
    again = dicom_objects(replace(classic.result))
    assert again.pdf == classic.made.pdf
    for name, one in classic.made.objects.items():
        assert to_bytes(again.objects[name]) == to_bytes(one), name


def test_objects_stand_in_the_study_of_their_source(case):
    source = DicomSource.of(case.result).first
    series = set()
    for one in case.made.objects.values():
        for keyword in ("StudyInstanceUID", "PatientID", "PatientName", "StudyDate"):
            assert one[keyword].value == source[keyword].value
        series.add(one.SeriesInstanceUID)
    assert len(series) == len(case.made.objects)
    assert source.SeriesInstanceUID not in series


def test_objects_of_a_disguised_study_name_nobody(case):
    study = read_study(case.study, pseudonyms=Pseudonyms("x" * 32))
    result = replace(
        case.result,
        subject_id=study.subject_id,
        study_uid=study.study_uid,
        study_date=study.study_date,
        series_uid=study.target().uid,
        images=replace(case.result.images, study=study),
    )
    (header, *_) = read_study(case.study).headers(case.result.study.target().images[:1])
    words = ("PatientID", "StudyDate", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID",
             "FrameOfReferenceUID", "StudyDescription")  # fmt: skip
    made = dicom_objects(result)
    assert made.objects.keys() == case.made.objects.keys()
    for name, one in made.objects.items():
        content = to_bytes(one)
        assert one.PatientName == f"{study.subject_id}^"
        for word in words:
            assert str(header[word].value).encode() not in content, (name, word)


def test_another_content_gives_another_uid(classic):
    record = classic.result.records[0]
    values = dict(record.values)
    values["height_mm"] = replace(values["height_mm"], value=9.9)
    changed = replace(
        classic.result, records=(replace(record, values=values), *classic.result.records[1:])
    )
    one, other = DicomSource.of(classic.result), DicomSource.of(changed)
    assert one.uid("seg") != other.uid("seg")
    assert one.tracking_uid(record.level) == other.tracking_uid(record.level)


def test_a_study_that_holds_our_objects_measures_the_same(classic, tmp_path):
    study = tmp_path / "study"
    shutil.copytree(classic.study, study)
    for name, one in classic.made.objects.items():
        (study / f"{name}.dcm").write_bytes(to_bytes(one))
    settings = Settings(segmenter="masks", masks=classic.labels)
    assert measure(read_study(study), settings).records == classic.result.records


@pytest.mark.parametrize("name", ["classic", "enhanced"])
def test_a_validator_finds_no_error(written, name):
    for path in sorted(written[name].glob("*.dcm")):
        bad = [line for line in said("dciodvfy", "-new", path) if SCHEME not in line]
        assert not bad, path.name


@pytest.mark.parametrize("name", ["classic", "enhanced"])
def test_objects_and_images_are_of_one_study(written, name, request):
    images = sorted(request.getfixturevalue(name).study.rglob("*.dcm"))
    lines = said("dcentvfy", *sorted(written[name].glob("*.dcm")), *images)
    # it finds an accession number in two entities of every study, sources alone included
    assert not [line for line in lines if "<AccessionNumber>" not in line]


def said(tool: str, *arguments: object) -> list[str]:
    """Errors and warnings of a validator that came with the tests' packages."""
    program = Path(sys.executable).with_name(tool)
    done = subprocess.run(
        [program, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    lines = (done.stdout + done.stderr).splitlines()
    return [line for line in lines if line.startswith(("Error", "Warning"))]


def test_nifti_is_refused(classic, tmp_path):
    import nibabel as nib

    image = classic.result.image
    nib.save(nib.Nifti1Image(image.array, image.affine), tmp_path / "sub-1_T2w.nii.gz")
    settings = Settings(segmenter="masks", masks=classic.labels)
    result = measure(read_study(tmp_path), settings)
    with pytest.raises(ResultsError, match="need a DICOM study"):
        dicom_objects(result)
    with pytest.raises(ResultsError):
        result.write(tmp_path / "out", ["dicom"])
    assert not (tmp_path / "out").exists()


def test_codes_are_short_and_each_stands_for_one_thing():
    codes = own_codes()
    assert len({code.value for code in codes}) == len(codes)
    assert max(len(code.value) for code in codes) <= 16
    assert max(len(code.meaning) for code in codes) <= 64
    listed = Path(__file__).parents[3].joinpath("docs/dicom-codes.md").read_text(encoding="utf-8")
    assert all(f"| `{code.value}` | {code.meaning} |" in listed for code in codes)
