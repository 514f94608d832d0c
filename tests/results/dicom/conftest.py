"""Results of small phantoms from true label maps, with their sources, made once per module."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.conftest import TINY

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
