"""The whole chain on a phantom, against its truth."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest

import discmri
from discmri.core.errors import DicomError, UsageError
from discmri.core.findings import MAIN_VALUES, Code, MeasurementError, Severity
from discmri.core.levels import DiscLevel
from discmri.core.settings import Settings
from discmri.measurement import pipeline
from discmri.measurement.pipeline import STEPS
from discmri.measurement.recording import MeasurementRequest, measure_into
from discmri.results.records import PARAMETERS


@pytest.fixture(scope="module")
def study(phantom_study):
    return discmri.read_study(phantom_study)


@pytest.fixture(scope="module")
def from_masks(phantom_result):
    return phantom_result


@pytest.fixture(scope="module")
def from_image(study):
    return discmri.measure(study)


def errors(result, truth, parameter):
    return np.array(
        [
            record.get(parameter) - getattr(truth[record.level], parameter)
            for record in result.records
            if record.get(parameter) is not None
        ]
    )


def test_true_masks_give_true_heights_and_shapes(from_masks, phantom):
    truth = phantom.truth()
    assert abs(errors(from_masks, truth, "height_columns_mm").mean()) < 0.15
    assert np.abs(errors(from_masks, truth, "height_columns_mm")).max() < 0.5
    assert np.abs(errors(from_masks, truth, "width_ap_mm")).max() < 1.5
    assert np.abs(errors(from_masks, truth, "wedge_deg")).max() < 3.0


def test_adc_is_right_to_a_few_percent(from_masks, phantom):
    truth = phantom.truth()
    relative = [
        100 * (record.get("adc_disc_um2_ms") / truth[record.level].adc_disc_um2_ms - 1)
        for record in from_masks.records
        if record.get("adc_disc_um2_ms") is not None
    ]
    assert len(relative) >= 3
    assert abs(np.mean(relative)) < 2.0
    assert np.abs(relative).max() < 6.0
    sources = {r.column("adc_source") for r in from_masks.records} - {None}
    assert sources == {"fit"}


def test_the_built_in_segmenter_finds_and_names_every_disc(from_image, phantom):
    names = [record.level.value for record in from_image.records]
    assert names[-5:] == ["L1-L2", "L2-L3", "L3-L4", "L4-L5", "L5-S1"]
    truth = phantom.truth()
    for level, mask in from_image.labels.discs.items():
        assert np.linalg.norm(mask.centroid_mm - truth[level].centre_mm) < 5
    assert np.abs(errors(from_image, truth, "height_columns_mm")).max() < 2.0


def test_grades_are_near_what_was_drawn(from_masks, phantom):
    truth = phantom.truth()
    graded = [one for one in from_masks.records if one.get("suggested_grade") is not None]
    assert len(graded) >= 5
    for record in graded:
        drawn = int(truth[record.level].grade.split("/")[-1])
        suggested = str(record.get("suggested_grade"))
        assert abs(int(suggested.rpartition("/")[2]) - drawn) <= 2


def test_every_empty_value_has_a_reason(from_masks):
    """In the flags of the row where it is a main value, else in the long table."""
    for record, row in zip(from_masks.records, from_masks.rows(), strict=True):
        warnings = from_masks.warnings(record.level)
        empty = {p.name for p in PARAMETERS if row[p.name] is None}
        assert all(any(one.touches(name) for one in warnings) for name in empty), record.level
        if empty & set(MAIN_VALUES):
            assert row["flags"] or row["study_flags"], record.level
    explained = {f.code for f in from_masks.findings if f.severity is not Severity.INFO}
    assert {code for r in from_masks.rows() for code in str(r["flags"]).split(";") if code} <= {
        code.value for code in explained
    }


def test_the_readers_word_renames_every_disc(tiny):
    masks = tiny.folder / "labels.nii.gz"
    settings = Settings(segmenter="masks", masks=masks, lowest_disc=DiscLevel.L6_S1)
    result = discmri.measure(discmri.read_study(tiny.study), settings)
    assert [r.level.value for r in result.records] == ["L4-L5", "L5-L6", "L6-S1"]
    assert {row["numbering"] for row in result.rows()} == {"reader"}


def test_the_height_method_feeds_the_primary_height(wide):
    told = []
    masks = wide.folder / "labels.nii.gz"
    settings = Settings(segmenter="masks", masks=masks, height_method="3d")
    study = discmri.read_study(wide.study)
    result = discmri.measure(study, settings, lambda text, share: told.append((text, share)))
    assert result.records
    for record in result.records:
        assert record.get("height_mm") == record.get("height_3d_mm") > 0
        assert record.column("height_method") == "3d"
    shares = [share for _, share in told]
    assert shares == sorted(shares), "progress runs forward"
    assert all(text and 0 <= share <= 1 for text, share in told)


@pytest.mark.parametrize("settings", [Settings(height_method="guess"), Settings(segmenter="guess")])
def test_an_unknown_member_is_told_with_the_known_ones(study, settings):
    with pytest.raises(UsageError, match="choose one of"):
        discmri.measure(study, settings)


def test_a_picture_that_is_no_t2_gets_no_signal_and_no_grade(phantom_study, tmp_path):
    """T1 pixels under a header that says T2."""
    by_echo = {}
    for path in sorted(phantom_study.rglob("*.dcm")):
        image = pydicom.dcmread(path)
        if "DIFFUSION" in image.ImageType:
            continue
        place = tuple(float(x) for x in image.ImagePositionPatient)
        by_echo.setdefault(float(image.EchoTime) > 50, {})[place] = image
    (tmp_path / "wrong").mkdir()
    for number, (place, image) in enumerate(by_echo[True].items()):
        image.PixelData = by_echo[False][place].PixelData
        image.save_as(tmp_path / "wrong" / f"{number:03d}.dcm")
    result = discmri.measure(discmri.read_study(tmp_path / "wrong"))
    assert result.records
    assert all(record.get("signal_ratio_csf") is None for record in result.records)
    assert all(record.get("suggested_grade") is None for record in result.records)
    assert all("not_t2" in str(row["study_flags"]) for row in result.rows())


@pytest.mark.parametrize("kept", ["nothing", "b=0"])
def test_the_scanners_map_serves_where_there_is_nothing_to_fit(
    kept, phantom, phantom_study, phantom_labels, tmp_path
):
    """Alone it is as good as any source; beside images that cannot be fitted it is flagged."""
    study = Path(shutil.copytree(phantom_study, tmp_path / "study"))
    for path in study.rglob("*.dcm"):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        is_image = "DIFFUSION" in header.ImageType and "ADC" not in header.ImageType
        if is_image and (
            kept == "nothing" or "800" in header.SequenceName or "400" in header.SequenceName
        ):
            path.unlink()
    settings = Settings(segmenter="masks", masks=phantom_labels)
    result = discmri.measure(discmri.read_study(study), settings)
    measured = [r for r in result.records if r.get("adc_disc_um2_ms") is not None]
    assert len(measured) >= 3
    assert {r.column("adc_source") for r in measured} == {"map"}
    flagged = ["adc_from_map" in str(row["study_flags"]) for row in result.rows()]
    assert all(flagged) if kept == "b=0" else not any(flagged)
    truth = phantom.truth()
    for record in measured:
        expected = truth[record.level].adc_disc_um2_ms
        assert record.get("adc_disc_um2_ms") == pytest.approx(expected, rel=0.1)


def test_writing_twice_gives_the_same_bytes(from_masks, tmp_path):
    folders = [from_masks.write(tmp_path / name) for name in ("a", "b")]
    names = sorted(p.relative_to(folders[0]) for p in folders[0].rglob("*") if p.is_file())
    assert {str(n) for n in names} >= {
        "discs.csv", "measurements.csv", "study.json", "labels.nii.gz", "outlines.json",
        "report.html",
    }  # fmt: skip
    for name in names:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


def test_the_record_tells_how_it_was_made(from_image, tmp_path):
    document = json.loads((from_image.write(tmp_path / "out") / "study.json").read_text())
    text = json.dumps(document)
    assert "builtin:" in text
    assert from_image.provenance.versions["discmri"] == discmri.__version__
    assert all(len(one.pixels_sha256) == 64 for one in from_image.provenance.inputs)


@pytest.fixture(scope="module")
def residual(tiny):
    """A spine whose lowest disc a reader calls S1-S2."""
    masks = tiny.folder / "labels.nii.gz"
    settings = Settings(segmenter="masks", masks=masks, lowest_disc=DiscLevel.S1_S2)
    return discmri.measure(discmri.read_study(tiny.study), settings)


def test_a_residual_disc_is_found_and_shown_and_nothing_is_measured_on_it(residual, tmp_path):
    names = [record.level.value for record in residual.records]
    assert names == ["L4-L5", "L5-S1"]
    assert [level.value for level in residual.outlines] == names
    assert all(record.get("height_mm") is not None for record in residual.records)
    folder = residual.write(tmp_path / "out")
    for table in ("discs.csv", "measurements.csv", "outlines.json"):
        assert "S1-S2" not in (folder / table).read_text(encoding="utf-8")
    assert not list((folder / "figures").glob("S1-S2*"))
    document = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    assert [disc["level"] for disc in document["residual_discs"]] == ["S1-S2"]
    assert "residual_s1_s2" in document["meanings"]
    assert np.isin(101, residual.labels.label_map())


def test_no_finding_of_a_measured_disc_knows_of_the_residual_one(residual):
    about = {finding.code for finding in residual.findings if finding.level is DiscLevel.S1_S2}
    assert about == {Code.RESIDUAL_S1_S2}
    assert Code.DISC_SKIPPED not in {finding.code for finding in residual.findings}


def test_the_label_map_gives_the_same_names_again(residual, tiny, tmp_path):
    folder = residual.write(tmp_path / "out", formats=("nifti",))
    settings = Settings(segmenter="masks", masks=folder / "labels.nii.gz")
    again = discmri.measure(discmri.read_study(tiny.study), settings)
    assert list(again.labels.residual_discs) == [DiscLevel.S1_S2]
    for first, second in zip(residual.records, again.records, strict=True):
        assert first.level is second.level
        assert first.get("height_mm") == pytest.approx(second.get("height_mm"), abs=0.1)


def test_two_processes_write_the_same_files(phantom_study, phantom_labels, tmp_path):
    settings = Settings(segmenter="masks", masks=phantom_labels)
    written = []
    for two in (False, True):
        folder = tmp_path / str(two)
        measure_into(MeasurementRequest(phantom_study, folder, settings), two_processes=two)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        written.append({path.relative_to(folder): path.read_bytes() for path in files})
    assert len(written[0]) > 8
    assert written[0] == written[1]


# ------------------------------------------------------------------ the steps alone
L45 = DiscLevel.L4_L5


@pytest.fixture(scope="module")
def steps(study, phantom_labels):
    done = discmri.StudySteps(study, Settings(segmenter="masks", masks=phantom_labels))
    for step in reversed(STEPS):
        getattr(done, step)
    return done


def test_steps_in_any_order_give_the_same_result(steps, from_masks):
    assert steps.result == from_masks
    for level, record in zip(steps.labels.discs, from_masks.records, strict=True):
        own = {**steps.heights[level].measurements, **steps.shapes[level].measurements}
        assert own.items() <= record.values.items()
        for step in (steps.signals, steps.grades, steps.adc):
            if level in step:
                assert step[level].measurements.items() <= record.values.items()
    assert set(steps.findings) <= set(STEPS)


def test_a_step_does_only_the_steps_that_it_needs(study, phantom_labels, monkeypatch):
    settings = Settings(segmenter="masks", masks=phantom_labels)
    for name in ("align_adc", "find_adc", "heights_of", "reference_heights"):
        monkeypatch.setattr(pipeline, name, None)
    steps = discmri.StudySteps(study, settings)
    assert set(steps.outlines) == set(steps.labels.discs)
    assert steps.signals.keys() == steps.outlines.keys()
    assert steps.outlines is steps.outlines, "a step is done once"
    with pytest.raises(TypeError):
        _ = steps.heights


def test_the_unchanged_mask_gives_the_unchanged_values(steps):
    again = steps.remeasure(L45, steps.labels.discs[L45])
    assert again.record == steps.result.record(L45)
    own = [one for one in steps.result.findings if one.level is L45]
    assert sorted(again.findings, key=repr) == sorted(own, key=repr)


def test_another_mask_changes_that_disc_alone(steps):
    mask, before = steps.labels.discs[L45], steps.result
    points = mask.grid.to_world(np.moveaxis(np.indices(mask.shape), 0, -1))
    above = steps.outlines[L45].frame.to_frame(points)[..., 1] > 1.0
    again = steps.remeasure(L45, replace(mask, array=np.where(above, 0.0, mask.array)))
    old = before.record(L45)
    assert again.record.get("height_mm") < old.get("height_mm") - 1.0
    assert again.record.get("volume_mm3") < old.get("volume_mm3")
    assert again.record.evidence["grade"]["reference_height_mm"] == pytest.approx(
        old.evidence["grade"]["reference_height_mm"], rel=0.02
    )
    assert steps.result is before
    assert steps.labels.discs[L45] is mask


def test_a_mask_without_a_border_gives_no_values_and_a_reason(steps):
    mask = steps.labels.discs[L45]
    again = steps.remeasure(L45, replace(mask, array=0.45 * mask.array))
    assert again.outline is None
    assert set(again.record.values) == {"confidence"}
    assert Code.OUTLINE_FAILED in {one.code for one in again.findings}


def test_the_earlier_signal_gives_no_grade(steps, monkeypatch):
    """Where the signal of the new mask cannot be measured."""

    def fail(*_):
        raise MeasurementError(Code.SIGNAL_NOT_MEASURED, "no signal")

    monkeypatch.setattr(pipeline.signal, "measure_signal", fail)
    again = steps.remeasure(L45, steps.labels.discs[L45])
    assert again.record.get("height_mm") == steps.result.record(L45).get("height_mm")
    assert again.record.get("suggested_grade") is None
    assert [one.code for one in again.findings].count(Code.SIGNAL_NOT_MEASURED) == 1


def test_a_disc_that_is_not_there_is_refused(steps):
    with pytest.raises(KeyError):
        steps.remeasure(DiscLevel.L6_S1, steps.labels.discs[L45])


def test_a_t1_series_that_cannot_be_read_leaves_only_a_finding(phantom_study, monkeypatch):
    study = discmri.read_study(phantom_study)

    def broken(_study, _series):
        raise DicomError("its pixel values break off")

    monkeypatch.setattr(type(study), "read", broken)
    steps = discmri.StudySteps(study)
    assert steps.t1 is None
    (finding,) = steps.findings["t1"]
    assert finding.code is Code.SERIES_LEFT_OUT
    assert "break off" in finding.text
