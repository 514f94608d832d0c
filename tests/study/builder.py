"""Tiny DICOM studies, written by pydicom, whose voxels follow a known function of space."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    generate_uid,
)

MR = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"
SAGITTAL = ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0))


def uid(*words: object) -> str:
    return generate_uid(entropy_srcs=[str(word) for word in words])[:56]


def brightness(points_lps: np.ndarray) -> np.ndarray:
    """The picture: linear in space, so linear interpolation of any grid is exact."""
    x, y, z = np.moveaxis(points_lps, -1, 0)
    return 2000.0 + 3.0 * x + 5.0 * y - 7.0 * z


@dataclass
class SeriesSpec:
    """What one series is made of; geometry in DICOM's LPS."""

    name: str = "t2"
    slices: int = 5
    rows: int = 12
    columns: int = 10
    spacing: tuple[float, float] = (1.5, 0.75)  # between rows, between columns
    step: float = 4.0
    origin: tuple[float, float, float] = (-8.0, -20.0, 30.0)
    orientation: tuple[tuple[float, float, float], tuple[float, float, float]] = SAGITTAL
    tags: dict[str, object] = field(default_factory=dict)
    patient: str = "P1"
    study: str = "S1"
    picture: Callable[[np.ndarray], np.ndarray] = brightness

    def positions(self) -> list[np.ndarray]:
        row, column = (np.array(v) for v in self.orientation)
        normal = np.cross(row, column)
        return [np.array(self.origin) + k * self.step * normal for k in range(self.slices)]

    def pixels(self, position: np.ndarray) -> np.ndarray:
        row, column = (np.array(v) for v in self.orientation)
        r, c = np.meshgrid(np.arange(self.rows), np.arange(self.columns), indexing="ij")
        points = (
            position
            + r[..., None] * self.spacing[0] * column
            + c[..., None] * self.spacing[1] * row
        )
        return np.round(self.picture(points)).astype(np.uint16)

    def dataset(self, k: int, position: np.ndarray | None = None) -> Dataset:
        position = self.positions()[k] if position is None else position
        ds = Dataset()
        ds.SOPClassUID, ds.Modality = MR, "MR"
        ds.SOPInstanceUID = uid(self.study, self.name, k)
        ds.PatientID, ds.PatientName, ds.PatientBirthDate = self.patient, "Doe^Jane", "19500101"
        ds.StudyInstanceUID, ds.SeriesInstanceUID = uid(self.study), uid(self.study, self.name)
        ds.FrameOfReferenceUID = uid(self.study, "frame")
        ds.StudyDate, ds.AcquisitionDate, ds.AcquisitionTime = "20240105", "20240105", "101500.25"
        ds.SeriesNumber, ds.InstanceNumber, ds.SeriesDescription = 3, k + 1, self.name
        ds.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND"]
        ds.Manufacturer = "ACME"
        ds.ScanningSequence, ds.EchoTime, ds.RepetitionTime = "SE", 100, 3500
        ds.SliceThickness, ds.SpacingBetweenSlices = 3.5, self.step
        row, column = self.orientation
        ds.ImageOrientationPatient = [f"{x:.12f}"[:16] for x in (*row, *column)]
        ds.ImagePositionPatient = [f"{x:.10f}"[:16] for x in position]
        ds.PixelSpacing = list(self.spacing)
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.Rows, ds.Columns = self.rows, self.columns
        ds.BitsAllocated = ds.BitsStored = 16
        ds.HighBit, ds.PixelRepresentation = 15, 0
        ds.PixelData = self.pixels(position).tobytes()
        for keyword, value in self.tags.items():
            setattr(ds, keyword, value)
        return ds

    def datasets(self) -> list[Dataset]:
        return [self.dataset(k) for k in range(self.slices)]


def save(ds: Dataset, path: Path, syntax: str = ExplicitVRLittleEndian) -> Path:
    """Write with a preamble; native syntaxes only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.file_meta.TransferSyntaxUID = syntax
    if syntax == ExplicitVRBigEndian:
        ds["PixelData"].VR = "OW"
        ds.PixelData = np.frombuffer(ds.PixelData, "<u2").astype(">u2").tobytes()
    dcmwrite(
        path,
        ds,
        enforce_file_format=True,
        implicit_vr=syntax == ImplicitVRLittleEndian,
        little_endian=syntax != ExplicitVRBigEndian,
    )
    return path


def write(folder: Path, *specs: SeriesSpec, syntax: str = ExplicitVRLittleEndian) -> Path:
    """Each series into one folder, file names without extension."""
    for spec in specs:
        for k, ds in enumerate(spec.datasets()):
            save(ds, folder / f"{spec.name.replace(' ', '_')}_{k:03d}", syntax)
    return folder
