"""``bids/``: a derivative dataset that the validator of BIDS accepts."""

from __future__ import annotations

import csv
import gzip
import json
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from tests.bids_validator import validate

from discmri.core.facts import Role, SeriesInput
from discmri.core.text import pseudonym
from discmri.core.volume import Volume
from discmri.results.export import bids, csv_wide
from discmri.results.write import write

AFFINE = np.diag([4.0, 2.5, 2.5, 1.0])


def with_fit(result, **changes):
    """The result with a fitted ADC on a grid of its own."""
    fitted = Volume(np.linspace(0, 3, 60).reshape(3, 4, 5), AFFINE, "um2/ms")
    return replace(result, images=replace(result.images, fitted_adc=fitted), **changes)


def exported(result, folder: Path) -> dict[str, Path]:
    """Files by their path in the dataset."""
    folder.mkdir(exist_ok=True)
    bids.export(result, folder)
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder / "bids").as_posix(): path for path in found}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.fixture(scope="module")
def files(result, tmp_path_factory) -> dict[str, Path]:
    return exported(with_fit(result), tmp_path_factory.mktemp("bids") / "out")


def test_tree_and_validator(files):
    assert set(files) == {
        "dataset_description.json", "README", "participants.tsv", "participants.json",
        "sub-SUBJ01/anat/sub-SUBJ01_acq-sag_desc-discs_dseg.nii.gz",
        "sub-SUBJ01/anat/sub-SUBJ01_acq-sag_desc-discs_dseg.json",
        "sub-SUBJ01/anat/sub-SUBJ01_acq-sag_desc-discs_dseg.tsv",
        "sub-SUBJ01/dwi/sub-SUBJ01_desc-fit_ADC.nii.gz",
        "sub-SUBJ01/dwi/sub-SUBJ01_desc-fit_ADC.json",
    }  # fmt: skip
    validate(files["README"].parent)


def test_table_holds_every_cell_of_the_wide_table(files, result, tmp_path):
    csv_wide.export(result, tmp_path)
    with (tmp_path / "discs.csv").open(encoding="utf-8", newline="") as file:
        wide = list(csv.DictReader(file))
    table = rows(files["sub-SUBJ01/anat/sub-SUBJ01_acq-sag_desc-discs_dseg.tsv"])
    discs = [row for row in table if row["level"] != "n/a"]
    assert [
        {column: "" if row[column] == "n/a" else row[column] for column in wide[0]} for row in discs
    ] == wide
    assert [(row["index"], row["name"]) for row in discs] == [
        (row["label_id"], row["level"]) for row in wide
    ]


def test_every_label_has_a_row_and_every_column_a_meaning(files):
    base = "sub-SUBJ01/anat/sub-SUBJ01_acq-sag_desc-discs_dseg"
    labels = np.asarray(nib.load(files[f"{base}.nii.gz"]).dataobj)
    table = rows(files[f"{base}.tsv"])
    assert [int(row["index"]) for row in table] == [n for n in np.unique(labels).tolist() if n]
    facts = json.loads(files[f"{base}.json"].read_text("utf-8"))
    assert all(facts[column]["Description"] for column in table[0])
    assert facts["area_mm2"]["Units"] == "mm^2"


def test_bones_and_a_residual_disc_are_named(with_residual, tmp_path):
    table = rows(
        exported(with_residual, tmp_path / "out")[
            "sub-SUBJ01/anat/sub-SUBJ01_acq-sag_desc-discs_dseg.tsv"
        ]
    )
    names = {row["index"]: (row["name"], row["level"]) for row in table}
    assert names["101"] == ("S1-S2", "n/a")
    assert names["95"] == ("L4-L5", "L4-L5")


def test_adc_is_the_fit_on_its_own_grid(files):
    image = nib.load(files["sub-SUBJ01/dwi/sub-SUBJ01_desc-fit_ADC.nii.gz"])
    assert image.get_data_dtype() == np.float32
    np.testing.assert_array_equal(image.affine, AFFINE)
    np.testing.assert_array_equal(
        np.asarray(image.dataobj), np.linspace(0, 3, 60, dtype=np.float32).reshape(3, 4, 5)
    )
    facts = json.loads(files["sub-SUBJ01/dwi/sub-SUBJ01_desc-fit_ADC.json"].read_text("utf-8"))
    assert (facts["Units"], facts["BValues"]) == ("um^2/ms", [0, 400, 800])


def test_no_fit_no_adc(result, tmp_path):
    assert not any("ADC" in name for name in exported(result, tmp_path / "out"))


@pytest.mark.parametrize(
    ("subject", "study", "name"),
    [
        ("PHANTOM-0007", "1.2.3", ("PHANTOM0007", "")),
        ("sub-01", "sub-01_ses-2", ("01", "2")),
        ("sub-01", "sub-01", ("01", "")),
        ("Å_b 7", "1.2", ("b7", "")),
        ("--", "1.2", (pseudonym("--"), "")),
        ("", "1.2", (pseudonym("1.2"), "")),
    ],
)
def test_labels_are_letters_and_digits(subject, study, name):
    found = bids.name_of(subject, study)
    assert (found.subject, found.session) == name


def test_what_a_label_stands_for(result, tmp_path):
    found = exported(replace(result, subject_id="=A\t-1"), tmp_path / "out")
    assert found["participants.tsv"].read_text("utf-8") == (
        "participant_id\tsubject_id\nsub-A1\t'=A-1\n"
    )


def test_names_of_a_bids_source_are_kept(result, tmp_path):
    name = "raw/sub-01_ses-2_acq-sag_run-1_echo-1_T2w.nii.gz"
    source = SeriesInput(Role.SAG_T2, name, (name,))
    dwi = SeriesInput(Role.DWI, "x", ("sub-01_ses-2_dir-AP_dwi.nii.gz",))
    provenance = replace(result.provenance, inputs=(source, dwi))
    changed = with_fit(result, subject_id="sub-01", study_uid="sub-01_ses-2", provenance=provenance)
    found = exported(changed, tmp_path / "out")
    assert "sub-01/ses-2/anat/sub-01_ses-2_acq-sag_run-1_desc-discs_dseg.tsv" in found
    assert "sub-01/ses-2/dwi/sub-01_ses-2_dir-AP_desc-fit_ADC.json" in found
    validate(tmp_path / "out" / "bids")


def test_two_runs_give_the_same_bytes(result, tmp_path):
    once, again = (
        {
            path.relative_to(folder): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }
        for folder in (write(with_fit(result), tmp_path / run, ("bids",)) for run in "ab")
    )
    assert once == again
    assert all(
        data[4:8] == bytes(4) and gzip.decompress(data)
        for path, data in once.items()
        if path.suffix == ".gz"
    )


def test_overwriting_leaves_nothing_of_an_earlier_dataset(result, tmp_path):
    write(result, tmp_path / "out", ("bids",))
    write(replace(result, subject_id="B"), tmp_path / "out", ("bids",), overwrite=True)
    assert [one.name for one in (tmp_path / "out" / "bids").glob("sub-*")] == ["sub-B"]
