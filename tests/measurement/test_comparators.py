"""Cerebrospinal fluid, marrow and presacral fat of blocks whose signal is known by construction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.scene import Spine, labels_of

from discmri.core.levels import DiscLevel, Vertebra
from discmri.core.volume import SoftMask, Volume
from discmri.measurement.signal.bias_field import _uniform_tissues
from discmri.measurement.signal.comparators import (
    _bright,
    csf_at,
    csf_beside,
    fluid_over_marrow,
    spine_comparators,
)
from discmri.measurement.signal.histogram import ashman_d
from discmri.results.outline import DiscFrame

LABELS = labels_of(Spine())
LEVEL = DiscLevel.L4_L5
RIGHT, ANTERIOR, CRANIAL = np.eye(3)


def block(shape: tuple[int, ...], voxels: int | None = None) -> SoftMask:
    """The first voxels of a grid of 1 mm, all of them if no number is given."""
    filled = np.zeros(shape, np.float32)
    filled.ravel()[:voxels] = 1.0
    return SoftMask(filled, np.eye(4))


def flat(shape: tuple[int, ...], value: float) -> Volume:
    return Volume(np.full(shape, value), np.eye(4))


@pytest.mark.parametrize(("voxels", "csf"), [(7, None), (8, 90.0)])
def test_csf_is_a_matter_of_eight_voxels(voxels: int, csf: float | None) -> None:
    shape = (3, 3, 3)
    frame = DiscFrame(np.zeros(3), ANTERIOR, CRANIAL, -RIGHT)
    image, canal = flat(shape, 90.0), block(shape, voxels)
    assert csf_at(image, canal, {LEVEL: frame}) == {LEVEL: csf}
    assert csf_beside(image, canal, frame)[0] == csf
    bodies = replace(LABELS, vertebrae={Vertebra.L4: block(shape)}, canal=canal)
    assert fluid_over_marrow(image, bodies) == (None if csf is None else 1.0)


@pytest.mark.parametrize(
    ("dark_mm", "expected"),
    [((12, 60), (1000.0, "neighbours")), ((12, 30), (1450.0, "level"))],
)
def test_the_neighbours_reach_60_mm(dark_mm: tuple[int, int], expected: tuple[float, str]) -> None:
    """Fluid of 1450 but for a part of 1000 to both sides; beyond 60 mm it says nothing."""
    shape = (3, 3, 301)
    frame = DiscFrame(np.array([1.0, 1.0, 150.0]), ANTERIOR, CRANIAL, -RIGHT)
    away = np.abs(np.arange(301) - 150)
    array = np.full(shape, 1450.0)
    array[:, :, (away > dark_mm[0]) & (away <= dark_mm[1])] = 1000.0
    assert csf_beside(Volume(array, np.eye(4)), block(shape), frame) == expected


def test_fluid_beside_a_disc_reaches_12_mm_up_and_down() -> None:
    shape = (3, 3, 101)
    frame = DiscFrame(np.array([1.0, 1.0, 50.0]), ANTERIOR, CRANIAL, -RIGHT)
    array = np.full(shape, 400.0)
    array[:, :, 38:63] = 90.0
    image = Volume(array, np.eye(4))
    assert csf_at(image, block(shape), {LEVEL: frame}) == {LEVEL: 90.0}


@pytest.mark.parametrize(("voxels", "marrow"), [(20, None), (21, 70.0)])
def test_marrow_needs_more_than_twenty_voxels(voxels: int, marrow: float | None) -> None:
    shape = (3, 3, 3)
    labels = replace(LABELS, vertebrae={Vertebra.L4: block(shape, voxels)})
    assert spine_comparators(flat(shape, 70.0), labels).marrow == marrow


def before_the_sacrum(layers: dict[int, float]) -> tuple[Volume, SoftMask, SoftMask]:
    """A sacrum with four points on its front, and the signal from each depth (mm) forward."""
    shape, affine, front = (1, 50, 4), np.diag([4.0, 1.0, 2.0, 1.0]), 10
    array, sacrum, disc = np.full(shape, 100.0), np.zeros(shape), np.zeros(shape)
    sacrum[:, : front + 1] = 1.0
    for depth, value in layers.items():
        array[:, front + depth :] = value
    array[:, -5:], disc[:, -5:] = 1000.0, 1.0
    return Volume(array, affine), SoftMask(sacrum, affine), SoftMask(disc, affine)


@pytest.mark.parametrize("layers", [{1: 1500, 3: 500, 8: 200}, {1: 1500, 3: 200, 8: 500}])
def test_fat_lies_3_to_12_mm_before_the_sacrum(layers: dict[int, float]) -> None:
    """Half of the band is fat; what lies before and behind the band is brighter."""
    image, sacrum, disc = before_the_sacrum(layers | {13: 1500})
    labels = replace(LABELS, vertebrae={Vertebra.SACRUM: sacrum}, discs={LEVEL: disc})
    assert spine_comparators(image, labels).fat == 500.0


@pytest.mark.parametrize(("lost", "fat"), [(0, 500.0), (1, None)])
def test_fat_needs_forty_points(lost: int, fat: float | None) -> None:
    """Four points on the bone and ten depths; points without signal do not count."""
    image, sacrum, disc = before_the_sacrum({1: 500.0})
    image.array[0, 15, :lost] = 0.0
    labels = replace(LABELS, vertebrae={Vertebra.SACRUM: sacrum}, discs={LEVEL: disc})
    assert spine_comparators(image, labels).fat == fat


@pytest.mark.parametrize(
    ("layers", "fat"),
    [
        ({1: 114.0}, None),  # marrow has 100
        ({1: 116.0}, 116.0),
        ({1: 950.0}, 950.0),  # the disc has 1000
        ({1: 956.0}, None),
        ({1: 670.0, 5: 500.0, 8: 200.0}, 500.0),  # two fifths of the brighter half
        ({1: 680.0, 5: 500.0, 8: 200.0}, None),
    ],
)
def test_fat_is_uniform_brighter_than_marrow_and_darker_than_a_disc(
    layers: dict[int, float], fat: float | None
) -> None:
    image, sacrum, disc = before_the_sacrum(layers)
    labels = replace(LABELS, vertebrae={Vertebra.SACRUM: sacrum}, discs={LEVEL: disc})
    assert spine_comparators(image, labels).fat == fat


def test_fluid_is_what_has_eight_tenths_of_the_brightest() -> None:
    """Roots and partly filled voxels are darker; a tenth of the voxels is as bright as fluid."""
    values = np.repeat([100.0, 81.0, 79.0], [10, 30, 60])
    assert _bright(values) == 81.0


@pytest.mark.parametrize(("voxels", "counted"), [(9, 0), (10, 10)])
def test_fluid_for_the_bias_field_is_taken_by_centimetres_of_ten_voxels(
    voxels: int, counted: int
) -> None:
    shape = (10, 1, 11)
    filled, array = np.zeros(shape), np.full(shape, 79.0)
    filled[:, :, :10] = filled[:voxels, :, 10] = 1.0
    array[:, :, :6], array[:, :, 0], array[:, :, 10] = 81.0, 100.0, 50.0
    labels = replace(LABELS, vertebrae={}, canal=SoftMask(filled, np.eye(4)))
    ((_, values),) = _uniform_tissues(Volume(array, np.eye(4)), labels)
    assert np.sort(values).tolist() == [50.0] * counted + [81.0] * 50 + [100.0] * 10


@pytest.mark.parametrize(("values", "known"), [(19, False), (20, True)])
def test_two_peaks_need_twenty_values(values: int, known: bool) -> None:
    assert (ashman_d(np.arange(values)) is not None) is known
