"""Results of small phantoms from true label maps, with their sources, made once per module."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from tests.conftest import TINY
from tests.study.bvalues.test_readers import csa

from discmri.core.settings import Settings
from discmri.measurement.whole_study import measure
from discmri.phantoms import Protocol, PulseSequence
from discmri.phantoms.folder import write_phantom
from discmri.results.dicom import DicomObjects, dicom_objects
from discmri.results.model import StudyResult
from discmri.study import read_study

PROTOCOL = replace(TINY, sequences=(PulseSequence.T2, PulseSequence.DWI), slices=9)


@dataclass(frozen=True)
class Case:
    """A measured study and what was made of it."""

    study: Path
    labels: Path
    result: StudyResult
    made: DicomObjects


def case_of(phantom, folder: Path, vendor: str, protocol: Protocol = PROTOCOL) -> Case:
    write_phantom(phantom, folder, vendor, protocol)
    return measured(folder)


def measured(folder: Path) -> Case:
    settings = Settings(segmenter="masks", masks=folder / "labels.nii.gz", all_lines=True,
                        secondary_capture=True)  # fmt: skip
    result = measure(read_study(folder / "study"), settings)
    return Case(folder / "study", folder / "labels.nii.gz", result, dicom_objects(result))


@pytest.fixture(scope="session")
def classic(phantom, tmp_path_factory) -> Case:
    return case_of(phantom, tmp_path_factory.mktemp("classic") / "phantom", "siemens")


@pytest.fixture(scope="session")
def enhanced(phantom, tmp_path_factory) -> Case:
    return case_of(phantom, tmp_path_factory.mktemp("enhanced") / "phantom", "siemens-enhanced")


@pytest.fixture(scope="session")
def mosaic(phantom, tmp_path_factory) -> Case:
    """Diffusion images as mosaics: one file for all slices of a b-value."""
    folder = tmp_path_factory.mktemp("mosaic") / "phantom"
    write_phantom(phantom, folder, "siemens", PROTOCOL)
    pictures = defaultdict(list)
    for path in sorted(folder.rglob("*.dcm")):
        ds = pydicom.dcmread(path)
        if "DIFFUSION" in ds.ImageType:
            pictures[ds.SeriesInstanceUID, ds.SequenceName].append(ds)
            path.unlink()
    for n, slices in enumerate(pictures.values()):
        _tile(slices).save_as(folder / f"study/mosaic{n}.dcm", enforce_file_format=True)
    return measured(folder)


def _tile(slices: list[pydicom.Dataset]) -> pydicom.Dataset:
    """A Siemens mosaic: its position is that of a single slice as large as the whole picture."""
    made = slices[0]
    along_row, along_column = np.reshape(made.ImageOrientationPatient, (2, 3)).astype(float)
    normal = np.cross(along_row, along_column)
    slices.sort(key=lambda ds: float(np.array(ds.ImagePositionPatient, float) @ normal))
    made, count = slices[0], len(slices)
    across, rows, columns = math.ceil(math.sqrt(count)), made.Rows, made.Columns
    picture = np.zeros((across * rows, across * columns), np.uint16)
    for n, ds in enumerate(slices):
        top, left = n // across * rows, n % across * columns
        picture[top : top + rows, left : left + columns] = ds.pixel_array
    row_mm, column_mm = map(float, made.PixelSpacing)
    corner = np.array(made.ImagePositionPatient, float)
    corner -= along_row * column_mm * (across - 1) * columns / 2
    corner -= along_column * row_mm * (across - 1) * rows / 2
    made.ImagePositionPatient = [f"{x:.8f}" for x in corner]
    made.ImageType = [*made.ImageType, "MOSAIC"]
    made.Rows, made.Columns, made.PixelData = *picture.shape, picture.tobytes()
    made.private_block(0x19, "SIEMENS MR HEADER", create=True).add_new(0x0A, "US", count)
    told = {"ProtocolSliceNumber": ["0"], "SliceNormalVector": [f"{x:.8f}" for x in normal]}
    block = made.private_block(0x29, "SIEMENS CSA HEADER", create=True)
    block.add_new(0x10, "OB", csa(told, newer=True))
    return made
