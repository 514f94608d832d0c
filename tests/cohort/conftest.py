"""The smallest phantom study that can be measured, drawn once, and lists of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from discmri.phantoms import Phantom, Protocol, Sequence, Wishes, lumbar_spine, make_phantom
from discmri.phantoms.folder import write_phantom

TINY = Protocol(
    sequences=(Sequence.T2,),
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
def tiny(tmp_path_factory) -> Tiny:
    phantom = make_phantom(lumbar_spine(Wishes(grades=[2, 3, 4, 5, 7]), seed=4))
    folder = tmp_path_factory.mktemp("tiny") / "phantom"
    write_phantom(phantom, folder, "siemens", TINY)
    return Tiny(phantom, folder)
