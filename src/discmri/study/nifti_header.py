"""Position of a NIfTI image by its header, and whether the header is consistent.

A header has up to three geometries: sform, qform, and the voxel sizes of ``pixdim``.  Programs that
resample or register an image may change one and leave the others.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_BYTES = 4 * 2**30
"""Largest size of the voxels of a file."""
SIZE_TOLERANCE = 0.01
"""Accepted relative difference of stated voxel sizes: rounding, far below the error of a height."""
MAX_TURN_DEG = 30.0
"""Angle between sform and qform above which the image is refused."""
MAX_APART_MM = 1.0
"""Distance between the positions of a voxel by sform and qform above which a warning is given."""


@dataclass(frozen=True, eq=False)
class Placement:
    """Position of an image."""

    # (4, 4) voxel index to RAS+ millimetres; None if the header has none
    affine: NDArray[np.float64] | None
    problem: str = ""  # why the image cannot be used, with both figures; empty if it can
    doubt: str = ""  # text of a warning; empty for none


def placement_of(image: Any) -> Placement:
    """Position of an image as ``nibabel.load`` returns it; no voxel is read."""
    header = image.header
    sform, qform = (int(header.get(name, 1)) for name in ("sform_code", "qform_code"))
    if not sform and not qform:
        return Placement(None, "its header has no orientation (sform and qform codes are 0)")
    affine = np.asarray(image.affine, dtype=float)
    unit = header.get_xyzt_units()[0] if hasattr(header, "get_xyzt_units") else "mm"
    if unit in ("meter", "micron"):
        return Placement(affine, f"its header gives lengths in {unit}; write it again in mm")
    if header.get("magic") == getattr(header, "single_magic", None):
        offset, least = int(image.dataobj.offset), int(header.single_vox_offset)
        if offset < least:
            problem = f"its voxels would begin at byte {offset}, within its header of {least} bytes"
            return Placement(affine, f"{problem} (vox_offset); write the file again")
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    if sform > 0 and "pixdim" in header and np.all(sizes > 0):
        stated = np.asarray(header["pixdim"], dtype=float)[1:4]
        if problem := _sizes(sizes, stated):
            return Placement(affine, problem)
        if qform > 0:
            return _against_qform(affine, image)
    return Placement(affine)


def check_gzip(path: Path) -> None:
    """Check the gzip checksum at the end of a file, which reading voxels does not reach.

    Raises ``OSError``, ``EOFError``, ``ValueError`` or ``zlib.error`` if a gzip file is truncated,
    damaged or too large.
    """
    if path.suffix.lower() == ".gz":
        status = path.stat()
        _unpack(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=64)
def _unpack(path: Path, size: int, changed_ns: int) -> None:
    """Read a whole file; ``size`` and ``changed_ns`` are part of the cache key only."""
    del size, changed_ns
    held = 0
    with gzip.open(path) as stream:
        while chunk := stream.read(2**22):
            held += len(chunk)
            if held > 2 * MAX_BYTES:
                raise ValueError(f"it unpacks to more than {held >> 20} MiB")


def _sizes(by_sform: NDArray[np.float64], by_pixdim: NDArray[np.float64]) -> str:
    """What is wrong with voxel sizes; a pixdim of 0 is unset."""
    apart = np.abs(by_pixdim - by_sform)
    if np.all((by_pixdim == 0) | (apart <= SIZE_TOLERANCE * by_sform)):  # false for NaN
        return ""
    sform, pixdim = (" x ".join(f"{s:.4g}" for s in sizes) for sizes in (by_sform, by_pixdim))
    return (
        f"its voxels are {sform} mm by the sform and {pixdim} mm by pixdim; "
        "write it again from the original image"
    )


def _against_qform(affine: NDArray[np.float64], image: Any) -> Placement:
    """The position by the sform, with problem or doubt if the qform differs."""
    qform = np.asarray(image.get_qform(), dtype=float)
    axes, others = (one[:3, :3] / np.linalg.norm(one[:3, :3], axis=0) for one in (affine, qform))
    turn_deg = float(np.rad2deg(np.arccos(np.clip((axes * others).sum(axis=0), -1, 1))).max())
    if not turn_deg <= MAX_TURN_DEG:
        return Placement(
            affine,
            f"axes by sform and qform differ by {turn_deg:.0f} degrees, so its sides are unknown; "
            "write it again from the original image",
        )
    corners = np.array(np.meshgrid(*([0, n - 1] for n in image.shape[:3]))).reshape(3, -1)
    places = affine[:3, :3] @ corners - qform[:3, :3] @ corners
    places += (affine - qform)[:3, 3:]
    apart_mm = float(np.linalg.norm(places, axis=0).max())
    if not apart_mm > MAX_APART_MM:
        return Placement(affine)
    return Placement(
        affine,
        doubt=f"sform and qform differ by {apart_mm:.1f} mm and {turn_deg:.1f} degrees; "
        "the sform was used",
    )
