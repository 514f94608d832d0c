"""A BIDS dataset in, a BIDS dataset out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from tests.bids_validator import validate

from discmri.cohort import Workers, find_cohort, run_batch, workers
from discmri.cohort.batch import check_root
from discmri.cohort.bids import BidsSession, names_of, write_dataset
from discmri.cohort.studies import is_bids_dataset
from discmri.core.errors import NothingToMeasureError, UsageError
from discmri.core.levels import DiscLevel
from discmri.core.settings import Settings
from discmri.results.decisions import Decision, Decisions, JudgedDisc, QcVerdict
from discmri.results.export.bids import BidsName
from discmri.study import read_study


def raw(folder: Path, *names: str) -> Path:
    """A BIDS dataset with files that hold nothing."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    folder.mkdir(exist_ok=True)
    (folder / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.10.0"}')
    return folder


# ------------------------------------------------------------------ in
def test_every_session_of_every_subject_and_nothing_else(tmp_path):
    root = raw(
        tmp_path,
        "sub-01/ses-1/anat/sub-01_ses-1_T2w.nii.gz",
        "sub-01/ses-2/anat/sub-01_ses-2_T2w.nii.gz",
        "sub-02/anat/sub-02_T2w.nii.gz",
        "sub-02/dwi/sub-02_dwi.nii.gz",
        "derivatives/other/sub-02/anat/sub-02_desc-x_T2w.nii.gz",
        "sourcedata/sub-02/1.dcm",
        "sub-03.txt",
    )
    entries = find_cohort(root).entries
    assert {e.name: e.path.relative_to(root).as_posix() for e in entries} == {
        "sub-01_ses-1": "sub-01/ses-1", "sub-01_ses-2": "sub-01/ses-2", "sub-02": "sub-02",
    }  # fmt: skip
    assert [e.folder_name for e in entries] == [e.name for e in entries]


def test_one_session_of_one_subject_is_no_other_case(tmp_path):
    root = raw(tmp_path, "sub-01/ses-1/anat/sub-01_ses-1_T2w.nii.gz")
    assert [e.name for e in find_cohort(root).entries] == ["sub-01_ses-1"]


def test_a_dataset_without_subjects(tmp_path):
    with pytest.raises(NothingToMeasureError, match=r"has no folder sub-<label>"):
        find_cohort(raw(tmp_path))


def test_a_folder_that_may_not_be_looked_into_says_nothing(tmp_path, monkeypatch):
    def closed(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", closed)
    assert not is_bids_dataset(raw(tmp_path))


def test_output_below_derivatives_of_a_dataset_only(tmp_path):
    root = raw(tmp_path / "ds")
    check_root(root / "derivatives" / "discmri", root)
    for wrong in (root / "derivatives", root / "results", root / "sub-01" / "derivatives" / "x"):
        with pytest.raises(UsageError, match="is inside the cohort"):
            check_root(wrong, root)
    (root / "dataset_description.json").unlink()
    with pytest.raises(UsageError, match="is inside the cohort"):
        check_root(root / "derivatives" / "discmri", root)


# ------------------------------------------------------------------ names
def named(*visits: tuple[str, str, str, str]) -> list[tuple[str, str]]:
    """Subject and session of visits given by label, session, Patient ID and date."""
    listed = [BidsSession(BidsName(s, t), person, f"1.{n}", date)
              for n, (s, t, person, date) in enumerate(visits)]  # fmt: skip
    names = names_of(listed)
    return [(names[n].subject, names[n].session) for n in range(len(listed))]


def test_visits_of_a_person_are_sessions_by_date():
    assert named(
        ("A1", "", "A-1", "20240301"), ("B", "", "B", "20240101"), ("A1", "", "A-1", "20240201"),
    ) == [("A1", "2"), ("B", ""), ("A1", "1")]  # fmt: skip


def test_sessions_of_the_source_are_kept():
    assert named(
        ("01", "1", "sub-01", ""), ("01", "", "sub-01", ""), ("01", "1", "sub-01", ""),
    ) == [("01", "1"), ("01", "2"), ("01", "3")]  # fmt: skip


def test_two_persons_never_share_a_label():
    first, second, third = named(("A1", "", "A-1", ""), ("A1", "", "A1", ""), ("a1", "", "a1", ""))
    assert len({first[0].casefold(), second[0].casefold(), third[0].casefold()}) == 3
    assert all(one[0].isalnum() and one[1] == "" for one in (first, second, third))
    assert named(("x", "", "", ""), ("y", "", "", "")) == [("x", ""), ("y", "")]


# ------------------------------------------------------------------ out
@pytest.fixture(scope="module")
def dataset(tiny, tmp_path_factory) -> Path:
    """A raw dataset: the tiny phantom as one subject in two sessions."""
    study = read_study(tiny.study)
    image = study.read(study.target())
    root = tmp_path_factory.mktemp("raw") / "ds"
    for session in "12":
        name = f"sub-01/ses-{session}/anat/sub-01_ses-{session}_acq-sag_T2w"
        raw(root, f"{name}.nii.gz")
        nib.save(
            nib.Nifti1Image(image.array.astype(np.float32), image.affine), root / f"{name}.nii.gz"
        )
        (root / f"{name}.json").write_text(json.dumps({"EchoTime": 0.1, "RepetitionTime": 4.0}))
    return root


def test_a_dataset_becomes_one_dataset(dataset, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "has_dask", lambda: False)
    cohort = find_cohort(dataset)
    entries = tuple(replace(e, masks=tiny.folder / "labels.nii.gz") for e in cohort.entries)
    settings = Settings(segmenter="masks", formats=("bids",))
    out = dataset / "derivatives" / "discmri"
    result = run_batch(replace(cohort, entries=entries), out, settings, Workers(2))
    assert [one.status.value for one in result.outcomes] == ["measured", "measured"]
    assert "bids" in result.files
    files = {p.relative_to(out / "bids").as_posix(): p.read_bytes()
             for p in (out / "bids").rglob("*") if p.is_file()}  # fmt: skip
    bases = [f"sub-01/ses-{n}/anat/sub-01_ses-{n}_acq-sag_desc-discs_dseg" for n in "12"]
    assert set(files) == {
        "dataset_description.json", "README", "participants.tsv", "participants.json",
        *(base + end for base in bases for end in (".nii.gz", ".json", ".tsv")),
    }  # fmt: skip
    assert files["participants.tsv"] == b"participant_id\tsubject_id\nsub-01\tsub-01\n"
    assert run_batch(replace(cohort, entries=entries), out, settings, Workers(2)).kept == 2
    assert all((out / "bids" / name).read_bytes() == data for name, data in files.items())
    validate(out / "bids")
    rejected = Decision(JudgedDisc(result.outcomes[0].name, DiscLevel.L5_S1), QcVerdict.REJECT)
    judged = replace(cohort, entries=entries, decisions=Decisions("d.csv", "", (rejected,)))
    run_batch(judged, out, settings, Workers(2))
    lines = (out / "bids" / f"{bases[0]}.tsv").read_text().splitlines()
    (line,) = [one.split("\t") for one in lines if "\tL5-S1\t" in one]
    assert set(line[2:]) == {"n/a"}, "a rejected disc keeps its label and loses its values"
    assert (out / "bids" / f"{bases[1]}.tsv").read_bytes() == files[f"{bases[1]}.tsv"]
    validate(out / "bids")


def test_without_any_dataset_an_earlier_one_goes(tmp_path):
    (tmp_path / "bids").mkdir()
    assert not write_dataset([], [], tmp_path / "bids")
    assert not (tmp_path / "bids").exists()
