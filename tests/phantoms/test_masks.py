from __future__ import annotations

import numpy as np
import pytest

from discmri.core.errors import UsageError
from discmri.core.labels import NumberingMethod
from discmri.core.levels import DiscLevel, Vertebra
from discmri.core.volume import Grid
from discmri.phantoms import Phantom, Protocol, SpineOptions, lumbar_spine, make_phantom


@pytest.fixture(scope="module")
def block(phantom: Phantom) -> Grid:
    """A grid around L4-L5 and L5-S1 that holds both discs whole."""
    centre = phantom.scene.column.discs[DiscLevel.L4_L5].frame.origin_mm
    affine = np.diag([1.0, 1.0, 2.0, 1.0])
    affine[:3, :3] = affine[:3, [1, 2, 0]] @ np.diag([1.0, 1.0, 1.0])
    affine[:3, :3] = np.array([[0, 0, 2.0], [-1.0, 0, 0], [0, -1.0, 0]])
    shape = (64, 84, 34)
    affine[:3, 3] = centre - affine[:3, :3] @ ((np.array(shape) - 1) / 2) - np.array([0, 0, 14])
    return Grid(shape, affine)


def test_fractions_add_up_to_the_true_volume(phantom: Phantom, block: Grid):
    found = phantom.masks(block)
    volumes = {disc.level: disc.mask.volume_mm3 for disc in found.discs}
    for level in (DiscLevel.L4_L5, DiscLevel.L5_S1):
        assert volumes[level] == pytest.approx(phantom.truth()[level].volume_mm3, rel=0.005)


def test_masks_agree_with_inside_at_voxel_centres(phantom: Phantom, block: Grid):
    labels = phantom.labels(block)
    mask = labels.discs[DiscLevel.L4_L5].on(block)
    index = np.stack(np.meshgrid(*map(np.arange, block.shape), indexing="ij"), axis=-1)
    inside = phantom.scene.column.discs[DiscLevel.L4_L5].inside(block.to_world(index))
    sure = (mask < 0.02) | (mask > 0.98)
    assert (inside[sure] == (mask[sure] > 0.5)).mean() > 0.9999
    assert (inside != (mask > 0.5)).sum() < 0.06 * inside.sum()


def test_no_voxel_is_filled_twice(phantom: Phantom, block: Grid):
    labels = phantom.labels(block)
    total = sum(m.on(block) for m in (*labels.discs.values(), *labels.vertebrae.values()))
    assert labels.canal is not None
    total = total + labels.canal.on(block)
    assert total.max() <= 1 + 1e-3
    assert labels.numbering is NumberingMethod.MASKS


def test_label_numbers_are_those_of_the_table(phantom: Phantom, block: Grid):
    found = set(np.unique(phantom.label_map(block)).tolist())
    assert {0, 2, 44, 45, 50, 95, 100} <= found
    assert found <= {0, 2, 43, 44, 45, 50, 94, 95, 100}


def test_order_in_the_body(phantom: Phantom, block: Grid):
    labels = phantom.labels(block)
    disc = labels.discs[DiscLevel.L5_S1].centroid_mm
    assert labels.vertebrae[Vertebra.L5].centroid_mm[2] > disc[2]
    assert labels.vertebrae[Vertebra.SACRUM].centroid_mm[2] < disc[2]
    assert labels.canal is not None
    assert labels.canal.centroid_mm[1] < disc[1]


def test_right_is_right():
    """A spine that bows has its discs where its column says, in RAS+."""
    phantom = make_phantom(lumbar_spine(SpineOptions(scoliosis_deg=30), seed=1))
    protocol = Protocol(spacing_mm=3.0, slices=17, fov_mm=(90.0, 240.0))
    labels = phantom.labels(phantom.grid(protocol), protocol.slice_thickness_mm)
    column = phantom.scene.column
    for level, mask in labels.discs.items():
        centre = column.discs[level].frame.origin_mm
        assert mask.centroid_mm[0] == pytest.approx(centre[0], abs=2.0)
    spread = [column.discs[level].frame.origin_mm[0] for level in labels.discs]
    assert np.ptp(spread) > 6


def test_oblique_stacks_see_the_same_spine(phantom: Phantom):
    protocol = Protocol(
        spacing_mm=2.0, slices=15, fov_mm=(100.0, 200.0), oblique_deg=(7.0, 5.0, 4.0)
    )
    grid = phantom.grid(protocol)
    mask = phantom.labels(grid).discs[DiscLevel.L3_L4]
    centre = phantom.scene.column.discs[DiscLevel.L3_L4].frame.origin_mm
    assert np.linalg.norm(mask.centroid_mm - centre) < 1.5
    truth = phantom.truth()[DiscLevel.L3_L4].volume_mm3
    assert mask.volume_mm3 == pytest.approx(truth, rel=0.01)


@pytest.mark.parametrize(
    "wrong",
    [
        {"spacing_mm": 0.0},
        {"slices": 0},
        {"snr": -1.0},
        {"spacing_mm": 0.01},
        {"b_values": ()},
        {"b_values": (0.0, 9000.0)},
        {"directions": 2},
    ],
)
def test_protocols_that_make_no_sense_are_refused(wrong):
    with pytest.raises(UsageError):
        Protocol(**wrong)
