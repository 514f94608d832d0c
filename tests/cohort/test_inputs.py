"""Stamp and digest of a study's files."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from discmri.cohort.inputs import digest, input_files, stamp
from discmri.core.errors import UsageError


@pytest.fixture
def study(tmp_path) -> Path:
    folder = tmp_path / "study"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "1.dcm").write_bytes(b"one")
    (folder / "2.dcm").write_bytes(b"two")
    return folder


def both(study: Path, masks: Path | None = None) -> tuple[str, str]:
    files = input_files(study, masks)
    return stamp(files), digest(files)


def test_every_file_counts(study):
    assert [name for name, _ in input_files(study)] == ["2.dcm", "a/1.dcm"]


def test_a_file_that_is_written_anew_with_its_bytes_changes_only_the_stamp(study):
    before = both(study)
    (study / "2.dcm").write_bytes(b"two")
    after = both(study)
    assert after[0] != before[0]
    assert after[1] == before[1]


def test_other_bytes_of_the_same_size_and_time_change_both(study):
    """The time of change cannot be set back, whatever the time of writing says."""
    before = both(study)
    facts = (study / "2.dcm").stat()
    (study / "2.dcm").write_bytes(b"TWO")
    os.utime(study / "2.dcm", ns=(facts.st_atime_ns, facts.st_mtime_ns))
    after = both(study)
    assert after[0] != before[0]
    assert after[1] != before[1]


def test_a_name_and_a_new_file_count(study):
    _, before = both(study)
    (study / "2.dcm").rename(study / "3.dcm")
    _, renamed = both(study)
    (study / "4.dcm").write_bytes(b"")
    assert len({before, renamed, both(study)[1]}) == 3


def test_a_moved_study_has_the_same_bytes(study, tmp_path):
    _, before = both(study)
    moved = study.rename(tmp_path / "elsewhere")
    assert both(moved)[1] == before


def test_a_zip_counts_as_it_is_and_masks_belong_to_it(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x", b"y")
    masks = tmp_path / "m.nii.gz"
    masks.write_bytes(b"1")
    assert input_files(path) == [("a.zip", path)]
    before = both(path, masks)
    masks.write_bytes(b"2")
    assert both(path, masks)[1] != before[1]


def test_sidecars_belong_to_a_nifti_file(tmp_path):
    for name in ("t2.nii.gz", "t2.json", "other.nii.gz"):
        (tmp_path / name).write_bytes(b"")
    assert [name for name, _ in input_files(tmp_path / "t2.nii.gz")] == ["t2.json", "t2.nii.gz"]


def test_nothing_there(tmp_path):
    with pytest.raises(UsageError, match="does not exist"):
        input_files(tmp_path / "nowhere")
