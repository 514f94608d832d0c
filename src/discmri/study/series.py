"""What a study is made of, as data: series with the role each one got and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from discmri.core.diffusion import BValue
from discmri.core.facts import Plane, Role, SeriesFacts
from discmri.core.findings import Finding
from discmri.core.volume import Grid
from discmri.study.frame import ContrastParameters, Scaling
from discmri.study.source import InputFile

_TIMING = ("te_ms", "tr_ms", "ti_ms", "echo_train")
SAGITTAL_ROLES = (Role.SAG_T2, Role.SAG_FS, Role.SAG_T1, Role.SAG_OTHER)


class Image(Protocol):
    """One volume that can be read: a DICOM stack or a volume of a NIfTI file."""

    @property
    def grid(self) -> Grid:
        """Voxel grid, RAS+ millimetres."""

    @property
    def b_value(self) -> BValue | None:
        """Diffusion weighting, where known."""

    @property
    def scalings(self) -> tuple[Scaling, ...]:
        """Value scaling of each slice along the last axis."""

    @property
    def averages(self) -> float | None:
        """How many acquisitions it averages, where known."""

    @property
    def instance_uids(self) -> tuple[str, ...]:
        """What it was read from."""

    @property
    def dicom_files(self) -> tuple[InputFile, ...]:
        """Its DICOM files; none for NIfTI."""

    def read(self, threads: int = 2) -> NDArray[np.float32]:
        """(i, j, k) rescaled values on the grid."""


@dataclass(frozen=True, eq=False)
class Series:
    """Images of one kind within one series.

    A DICOM series that mixes kinds (directions and ADC, several echoes) becomes several of
    these with the same ``uid`` and different ``part``.

    Parameters
    ----------
    uid
        Series Instance UID; the file name for NIfTI.
    part
        What tells it from other parts of the same series; usually empty.
    number, description, protocol, body_part
        As in the header; hints only.
    role, reasons
        What it is, and the sentences that led there.
    plane
        From the orientation of the slices.
    contrast
        Timing and technique.
    t2_weighted
        Whether water is bright because of T2, so that disc signal means something.
    stated_b_values
        Of all its images that are diffusion-weighted, used or not.
    images
        One volume, or one per weighting of a diffusion series; empty where unusable.
    slices
        Slices found, used or not.
    manufacturer, model, field_t, station, software, coil
        The scanner, a hash of its serial number, its software, and the receive coil.
    thickness_mm
        Slice thickness as the header states it.
    frame_of_reference_uid
        Series with the same value share one patient space.
    phase_axis
        RAS+ unit vector of phase encoding (sign unknown), or ``None``.
    acquired
        ``YYYYMMDDHHMMSS.ffffff`` as far as known; empty otherwise.
    original
        Whether as acquired, not computed from other images.
    problem
        Why it cannot be used; empty where it can.
    findings
        What was noticed in its geometry and headers.
    """

    uid: str
    part: str
    number: int | None
    description: str
    protocol: str
    body_part: str
    role: Role
    reasons: tuple[str, ...]
    plane: Plane
    contrast: ContrastParameters
    t2_weighted: bool = False
    stated_b_values: tuple[BValue, ...] = ()
    images: tuple[Image, ...] = field(default=(), repr=False)
    slices: int = 0
    manufacturer: str = ""
    model: str = ""
    field_t: float | None = None
    station: str = ""
    software: str = ""
    coil: str = ""
    thickness_mm: float | None = None
    frame_of_reference_uid: str = ""
    phase_axis: tuple[float, float, float] | None = None
    acquired: str = ""
    original: bool = True
    problem: str = ""
    findings: tuple[Finding, ...] = ()

    @property
    def grid(self) -> Grid | None:
        """Grid of the first volume; ``None`` where there is none."""
        return self.images[0].grid if self.images else None

    @property
    def shape(self) -> tuple[int, int, int] | None:
        """Voxels along i, j, k."""
        return None if self.grid is None else self.grid.shape

    @property
    def spacing_mm(self) -> tuple[float, float, float] | None:
        """Voxel size along i, j, k."""
        if self.grid is None:
            return None
        i, j, k = (float(step) for step in self.grid.spacing_mm)
        return (i, j, k)

    @property
    def fat_suppressed(self) -> bool:
        """Whether fat is suppressed, so that it is no comparator for signal."""
        return bool(self.contrast.fat_suppressed)

    @property
    def b_values_s_per_mm2(self) -> tuple[float, ...]:
        """Distinct b-values, ascending; empty for series without diffusion weighting."""
        stated = {b.value_s_per_mm2 for b in self.stated_b_values}
        used = {im.b_value.value_s_per_mm2 for im in self.images if im.b_value}
        return tuple(sorted(stated | used))

    @property
    def name(self) -> str:
        """How messages call it: number, description and part."""
        words = [str(self.number) if self.number is not None else "", self.description, self.part]
        return (" ".join(word for word in words if word) or self.uid)[:120]

    def describe(self) -> SeriesFacts:
        """What ``discmri inspect`` and ``study.json`` tell of it."""
        differing: dict[str, Any] = {
            "usable": not self.problem,
            "techniques": tuple(sorted(self.contrast.techniques)),
            "spacing_mm": None if self.spacing_mm is None else _rounded(self.spacing_mm),
            "b_value_sources": tuple(
                sorted(
                    {im.b_value.source for im in self.images if im.b_value}
                    | {b.source for b in self.stated_b_values}
                )
            ),
            "slice_normal": None if self.grid is None else _slice_normal(self.grid),
            "findings": tuple(replace(found, series_uid=None) for found in self.findings),
        }
        same = [field.name for field in fields(SeriesFacts) if field.name not in differing]
        origins = {name: self.contrast if name in _TIMING else self for name in same}
        return SeriesFacts(
            **differing, **{name: getattr(origin, name) for name, origin in origins.items()}
        )


def _rounded(vector: Sequence[float]) -> tuple[float, float, float]:
    i, j, k = (round(float(part), 5) + 0.0 for part in vector)
    return (i, j, k)


def _slice_normal(grid: Grid) -> tuple[float, float, float]:
    """RAS+ unit vector across the slices, pointing to the patient's right, front or head."""
    normal = grid.directions[:, grid.sagittal_axis]
    normal = normal * np.sign(normal[np.argmax(np.abs(normal))])
    return _rounded(normal)


def plane_of(normal: ArrayLike) -> Plane:
    """The anatomical plane whose normal is within 40 degrees of a RAS+ or LPS vector.

    >>> plane_of([0.95, 0.2, 0.24]), plane_of([0.6, 0.6, 0.5])
    (<Plane.SAGITTAL: 'sagittal'>, <Plane.OBLIQUE: 'oblique'>)
    """
    vector = np.abs(np.asarray(normal, dtype=float))
    axis = int(np.argmax(vector))
    if vector[axis] < np.cos(np.deg2rad(40.0)) * np.linalg.norm(vector):
        return Plane.OBLIQUE
    return (Plane.SAGITTAL, Plane.CORONAL, Plane.AXIAL)[axis]
