"""Getting a study ready to look at: jobs that run in a worker and tell how far they are.

A case comes in two steps.  :func:`load_images` takes a second and is all that grading needs;
:func:`load_workup` measures the study once more, which takes as long as measuring does and is
needed for height lines, the aligned ADC and for measuring a painted disc.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from discmri.core.errors import SessionError
from discmri.core.levels import DiscLevel
from discmri.core.settings import Settings
from discmri.core.volume import Grid
from discmri.measurement.outline import repainted
from discmri.measurement.pipeline import Remeasured, Workup, measure_again, work_up
from discmri.napari.images import Images, Picture, adc_picture, images_of
from discmri.napari.view import SagittalView

if TYPE_CHECKING:
    from discmri.study import Study

Say = Callable[[str, float], None]
"""Told what is being done and which share of the whole is behind, 0 to 1."""


@dataclass(frozen=True, eq=False)
class Loaded:
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
class Measured:
    """What the second step of loading gives.

    Parameters
    ----------
    workup
        The study, measured as its results were.
    adc
        The ADC on the lattice of the pictures, ``None`` without diffusion.
    """

    workup: Workup
    adc: Picture | None


def load_images(study: Study, labels_file: Path, discs: Mapping[DiscLevel, int]) -> Loaded:
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
        labels, drawn_on = unpacked(labels_file.read_bytes())
    except OSError as error:
        raise SessionError(f"{labels_file} cannot be read ({error})") from error
    return Loaded(study, images_of(study, labels, drawn_on, discs), labels_file)


def load_workup(loaded: Loaded, record: Mapping[str, Any], say: Say) -> Measured:
    """Measure a study again as its results were measured.

    Where the segmenter of the results still gives their label map, its soft masks are used, so
    that an edited disc is compared like with like; else the label map itself is measured.

    Parameters
    ----------
    loaded
        From :func:`load_images`.
    record
        ``study.json`` of the results.
    say
        Told how far it is; may raise to stop.
    """
    return with_adc(_as_measured(loaded, record, say), loaded.images.view, say)


def with_adc(workup: Workup, view: SagittalView, say: Say) -> Measured:
    """A measured study with its ADC as it is drawn."""
    say("placing the ADC", 0.95)
    adc = workup.adc_on(view.grid)
    return Measured(workup, None if adc is None else adc_picture(view, adc))


def measure_painted(
    workup: Workup,
    images: Images,
    level: DiscLevel,
    where: NDArray[np.bool_],
    number: int,
) -> Remeasured | None:
    """Measure a disc whose label was painted; ``None`` where nothing of it is left.

    Parameters
    ----------
    workup
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
    mask = workup.result.labels.discs[level]
    return measure_again(workup, level, repainted(mask, images.view.grid, before, where))


def _as_measured(loaded: Loaded, record: Mapping[str, Any], say: Say) -> Workup:
    settings = settings_of(record)
    if settings.segmenter != "masks":
        workup = work_up(loaded.study, settings, say)
        if np.array_equal(workup.result.labels.label_map(), loaded.images.labels):
            return workup
    from_labels = replace(
        settings,
        segmenter="masks",
        masks=loaded.labels_file,
        mask_scheme="discmri",
        lowest_disc=None,
    )
    return work_up(loaded.study, from_labels, say)


def settings_of(record: Mapping[str, Any]) -> Settings:
    """The settings that results were measured with, from their ``study.json``.

    >>> settings_of({"settings": {"height_method": "dabbs", "lowest_disc": "L4-L5"}}).lowest_disc
    <DiscLevel.L4_L5: 'L4-L5'>
    """
    stored = dict(record.get("settings", {}))
    known = {one.name for one in fields(Settings)} - {"masks", "formats", "threads"}
    values = {name: value for name, value in stored.items() if name in known and value is not None}
    if "lowest_disc" in values:
        values["lowest_disc"] = DiscLevel(values["lowest_disc"])
    return Settings(**values, threads=_threads())


def _threads() -> int:
    """How many threads may measure while somebody reads: one processor is left to the pictures."""
    return min(Settings().threads, max(1, (os.cpu_count() or 1) - 1))


def unpacked(data: bytes) -> tuple[NDArray[np.uint8], Grid]:
    """A label map and its grid from the bytes of a ``.nii.gz`` file.

    Raises
    ------
    SessionError
        Where they are something else.
    """
    import nibabel as nib

    try:
        image: Any = nib.Nifti1Image.from_bytes(gzip.decompress(data))
        labels = np.asarray(image.dataobj).astype(np.uint8)
    except (OSError, EOFError, ValueError) as error:
        raise SessionError(f"a label map cannot be read ({error})") from error
    return labels, Grid(labels.shape, image.affine)


def packed(labels: NDArray[np.uint8], like: Images) -> bytes:
    """A label map as the bytes of a ``.nii.gz`` file; the same labels give the same bytes."""
    import nibabel as nib

    image = nib.Nifti1Image(labels, like.view.grid.affine)
    image.header.set_xyzt_units("mm")
    return gzip.compress(image.to_bytes(), compresslevel=6, mtime=0)
