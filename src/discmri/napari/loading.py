"""Load a study for display: jobs for workers that report their progress.

A session shows the stored results and measures nothing.  :func:`load_images` takes a second
and is sufficient for grading; :func:`load_adc` fits the diffusion images and places them
as recorded in the results; :func:`measure_loaded` repeats the steps that are not stored in the
results and that measuring a painted disc needs, so only readers who paint wait for it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from discmri.core.errors import DicomError, ResultsError, SessionError
from discmri.core.findings import MeasurementError
from discmri.core.levels import DiscLevel
from discmri.core.progress import ProgressCallback
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


@dataclass(frozen=True, eq=False)
class LoadedStudy:
    """A study loaded for display."""

    study: Study  # the study; later steps read more series from it
    images: Images
    labels_file: Path | None = None  # the automatic label map; None before the first measurement
    # measured mid-sagittal borders; discs without a traced border are absent
    borders: Mapping[DiscLevel, DiscBorder] = field(default_factory=dict)
    diffusion: DiffusionFacts | None = None  # record of the ADC measurement; None without ADC


def load_images(study: Study, folder: Path, discs: Mapping[DiscLevel, int]) -> LoadedStudy:
    """Read the pictures of a study, and its label map and borders from its results.

    Raises ``SessionError`` if the results cannot be read or belong to another grid.
    """
    result, _ = read_record(folder)
    try:
        labels = result.label_map
    except ResultsError as error:
        raise SessionError(str(error)) from error
    try:
        borders = result.borders
    except ResultsError as error:  # results without this format: the border of the label is shown
        _log.info("borders are those of the labels: %s", error)
        borders = {}
    images = images_of(study, labels.array, labels.grid, discs)
    file = folder / "labels.nii.gz"
    return LoadedStudy(study, images, file, borders, result.provenance.diffusion)


def load_adc(loaded: LoadedStudy, progress: ProgressCallback) -> Picture | str:
    """Return the ADC of a measured study on the grid of its pictures.

    A string is the reason why no ADC is shown and does not identify the study; it is empty if none
    was measured.
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
    """Prepare to measure a painted disc with the method of the results.

    Heights, shapes and quality of the other discs are taken from the results.  The following are
    not stored and are computed again: the segmenter's soft masks, the bias field, the position of
    the diffusion images, and the borders and signals for comparison with a painted disc.

    If the segmenter reproduces the label map of the results, its soft masks are used, so that all
    discs are measured alike; otherwise the label map itself is measured.  ``progress`` may raise to
    stop.
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
    """Run the steps that a painted disc shares with the study."""
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
    """Measure a disc whose label was painted; ``None`` if ``where`` (i, j, k) has no voxel."""
    if not where.any():
        return None
    before = images.labels == number
    mask = repainted(steps.labels.discs[level], images.view.grid, before, where)
    return steps.remeasure(level, mask)


def repeatable(settings: Settings) -> Settings:
    """Return stored settings completed for measuring the same study again.

    Stored settings hold only the name of a label map, so its path must be given again.
    """
    return replace(settings, masks=None, formats=(), threads=_threads())


def _threads() -> int:
    """Number of threads for measuring during reading: one processor stays free for display."""
    return min(Settings().threads, max(1, (os.cpu_count() or 1) - 1))


def unpacked(data: bytes) -> LabelMap:
    """Return the label map from the bytes of a ``.nii.gz`` file; ``SessionError`` for others."""
    try:
        return LabelMap.from_bytes(data)
    except ResultsError as error:
        raise SessionError(str(error)) from error
