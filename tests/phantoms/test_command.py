from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from discmri.cli import main

SMALL = [
    "--series",
    "t2",
    "--spacing",
    "4",
    "--slices",
    "3",
    "--fov",
    "100,200",
    "--compression",
    "rle",
]


def test_make_writes_study_truth_and_labels(tmp_path: Path, capsys):
    out = tmp_path / "spine"
    call = ["phantom", "make", str(out), *SMALL, "--grades", "1,2,3,4/7,8", "--masks"]
    assert main([*call, "--seed", "3", "--vendor", "ge"]) == 0
    assert sorted(p.name for p in out.iterdir()) == ["labels.nii.gz", "study", "truth.json"]
    assert [p.name for p in tmp_path.iterdir()] == ["spine"]
    grades = [d["grade"] for d in json.loads((out / "truth.json").read_text())["discs"]]
    assert grades[-5:] == ["1", "2", "3", "4/7", "8"]
    labels = np.asarray(nib.load(out / "labels.nii.gz").dataobj)
    assert {93, 94, 43, 44, 2} <= set(np.unique(labels).tolist())
    assert "3 DICOM files" in capsys.readouterr().out


def test_a_residual_disc_and_a_sacral_slope_arrive(tmp_path: Path):
    out = tmp_path / "spine"
    tall = [*SMALL[:-4], "--fov", "160,240"]
    asked = ["--residual-disc", "0.6,5,0.9,0.2", "--sacral-slope", "30", "--masks"]
    assert main(["phantom", "make", str(out), *tall, *asked]) == 0
    truth = json.loads((out / "truth.json").read_text())
    assert truth["phantom"]["sacral_slope_deg"] == 30.0
    (disc,) = truth["residual_discs"]
    assert (disc["level"], disc["height_mm"], disc["brightness"]) == ("S1-S2", 5.0, 0.9)
    assert disc["depth_share"] == pytest.approx(0.6, abs=0.03)
    assert 101 in np.unique(np.asarray(nib.load(out / "labels.nii.gz").dataobj))


def test_an_existing_folder_is_only_replaced_when_asked_and_when_it_is_a_phantom(tmp_path: Path):
    out = tmp_path / "spine"
    call = ["phantom", "make", str(out), *SMALL]
    assert main(call) == 0
    before = (out / "truth.json").read_text()
    assert main([*call, "--seed", "9"]) == 2
    assert (out / "truth.json").read_text() == before
    assert main([*call, "--seed", "9", "--overwrite"]) == 0
    assert (out / "truth.json").read_text() != before
    other = tmp_path / "other"
    other.mkdir()
    (other / "letter.txt").write_text("keep me")
    assert main(["phantom", "make", str(other), *SMALL, "--overwrite"]) == 2
    assert (other / "letter.txt").read_text() == "keep me"


@pytest.mark.parametrize(
    "wrong",
    [
        ["--grades", "9"],
        ["--series", "t3"],
        ["--listhesis", "L9-S1=3"],
        ["--listhesis", "L5-S1"],
        ["--fov", "100"],
        ["--spacing", "0"],
        ["--vendor", "acme"],
        ["--b-values", "0,x"],
        ["--heights", "99"],
        *([flag, "nan"] for flag in ("--spacing", "--gap", "--dwi-spacing", "--snr", "--field")),
        ["--fov", "nan,300"],
        ["--oblique", "nan,0,0"],
        ["--b-values", "0,inf"],
        ["--scoliosis", "nan"],
        ["--scoliosis", "500"],
        ["--lordosis", "inf"],
        ["--sacral-slope", "-1"],
        ["--sacral-slope", "81"],
        ["--s1-depth-ratio", "0.8"],
        ["--s1-depth-ratio", "nan"],
        ["--residual-disc", "0.05"],
        ["--residual-disc", "0.5,20"],
        ["--residual-disc", "0.5,4,2"],
        ["--residual-disc", "0.5,4,1,3"],
        ["--residual-disc", "0.5,4,1,0,7"],
        ["--residual-disc", "half"],
        ["--residual-disc", "0.9", "--s1-depth-ratio", "1.5"],
        ["--listhesis", "L5-S1=nan"],
        ["--listhesis", "L4-L5=900"],
        ["--field", "0"],
        ["--saturation", "7"],
    ],
)
def test_wrong_calls_end_with_two_and_write_nothing(tmp_path: Path, wrong: list[str], capsys):
    assert main(["phantom", "make", str(tmp_path / "spine"), *wrong]) == 2
    assert not list(tmp_path.iterdir())
    assert capsys.readouterr().err.count("\n") == 1
