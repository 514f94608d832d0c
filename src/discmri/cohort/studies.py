"""The studies of a cohort: found below a folder, or listed in a CSV file."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

from discmri.core.errors import NothingToMeasureError, UsageError
from discmri.core.levels import DiscLevel
from discmri.core.settings import Settings
from discmri.core.tables import Row, read_table
from discmri.core.text import one_line
from discmri.results.decisions import Decisions

COLUMNS = ("path", "id", "study_uid", "masks", "mask_scheme", "lowest_disc")
"""Columns of a list of studies; only ``path`` is required."""

_LONGEST_NAME = 80
_PLAIN_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{_LONGEST_NAME - 1}}}")
_DEVICE_NAME = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")  # reserved on Windows
_PEEKED_FILES = 20  # files per folder that are tested for DICOM
_NIFTI = "nifti:"


@dataclass(frozen=True)
class StudyInput:
    """One study of a cohort.

    Parameters
    ----------
    name
        Name in tables and pages; unique in the cohort.
    path
        Folder, zip or NIfTI file.
    study_uid
        UID of the study, if the path has several.
    masks, mask_scheme, lowest_disc
        Settings of this study from the list.
    """

    name: str
    path: Path
    study_uid: str | None = None
    masks: Path | None = None
    mask_scheme: str | None = None
    lowest_disc: DiscLevel | None = None

    @property
    def folder_name(self) -> str:
        """Name of the results folder: the name of the study if it is a valid file name.

        >>> StudyInput("SUBJ-01", Path()).folder_name, StudyInput("site 1/anna", Path()).folder_name
        ('SUBJ-01', 'site_1_anna-7f06ec8c')
        """
        plain_enough = _PLAIN_NAME.fullmatch(self.name) and not self.name.endswith(".")
        if plain_enough and not _DEVICE_NAME.fullmatch(self.name):
            return self.name
        plain = re.sub(r"[^A-Za-z0-9-]+", "_", self.name).strip("_-")[: _LONGEST_NAME - 9]
        mark = hashlib.sha256(self.name.encode("utf-8", "surrogateescape")).hexdigest()[:8]
        return f"{plain or 'study'}-{mark}"

    def settings(self, shared: Settings) -> Settings:
        """Shared settings, with those of this study from the list."""
        return replace(
            shared,
            masks=self.masks if shared.segmenter == "masks" else None,
            mask_scheme=self.mask_scheme or shared.mask_scheme,
            lowest_disc=self.lowest_disc or shared.lowest_disc,
        )


@dataclass(frozen=True)
class Cohort:
    """Studies to measure.

    Parameters
    ----------
    entries
        Studies in the order of the tables.
    unused_columns
        Columns of the list that are not used.
    decisions
        Decisions of quality control on an earlier run; rejected discs are left out.
    """

    entries: tuple[StudyInput, ...]
    unused_columns: tuple[str, ...] = ()
    decisions: Decisions | None = None


def find_cohort(path: Path) -> Cohort:
    """Find the studies below a folder, or read those of a list.

    Parameters
    ----------
    path
        A folder, a BIDS dataset (a folder with ``dataset_description.json``), or a CSV file with
        the columns of :data:`COLUMNS`.

    Returns
    -------
    Cohort
        Studies by name, in the order of the tables.

    Raises
    ------
    UsageError
        If the path cannot be read, or two studies have the same name.
    NothingToMeasureError
        If there is no study.

    Examples
    --------
    >>> [one.name for one in find_cohort(Path("sample_phantoms")).entries][:2]
    ['canon_collapse', 'ge_oblique_scoliosis']
    """
    if is_bids_dataset(path):
        cohort = Cohort(tuple(_bids_entries(path)))
        if not cohort.entries:
            raise NothingToMeasureError(f"the BIDS dataset {path} has no folder sub-<label>")
    elif path.is_dir():
        cohort = Cohort(tuple(_found(_grown(path, path, frozenset()), path)))
        if not cohort.entries:
            raise NothingToMeasureError(
                f"{path} has no study (no DICOM, zip or NIfTI file below it); "
                "give the folder that contains the studies, or a CSV with the column path"
            )
    elif path.is_file():
        cohort = _listed(path)
    else:
        raise UsageError(f"{path} does not exist; give a folder of studies or a CSV list")
    _check_names(cohort.entries, path)
    return cohort


def is_bids_dataset(path: Path) -> bool:
    """Whether a folder has a readable ``dataset_description.json``."""
    try:
        return (path / "dataset_description.json").is_file()
    except PermissionError:
        return False


def _bids_entries(root: Path) -> Iterator[StudyInput]:
    """Every session of every subject, without derivatives, source data and code."""
    for subject in _labelled(root, "sub-"):
        sessions = _labelled(subject, "ses-")
        for session in sessions:
            yield StudyInput(f"{subject.name}_{session.name}", session)
        if not sessions:
            yield StudyInput(subject.name, subject)


def _labelled(folder: Path, prefix: str) -> list[Path]:
    """Folders with a prefix, sorted by name."""
    return sorted(p for p in folder.glob(f"{prefix}*") if p.is_dir())


def _check_names(entries: tuple[StudyInput, ...], path: Path) -> None:
    """Check that results folders differ on every file system."""
    known: dict[str, str] = {}
    for entry in entries:
        key = entry.folder_name.casefold()
        if key in known:
            raise UsageError(
                f"{path} has two studies with the same name ({known[key]!r}, {entry.name!r}); "
                "give each its own id in a CSV list"
            )
        known[key] = entry.name


# ------------------------------------------------------------------ below a folder
@dataclass(frozen=True)
class _Branch:
    """Content of one folder."""

    folder: Path
    zips: tuple[Path, ...]  # archives directly in it
    # study and series of images directly in it: of the first DICOM image, or of every NIfTI file,
    # each as its own series
    images: tuple[tuple[str, str], ...]
    below: tuple[_Branch, ...]  # content of its subfolders

    @property
    def all_images(self) -> tuple[tuple[str, str], ...]:
        """Images of the folder and its subfolders."""
        return tuple(chain(self.images, *(branch.all_images for branch in self.below)))

    @property
    def is_study(self) -> bool:
        """Whether all images are of one examination; a repeated series means copies."""
        series = [series for _, series in self.all_images]
        return len({study for study, _ in self.all_images}) == 1 and len(set(series)) == len(series)

    @property
    def has_nifti(self) -> bool:
        """Whether its images are NIfTI files."""
        return any(series.startswith(_NIFTI) for _, series in self.all_images)

    @property
    def is_barren(self) -> bool:
        """Whether it has no images or archives."""
        return not (self.images or self.zips) and all(branch.is_barren for branch in self.below)


def _found(branch: _Branch, root: Path) -> Iterator[StudyInput]:
    """Every study in a branch: the outermost folders with one examination each, and archives.

    A folder without images beside others is included, so that its failure is reported.
    """
    if branch.is_study or (branch.images and not branch.has_nifti):
        # with images of several studies in one folder, measuring reports them
        yield StudyInput(_name(branch.folder, root), branch.folder)
    else:
        for study in dict.fromkeys(study for study, _ in branch.images):
            yield _nifti_entry(branch, study, root)
        for below in branch.below:
            if below.is_barren:
                yield StudyInput(_name(below.folder, root), below.folder)
            else:
                yield from _found(below, root)
    for path in branch.zips:
        yield StudyInput(_name(path.with_suffix(""), root), path)


def _grown(folder: Path, root: Path, above: frozenset[tuple[int, int]]) -> _Branch:
    try:
        facts = folder.stat()
        with os.scandir(folder) as entries:
            inside = sorted((e for e in entries if e.name[0] != "."), key=lambda e: e.name)
        folders = [Path(e.path) for e in inside if e.is_dir() and e.name != "__MACOSX"]
        files = [Path(e.path) for e in inside if e.is_file()]
    except OSError as error:
        if folder == root:
            raise UsageError(f"{folder} cannot be read: {error.strerror}") from error
        return _Branch(folder, (), (), ())
    here = (facts.st_dev, facts.st_ino)
    if here in above:  # a circular link
        return _Branch(folder, (), (), ())
    below = tuple(_grown(p, root, above | {here}) for p in folders)
    images = _dicom(files)
    if not images and all(b.has_nifti for b in below if b.all_images):
        images = _nifti(files, folder == root)
    zips = tuple(p for p in files if p.suffix.lower() == ".zip")
    return _Branch(folder, zips, images, below)


def _dicom(files: list[Path]) -> tuple[tuple[str, str], ...]:
    """Study and series UID of the first DICOM image among the first files."""
    from discmri.study.peek import owner_of

    owners = (owner_of(path) for path in files[:_PEEKED_FILES])
    return tuple(islice((owner for owner in owners if owner), 1))


def _nifti(files: list[Path], each: bool) -> tuple[tuple[str, str], ...]:
    """Every NIfTI file with its study: BIDS subject and session, otherwise the folder.

    With ``each``, a file without subject in its name is its own study.
    """
    from discmri.study.nifti import is_nifti, subject_and_session
    from discmri.study.source import InputFile

    found = []
    for path in files:
        file = InputFile(path, path.name)
        if is_nifti(file):
            study = subject_and_session(file)[1]
            found.append((study or f"{_NIFTI}{path if each else path.parent}", f"{_NIFTI}{path}"))
    return tuple(found)


def _nifti_entry(branch: _Branch, study: str, root: Path) -> StudyInput:
    """One of several NIfTI studies in a folder."""
    if not study.startswith(_NIFTI):
        return StudyInput(_name(branch.folder / study, root), branch.folder, study_uid=study)
    path = Path(study.removeprefix(_NIFTI))
    if path == branch.folder:  # files without a subject among others with one
        return StudyInput(_name(branch.folder, root), branch.folder, study_uid="")
    return StudyInput(
        _name(path.with_name(path.name[: path.name.lower().rindex(".nii")]), root), path
    )


def _name(path: Path, root: Path) -> str:
    return (path.resolve().name if path == root else path.relative_to(root).as_posix()) or "study"


# ------------------------------------------------------------------ in a list
def _listed(path: Path) -> Cohort:
    table = read_table(path, ("path",), f"columns of a list of studies: {', '.join(COLUMNS)}")
    if not table.rows:
        raise NothingToMeasureError(f"{path} lists no study; give one path per line")
    unused = tuple(name for name in table.columns if name not in COLUMNS)
    return Cohort(tuple(_entry(row, path.parent) for row in table.rows), unused)


def _entry(row: Row, folder: Path) -> StudyInput:
    from discmri.measurement.segment.schemes import SCHEMES

    place, masks = row.filled("path"), row.optional("masks")
    return StudyInput(
        name=one_line(row.optional("id") or place),
        path=folder / place,
        study_uid=row.optional("study_uid") or None,
        masks=folder / masks if masks else None,
        mask_scheme=row.choice("mask_scheme", SCHEMES),
        lowest_disc=row.level("lowest_disc"),
    )
