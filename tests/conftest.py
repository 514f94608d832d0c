"""Named fixtures that several parts share: small phantoms, scanned once per session."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

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

SMALL = Protocol(spacing_mm=0.9, slices=13, fov_mm=(230.0, 290.0), snr=30.0)
TINY = Protocol(
    sequences=(PulseSequence.T2,),
    spacing_mm=1.2,
    slices=5,
    slice_thickness_mm=5.0,
    gap_mm=0.5,
    fov_mm=(160.0, 260.0),
)


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
def phantom() -> Phantom:
    """A spine with grades from 2 to 7."""
    return make_phantom(lumbar_spine(SpineOptions(grades=[2, 3, 4, 5, 7]), seed=4))


@pytest.fixture(scope="session")
def phantom_study(phantom, tmp_path_factory) -> Path:
    """The spine's T2, T1, DWI and ADC map, as Siemens would write them."""
    folder = tmp_path_factory.mktemp("phantom") / "study"
    write_study(phantom, folder, "siemens", SMALL)
    return folder


@pytest.fixture(scope="session")
def phantom_labels(phantom, tmp_path_factory) -> Path:
    """The spine's true label map as NIfTI, on the grid of the T2 series."""
    import nibabel as nib

    grid = phantom.grid(SMALL)
    path = tmp_path_factory.mktemp("labels") / "labels.nii.gz"
    drawn = phantom.label_map(grid, SMALL.slice_thickness_mm)
    nib.save(nib.Nifti1Image(drawn, grid.affine), path)
    return path


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Tiny:
    phantom = make_phantom(lumbar_spine(SpineOptions(grades=[2, 3, 4, 5, 7]), seed=4))
    folder = tmp_path_factory.mktemp("tiny") / "phantom"
    write_phantom(phantom, folder, "siemens", TINY)
    return Tiny(phantom, folder)
