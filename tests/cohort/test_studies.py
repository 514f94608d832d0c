"""Which studies a folder or a list has, and what is said of wrong ones."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

from discmri.cohort.studies import COLUMNS, StudyInput, find_cohort
from discmri.core.errors import NothingToMeasureError, UsageError
from discmri.core.levels import DiscLevel
from discmri.core.settings import Settings


def image(path: Path, study: str, series: str) -> Path:
    """The header of a DICOM image; nothing more is looked at."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.MediaStorageSOPClassUID = MRImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID, data.SOPInstanceUID = MRImageStorage, "1.2.3"
    data.StudyInstanceUID, data.SeriesInstanceUID = study, series
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)
    return path


def blank(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


def found(folder: Path) -> dict[str, str]:
    return {e.name: e.path.relative_to(folder).as_posix() for e in find_cohort(folder).entries}


def test_a_study_is_the_outermost_folder_of_one_examination(tmp_path):
    image(tmp_path / "anna" / "t2" / "1.dcm", "1.1", "1.1.1")
    image(tmp_path / "anna" / "dwi" / "1", "1.1", "1.1.2")
    image(tmp_path / "ben" / "first" / "t2" / "1.dcm", "1.2", "1.2.1")
    image(tmp_path / "ben" / "second" / "t2" / "1.dcm", "1.3", "1.3.1")
    blank(tmp_path / "anna" / "readme.txt")
    assert found(tmp_path) == {
        "anna": "anna", "ben/first": "ben/first", "ben/second": "ben/second",
    }  # fmt: skip


def test_a_folder_that_is_one_examination_is_one_study(tmp_path):
    image(tmp_path / "cd" / "t2" / "1.dcm", "1.1", "1.1.1")
    image(tmp_path / "cd" / "dwi" / "1.dcm", "1.1", "1.1.2")
    assert found(tmp_path / "cd") == {"cd": "."}


def test_copies_of_one_study_are_studies(tmp_path):
    for name in ("a", "b", "c"):
        image(tmp_path / name / "t2" / "1.dcm", "1.1", "1.1.1")
    assert list(found(tmp_path)) == ["a", "b", "c"]


def test_images_lying_together_are_one_study_for_measure_to_refuse(tmp_path):
    image(tmp_path / "heap" / "1.dcm", "1.1", "1.1.1")
    image(tmp_path / "heap" / "below" / "2.dcm", "1.2", "1.2.1")
    image(tmp_path / "other" / "3.dcm", "1.3", "1.3.1")
    assert list(found(tmp_path)) == ["heap", "other"]


def test_what_holds_no_image_is_a_study_too_and_not_passed_over(tmp_path):
    image(tmp_path / "site" / "good" / "1.dcm", "1.1", "1.1.1")
    image(tmp_path / "site" / "fine" / "1.dcm", "1.2", "1.2.1")
    blank(tmp_path / "site" / "broken" / "1.dcm")
    blank(tmp_path / "lost" / "deep" / "notes.txt")
    assert list(found(tmp_path)) == ["lost", "site/broken", "site/fine", "site/good"]


def test_label_maps_beside_dicom_are_no_studies(tmp_path):
    image(tmp_path / "p1" / "study" / "1.dcm", "1.1", "1.1.1")
    image(tmp_path / "p2" / "study" / "1.dcm", "1.2", "1.2.1")
    blank(tmp_path / "p1" / "labels.nii.gz")
    blank(tmp_path / "p2" / "truth.json")
    assert list(found(tmp_path)) == ["p1", "p2"]


def test_zips_and_nifti(tmp_path):
    with zipfile.ZipFile(tmp_path / "anna.zip", "w") as archive:
        archive.writestr("x", b"")
    blank(tmp_path / "ben.nii.gz")
    blank(tmp_path / "carl.nii")
    blank(tmp_path / "dora" / "t2.nii.gz")
    blank(tmp_path / "dora" / "dwi.nii.gz")
    assert found(tmp_path) == {
        "ben": "ben.nii.gz", "carl": "carl.nii", "dora": "dora", "anna": "anna.zip",
    }  # fmt: skip


def test_bids(tmp_path):
    for session in ("1", "2"):
        base = tmp_path / "sub-01" / f"ses-{session}"
        blank(base / "anat" / f"sub-01_ses-{session}_T2w.nii.gz")
        blank(base / "dwi" / f"sub-01_ses-{session}_dwi.nii.gz")
    blank(tmp_path / "sub-02" / "anat" / "sub-02_T2w.nii.gz")
    assert found(tmp_path) == {
        "sub-01/ses-1": "sub-01/ses-1", "sub-01/ses-2": "sub-01/ses-2", "sub-02": "sub-02",
    }  # fmt: skip


def test_bids_files_of_several_subjects_in_one_folder(tmp_path):
    for subject in ("01", "02"):
        blank(tmp_path / "all" / f"sub-{subject}_T2w.nii.gz")
        blank(tmp_path / "all" / f"sub-{subject}_dwi.nii.gz")
    entries = find_cohort(tmp_path).entries
    assert [(e.name, e.study_uid) for e in entries] == [
        ("all/sub-01", "sub-01"), ("all/sub-02", "sub-02"),
    ]  # fmt: skip
    assert {e.path for e in entries} == {tmp_path / "all"}


def test_links_in_a_circle_end(tmp_path):
    image(tmp_path / "a" / "1.dcm", "1.1", "1.1.1")
    image(tmp_path / "b" / "x" / "1.dcm", "1.2", "1.2.1")
    (tmp_path / "b" / "back").symlink_to(tmp_path)
    assert "a" in found(tmp_path)


def test_nothing_there(tmp_path):
    with pytest.raises(NothingToMeasureError, match="has no study"):
        find_cohort(tmp_path)
    with pytest.raises(UsageError, match="does not exist"):
        find_cohort(tmp_path / "nowhere")


# ------------------------------------------------------------------ lists
def test_a_list_says_all_it_can(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text(
        "\ufeffpath;id;study_uid;masks;mask_scheme;lowest_disc;arm\n"
        "scans/a;SUBJ-1;1.2;m/a.nii.gz;spider;L6-S1;treated\n"
        "/elsewhere/b.zip;;;;;;\n"
        ";;;;;;\n",
        encoding="utf-8",
    )
    cohort = find_cohort(path)
    assert cohort.entries == (
        StudyInput("SUBJ-1", tmp_path / "scans/a", "1.2", tmp_path / "m/a.nii.gz", "spider",
              DiscLevel.L6_S1),
        StudyInput("/elsewhere/b.zip", Path("/elsewhere/b.zip")),
    )  # fmt: skip
    assert cohort.unused_columns == ("arm",)


def test_what_a_list_says_becomes_settings():
    entry = StudyInput("a", Path("a"), None, Path("m.nii"), "spider", DiscLevel.L6_S1)
    own = entry.settings(Settings(segmenter="masks"))
    assert (own.masks, own.mask_scheme, own.lowest_disc) == (
        Path("m.nii"), "spider", DiscLevel.L6_S1,
    )  # fmt: skip
    assert entry.settings(Settings(segmenter="builtin")).masks is None
    assert StudyInput("b", Path("b")).settings(Settings()) == Settings()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file,id\na,b\n", "no column path"),
        ("", "no column path"),
        ("path,id\na,1,2\n", "line 2: 3 cells instead of 2"),
        ("path,id\n,x\n", "line 2, column path: is empty"),
        ("path,lowest_disc\na,L7-S1\n", "line 2, column lowest_disc: 'L7-S1' is not a disc"),
        ("path,mask_scheme\na,mine\n", "line 2, column mask_scheme: 'mine' is not known"),
        ("path,id\na,X\nb,x\n", r"same name \('X', 'x'\)"),
        ("path,id\na,X\nb,X\n", r"same name \('X', 'X'\)"),
    ],
)
def test_a_wrong_list_is_named_in_one_line(tmp_path, text, said):
    path = tmp_path / "list.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=said) as caught:
        find_cohort(path)
    assert "\n" not in str(caught.value)
    assert "path" in COLUMNS


def test_a_list_without_studies_holds_nothing(tmp_path):
    (tmp_path / "list.csv").write_text("path,id\n\n", encoding="utf-8")
    with pytest.raises(NothingToMeasureError, match="lists no study"):
        find_cohort(tmp_path / "list.csv")


def test_a_list_that_is_no_text(tmp_path):
    (tmp_path / "list.csv").write_bytes(b"path\n\xff\xfe\x00")
    with pytest.raises(UsageError, match="UTF-8"):
        find_cohort(tmp_path / "list.csv")


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "a/b", "x" * 300, "..", "é", "con\tx", ".hidden", "a.", ""]
)
def test_a_results_folder_has_a_harmless_name(name):
    folder = StudyInput(name, Path()).folder_name
    assert Path(folder).name == folder
    assert not folder.startswith(".")
    assert folder.isascii()
    assert len(folder) <= 80


def test_names_that_are_written_alike_get_folders_of_their_own():
    names = ["a/b", "a_b", "a b", "a:b"]
    assert len({StudyInput(name, Path()).folder_name for name in names}) == len(names)


def test_a_plain_name_of_eighty_letters_is_kept():
    assert StudyInput("x" * 80, Path()).folder_name == "x" * 80
    assert StudyInput("x" * 81, Path()).folder_name != "x" * 81


@pytest.mark.parametrize(("others", "seen"), [(19, True), (20, False)])
def test_an_image_is_looked_for_among_the_first_twenty_files(tmp_path, others, seen):
    image(tmp_path / "last" / "t2" / "z.dcm", "1.1", "1.1.1")
    for number in range(others):
        blank(tmp_path / "last" / "t2" / f"{number:02d}.txt")
    image(tmp_path / "first" / "t2" / "1.dcm", "1.2", "1.2.1")
    assert ("last" in found(tmp_path)) is seen


@pytest.mark.parametrize(("name", "kept"), [("NUL", False), ("com1.x", False), ("console", True)])
def test_no_folder_has_the_name_of_a_device_of_windows(name, kept):
    assert (StudyInput(name, Path()).folder_name == name) is kept
