"""Bone that continues across a disc, on drawn images."""

from __future__ import annotations

import numpy as np
import pytest

from discmri.core.volume import Array, SoftMask, Volume
from discmri.measurement.segment.fused import bone_across

BONE, DISC, DARK = 100.0, 60.0, 10.0
AFFINE = np.diag([4.0, 1.0, 1.0, 1.0])
SHAPE = (3, 60, 60)


def fused(share: float, signal: float = DISC) -> Array:
    """A disc of 30 x 6 mm with endplates; over a share of its depth there is bone alone."""
    image = np.full(SHAPE, BONE)
    image[:, 15:45, 25:35] = DARK
    image[:, 15:45, 27:33] = signal
    image[:, 45 - round(30 * share) : 45] = BONE
    return image


def across(image: Array, slices: tuple[int, ...] = (0, 1, 2)) -> float:
    mask = np.zeros(SHAPE, dtype=np.float32)
    mask[list(slices), 15:45, 26:34] = 1
    return bone_across(Volume(image, AFFINE), SoftMask.from_fractions(mask, AFFINE))


@pytest.mark.parametrize("signal", [20.0, 60.0, 100.0, 300.0])
def test_endplates_part_a_disc_from_bone_whatever_its_signal(signal: float) -> None:
    assert across(fused(0.0, signal)) == pytest.approx(DARK / BONE, abs=0.05)


@pytest.mark.parametrize(("share", "bridged"), [(0.1, False), (0.35, True), (0.7, True)])
def test_a_fifth_of_the_depth_has_to_be_fused(share: float, bridged: bool) -> None:
    assert (across(fused(share)) > 0.9) is bridged


def test_it_is_the_same_on_a_tilted_slice() -> None:
    from scipy.ndimage import rotate

    image = rotate(fused(0.4), 30, axes=(1, 2), reshape=False, order=1, mode="nearest")
    mask = np.zeros(SHAPE, dtype=np.float32)
    mask[:, 15:45, 26:34] = 1
    turned = rotate(mask, 30, axes=(1, 2), reshape=False, order=1)
    tilted = bone_across(Volume(image, AFFINE), SoftMask.from_fractions(turned, AFFINE))
    assert tilted == pytest.approx(1.0, abs=0.05)


def test_it_is_the_median_of_the_slices_that_show_half_of_the_disc() -> None:
    image = fused(0.0)
    image[0] = BONE
    assert across(image) < 0.2
    assert across(image, slices=(0,)) == pytest.approx(1.0, abs=0.05)


def test_what_lies_outside_the_image_is_no_bone() -> None:
    cut = fused(0.4)[:, :, 26:]
    mask = np.zeros(cut.shape, dtype=np.float32)
    mask[:, 15:45, 0:8] = 1
    # the lines across cross the edge of the image, which is as dark as an endplate
    assert bone_across(Volume(cut, AFFINE), SoftMask.from_fractions(mask, AFFINE)) < 0.5


def test_too_little_is_unknown() -> None:
    mask = np.zeros(SHAPE, dtype=np.float32)
    mask[:, 15:20, 28:31] = 1
    seen = bone_across(Volume(fused(0.0), AFFINE), SoftMask.from_fractions(mask, AFFINE))
    assert np.isnan(seen)
