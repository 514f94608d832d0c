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


def measured(image: Array, mask: Array, affine: Array = AFFINE) -> float:
    return bone_across(Volume(image, affine), SoftMask.from_fractions(mask, affine))


def across(image: Array, slices: tuple[int, ...] = (0, 1, 2)) -> float:
    mask = np.zeros(SHAPE, dtype=np.float32)
    mask[list(slices), 15:45, 26:34] = 1
    return measured(image, mask)


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
    assert measured(image, turned) == pytest.approx(1.0, abs=0.05)


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
    assert measured(cut, mask) < 0.5


def test_slices_with_less_than_half_of_the_largest_section_do_not_count() -> None:
    """Bone continues across the two smaller sections."""
    image = fused(0.0)
    image[:2] = BONE
    for pixels, counted in ((12, False), (18, True)):
        mask = np.zeros(SHAPE, dtype=np.float32)
        mask[2, 15:45, 26:34] = mask[:2, 15 : 15 + pixels, 26:34] = 1
        assert (measured(image, mask) > 0.9) is counted


@pytest.mark.parametrize("at", [6, 53])
@pytest.mark.parametrize(("pixels", "left_out"), [(4, True), (8, False)])
def test_two_percent_of_a_section_may_lie_off_either_end(
    at: int, pixels: int, left_out: bool
) -> None:
    """Of 240 pixels; the lines would cross the gap, where there is no disc to measure."""
    mask = np.zeros(SHAPE, dtype=np.float32)
    mask[:, 15:45, 26:34] = 1
    mask[:, at, 30 - pixels // 2 : 30 + pixels // 2] = 1
    assert np.isfinite(measured(fused(0.0), mask)) == left_out


def test_a_dark_line_of_a_millimetre_is_averaged_over_one_and_a_half() -> None:
    """Three samples, at the line and half a millimetre on either side, where it is half as dark."""
    image = np.full(SHAPE, BONE)
    image[:, :, 30] = DARK
    assert across(image) == pytest.approx(1 - (1 - DARK / BONE) * 2 / 3, abs=0.01)


@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize(("beyond_mm", "counted"), [(2, True), (3, False)])
def test_an_endplate_lies_within_two_millimetres_of_the_disc(
    side: int, beyond_mm: int, counted: bool
) -> None:
    image = np.full(SHAPE, BONE)
    image[:, :, round(29.5 + side * (3.5 + beyond_mm))] = DARK
    assert (across(image) < 0.6) is counted


def test_bone_from_three_and_a_half_to_eight_millimetres_is_compared() -> None:
    """Its signal rises by a tenth per millimetre, so that its median lies at 5.75 mm."""
    beyond = np.abs(np.arange(60) - 29.5) - 3.5
    image = np.broadcast_to(BONE * (1 + 0.1 * np.where(beyond > 3, beyond, 0)), SHAPE)
    assert across(image) == pytest.approx(1 / 1.575, rel=0.02)


@pytest.mark.parametrize(("pixels", "known"), [(7, True), (6, False)])
def test_less_than_five_lines_across_are_too_little(pixels: int, known: bool) -> None:
    """Lines are a millimetre apart, pixels 1.1 mm, and a millimetre at either end is left out."""
    mask = np.zeros(SHAPE, dtype=np.float32)
    mask[:, 15 : 15 + pixels, 28:31] = 1
    assert np.isfinite(measured(fused(0.0), mask, np.diag([4.0, 1.1, 1.0, 1.0]))) == known


@pytest.mark.parametrize(("pixel_mm", "known"), [(2.8, True), (3.4, False)])
def test_pixels_of_three_millimetres_leave_no_line_without_a_disc(
    pixel_mm: float, known: bool
) -> None:
    """A line takes the disc within one and a half millimetres."""
    mask = np.zeros(SHAPE, dtype=np.float32)
    mask[:, 15:45, 26:34] = 1
    affine = np.diag([4.0, pixel_mm, 1.0, 1.0])
    assert np.isfinite(measured(fused(0.0), mask, affine)) == known


def test_a_slice_that_cannot_be_measured_is_left_out() -> None:
    mask = np.zeros(SHAPE, dtype=np.float32)
    mask[:, 15:45, 26:34] = mask[0, 53, 26:34] = 1
    assert measured(fused(0.0), mask) == pytest.approx(DARK / BONE, abs=0.05)


def test_lines_follow_a_bent_disc() -> None:
    """Straight ones would miss its endplates at the ends and in the middle."""
    image, mask = np.full(SHAPE, BONE), np.zeros(SHAPE, dtype=np.float32)
    for y in range(15, 45):
        low = 20 + round(1.2 * abs(y - 29.5))
        image[:, y, low - 2 : low + 5] = DARK
        mask[:, y, low : low + 3] = 1
    assert measured(image, mask) == pytest.approx(DARK / BONE, abs=0.05)


def test_dark_spots_are_averaged_over_three_lines() -> None:
    image = np.full(SHAPE, BONE)
    image[:, ::3, 26:34] = DARK
    assert across(image) == pytest.approx((2 + DARK / BONE) / 3, abs=0.01)


def test_a_vein_in_the_bone_does_not_change_its_signal() -> None:
    image = fused(0.4)
    image[:, 15:23, 17:23] = 10 * BONE
    assert across(image) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("rows", [slice(0, 37), slice(24, 36)])
def test_bone_is_compared_where_the_image_shows_it(rows: slice) -> None:
    """Below the disc alone, or nowhere."""
    mask = np.zeros(SHAPE, dtype=np.float32)
    mask[:, 15:45, 26:34] = 1
    found = measured(fused(0.4)[:, :, rows], mask[:, :, rows])
    assert found == pytest.approx(1.0 if rows.start == 0 else np.nan, abs=0.05, nan_ok=True)
