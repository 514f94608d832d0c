"""A label map: which structure fills each voxel, as numbers for other programs."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from discmri.core.errors import ResultsError
from discmri.core.volume import Array, Grid

_SCANNER_SPACE = 1  # NIfTI-1 xform code


@dataclass(frozen=True, eq=False)
class LabelMap:
    """Label numbers on a grid.

    Parameters
    ----------
    array
        (i, j, k) numbers of :mod:`discmri.core.levels`, 0 for none.
    grid
        Of the series that was segmented, RAS+ millimetres.
    """

    array: NDArray[np.uint8]
    grid: Grid

    def centroid_mm(self, label_id: int) -> Array | None:
        """(3,) RAS+ middle of a structure's voxels; ``None`` where it has none."""
        index = np.argwhere(self.array == label_id)
        return self.grid.to_world(index.mean(axis=0)) if len(index) else None

    def to_bytes(self) -> bytes:
        """A ``.nii.gz`` file; the same labels are always the same bytes."""
        return nifti_gz(self.array, self.grid.affine, "label", "discmri labels")

    @classmethod
    def from_bytes(cls, data: bytes) -> LabelMap:
        """The label map of a ``.nii.gz`` file.

        Raises
        ------
        ResultsError
            Where it is something else.
        """
        import nibabel as nib

        try:
            image: Any = nib.Nifti1Image.from_bytes(gzip.decompress(data))
            labels = np.asarray(image.dataobj).astype(np.uint8)
        except (OSError, EOFError, ValueError) as error:
            raise ResultsError(f"a label map cannot be read ({error})") from error
        return cls(labels, Grid(labels.shape, image.affine))


def nifti_gz(array: NDArray[Any], affine: Array, intent: str = "none", name: str = "") -> bytes:
    """A ``.nii.gz`` file in scanner space; the same values are always the same bytes.

    Parameters
    ----------
    array
        (i, j, k) values, in the type in which they are stored.
    affine
        (4, 4), voxel index to RAS+ millimetres.
    intent, name
        What the values are, as NIfTI calls it, and in our words.
    """
    import nibabel as nib

    image = nib.Nifti1Image(array, affine)
    image.set_sform(affine, code=_SCANNER_SPACE)
    image.set_qform(affine, code=_SCANNER_SPACE)
    image.header.set_xyzt_units("mm")
    image.header.set_intent(intent, name=name)
    # No time and no name in the gzip header
    return gzip.compress(image.to_bytes(), compresslevel=6, mtime=0)
