"""The pictures that the segmenter's weights are made of."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from training.canvas import PIXEL_MM, SHAPE, SIZE_MM, Canvas
from training.contrast import Crop, picture
from training.draw import draw_section
from training.fields import blobs
from training.non_spines import draw_stranger
from training.remnants import SQUARED, Remnant, paint_remnant, sample_remnants, squared
from training.slabs import SLICES, draw_slab, slab
from training.spine import directions, sample_spine
from training.tissues import Tissue, structure_table

from discmri.measurement.segment.network import CHANNELS, Channel, network_input

CROP = Crop((160, 128), 0.8)


@pytest.fixture(scope="module")
def middle() -> np.ndarray:
    """Structures in the middle section of an invented spine that is not bent sideways."""
    for number in range(50):
        spine = sample_spine(np.random.default_rng(number), SIZE_MM)
        if spine.scoliosis[0] < 1.0:
            return structure_table()[draw_section(spine, 0.0)]
    raise AssertionError("every spine is scoliotic")


def test_a_slab_is_the_same_whenever_it_is_drawn(tmp_path) -> None:
    first = slab(tmp_path, 3)
    assert first.shape == (SLICES[-1].stop, *SHAPE)
    assert np.array_equal(first, slab(tmp_path, 3))
    assert np.array_equal(first, draw_slab(3))
    assert not np.array_equal(first, draw_slab(4))


def test_the_middle_section_shows_every_structure(middle: np.ndarray) -> None:
    assert set(np.unique(middle)) == {int(s) for s in Channel}


def test_endplates_lie_between_discs_and_bodies(middle: np.ndarray) -> None:
    touching = [pair for column in middle.T for pair in itertools.pairwise(column)]
    pairs = {frozenset(pair) for pair in touching if pair[0] != pair[1]}
    assert frozenset({Channel.DISC, Channel.ENDPLATE}) in pairs
    share = np.mean([set(p) == {Channel.DISC, Channel.BODY} for p in touching])
    plates = np.mean([set(p) == {Channel.DISC, Channel.ENDPLATE} for p in touching])
    assert share < 0.05 * plates


def test_discs_have_the_height_of_discs(middle: np.ndarray) -> None:
    runs = []
    for column in (middle == Channel.DISC).T:
        edges = np.flatnonzero(np.diff(np.r_[0, column.astype(int), 0]))
        runs += [(b - a) * PIXEL_MM for a, b in zip(edges[::2], edges[1::2], strict=True)]
    assert 2.0 < np.median(runs) < 12.0


def test_remnants_of_every_size_lie_in_the_sacrum_and_are_no_disc() -> None:
    sizes, counts = [], []
    table = structure_table()
    for number in range(40):
        spine = sample_spine(np.random.default_rng(number), SIZE_MM)
        drawn = draw_section(spine, 0.0)
        remnant = drawn == Tissue.SACRAL_REMNANT
        assert set(table[drawn[remnant]]) <= {Channel.SACRUM}
        counts.append(remnant.any())
        apart = np.random.default_rng([spine.seed, 1])
        deep = bool(apart.random() < SQUARED)
        if deep:
            squared(spine.bodies[len(spine.lumbar) :], apart)
        sizes += [one.depth for one in sample_remnants(apart, 5, deep)[:1]]
    assert np.mean(counts) > 0.6
    assert min(sizes) < 0.2
    assert max(sizes) > 0.8


def test_bone_joins_the_segments_around_a_remnant() -> None:
    spine = sample_spine(np.random.default_rng(3), SIZE_MM)
    joint = spine.bodies[len(spine.lumbar) : len(spine.lumbar) + 2]
    bottom, top = joint[0].bottom, joint[1].top
    middle = (bottom.centre + top.centre) / 2
    shift = np.array([0.0, SIZE_MM[1] / 2 - middle[1]])
    moved = tuple(
        replace(
            body,
            top=replace(body.top, centre=body.top.centre + shift),
            bottom=replace(body.bottom, centre=body.bottom.centre + shift),
        )
        for body in joint
    )
    canvas = Canvas()
    canvas.map[:] = Tissue.SACRAL_CORTEX
    remnant = Remnant(depth=0.4, place=0.0, half_height_mm=2.0, blunt=2.5, shell_mm=0.7)
    paint_remnant(canvas, remnant, moved, 0.0, np.random.default_rng(0))
    front, _ = directions((bottom.tilt_deg + top.tilt_deg) / 2)
    depth = (bottom.depth_mm + top.depth_mm) / 2

    def at(share: float) -> int:
        back, down = (middle + shift + share * depth / 2 * front) / PIXEL_MM
        return int(canvas.map[round(down), round(back)])

    assert at(0.0) == Tissue.SACRAL_REMNANT
    assert at(0.75) == at(-0.75) == Tissue.SACRAL_MARROW


@pytest.mark.parametrize("seed", range(8))
def test_strangers_show_no_spine(seed: int) -> None:
    drawn = draw_stranger(np.random.default_rng(seed), 3)
    assert drawn.shape == (3, *SHAPE)
    assert not structure_table()[drawn].any()


def test_shares_add_up_and_neighbours_may_be_missing() -> None:
    tissues = draw_slab(5)
    missing = 0
    for seed in range(12):
        image, shares = picture(tissues, CROP, np.random.default_rng(seed))
        assert image.shape == (3, *CROP.shape)
        assert shares.shape == (len(Channel), *CROP.shape)
        assert np.allclose(shares.sum(axis=0), 1)
        assert image.min() >= 0
        assert image[1].any()
        seen = network_input(image)
        assert seen.shape == (CHANNELS, *CROP.shape)
        for k, channel in ((0, 2), (2, 3)):
            assert image[k].any() == seen[channel].any()
        missing += not image[0].any()
    assert 0 < missing < 12


def test_fields_have_unit_spread_and_lumps_of_their_size() -> None:
    rng = np.random.default_rng(0)
    fine, coarse = blobs(rng, (300, 400), (2, 2)), blobs(rng, (300, 400), (20, 20))
    assert fine.shape == coarse.shape == (300, 400)
    assert fine.std() == pytest.approx(1, abs=0.15)
    steps = [np.abs(np.diff(field, axis=1)).mean() for field in (fine, coarse)]
    assert steps[0] > 4 * steps[1]


def test_every_tissue_belongs_to_a_structure() -> None:
    table = structure_table()
    assert len(table) == len(Tissue)
    assert table[Tissue.ENDPLATE] == Channel.ENDPLATE
    assert table[Tissue.UNREAD_ANNULUS] == Channel.BACKGROUND
