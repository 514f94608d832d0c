"""What is written comes back: results folders of this version and of earlier ones."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.results.export.conftest import changed_result, make_failure, make_result

import discmri
from discmri.core.errors import NothingToMeasureError, ResultsError, UsageError
from discmri.core.findings import Code
from discmri.core.labels import NumberingMethod
from discmri.core.levels import DiscLevel
from discmri.core.settings import Settings
from discmri.results.document import SCHEMA_NAME
from discmri.results.export.csv_wide import cell
from discmri.results.label_map import LabelMap
from discmri.results.model import StudyResult
from discmri.results.provenance import Status
from discmri.results.schema import schema

VERSION_1 = Path(__file__).with_name("version_1")
"""Written by 0.1.0 from a sample phantom, cut down to two discs."""


@pytest.fixture(scope="module")
def result() -> StudyResult:
    return make_result()


@pytest.fixture(scope="module")
def failed() -> StudyResult:
    return make_failure()


@pytest.fixture(scope="module")
def folder(result, tmp_path_factory) -> Path:
    return result.write(tmp_path_factory.mktemp("read") / "out")


def test_a_result_equals_the_one_that_was_written(result, folder):
    found = discmri.read_results(folder)
    assert found == result
    assert found.to_dataframe().equals(result.to_dataframe())
    assert found.series[0].te_ms == 100.123456789012, "numbers keep all their digits"
    assert found.provenance.settings.masks == Path("labels.nii.gz"), "of a path only the name"


@pytest.mark.parametrize(
    "changes",
    [
        {"subject_id": "other"}, {"records": ()}, {"numbering_probability": 0.5}, {"numbering_signs": {"tilt_deg": 31.0}},
        {"numbering": NumberingMethod.READER}, {"findings": ()}, {"series": ()},
    ],
)  # fmt: skip
def test_results_that_differ_are_not_equal(result, changes):
    assert replace(result, **changes) != result


def test_label_map_borders_and_pictures_come_when_asked_for(result, folder):
    found = discmri.read_results(folder)
    np.testing.assert_array_equal(found.label_map.array, result.label_map.array)
    np.testing.assert_allclose(found.label_map.grid.affine, result.label_map.grid.affine)
    assert [*found.borders] == [*result.borders]
    for level, border in result.borders.items():
        same = found.borders[level]
        assert same.level is level
        np.testing.assert_allclose(same.contour_world_mm, border.contour_world_mm, atol=2e-4)
    assert found.pictures == result.pictures
    assert [*found.pictures] == [*result.pictures], "overview first, then cranial to caudal"


def test_what_a_folder_does_not_keep_is_said(folder):
    found = discmri.read_results(folder)
    for ask, match in (
        (lambda: found.labels, "soft masks"),
        (lambda: found.outlines, "mid-sagittal"),
        (lambda: found.adc, "aligned ADC"),
    ):
        with pytest.raises(ResultsError, match=match):
            ask()
    with pytest.raises(UsageError, match="study="):
        _ = found.image


def test_missing_files_are_named_when_they_are_asked_for(result, tmp_path):
    found = discmri.read_results(result.write(tmp_path / "out", formats=("csv",)))
    assert found == result
    assert found.pictures == {}
    for ask, name in ((lambda: found.label_map, "labels"), (lambda: found.borders, "outlines")):
        with pytest.raises(ResultsError, match=rf"{name}.*all formats"):
            ask()
    (tmp_path / "out" / "labels.nii.gz").write_bytes(b"nothing of the kind")
    with pytest.raises(ResultsError, match=r"labels\.nii\.gz: a label map cannot be read"):
        _ = found.label_map


def test_a_read_result_is_written_as_it_was(folder, tmp_path):
    again = discmri.read_results(folder).write(
        tmp_path / "again", ("csv", "csv-long", "nifti", "outlines", "png")
    )
    for name in ("discs.csv", "measurements.csv", "labels.nii.gz", "outlines.json"):
        assert (again / name).read_bytes() == (folder / name).read_bytes(), name
    assert discmri.read_results(again) == discmri.read_results(folder)


def test_the_record_of_a_failure_comes_back(failed, tmp_path):
    found = discmri.read_results(failed.write(tmp_path / "out"))
    assert found == failed
    assert found.status is Status.NOTHING
    assert found.findings[0].code is Code.NOTHING_TO_MEASURE
    assert found.rows() == []
    with pytest.raises(NothingToMeasureError, match="x holds no files"):
        _ = found.label_map


def test_images_come_from_the_study_only_where_they_are_the_same(
    phantom_study, phantom_result, tmp_path
):
    result = phantom_result
    folder = result.write(tmp_path / "out", ("nifti", "outlines"))
    found = discmri.read_results(folder, phantom_study)
    assert found == result
    np.testing.assert_array_equal(found.image.array, result.image.array)
    (first, *rest) = result.provenance.inputs
    other = replace(first, pixels_sha256="0" * 64)
    changed = replace(result, provenance=replace(result.provenance, inputs=(other, *rest)))
    changed.write(folder, ("csv",), overwrite=True)
    with pytest.raises(ResultsError, match="give the study of these results"):
        _ = discmri.read_results(folder, phantom_study).image


# ------------------------------------------------------------------ other versions
def test_a_folder_of_the_first_version_is_read():
    found = discmri.read_results(VERSION_1)
    with (VERSION_1 / "discs.csv").open(encoding="utf-8", newline="") as file:
        expected = list(csv.DictReader(file))
    rows = [{name: cell(value, name) for name, value in row.items()} for row in found.rows()]
    for row, known in zip(rows, expected, strict=True):
        assert {name: row[name] for name in known} == known
    assert found.provenance.diffusion.source == "fit"
    assert found.provenance.diffusion.matrix[3] == (0.0, 0.0, 0.0, 1.0)
    assert [*found.borders] == [DiscLevel.L4_L5, DiscLevel.L5_S1]
    origin = found.borders[DiscLevel.L4_L5].frame.origin_mm
    assert origin[2] > found.borders[DiscLevel.L5_S1].frame.origin_mm[2]


def test_a_setting_that_is_gone_or_new_does_not_matter(tmp_path):
    shutil.copytree(VERSION_1, tmp_path / "out")
    _edit(tmp_path / "out", lambda d: d["settings"].update(gone=1))
    _edit(tmp_path / "out", lambda d: d["settings"].pop("adc_min_voxels"))
    found = discmri.read_results(tmp_path / "out").provenance.settings
    assert found.adc_min_voxels == Settings().adc_min_voxels


@pytest.mark.parametrize(
    ("edit", "match"),
    [
        (lambda d: d.update(schema="discmri-study-0"), r"discmri measure STUDY -o FOLDER"),
        (lambda d: d.update(schema="discmri-study-99"), f"reads {SCHEMA_NAME}"),
        (lambda d: d.update(schema="discmri-batch-1"), "not written by discmri measure"),
        (lambda d: d.pop("schema"), "not written by discmri measure"),
        (lambda d: d.pop("discs"), "cannot be read"),
        (lambda d: d["discs"][0].update(level="L9-S1"), "cannot be read"),
        (
            lambda d: d["discs"][0]["values"].update(new_mm=_value(1.0)),
            "'new_mm' is not a parameter",
        ),
        (lambda d: d["findings"].append({"code": "x", "severity": "info", "text": "x"}), "cannot"),
    ],
)
def test_other_layouts_are_refused_with_what_to_do(tmp_path, edit, match):
    shutil.copytree(VERSION_1, tmp_path / "out")
    _edit(tmp_path / "out", edit)
    with pytest.raises(ResultsError, match=match):
        discmri.read_results(tmp_path / "out")


@pytest.mark.parametrize("text", [b"", b"[1, 2]", b"\xff\xfe", b"{"])
def test_what_is_no_record_is_refused(tmp_path, text):
    (tmp_path / "study.json").write_bytes(text)
    with pytest.raises(ResultsError, match=r"study\.json"):
        discmri.read_results(tmp_path)


def test_a_folder_without_record_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="give a results folder"):
        discmri.read_results(tmp_path)


def _value(number: float) -> dict[str, object]:
    return {"value": number, "unit": "mm", "method": "", "sd": None}


def _edit(folder: Path, edit) -> None:
    path = folder / "study.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    edit(document)
    path.write_text(json.dumps(document), encoding="utf-8")


# ------------------------------------------------------------------ layout and display
def test_the_layout_names_every_way_of_numbering():
    assert set(schema()["properties"]["numbering"]["enum"]) == {
        "",
        *(one.value for one in NumberingMethod),
    }


def test_a_label_map_knows_where_a_structure_is(result):
    mask = result.labels.discs[DiscLevel.L3_L4]
    middle = result.label_map.centroid_mm(DiscLevel.L3_L4.label_id)
    np.testing.assert_allclose(middle, mask.centroid_mm, atol=1.0)
    assert result.label_map.centroid_mm(77) is None
    data = result.label_map.to_bytes()
    np.testing.assert_array_equal(LabelMap.from_bytes(data).array, result.label_map.array)


def test_short_texts_say_who_and_what(result, failed):
    assert repr(result) == "<StudyResult SUBJ-01, 20240131: 7 discs, T11-T12 to L5-S1>"
    assert "nothing measured (x holds no files)" in repr(failed)
    assert "Nothing was measured: x holds no files" in failed._repr_html_()


def test_a_notebook_shows_the_table_beside_the_outlines(result, folder, tmp_path):
    attack = changed_result(result, subject_id="<script>")
    for one in (attack, discmri.read_results(folder)):
        html = one._repr_html_()
        assert html.count("<tr>") == 1 + 7
        assert html.count("data:image/png;base64,") == 1
        assert "<script" not in html
        assert "http" not in html
    assert ">8.60<" in html, "the height of L3-L4, two decimals"
    bare = discmri.read_results(result.write(tmp_path / "bare", ("csv",)))
    assert "<img" not in bare._repr_html_()


def test_a_person_finds_the_public_names():
    assert dir(discmri) == sorted(discmri.__all__)
    for name in discmri.__all__:
        assert getattr(discmri, name) is not None
    assert {"read_study", "measure", "read_results", "read_cohort", "StudyResult"} <= {
        *dir(discmri)
    }
    with pytest.raises(AttributeError, match="no attribute 'Any'"):
        _ = discmri.Any
