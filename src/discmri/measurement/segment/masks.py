"""Discs from a given label map, drawn by hand or by another program.

Every structure keeps the resolution of the map it came from: nothing is resampled to the
image, so a finer map gives finer borders.
"""

from __future__ import annotations

import gzip
import logging
import zlib
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from discmri.core.errors import GeometryError, NothingToMeasureError, UsageError
from discmri.core.labels import FoundDisc, FoundSpine
from discmri.core.levels import DiscLevel, Vertebra
from discmri.core.settings import Settings
from discmri.core.volume import Array, Grid, SoftMask, Volume
from discmri.measurement.segment.joint import split_bodies, split_discs
from discmri.measurement.segment.schemes import mask_scheme
from discmri.measurement.segment.schemes.scheme import MaskScheme

log = logging.getLogger(__name__)

MAX_BYTES = 4 * 2**30
_DAMAGE = (OSError, EOFError, KeyError, OverflowError, TypeError, ValueError, zlib.error)
Labels = NDArray[np.int32]


def masks(image: Volume, settings: Settings) -> FoundSpine:
    """Read the label map named in the settings.

    Parameters
    ----------
    image
        The sagittal image; only its place in the patient is used, to see that the two overlap.
    settings
        ``masks`` is the NIfTI file, ``mask_scheme`` says what its numbers mean.

    Raises
    ------
    UsageError
        Where no file is given, it cannot be read, or it holds no whole numbers.
    NothingToMeasureError
        Where it holds no disc of the scheme, or lies elsewhere in the patient.
    """
    if settings.masks is None:
        raise UsageError("--segmenter masks needs --masks FILE, a NIfTI label map")
    scheme = mask_scheme(settings.mask_scheme)
    labels, grid = _read(settings.masks)
    joint = _joint_discs(labels, grid, scheme)
    discs = [_disc(where, grid, None) for where in joint] + _named_discs(labels, grid, scheme)
    if not discs:
        held = [number for number in np.unique(labels).tolist() if number][:20]
        raise NothingToMeasureError(
            f"{settings.masks}: no disc of the scheme {settings.mask_scheme!r} among its labels "
            f"{held}; name the right scheme with --mask-scheme"
        )
    _check_overlap(discs, image.grid, settings.masks)
    canal = _structure(np.isin(labels, scheme.canal), grid)
    return FoundSpine(
        grid=image.grid,
        discs=tuple(sorted(discs, key=lambda d: -d.mask.centroid_mm[2])),
        bodies=_bodies(labels, grid, scheme, joint, canal),
        sacrum=_structure(np.isin(labels, scheme.sacrum), grid),
        canal=canal,
        method=f"masks:{settings.mask_scheme}",
    )


def _read(path: Path) -> tuple[Labels, Grid]:
    """Label numbers and their grid."""
    import nibabel as nib
    from nibabel.filebasedimages import ImageFileError
    from nibabel.spatialimages import HeaderDataError, ImageDataError

    try:
        file = cast(Any, nib.load(path))
        _check_header(file, path)
        values = np.asarray(file.dataobj)
        if path.suffix.lower() == ".gz":
            _check_to_the_end(path)
    except (*_DAMAGE, ImageFileError, HeaderDataError, ImageDataError) as error:
        raise UsageError(f"{path}: not a readable NIfTI label map ({error})") from error
    if values.ndim == 4 and values.shape[3] == 1:
        values = values[..., 0]
    if values.ndim != 3:
        raise UsageError(f"{path}: a label map has three axes, this one has {values.ndim}")
    if not np.array_equal(values, np.round(values)):
        raise UsageError(f"{path}: a label map holds whole numbers, this one does not")
    if values.size and np.abs(values).max() > np.iinfo(np.int32).max:
        raise UsageError(f"{path}: its numbers are too large for labels")
    try:
        return values.astype(np.int32), Grid(values.shape, file.affine)
    except GeometryError as error:
        raise GeometryError(f"{path}: {error}") from error


def _check_header(file: Any, path: Path) -> None:
    """Refuse what cannot be a label map before its voxels are read."""
    header = file.header
    if not (int(header.get("sform_code", 1)) or int(header.get("qform_code", 1))):
        raise UsageError(
            f"{path}: its header does not say how it lies in the patient (sform and qform codes "
            "are 0); write it with the geometry of the image it was drawn on"
        )
    dtype = header.get_data_dtype()
    if dtype.kind not in "iufb":
        raise UsageError(f"{path}: a label map holds whole numbers, this one holds {dtype.name}")
    size = int(np.prod(file.shape, dtype=object)) * dtype.itemsize
    if size > MAX_BYTES:
        raise UsageError(f"{path}: its header claims {size >> 20} MiB, more than discmri reads")


def _check_to_the_end(path: Path) -> None:
    """Let gzip see its checksum, which a reader of voxels never reaches."""
    with gzip.open(path) as stream:
        while stream.read(2**22):
            pass


def _structure(where: NDArray[np.bool_], grid: Grid) -> SoftMask | None:
    if not where.any():
        return None
    return SoftMask.from_fractions(where.astype(np.float32), grid.affine)


def _main_piece(where: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest connected part."""
    from scipy import ndimage

    parts, count = ndimage.label(where, structure=np.ones((3, 3, 3)))
    if count <= 1:
        return where
    return np.asarray(parts == 1 + np.argmax(np.bincount(parts.ravel())[1:]))


def _joint_discs(labels: Labels, grid: Grid, scheme: MaskScheme) -> list[NDArray[np.bool_]]:
    if scheme.joint_discs is None:
        return []
    return split_discs(labels == scheme.joint_discs, labels == scheme.joint_vertebrae, grid)


def _named_discs(labels: Labels, grid: Grid, scheme: MaskScheme) -> list[FoundDisc]:
    present = set(np.unique(labels).tolist())
    six = any(
        number in present for number, v in scheme.vertebrae.items() if v is Vertebra.L6
    ) or any(number in present for number, d in scheme.discs.items() if d is DiscLevel.L5_L6)
    return [
        _disc(_main_piece(labels == number), grid, _with_sixth_body(level, number, scheme, six))
        for number, level in scheme.discs.items()
        if number in present
    ]


def _disc(where: NDArray[np.bool_], grid: Grid, level: DiscLevel | None) -> FoundDisc:
    return FoundDisc(SoftMask.from_fractions(where.astype(np.float32), grid.affine), 1.0, level)


def _with_sixth_body(level: DiscLevel, number: int, scheme: MaskScheme, six: bool) -> DiscLevel:
    """Rename the lowest discs where the map also holds a sixth lumbar body."""
    if not six or level is not DiscLevel.L5_S1:
        return level
    # A scheme that numbers discs by the body above gives L5's disc the number of L5-S1.
    by_body_above = any(d is DiscLevel.L6_S1 for d in scheme.discs.values())
    log.debug("label %d renamed for a sixth lumbar body", number)
    return DiscLevel.L5_L6 if by_body_above else DiscLevel.L6_S1


def _bodies(
    labels: Labels,
    grid: Grid,
    scheme: MaskScheme,
    joint: list[NDArray[np.bool_]],
    canal: SoftMask | None,
) -> tuple[SoftMask, ...]:
    """Vertebral bodies, cranial to caudal, without posterior elements."""
    if scheme.joint_vertebrae is not None:
        wheres = split_bodies(labels == scheme.joint_vertebrae, joint, grid)
    else:
        wheres = [where for n in scheme.vertebrae if (where := labels == n).any()]
        if scheme.whole_vertebrae:
            wheres = [_in_front_of(canal, where, grid) for where in wheres]
        wheres = [_main_piece(where) for where in wheres]
    found = [_structure(where, grid) for where in wheres]
    bodies = [body for body in found if body is not None]
    return tuple(sorted(bodies, key=lambda body: -body.centroid_mm[2]))


def _in_front_of(canal: SoftMask | None, where: NDArray[np.bool_], grid: Grid) -> NDArray[np.bool_]:
    """The part of a vertebra in front of the canal's anterior border, height by height."""
    if canal is None:
        return where
    inside = canal.grid.to_world(np.argwhere(canal.array > 0.5))
    heights = np.round(inside[:, 2]).astype(int)
    levels = np.unique(heights)
    front = np.array([inside[heights == level, 1].max() for level in levels])
    index = np.argwhere(where)
    points = grid.to_world(index)
    limit: Array = np.interp(points[:, 2], levels, front)
    kept = index[points[:, 1] > limit]
    body = np.zeros_like(where)
    body[tuple(kept.T)] = True
    return body


def _check_overlap(discs: list[FoundDisc], grid: Grid, path: Path) -> None:
    """Refuse a label map of another patient space."""
    points = np.vstack(
        [disc.mask.grid.to_world(np.argwhere(disc.mask.array > 0.5)) for disc in discs]
    )
    index = grid.to_index(points)
    inside = ((index > -0.5) & (index < np.array(grid.shape) - 0.5)).all(axis=1)
    if not inside.any():
        raise NothingToMeasureError(
            f"{path}: its discs lie outside the sagittal image; "
            "is it a label map of this study, in the same patient space?"
        )
