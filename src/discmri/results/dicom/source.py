"""The input of DICOM objects: a result and the headers of its images."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from pydicom import Dataset
from pydicom.uid import generate_uid

from discmri.core.errors import ResultsError
from discmri.core.levels import DiscLevel
from discmri.core.volume import Array, Grid
from discmri.results.dicom.conform import conforming
from discmri.results.document import document

if TYPE_CHECKING:
    from discmri.results.model import StudyResult

MANUFACTURER = "discmri"
MODEL_NAME = "discmri"
_LPS = np.array([-1.0, -1.0, 1.0])
_ON_THE_SLICE_MM = 0.1
_SERIES_NUMBERS = {"seg": 9100, "values_sr": 9110, "lines_sr": 9111, "reads_sr": 9112, "adc_pm": 9120,
                   "report_pdf": 9130, "heights_pr": 9160, "page_sc": 9140}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Slice:
    """Position of one frame of the source images, LPS millimetres."""

    header: Dataset  # header of its file
    frame: int | None  # frame number in an enhanced file, from 1; None in a single-frame file
    position: Array  # (3,) centre of the first pixel
    along_row: Array  # (3,) unit vector
    along_column: Array  # (3,) unit vector
    pixel_mm: tuple[float, float]  # spacing of rows and of columns

    def distance_mm(self, point_ras: Array) -> float:
        """Signed distance in mm of a point (3,) RAS+ from the plane."""
        normal = np.cross(self.along_row, self.along_column)
        return float((point_ras * _LPS - self.position) @ normal)

    def pixel(self, point_ras: Array) -> tuple[float, float]:
        """Column and row of a point projected on the slice; the first pixel spans 0 to 1."""
        offset = point_ras * _LPS - self.position
        row_mm, column_mm = self.pixel_mm
        return (
            float(offset @ self.along_row) / column_mm + 0.5,
            float(offset @ self.along_column) / row_mm + 0.5,
        )


@dataclass(frozen=True, eq=False)
class DicomSource:
    """A result with the headers of its images."""

    result: StudyResult
    headers: tuple[Dataset, ...]  # headers of the segmented series, corrected, in slice order
    # headers of the diffusion series, unchanged; empty without one
    diffusion: tuple[Dataset, ...] = ()

    @classmethod
    def of(cls, result: StudyResult) -> DicomSource:
        """Read the headers of the study of a result.

        Raises ``ResultsError`` if the study is NIfTI or unknown, or the labels are on another grid.
        """
        study = result.study
        if study is None:
            raise ResultsError("DICOM objects need the measured study besides the results")
        # a series may have several stacks; the measured one is first
        parts = (study.choice.target, *study.series)
        series = next((one for one in parts if one and one.uid == result.series_uid), None)
        headers = () if series is None else study.headers(series.images[:1])
        if not headers:
            raise ResultsError(
                f"DICOM objects need a DICOM study, and {study.path.name} is not one; "
                "leave out --format dicom"
            )
        diffusion = study.headers([image for one in study.choice.diffusion for image in one.images])
        source = cls(result, conforming(headers), diffusion)
        source._refuse_another_grid()
        return source

    @property
    def first(self) -> Dataset:
        """The header whose patient, study and frame of reference are used."""
        return self.headers[0]

    @cached_property
    def slices(self) -> tuple[Slice, ...]:
        """Every frame of the segmented series."""
        return tuple(one for header in self.headers for one in _slices_of(header))

    @cached_property
    def content(self) -> str:
        """Hash of the result, including the hash of the input pixels."""
        facts = json.dumps(document(self.result), sort_keys=True)
        return hashlib.sha256(facts.encode()).hexdigest()

    def uid(self, *words: str) -> str:
        """A UID derived from the content and the given words."""
        return str(
            generate_uid(entropy_srcs=["discmri", self.result.study_uid, self.content, *words])
        )

    def tracking_uid(self, level: DiscLevel) -> str:
        """Tracking UID of a disc, the same at every visit of a subject."""
        return str(generate_uid(entropy_srcs=["discmri", self.result.subject_id, level.value]))

    def series_number(self, kind: str) -> int:
        """Series number of an object."""
        return _SERIES_NUMBERS[kind]

    def nearest(self, point_ras: Array) -> Slice:
        """The slice nearest to a point (3,) RAS+."""
        return min(self.slices, key=lambda one: abs(one.distance_mm(point_ras)))

    def _refuse_another_grid(self) -> None:
        grid = self.result.label_map.grid
        away = max(_distance_mm(grid, self.slices))
        if away > _ON_THE_SLICE_MM:
            raise ResultsError(
                f"the labels are up to {away:.1f} mm off the slices of series "
                f"{self.result.series_uid}, so DICOM objects cannot be made; "
                "measure with labels on the image grid, or leave out --format dicom"
            )


def lps_affine(grid: Grid) -> Array:
    """(4, 4) affine from the transposed array (k, j, i) to LPS millimetres, for highdicom."""
    flipped = np.diag([-1.0, -1.0, 1.0, 1.0]) @ grid.affine
    return np.asarray(flipped[:, [2, 1, 0, 3]])


def _distance_mm(grid: Grid, slices: Sequence[Slice]) -> list[float]:
    """Distance of the first voxel of each slice of a grid from that of the nearest frame."""
    corners = grid.to_world([(0, 0, k) for k in range(grid.shape[2])]) * _LPS
    frames = np.array([one.position for one in slices])
    return [float(np.linalg.norm(frames - corner, axis=1).min()) for corner in corners]


def _slices_of(header: Dataset) -> list[Slice]:
    """The frames of one file."""
    frames = header.get("PerFrameFunctionalGroupsSequence")
    if not frames:
        return [_slice(header, None, header, header, header)]
    shared = (header.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]

    def group(frame: Dataset, name: str) -> Dataset:
        found: Dataset = (frame.get(name) or shared.get(name) or [Dataset()])[0]
        return found

    return [
        _slice(
            header,
            number,
            group(frame, "PlanePositionSequence"),
            group(frame, "PlaneOrientationSequence"),
            group(frame, "PixelMeasuresSequence"),
        )
        for number, frame in enumerate(frames, 1)
    ]


def _slice(
    header: Dataset, number: int | None, place: Dataset, turn: Dataset, size: Dataset
) -> Slice:
    cosines = np.array(turn.ImageOrientationPatient, dtype=float)
    row_mm, column_mm = (float(one) for one in size.PixelSpacing)
    return Slice(
        header,
        number,
        np.array(place.ImagePositionPatient, dtype=float),
        cosines[:3],
        cosines[3:],
        (row_mm, column_mm),
    )
