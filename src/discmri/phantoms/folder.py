"""Writing of a phantom: study, truth and label map."""

from __future__ import annotations

from pathlib import Path

from discmri.core.files import atomic_folder
from discmri.phantoms.phantom import Phantom
from discmri.phantoms.protocol import Protocol
from discmri.phantoms.vendors import write_study


def write_phantom(
    phantom: Phantom,
    folder: Path,
    vendor: str,
    protocol: Protocol,
    compression: str = "none",
    masks: bool = True,
) -> None:
    """Write ``study/``, ``truth.json`` and ``labels.nii.gz`` into a folder, atomically.

    An existing folder is replaced.  The label map is on the grid of the sagittal T2.  Raises
    ``UsageError`` for an unknown vendor or compression, or if the folder cannot be written.
    """
    with atomic_folder(folder, overwrite=True, keep_others=False) as fresh:
        write_study(phantom, fresh / "study", vendor, protocol, compression)
        (fresh / "truth.json").write_text(phantom.truth_json(protocol), encoding="utf-8")
        if masks:
            import nibabel as nib

            grid = phantom.grid(protocol)
            labels = phantom.label_map(grid, protocol.slice_thickness_mm)
            nib.save(nib.Nifti1Image(labels, grid.affine), fresh / "labels.nii.gz")
