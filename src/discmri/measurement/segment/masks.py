"""Discs from a given label map, drawn by hand or by another program.

A map is measured only if its structures are anatomically possible.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from discmri.core.errors import GeometryError, NothingToMeasureError, UsageError
from discmri.core.findings import Code, Finding, warning
from discmri.core.labels import FoundDisc, FoundSpine
from discmri.core.settings import Settings
from discmri.core.volume import Grid, Volume
from discmri.measurement.segment.anatomy import impossible_anatomy
from discmri.measurement.segment.labelled import Labels, labelled_spine, misnamed_vertebrae
from discmri.measurement.segment.schemes import SCHEMES, mask_scheme
from discmri.measurement.segment.schemes.scheme import MaskScheme

_DAMAGE = (OSError, EOFError, KeyError, OverflowError, TypeError, ValueError, zlib.error)
_LISTED = 20


def masks(image: Volume, settings: Settings) -> FoundSpine:
    """Read the label map of the settings.

    Parameters
    ----------
    image
        The sagittal image; only its grid is used, to check that the two overlap.
    settings
        ``masks`` is the file, NIfTI or DICOM SEG, ``mask_scheme`` the meaning of its numbers.

    Raises
    ------
    UsageError
        If no file is given, or if it cannot be read or has other values than whole numbers.
    NothingToMeasureError
        If it holds no disc of the scheme, is anatomically impossible
        (:mod:`discmri.measurement.segment.anatomy`), or lies outside the image.
    """
    if settings.masks is None:
        raise UsageError("--segmenter masks needs --masks FILE, a NIfTI label map or a DICOM SEG")
    mask_scheme(settings.mask_scheme)  # an unknown scheme is an error before the file is read
    labels, grid, findings, name = _labels(settings.masks, settings.mask_scheme)
    scheme = mask_scheme(name)
    found = labelled_spine(labels, grid, scheme)
    if problem := _problem(labels, grid, scheme, found):
        fitting = _fitting_schemes(labels, grid, name)
        advice = (
            f"it fits --mask-scheme {' or '.join(fitting)}"
            if fitting
            else "give the unchanged map of its program, in the orientation of this study, and its "
            "scheme with --mask-scheme"
        )
        raise NothingToMeasureError(
            f"{settings.masks}, read with the scheme {name!r}: {problem}; {advice}"
        )
    assert found is not None  # _problem says so
    _check_overlap(found.discs, image.grid, settings.masks)
    unknown = _unknown(labels, scheme)
    if unknown:
        text = f"label map: the scheme {name!r} has no {_list(unknown)}; left out"
        findings = (*findings, warning(Code.LABELS_UNKNOWN, text))
    return replace(found, grid=image.grid, method=f"masks:{name}", findings=findings)


def _problem(labels: Labels, grid: Grid, scheme: MaskScheme, found: FoundSpine | None) -> str:
    """Why a label map cannot be measured with a scheme; empty if it can."""
    held, unknown = _held(labels), _unknown(labels, scheme)
    if not held:
        return "it is empty"
    if found is None:
        return f"it has no disc of the scheme ({_list(held)})"
    few = 2 * len(unknown) <= len(held)
    if not few or 2 * np.isin(labels, unknown).sum() > np.count_nonzero(labels):
        return f"most of it is not defined in the scheme ({_list(unknown)})"
    return impossible_anatomy(found) or misnamed_vertebrae(labels, grid, scheme, found)


def _fitting_schemes(labels: Labels, grid: Grid, tried: str) -> list[str]:
    """Other schemes with which the map can be measured."""
    return [
        name
        for name, scheme in SCHEMES.items()
        if name != tried
        and not _problem(labels, grid, scheme, labelled_spine(labels, grid, scheme))
    ]


def _held(labels: Labels) -> list[int]:
    return [int(number) for number in np.unique(labels) if number]


def _unknown(labels: Labels, scheme: MaskScheme) -> list[int]:
    return [number for number in _held(labels) if number not in scheme.numbers]


def _list(numbers: Sequence[int]) -> str:
    more = ", …" if len(numbers) > _LISTED else ""
    return f"label{'s'[: len(numbers) > 1]} {', '.join(map(str, numbers[:_LISTED]))}{more}"


def _labels(path: Path, scheme: str) -> tuple[Labels, Grid, tuple[Finding, ...], str]:
    """Label numbers, their grid, findings, and the scheme of the numbers.

    A DICOM SEG with codes or labels of its segments needs no scheme.
    """
    from discmri.results.dicom.read import is_dicom, read_segmentation

    try:
        dicom = is_dicom(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror or error})") from error
    if dicom:
        seg = read_segmentation(path)
        return seg.labels, seg.grid, _left_out(seg.left_out), "discmri" if seg.named else scheme
    return *_read(path), scheme


def _left_out(segments: Sequence[str]) -> tuple[Finding, ...]:
    """Finding on segments of a DICOM SEG without a known meaning."""
    if not segments:
        return ()
    more = ", …" if len(segments) > _LISTED else ""
    text = f"DICOM SEG: unknown segments {', '.join(map(repr, segments[:_LISTED]))}{more}; left out"
    return (warning(Code.LABELS_UNKNOWN, text),)


def _read(path: Path) -> tuple[Labels, Grid, tuple[Finding, ...]]:
    """Label numbers, their grid, and findings about it."""
    import nibabel as nib
    from nibabel.filebasedimages import ImageFileError
    from nibabel.spatialimages import HeaderDataError, ImageDataError

    from discmri.study.extent import refuse_absurd_extent
    from discmri.study.nifti_header import check_gzip

    try:
        file = cast(Any, nib.load(path))
        doubt = _check_header(file, path)
        values = np.asarray(file.dataobj)
        check_gzip(path)
    except (*_DAMAGE, ImageFileError, HeaderDataError, ImageDataError) as error:
        raise UsageError(f"{path}: not a readable NIfTI label map ({error})") from error
    if values.ndim == 4 and values.shape[3] == 1:
        values = values[..., 0]
    if values.ndim != 3:
        raise UsageError(f"{path}: a label map has three axes, this file has {values.ndim}")
    if not np.array_equal(values, np.round(values)):
        raise UsageError(f"{path}: a label map has whole numbers, this file does not")
    if values.size and np.abs(values).max() > np.iinfo(np.int32).max:
        raise UsageError(f"{path}: its numbers are too large for labels")
    try:
        grid = Grid(values.shape, file.affine)
        refuse_absurd_extent(grid)
    except GeometryError as error:
        raise GeometryError(f"{path}: {error}") from error
    code = Code.HEADER_CONTRADICTS_GEOMETRY
    return values.astype(np.int32), grid, (warning(code, f"label map: {doubt}"),) * bool(doubt)


def _check_header(file: Any, path: Path) -> str:
    """Refuse a file that cannot be a label map before its voxels are read; else return a doubt."""
    from discmri.study.nifti_header import MAX_BYTES, placement_of

    placement = placement_of(file)
    if placement.affine is None:
        raise UsageError(
            f"{path}: {placement.problem}; write it with the geometry of the image it was drawn on"
        )
    if placement.problem:
        raise GeometryError(f"{path}: {placement.problem}")
    dtype = file.header.get_data_dtype()
    if dtype.kind not in "iufb":
        raise UsageError(f"{path}: a label map has whole numbers, this file has {dtype.name}")
    size = int(np.prod(file.shape, dtype=object)) * dtype.itemsize
    if size > MAX_BYTES:
        raise UsageError(f"{path}: its header describes {size >> 20} MiB, more than discmri reads")
    return placement.doubt


def _check_overlap(discs: Sequence[FoundDisc], grid: Grid, path: Path) -> None:
    """Refuse a label map whose discs lie outside the image."""
    points = np.vstack(
        [disc.mask.grid.to_world(np.argwhere(disc.mask.array > 0.5)) for disc in discs]
    )
    index = grid.to_index(points)
    inside = ((index > -0.5) & (index < np.array(grid.shape) - 0.5)).all(axis=1)
    if not inside.any():
        raise NothingToMeasureError(
            f"{path}: its discs lie outside the sagittal image; "
            "give a label map of this study in the same patient space"
        )
