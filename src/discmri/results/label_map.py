"""A label map: the id of the structure in each voxel."""

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
    """Label ids on a grid.

    Parameters
    ----------
    array
        (i, j, k) label ids of :mod:`discmri.core.levels`; 0 is background.
    grid
        Grid of the segmented series, RAS+ millimetres.
    """

    array: NDArray[np.uint8]
    grid: Grid

    def centroid_mm(self, label_id: int) -> Array | None:
        """(3,) RAS+ centroid of a structure in mm; ``None`` if it is absent."""
        index = np.argwhere(self.array == label_id)
        return self.grid.to_world(index.mean(axis=0)) if len(index) else None

    def to_bytes(self) -> bytes:
        """Content of a ``.nii.gz`` file; equal labels give equal bytes."""
        return nifti_gz(self.array, self.grid.affine, "label", "discmri labels")

    @classmethod
    def from_bytes(cls, data: bytes) -> LabelMap:
        """Read a label map from the content of a ``.nii.gz`` file; ``ResultsError`` for others."""
        import nibabel as nib

        try:
            image: Any = nib.Nifti1Image.from_bytes(gzip.decompress(data))
            labels = np.asarray(image.dataobj).astype(np.uint8)
        except (OSError, EOFError, ValueError) as error:
            raise ResultsError(f"a label map cannot be read ({error})") from error
        return cls(labels, Grid(labels.shape, image.affine))


def nifti_gz(array: NDArray[Any], affine: Array, intent: str = "none", name: str = "") -> bytes:
    """Content of a ``.nii.gz`` file in scanner space; equal values give equal bytes.

    The (i, j, k) values are stored in their own type; ``name`` is that of the NIfTI intent.
    """
    import nibabel as nib

    image = nib.Nifti1Image(array, affine)
    image.set_sform(affine, code=_SCANNER_SPACE)
    image.set_qform(affine, code=_SCANNER_SPACE)
    image.header.set_xyzt_units("mm")
    image.header.set_intent(intent, name=name)
    # no time and no name in the gzip header
    return gzip.compress(image.to_bytes(), compresslevel=6, mtime=0)
