"""``labels.nii.gz``: the label map on the voxel grid of the segmented series."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from discmri.results.model import StudyResult


def export(result: StudyResult, folder: Path) -> None:
    """Write ``labels.nii.gz``: unsigned 8-bit label numbers, RAS+ millimetres."""
    (folder / "labels.nii.gz").write_bytes(result.label_map.to_bytes())
