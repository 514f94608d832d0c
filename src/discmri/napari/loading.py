"""Getting a study ready to look at: jobs that run in a worker and tell how far they are.

A case comes in two steps.  :func:`load_images` takes a second and is all that grading needs;
:func:`measure_loaded` measures the study once more, which takes as long as measuring does and is
needed for height lines, the aligned ADC and for measuring a painted disc.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from discmri.core.errors import ResultsError, SessionError
from discmri.core.levels import DiscLevel
from discmri.core.settings import Settings
from discmri.measurement.disc_values import RemeasuredDisc
from discmri.measurement.outline import repainted
from discmri.measurement.pipeline import StudySteps
from discmri.napari.images import Images, Picture, adc_picture, images_of
from discmri.napari.view import SagittalView
from discmri.results.label_map import LabelMap

if TYPE_CHECKING:
    from discmri.study import Study

ProgressCallback = Callable[[str, float], None]
"""Told what is being done and which share of the whole is behind, 0 to 1."""


@dataclass(frozen=True, eq=False)
class LoadedStudy:
    """What the first step of loading gives.

    Parameters
    ----------
    study
        The study; the second step reads on from it.
    images
        What is drawn.
    labels_file
        The automatic label map; ``None`` for a study that was not measured yet.
    """

    study: Study
    images: Images
    labels_file: Path | None


@dataclass(frozen=True, eq=False)
class MeasuredStudy:
    """What the second step of loading gives.

    Parameters
    ----------
    steps
        The study, measured as its results were.
    adc
        The ADC on the lattice of the pictures, ``None`` without diffusion.
    """

    steps: StudySteps
    adc: Picture | None


def load_images(study: Study, labels_file: Path, discs: Mapping[DiscLevel, int]) -> LoadedStudy:
    """Read the pictures of a study and its label map.

    Parameters
    ----------
    study
        Found, not yet read.
    labels_file
        ``labels.nii.gz`` of its results.
    discs
        Label number of each disc.

    Raises
    ------
    SessionError
        Where the label map cannot be read or belongs to another grid.
    """
    try:
        labels = unpacked(labels_file.read_bytes())
    except OSError as error:
        raise SessionError(f"{labels_file} cannot be read ({error})") from error
    return LoadedStudy(study, images_of(study, labels.array, labels.grid, discs), labels_file)


def measure_loaded(
    loaded: LoadedStudy, settings: Settings, progress: ProgressCallback
) -> MeasuredStudy:
    """Measure a study again as its results were measured.

    Where the segmenter of the results still gives their label map, its soft masks are used, so
    that an edited disc is compared like with like; else the label map itself is measured.

    Parameters
    ----------
    loaded
        From :func:`load_images`.
    settings
        That the results were made with.
    progress
        Told how far it is; may raise to stop.
    """
    return with_adc(
        _as_measured(loaded, repeatable(settings), progress), loaded.images.view, progress
    )


def with_adc(steps: StudySteps, view: SagittalView, progress: ProgressCallback) -> MeasuredStudy:
    """A measured study with its ADC as it is drawn."""
    progress("placing the ADC", 0.95)
    diffusion = steps.diffusion
    adc = None if diffusion is None else adc_picture(view, diffusion.on(view.grid))
    return MeasuredStudy(steps, adc)


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


def _as_measured(loaded: LoadedStudy, settings: Settings, progress: ProgressCallback) -> StudySteps:
    if settings.segmenter != "masks":
        steps = StudySteps(loaded.study, settings)
        if np.array_equal(steps.measure(progress).labels.label_map(), loaded.images.labels):
            return steps
    from_labels = replace(
        settings,
        segmenter="masks",
        masks=loaded.labels_file,
        mask_scheme="discmri",
        lowest_disc=None,
    )
    steps = StudySteps(loaded.study, from_labels)
    steps.measure(progress)
    return steps


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
