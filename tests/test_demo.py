"""What ``make demo`` does: every sample phantom through the command, against its truth."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from discmri import cli, read_results
from discmri.results.model import StudyResult

SAMPLES = sorted((Path(__file__).parents[1] / "sample_phantoms").glob("*/study"))
WITHOUT_PICTURES = [f"--format={name}" for name in ("csv", "nifti", "outlines")]
# The built-in segmenter; its own accuracy is reported by the benchmarks.
HEIGHT_BIAS_MM, HEIGHT_WORST_MM, ADC_BIAS_PERCENT = 0.5, 1.3, 5.0


def test_there_are_samples():
    assert len(SAMPLES) >= 5


def test_one_sample_has_a_bright_residual_disc():
    folder = SAMPLES[0].parents[1] / "ge_residual_disc"
    truth = json.loads((folder / "truth.json").read_text())
    (disc,) = truth["residual_discs"]
    assert (disc["level"], disc["label_id"], disc["brightness"]) == ("S1-S2", 101, 1.0)
    assert "S1-S2" not in {one["level"] for one in truth["discs"]}
    labels = np.asarray(nib.load(folder / "labels.nii.gz").dataobj)
    voxel_mm3 = 0.9 * 0.9 * 4.4
    assert (labels == 101).sum() * voxel_mm3 == pytest.approx(disc["volume_mm3"], rel=0.25)


@pytest.mark.parametrize("study", SAMPLES, ids=lambda path: path.parent.name)
def test_a_sample_is_measured_and_read_back(study, tmp_path, capfd, monkeypatch):
    write, written = StudyResult.write, []
    monkeypatch.setattr(
        StudyResult, "write", lambda one, *rest: (written.append(one), write(one, *rest))[1]
    )
    truth = json.loads((study.parent / "truth.json").read_text())
    lowest = ["--lowest-disc", "L6-S1"] if truth["phantom"]["six_lumbar"] else []
    out = tmp_path / "results"
    written_as = [] if study == SAMPLES[0] else WITHOUT_PICTURES
    assert cli.main(["measure", str(study), "-o", str(out), "--quiet", *lowest, *written_as]) == 0
    assert capfd.readouterr().err == ""
    _assert_read_back(out, *written)
    with (out / "discs.csv").open(newline="") as file:
        rows = {row["level"]: row for row in csv.DictReader(file)}
    expected = {
        disc["level"]: disc for disc in truth["discs"] if disc["level"] in truth["in_picture"]
    }
    lumbar = [level for level in expected if level.startswith("L")]
    assert [level for level in rows if level.startswith("L")] == lumbar
    residual = {disc["level"]: disc["centre_mm"] for disc in truth.get("residual_discs", [])}
    assert not {*residual} & set(rows)
    (result,) = written
    (disc,) = result.residual_discs
    if residual:
        assert np.linalg.norm(np.subtract(disc.centre_mm, residual[disc.level.value])) < 3
    else:  # the plate between S1 and S2 of a phantom without a residual disc looks like one
        assert not disc.outlined
        drawn, true = (
            np.asarray(nib.load(one / "labels.nii.gz").dataobj) for one in (out, study.parent)
        )
        inside = true[drawn == 101]
        assert np.isin(inside, (0, 50)).all()
        assert (inside == 50).mean() > 0.5  # the plate is in part no bone
    errors_mm = [
        float(rows[level]["height_mm"]) - expected[level]["height_columns_mm"] for level in lumbar
    ]
    assert abs(np.mean(errors_mm)) < HEIGHT_BIAS_MM
    assert np.abs(errors_mm).max() < HEIGHT_WORST_MM
    for level, error_mm in zip(lumbar, errors_mm, strict=True):
        assert abs(error_mm) < 2.5 * float(rows[level]["height_sd_mm"]), level
        assert float(rows[level]["height_sd_mm"]) < 1.5, "an uncertainty that still says something"
    adc = [
        100 * (float(rows[lv]["adc_disc_um2_ms"]) / expected[lv]["adc_disc_um2_ms"] - 1)
        for lv in lumbar
        if rows[lv]["adc_disc_um2_ms"]
    ]
    assert not adc or abs(np.median(adc)) < ADC_BIAS_PERCENT


def _assert_read_back(folder: Path, written: StudyResult) -> None:
    found = read_results(folder)
    assert found == written
    np.testing.assert_array_equal(found.label_map.array, written.label_map.array)
    assert [*found.borders] == [*written.borders]
    for level, border in written.borders.items():
        np.testing.assert_allclose(found.borders[level].contour_mm, border.contour_mm, atol=1e-5)
