"""Named fixtures that several parts share: small phantoms, scanned once per run of the suite."""

from __future__ import annotations

import os
import pickle
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

from discmri.core.settings import Settings
from discmri.measurement.whole_study import measure
from discmri.phantoms import (
    Phantom,
    Protocol,
    PulseSequence,
    SpineOptions,
    lumbar_spine,
    make_phantom,
)
from discmri.phantoms.folder import write_phantom
from discmri.phantoms.vendors import write_study
from discmri.results.model import StudyResult
from discmri.study import read_study

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what runs behind it
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Hundreds of tests start the program in a process of its own; without cached bytecode each would
# compile every module of every library again, which takes longer than the rest of its start.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A loaded machine is no failure: no example has a deadline.
settings.register_profile(
    "no_clock",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="DISCMRI_FUZZ" not in os.environ,  # two runs of the suite agree
)
settings.load_profile("no_clock")

SMALL = Protocol(spacing_mm=0.9, slices=13, fov_mm=(230.0, 290.0), snr=30.0)
TINY = Protocol(
    sequences=(PulseSequence.T2,),
    spacing_mm=1.2,
    slices=5,
    slice_thickness_mm=5.0,
    gap_mm=0.5,
    fov_mm=(160.0, 260.0),
)
SHORT = replace(TINY, fov_mm=(150.0, 140.0))
"""Three discs: measured in a third of the time."""


@dataclass(frozen=True)
class Tiny:
    """A phantom and the folder with its ``study/``, ``labels.nii.gz`` and ``truth.json``."""

    phantom: Phantom
    folder: Path

    @property
    def study(self) -> Path:
        return self.folder / "study"

    def listed(self, path: Path, names: list[str]) -> Path:
        """A list of so many studies, all of them this one, with true label maps."""
        labels = self.folder / "labels.nii.gz"
        lines = [f"{name},{self.study},{labels}" for name in names]
        path.write_text("\n".join(["id,path,masks", *lines]) + "\n", encoding="utf-8")
        return path


@pytest.fixture(scope="session")
def shared(tmp_path_factory) -> Callable[[str, Callable[[Path], object]], Path]:
    """A function: a path that is made once, by whichever worker of the run needs it first."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent

    def made(name: str, make: Callable[[Path], object]) -> Path:
        path, done = root / f"shared-{name}", root / f"shared-{name}.done"
        with FileLock(f"{path}.lock"):
            if not done.exists():
                make(path)
                done.touch()
        return path

    return made


@pytest.fixture(scope="session")
def phantom() -> Phantom:
    """A spine with grades from 2 to 7."""
    return make_phantom(lumbar_spine(SpineOptions(grades=[2, 3, 4, 5, 7]), seed=4))


@pytest.fixture(scope="session")
def phantom_study(phantom, shared) -> Path:
    """The spine's T2, T1, DWI and ADC map, as Siemens would write them."""
    return shared("study", lambda folder: write_study(phantom, folder, "siemens", SMALL))


@pytest.fixture(scope="session")
def phantom_labels(phantom, shared) -> Path:
    """The spine's true label map as NIfTI, on the grid of the T2 series."""
    import nibabel as nib

    def make(path: Path) -> None:
        grid = phantom.grid(SMALL)
        drawn = phantom.label_map(grid, SMALL.slice_thickness_mm)
        nib.save(nib.Nifti1Image(drawn, grid.affine), path)

    return shared("labels.nii.gz", make)


@pytest.fixture(scope="session")
def phantom_result(phantom_study, phantom_labels, shared) -> StudyResult:
    """The spine measured with its true label map."""

    def make(path: Path) -> None:
        settings = Settings(segmenter="masks", masks=phantom_labels)
        path.write_bytes(pickle.dumps(measure(read_study(phantom_study), settings)))

    result: StudyResult = pickle.loads(shared("result", make).read_bytes())
    return result


@pytest.fixture(scope="session")
def tiny(phantom, shared) -> Tiny:
    """The lowest three discs in five slices."""
    folder = shared("tiny", lambda path: write_phantom(phantom, path, "siemens", SHORT))
    return Tiny(phantom, folder)


@pytest.fixture(scope="session")
def wide(phantom, shared) -> Tiny:
    """As coarse as the tiny phantom, but with slices through whole discs."""
    protocol = replace(SHORT, slices=13)
    return Tiny(
        phantom, shared("wide", lambda path: write_phantom(phantom, path, "siemens", protocol))
    )
