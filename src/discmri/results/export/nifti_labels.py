"""``labels.nii.gz``: the label map on the voxel grid of the segmented series."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from discmri.results.model import StudyResult

_SCANNER_SPACE = 1  # NIfTI-1 xform code


def export(result: StudyResult, folder: Path) -> None:
    """Write ``labels.nii.gz``: unsigned 8-bit label numbers, RAS+ millimetres.

    Parameters
    ----------
    result
        What was measured.
    folder
        An existing folder.
    """
    import nibabel as nib

    labels = result.labels
    image = nib.Nifti1Image(labels.label_map(), labels.grid.affine)
    image.set_sform(labels.grid.affine, code=_SCANNER_SPACE)
    image.set_qform(labels.grid.affine, code=_SCANNER_SPACE)
    image.header.set_xyzt_units("mm")
    image.header.set_intent("label", name="discmri labels")
    # No time and no name in the gzip header: the same labels are always the same bytes.
    packed = gzip.compress(image.to_bytes(), compresslevel=6, mtime=0)
    (folder / "labels.nii.gz").write_bytes(packed)
