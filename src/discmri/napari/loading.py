"""Getting a study ready to look at: jobs that run in a worker and tell how far they are.

A session shows what its results folders hold and measures nothing.  :func:`load_images` takes a
second and is all that grading needs; :func:`load_adc` fits the diffusion images and places them
as the results record it; :func:`measure_loaded` does again what results do not hold and a painted
disc is measured with, which only a reader who paints a label has to wait for.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from discmri.core.errors import DicomError, ResultsError, SessionError
from discmri.core.findings import MeasurementError
from discmri.core.levels import DiscLevel
from discmri.core.settings import Settings
from discmri.measurement.adc import recorded_adc
from discmri.measurement.disc_values import RemeasuredDisc
from discmri.measurement.outline import repainted
from discmri.measurement.pipeline import STEPS, StudySteps
from discmri.napari.images import Images, Picture, adc_picture, images_of
from discmri.reading.results import read_record
from discmri.results.label_map import LabelMap
from discmri.results.model import StudyResult
from discmri.results.outline import DiscBorder
from discmri.results.provenance import DiffusionFacts

if TYPE_CHECKING:
    from discmri.study import Study

_log = logging.getLogger(__name__)

ProgressCallback = Callable[[str, float], None]
"""Told what is being done and which share of the whole is behind, 0 to 1."""


@dataclass(frozen=True, eq=False)
class LoadedStudy:
    """A study as it is looked at.

    Parameters
    ----------
    study
        The study; later steps read on from it.
    images
        What is drawn.
    labels_file
        The automatic label map; ``None`` for a study that was not measured yet.
    borders
        Mid-sagittal borders that were measured; a disc that could not be traced is absent.
    diffusion
        How its ADC came about; ``None`` without any.
    """

    study: Study
    images: Images
    labels_file: Path | None = None
    borders: Mapping[DiscLevel, DiscBorder] = field(default_factory=dict)
    diffusion: DiffusionFacts | None = None


def load_images(study: Study, folder: Path, discs: Mapping[DiscLevel, int]) -> LoadedStudy:
    """Read the pictures of a study, and its label map and borders from its results.

    Parameters
    ----------
    study
        Found, not yet read.
    folder
        Its results.
    discs
        Label number of each disc.

    Raises
    ------
    SessionError
        Where the results cannot be read or belong to another grid.
    """
    result, _ = read_record(folder)
    try:
        labels = result.label_map
    except ResultsError as error:
        raise SessionError(str(error)) from error
    try:
        borders = result.borders
    except ResultsError as error:  # written without this format: labels have borders too
        _log.info("borders are those of the labels: %s", error)
        borders = {}
    images = images_of(study, labels.array, labels.grid, discs)
    file = folder / "labels.nii.gz"
    return LoadedStudy(study, images, file, borders, result.provenance.diffusion)


def load_adc(loaded: LoadedStudy, progress: ProgressCallback) -> Picture | str:
    """The ADC of a measured study on the lattice of its pictures.

    Returns
    -------
    Picture or str
        Why there is none to show, without a word of the study; empty where none was measured.
    """
    if loaded.diffusion is None:
        return ""
    progress("fitting the diffusion images", 0.2)
    try:
        found = recorded_adc(loaded.study, loaded.diffusion)
    except (MeasurementError, DicomError) as error:
        _log.info("no ADC is shown: %s", error)
        return "ADC: the diffusion images cannot be read or fitted"
    if found is None:
        return "ADC: its position is not stored in the results; measure the study again to show it"
    progress("aligning the ADC", 0.7)
    view = loaded.images.view
    return adc_picture(view, found.on(view.grid))


def measure_loaded(
    loaded: LoadedStudy, result: StudyResult, progress: ProgressCallback
) -> StudySteps:
    """Make ready for measuring a painted disc as the results were measured.

    Heights, shapes and quality of the other discs are those of the results.  What results do not
    hold is found again: the segmenter's soft masks, the bias field, where the diffusion images
    lie, and borders and signals that a painted disc is compared with.

    Where the segmenter of the results still gives their label map, its soft masks are used, so
    that an edited disc is compared like with like; else the label map itself is measured.

    Parameters
    ----------
    loaded
        From :func:`load_images`.
    result
        What was measured before.
    progress
        Told how far it is; may raise to stop.
    """
    again = repeatable(result.provenance.settings)
    if again.segmenter != "masks":
        steps = StudySteps(loaded.study, again)
        steps.advance("labels", progress)
        if np.array_equal(steps.labels.label_map(), loaded.images.labels):
            return _shared(steps, result, progress)
    from_labels = replace(
        again,
        segmenter="masks",
        masks=loaded.labels_file,
        mask_scheme="discmri",
        lowest_disc=None,
    )
    steps = StudySteps(loaded.study, from_labels)
    steps.advance("labels", progress)
    return _shared(steps, result, progress)


def _shared(steps: StudySteps, result: StudyResult, progress: ProgressCallback) -> StudySteps:
    """Do the steps that a painted disc shares with the study."""
    if all(one.quality is not None for one in result.records):
        steps.keep_values(result.records)
    for step in ("outlines", "bias_corrected", "signals", "t1", "diffusion"):
        progress(*STEPS[step])
        getattr(steps, step)
    return steps


def measure_painted(
    steps: StudySteps,
    images: Images,
    level: DiscLevel,
    where: NDArray[np.bool_],
    number: int,
) -> RemeasuredDisc | None:
    """Measure a disc whose label was painted; ``None`` where nothing of it is left.

    Parameters
    ----------
    steps
        The study as it was measured.
    images
        With the automatic labels.
    level, number
        Which disc, and its label number.
    where
        (i, j, k) voxels that the disc has now.
    """
    if not where.any():
        return None
    before = images.labels == number
    mask = repainted(steps.labels.discs[level], images.view.grid, before, where)
    return steps.remeasure(level, mask)


def repeatable(settings: Settings) -> Settings:
    """Settings as results hold them, fit for measuring the same study again.

    A label map is known by its name alone there, so its place has to be given anew.
    """
    return replace(settings, masks=None, formats=(), threads=_threads())


def _threads() -> int:
    """How many threads may measure while somebody reads: one processor is left to the pictures."""
    return min(Settings().threads, max(1, (os.cpu_count() or 1) - 1))


def unpacked(data: bytes) -> LabelMap:
    """A label map from the bytes of a ``.nii.gz`` file.

    Raises
    ------
    SessionError
        Where they are something else.
    """
    try:
        return LabelMap.from_bytes(data)
    except ResultsError as error:
        raise SessionError(str(error)) from error


def packed(labels: NDArray[np.uint8], like: Images) -> bytes:
    """A label map as the bytes of a ``.nii.gz`` file; the same labels give the same bytes."""
    return LabelMap(labels, like.view.grid).to_bytes()
