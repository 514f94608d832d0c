"""``labels.nii.gz``."""

from __future__ import annotations

import nibabel as nib
import numpy as np

from discmri.core.levels import DiscLevel
from discmri.results.export import nifti_labels


def test_label_map_on_the_grid_of_the_image(result, tmp_path):
    nifti_labels.export(result, tmp_path)
    image = nib.load(tmp_path / "labels.nii.gz")
    labels = np.asarray(image.dataobj)
    assert labels.dtype == np.uint8
    assert labels.shape == result.image.shape
    np.testing.assert_allclose(image.affine, result.image.affine, atol=1e-5)
    assert int(image.header["sform_code"]) == 1
    for level in (DiscLevel.T12_L1, DiscLevel.L5_S1):
        middle = nib.affines.apply_affine(
            np.linalg.inv(image.affine), result.outlines[level].frame.origin_mm
        )
        assert labels[tuple(np.round(middle).astype(int))] == level.label_id


def test_gzip_header_holds_no_time_and_no_name(result, tmp_path):
    nifti_labels.export(result, tmp_path)
    header = (tmp_path / "labels.nii.gz").read_bytes()[:10]
    assert header[3] == 0  # no FNAME, no FCOMMENT
    assert header[4:8] == b"\0\0\0\0"
