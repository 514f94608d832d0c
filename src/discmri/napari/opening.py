"""Looking at a study outside a session: a study folder, a results folder, a synthetic sample."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from discmri.core.errors import SessionError, UsageError
from discmri.core.levels import DiscLevel
from discmri.core.progress import ProgressCallback
from discmri.core.settings import Settings
from discmri.core.text import one_line
from discmri.measurement.pipeline import StudySteps
from discmri.napari.images import Picture, images_of
from discmri.napari.loading import LoadedStudy, load_adc, load_images
from discmri.reading import (
    DiscMetrics,
    Mode,
    Order,
    SessionOptions,
    create_session,
    find_study,
    plan_session,
)
from discmri.reading.results import case_of, metrics_of, open_images, read_record
from discmri.results.document import RECORD
from discmri.results.model import StudyResult
from discmri.study import read_study

DRAWING = "drawing a synthetic spine"
"""Name of the empty layer that napari shows until the sample is there."""
SESSION_SUFFIX = ".session"
SAMPLE: Mapping[str, Any] = {"spacing_mm": 0.9, "slices": 9, "fov_mm": (190.0, 270.0)}
"""How the synthetic sample is scanned."""
_LOOKED_AT = 200  # files of a folder that are looked at before it counts as no study
_IMAGE_SUFFIXES = (".dcm", ".ima", ".nii", ".nii.gz", ".zip")


class PathKind(Enum):
    """What stands at a path."""

    STUDY = "study"
    RESULTS = "results"
    SESSION = "session"


class ImagesMissingError(SessionError):
    """The images of results were not found; their path is needed."""


@dataclass(frozen=True, eq=False)
class OpenedStudy:
    """A study that is looked at."""

    title: str  # subject and date
    loaded: LoadedStudy
    study_path: Path  # where its images are
    results: Path | None = None  # its results folder; None for a study that was not measured before
    settings: Settings = field(default_factory=Settings)  # how it is to be measured, or was
    # label number of each disc; empty until it is measured
    discs: Mapping[DiscLevel, int] = field(default_factory=dict)
    # empty until it is measured
    metrics: Mapping[DiscLevel, DiscMetrics] = field(default_factory=dict)
    # label number of each residual disc, which is shown and not measured
    residual: Mapping[DiscLevel, int] = field(default_factory=dict)
    fleeting: bool = False  # whether all this is deleted when the program ends
    # what was measured just now; None before, and for results that were there
    measured: StudyResult | None = None


def path_kind(path: Path) -> PathKind | None:
    """Kind of a path by a quick check; ``None`` if it is not supported."""
    if path.is_file():
        if path.suffix == SESSION_SUFFIX:
            return PathKind.SESSION
        if path.name == RECORD:
            return PathKind.RESULTS
        return PathKind.STUDY if _may_be_image(path) else None
    if (path / RECORD).is_file():
        return PathKind.RESULTS
    return PathKind.STUDY if any(map(_may_be_image, _first_files(path))) else None


def _first_files(folder: Path) -> Iterator[Path]:
    count = 0
    for path in folder.rglob("*"):
        if path.is_file():
            yield path
            count += 1
            if count == _LOOKED_AT:
                return


def _may_be_image(path: Path) -> bool:
    name = path.name.lower()
    if name == "dicomdir" or name.endswith(_IMAGE_SUFFIXES):
        return True
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def open_results(
    folder: Path, progress: ProgressCallback, study_path: Path | None = None
) -> OpenedStudy:
    """Open a results folder with the measured images, looked for near it where not given.

    Raises ``ImagesMissingError`` where they are not found, ``SessionError`` where the results
    cannot be read or nothing was measured.
    """
    progress("reading the results", 0.0)
    result, _ = read_record(folder)
    case = case_of("look", folder, folder.name, "")
    if case is None:
        raise SessionError(f"the results in {folder} have no discs: {result.message}")
    candidates = [study_path] if study_path is not None else list(_near(folder))
    progress("searching for the images", 0.1)
    for candidate in candidates:
        try:
            study = open_images(case, candidate)
        except SessionError:
            if study_path is not None:
                raise
            continue
        discs = {disc.level: disc.label_id for disc in case.discs}
        residual = {one.level: one.level.label_id for one in result.residual_discs}
        loaded = load_images(study, folder, discs | residual)
        title = _title(case.subject_id, case.study_date)
        return OpenedStudy(
            title, loaded, candidate, folder, result.provenance.settings, discs,
            metrics_of(result), residual,
        )  # fmt: skip
    raise ImagesMissingError(f"the images of the results {folder.name} were not found")


def _near(folder: Path) -> Iterator[Path]:
    """Places where the images of a results folder may be."""
    for root in dict.fromkeys((*folder.resolve().parents[:3], Path.cwd())):
        try:
            found = find_study(folder, root)
        except UsageError:
            continue
        if found.resolve() != folder.resolve():
            yield found


def open_study(
    path: Path, progress: ProgressCallback, settings: Settings | None = None
) -> OpenedStudy:
    """Open a study that is not measured yet: its pictures, without any disc.

    Raises the errors of :func:`discmri.read_study`, also for a study without sagittal series.
    """
    progress("reading headers", 0.0)
    study = read_study(path)
    progress("reading the sagittal series", 0.2)
    grid = study.target().grid
    if grid is None:
        raise SessionError(f"{study.target().name} cannot be read: {study.target().problem}")
    nothing = np.zeros(grid.shape, dtype=np.uint8)
    loaded = LoadedStudy(study, images_of(study, nothing, grid, {}))
    title = _title(study.subject_id, study.study_date)
    return OpenedStudy(title, loaded, Path(path), settings=settings or Settings())


def complete(look: OpenedStudy, progress: ProgressCallback) -> tuple[OpenedStudy, Picture | str]:
    """Measure a study that has no results yet; and its ADC as it is drawn."""
    if look.results is not None:
        return look, load_adc(look.loaded, progress)
    result = StudySteps(look.loaded.study, look.settings).measure(progress)
    discs = {one.level: one.level.label_id for one in result.records}
    residual = {one.level: one.level.label_id for one in result.residual_discs}
    labels = result.label_map
    images = images_of(look.loaded.study, labels.array, labels.grid, discs | residual)
    diffusion = result.provenance.diffusion
    loaded = replace(look.loaded, images=images, borders=result.borders, diffusion=diffusion)
    found = replace(
        look,
        loaded=loaded,
        discs=discs,
        residual=residual,
        metrics=metrics_of(result),
        measured=result,
    )
    return found, load_adc(loaded, progress)


def _title(subject: str, date: str) -> str:
    return ", ".join(filter(None, (one_line(subject), one_line(date))))


# ------------------------------------------------------------------ grading what is looked at
def session_place(look: OpenedStudy) -> Path:
    """Where the session of a single study goes if the reader wants nothing else."""
    if look.results is not None:
        return look.results.with_name(f"{look.results.name}{SESSION_SUFFIX}")
    if look.fleeting:
        return look.study_path.with_name(f"sample{SESSION_SUFFIX}")
    return Path("discmri-out") / f"{look.study_path.resolve().name}{SESSION_SUFFIX}"


def plan_single(look: OpenedStudy, place: Path, reader: str) -> None:
    """Make a session on one study in open mode, unless it exists.

    A study without results gets them beside the session.  Raises the errors of
    :func:`discmri.reading.plan_session`.
    """
    if place.exists():
        return
    results = look.results
    if results is None:
        if look.measured is None:
            raise SessionError(f"{look.title} is not measured yet")
        results = place.with_suffix("")
        look.measured.write(results)
    options = SessionOptions((reader,), Mode.OPEN, Order.AS_GIVEN, planner=reader)
    place.parent.mkdir(parents=True, exist_ok=True)
    planned = plan_session({results: look.study_path}, options, place.parent)
    create_session(place, planned)


# ------------------------------------------------------------------ a sample
@cache
def _sample_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder that is gone when the program ends."""
    return tempfile.TemporaryDirectory(prefix="discmri-sample-")


def open_sample(progress: ProgressCallback) -> OpenedStudy:
    """Draw a small synthetic spine with T2, T1 and diffusion images, and open it."""
    import nibabel as nib

    from discmri.phantoms import Protocol, lumbar_spine, make_phantom
    from discmri.phantoms import SpineOptions as Spine
    from discmri.phantoms.vendors import write_study

    folder = Path(_sample_folder().name)
    study_path, labels = folder / "sample", folder / "labels.nii.gz"
    if not labels.exists():
        protocol = Protocol(**SAMPLE)
        progress("drawing a synthetic spine", 0.0)
        phantom = make_phantom(lumbar_spine(Spine(grades=[2, 3, 4, 7, 8]), seed=11))
        write_study(phantom, study_path, "siemens", protocol)
        progress("drawing its labels", 0.7)
        grid = phantom.grid(protocol)
        drawn = phantom.label_map(grid, protocol.slice_thickness_mm)
        nib.save(nib.Nifti1Image(drawn, grid.affine), labels)
    settings = Settings(segmenter="masks", masks=labels)
    return replace(open_study(study_path, progress, settings), fleeting=True)
