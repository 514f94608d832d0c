"""Named fixtures that several parts share: one small phantom, scanned once per session."""

from __future__ import annotations

from pathlib import Path

import pytest

from discmri.phantoms import Phantom, Protocol, Wishes, lumbar_spine, make_phantom

SMALL = Protocol(spacing_mm=0.9, slices=13, fov_mm=(230.0, 290.0), snr=30.0)


@pytest.fixture(scope="session")
def phantom() -> Phantom:
    """A spine with grades from 2 to 7."""
    return make_phantom(lumbar_spine(Wishes(grades=[2, 3, 4, 5, 7]), seed=4))


@pytest.fixture(scope="session")
def phantom_study(phantom, tmp_path_factory) -> Path:
    """The spine's T2, T1, DWI and ADC map, as Siemens would write them."""
    folder = tmp_path_factory.mktemp("phantom") / "study"
    phantom.write(folder, "siemens", SMALL)
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
