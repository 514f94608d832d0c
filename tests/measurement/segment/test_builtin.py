"""The built-in segmenter, on pictures drawn here and on nothing it was trained with."""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import pairwise, permutations, product

import numpy as np
import pytest
from tests.conftest import Tiny

from discmri.core.errors import NothingToMeasureError
from discmri.core.findings import Code
from discmri.core.labels import FoundSpine
from discmri.core.settings import Settings
from discmri.core.volume import Volume
from discmri.measurement.segment import segment
from discmri.measurement.segment.builtin import _exchanged, _upside_down, signal_shares
from discmri.measurement.segment.network import (
    CHANNELS,
    PIXEL_MM,
    Channel,
    network_input,
    shares_of,
)
from discmri.measurement.segment.network_slices import NetworkSlices
from discmri.measurement.segment.weights import height_sd_mm, weights, weights_sha256
from discmri.study import read_study

PITCH_MM, DISC_MM, DEPTH_MM = 36.0, 9.0, 34.0
LEVELS = 5
SHAPE_MM = (200.0, 240.0)  # back to front, feet to head


def drawn_spine(spacing_mm: tuple[float, float, float], slices: int, noise: float = 0.01) -> Volume:
    """A straight column of rounded bodies and bright discs, as on T2, in RAS+ order."""
    across, deep, high = spacing_mm
    y, z = np.meshgrid(
        (np.arange(round(SHAPE_MM[0] / deep)) + 0.5) * deep - 100.0,
        (np.arange(round(SHAPE_MM[1] / high)) + 0.5) * high - 120.0,
        indexing="ij",
    )
    image = np.full(y.shape, 0.25)
    image[np.abs(y + 62) < 24] = 0.3  # muscle
    image[(y > 40) | (y < -86)] = 0.8  # fat
    image[y < -94] = 0.0
    image[np.abs(y + 28.5) < 7.5] = 1.0  # fluid in the canal
    image[np.abs(y + 38) < 2] = 0.7
    phase = (z + PITCH_MM * 10) % PITCH_MM - PITCH_MM / 2
    column = np.abs(y) < DEPTH_MM / 2
    image[np.abs(y) < DEPTH_MM / 2 + 2] = 0.06
    image[column & (np.abs(phase) > DISC_MM / 2 + 1.1)] = 0.45
    image[np.abs(y / 12) ** 2.5 + np.abs(phase / (DISC_MM / 2)) ** 2.5 < 1] = 0.7
    low = z < -120.0 + 20
    image[low] = np.where(np.abs(y[low]) < 60, 0.3, image[low])
    rng = np.random.default_rng(3)
    stack = np.stack([image + noise * rng.normal(size=image.shape) for _ in range(slices)])
    affine = np.diag([across, deep, high, 1.0])
    affine[:3, 3] = [-across * (slices - 1) / 2, -100 + deep / 2, -120 + high / 2]
    return Volume(np.abs(stack).astype(np.float32), affine)


def centres(found: FoundSpine) -> np.ndarray:
    return np.array([disc.mask.centroid_mm for disc in found.discs])


@pytest.fixture(scope="module")
def settings() -> Settings:
    return Settings(segmenter="builtin", threads=2)


@pytest.fixture(scope="module")
def upright(settings: Settings) -> FoundSpine:
    return segment(drawn_spine((4.0, 0.8, 0.8), 3), settings)


def test_discs_are_found_where_they_were_drawn(upright: FoundSpine) -> None:
    found = centres(upright)
    assert len(found) >= LEVELS - 1
    off = (found[:, 2] + PITCH_MM * 10) % PITCH_MM - PITCH_MM / 2
    assert np.abs(off).max() < 1.0
    assert np.allclose(-np.diff(found[:, 2]), PITCH_MM, atol=1.0)
    assert np.abs(found[:, 1]).max() < 2.5


def test_disc_height_leaves_the_endplates_out(upright: FoundSpine) -> None:
    for disc in upright.discs:
        middle = disc.mask.centroid_mm + np.array([[0, y, 0] for y in (-6.0, 0.0, 6.0)])
        line = np.arange(-12, 12, 0.1)
        columns = disc.mask.sample(middle[:, None, :] + line[None, :, None] * np.array([0, 0, 1.0]))
        heights = (columns > 0.5).sum(axis=1) * 0.1
        assert np.abs(heights - DISC_MM).max() < 1.2


def test_discs_are_ordered_and_trusted(upright: FoundSpine) -> None:
    assert np.all(np.diff(centres(upright)[:, 2]) < 0)
    assert all(0 <= disc.confidence <= 1 for disc in upright.discs)
    assert np.median([disc.confidence for disc in upright.discs]) > 0.5


def test_a_collapsed_disc_is_found_but_not_trusted(settings: Settings) -> None:
    image = drawn_spine((4.0, 0.8, 0.8), 1)
    z = image.grid.to_world(
        np.stack([np.zeros(image.shape[2])] * 2 + [np.arange(image.shape[2])], 1)
    )[:, 2]
    y = image.grid.to_world(
        np.stack([np.zeros(image.shape[1]), np.arange(image.shape[1]), np.zeros(image.shape[1])], 1)
    )[:, 1]
    phase = (z + PITCH_MM * 10) % PITCH_MM - PITCH_MM / 2
    level = np.abs(z - 18) < PITCH_MM / 2
    image.array[:, (np.abs(y) < DEPTH_MM / 2)[:, None] & (level & (np.abs(phase) < 9))[None, :]] = (
        0.45
    )
    image.array[
        :, (np.abs(y) < DEPTH_MM / 2)[:, None] & (level & (np.abs(phase) < 2.0))[None, :]
    ] = 0.06
    found = segment(image, settings)
    place = centres(found)[:, 2]
    thin = int(np.argmin(np.abs(place - 18)))
    assert abs(place[thin] - 18) < 2
    assert found.discs[thin].confidence == min(disc.confidence for disc in found.discs)


def test_the_signal_of_a_disc_is_compared_with_the_bones_beside_it(upright: FoundSpine) -> None:
    """Drawn at 0.7, its corners darker, beside bodies of 0.45."""
    image = drawn_spine((4.0, 0.8, 0.8), 3)
    shares = signal_shares(upright, image)
    assert shares == pytest.approx([0.7 / 0.45] * len(upright.discs), rel=0.1)
    for disc, share in zip(upright.discs, shares, strict=True):
        assert disc.height_sd_mm == pytest.approx(height_sd_mm(disc.confidence, share))
    alone = replace(upright, bodies=(), sacrum=None)
    assert np.isnan(signal_shares(alone, image)).all()


def test_less_is_stated_of_bright_and_sure_discs() -> None:
    sure, unsure = height_sd_mm(1.0, 2.0), height_sd_mm(0.5, 2.0)
    assert sure == pytest.approx(0.15, abs=0.001)
    assert unsure == pytest.approx(0.15 * np.exp(0.75), abs=0.001)
    half_hidden = height_sd_mm(1.0, 0.48)
    assert half_hidden == pytest.approx(np.hypot(0.15, 0.7 / np.e), abs=0.001)
    assert height_sd_mm(1.0, 0.1) > 0.65
    assert height_sd_mm(1.0, float("nan")) == height_sd_mm(1.0, 0.0)


def test_bodies_lie_between_discs_and_the_canal_behind(upright: FoundSpine) -> None:
    found = centres(upright)[:, 2]
    bodies = [body.centroid_mm[2] for body in upright.bodies]
    between = [sum(low < b < high for b in bodies) for high, low in pairwise(found)]
    assert between == [1] * len(between)
    assert upright.canal is not None
    assert upright.canal.centroid_mm[1] < -DEPTH_MM / 2


ORIENTATIONS = tuple(product(permutations(range(3)), product((1, -1), repeat=3)))


def test_all_48_orientations_give_the_network_the_same_slices_and_lead_back() -> None:
    image = drawn_spine((4.0, 1.0, 1.0), 1)
    upright = NetworkSlices.of(image.grid)
    slices = upright.slices(image)
    bright = slices / slices.max()
    there = upright.mask(bright).centroid_mm
    for order, signs in ORIENTATIONS:
        turned = turned_volume(image, order, signs)
        found = NetworkSlices.of(turned.grid)
        assert np.allclose(found.slices(turned), slices, atol=1e-4 * slices.max()), (order, signs)
        assert np.allclose(found.mask(bright).centroid_mm, there, atol=0.01), (order, signs)


@pytest.mark.parametrize(("order", "signs"), ORIENTATIONS[::7])
def test_orientations_find_the_same(settings: Settings, order, signs) -> None:
    image = drawn_spine((4.0, 1.0, 1.0), 1)
    turned = turned_volume(image, order, signs)
    found = segment(turned, settings)
    assert found.grid.shape == turned.shape
    assert np.allclose(centres(found), centres(segment(image, settings)), atol=0.02)


def turned_volume(image: Volume, order: tuple[int, ...], signs: tuple[int, ...]) -> Volume:
    """The same picture in the same place, stored in another order and direction."""
    array = np.transpose(image.array, order)
    affine = np.eye(4)
    affine[:3, :3] = image.affine[:3, :3][:, order]
    affine[:3, 3] = image.affine[:3, 3]
    for axis, sign in enumerate(signs):
        if sign < 0:
            affine[:3, 3] += affine[:3, axis] * (array.shape[axis] - 1)
            affine[:3, axis] *= -1
            array = np.flip(array, axis)
    return Volume(np.ascontiguousarray(array), affine)


@pytest.mark.parametrize("pixel_mm", [0.4, 0.6, 1.0])
def test_pixel_size_makes_no_difference(pixel_mm: float, settings: Settings) -> None:
    expected = segment(drawn_spine((4.0, 0.8, 0.8), 1), settings)
    found = segment(drawn_spine((4.0, pixel_mm, pixel_mm), 1), settings)
    assert len(found.discs) == len(expected.discs)
    assert np.allclose(centres(found), centres(expected), atol=0.6)
    ratio = [
        a.mask.volume_mm3 / b.mask.volume_mm3
        for a, b in zip(found.discs, expected.discs, strict=True)
    ]
    assert np.abs(np.array(ratio) - 1).max() < 0.15


def test_the_scale_of_the_signal_makes_no_difference(settings: Settings) -> None:
    image = drawn_spine((4.0, 0.8, 0.8), 1)
    brighter = Volume(image.array * 731.0, image.affine)
    expected, found = segment(image, settings), segment(brighter, settings)
    assert np.allclose(centres(found), centres(expected), atol=0.01)


def oval(centre: tuple[float, float], half: tuple[float, float], power: float = 2.0) -> np.ndarray:
    """Where an oval lies in a picture of 240 x 240 pixels of a millimetre (back, down)."""
    down, back = np.mgrid[:240, :240].astype(float)
    inside = (
        np.abs((back - centre[0]) / half[0]) ** power
        + np.abs((down - centre[1]) / half[1]) ** power
    )
    return inside < 1


def head() -> np.ndarray:
    """Scalp, skull, brain with ventricles."""
    image = np.zeros((240, 240))
    for margin, shine in ((0, 0.8), (5, 0.05), (9, 0.5)):
        image[oval((120, 110), (95 - margin, 80 - margin))] = shine
    image[oval((125, 105), (30, 10))] = 1.0
    image[oval((120, 215), (40, 60), 4.0)] = 0.3
    return image


def knee() -> np.ndarray:
    """Two bones that meet between muscles."""
    image = np.zeros((240, 240))
    image[oval((120, 120), (60, 200), 6.0)] = 0.7
    image[oval((120, 120), (48, 200), 6.0)] = 0.25
    for down in (-1, 1):
        image[oval((120, 120 + down * 90), (16, 80), 6.0)] = 0.6
        image[oval((120, 120 + down * 22), (36, 20), 3.0)] = 0.05
        image[oval((120, 120 + down * 22), (34, 18), 3.0)] = 0.6
    return image


def trunk_from_below() -> np.ndarray:
    """An axial slice: body, canal, muscles, belly."""
    image = np.zeros((240, 240))
    image[oval((120, 120), (85, 115), 2.6)] = 0.8
    image[oval((125, 120), (70, 100), 2.6)] = 0.25
    image[oval((85, 120), (45, 75))] = 0.7
    image[oval((128, 120), (17, 24), 2.4)] = 0.05
    image[oval((128, 120), (15, 22), 2.4)] = 0.5
    image[oval((153, 120), (8, 10))] = 1.0
    return image


@pytest.mark.parametrize("draw", [head, knee, trunk_from_below])
def test_another_part_of_the_body_is_refused(draw, settings: Settings) -> None:
    noise = 0.02 * np.random.default_rng(2).normal(size=(3, 240, 240))
    affine = np.array([[4.0, 0, 0, 0], [0, 0, -1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
    image = Volume(np.abs(draw() + noise).astype(np.float32), affine)
    with pytest.raises(NothingToMeasureError, match=r"no lumbar disc found .* it shows no"):
        segment(image, settings)


def test_a_spine_of_another_size_is_refused(settings: Settings) -> None:
    image = drawn_spine((4.0, 0.8, 0.8), 1)
    small = Volume(image.array, image.affine @ np.diag([1.0, 0.4, 0.4, 1.0]))
    with pytest.raises(NothingToMeasureError, match="no lumbar disc found"):
        segment(small, settings)


@pytest.mark.parametrize("what", ["noise", "nothing", "wedge"])
def test_a_picture_without_a_spine_is_refused(what: str, settings: Settings) -> None:
    rng = np.random.default_rng(0)
    arrays = {
        "noise": rng.random((2, 160, 160)),
        "nothing": np.zeros((2, 160, 160)),
        "wedge": np.broadcast_to(np.linspace(0, 1, 160), (2, 160, 160)),
    }
    image = Volume(arrays[what].astype(np.float32), np.diag([4.0, 1.0, 1.0, 1.0]))
    with pytest.raises(NothingToMeasureError, match="no lumbar disc found"):
        segment(image, settings)


def test_network_input_has_no_scale_and_sees_the_neighbours() -> None:
    image = np.random.default_rng(1).random((3, 64, 48)).astype(np.float32)
    seen = network_input(image)
    assert seen.shape == (CHANNELS, 64, 48)
    assert np.allclose(seen, network_input(image * 1000), atol=1e-3)
    assert np.quantile(seen[0], 0.98) == pytest.approx(1.0, abs=0.01)
    assert np.array_equal(seen[2:], network_input(image[::-1])[:1:-1])
    alone = network_input(np.stack([np.zeros_like(image[1]), image[1], np.zeros_like(image[1])]))
    assert np.array_equal(alone[:2], seen[:2])
    assert not alone[2:].any()


@pytest.mark.parametrize("offset_mm", [-40.0, 40.0])
def test_the_place_of_the_spine_in_the_picture_makes_no_difference(
    offset_mm: float, settings: Settings
) -> None:
    image = drawn_spine((4.0, 0.8, 0.8), 5)
    margin = round(abs(offset_mm) / 0.8)
    before, after = (margin, 0) if offset_mm < 0 else (0, margin)
    wider = np.pad(image.array, ((0, 0), (before, after), (0, 0)))
    affine = image.affine.copy()
    affine[1, 3] -= before * 0.8
    expected, found = segment(image, settings), segment(Volume(wider, affine), settings)
    assert np.allclose(centres(found), centres(expected), atol=0.3)


def test_weights_are_small_and_named_by_their_hash(upright: FoundSpine) -> None:
    assert len(weights()) <= 6_000_000
    assert len(weights_sha256()) == 64
    assert upright.method == f"builtin:{weights_sha256()[:12]}"


def test_channels_and_pixel_are_those_of_the_training() -> None:
    assert [s.name for s in Channel][:5] == ["BACKGROUND", "DISC", "BODY", "SACRUM", "CANAL"]
    assert pytest.approx(0.8) == PIXEL_MM


def test_onnxruntime_is_loaded_only_when_needed() -> None:
    import subprocess

    code = "import sys, discmri.measurement.segment; sys.exit('onnxruntime' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture(scope="module")
def registered(tiny: Tiny, settings: Settings):
    """Segment the small phantom as if it were registered in another position."""
    study = read_study(tiny.study)
    image = study.read(study.target())

    def segmented(turn: tuple[int, int, int]) -> FoundSpine:
        affine = np.diag([*turn, 1.0]) @ image.affine
        return segment(Volume(image.array, affine), settings)

    return segmented


def test_front_and_back_exchanged_by_a_wrong_patient_position_are_noticed(registered) -> None:
    upright = registered((1, 1, 1))
    assert (len(upright.discs), upright.findings) == (3, ())
    for turn in ((-1, -1, 1), (1, -1, -1)):  # prone instead of supine, head or feet first
        with pytest.raises(NothingToMeasureError, match=r"front and back are exchanged.*headers"):
            registered(turn)


def test_head_and_feet_exchanged_by_a_wrong_patient_position_are_told(registered) -> None:
    spine = registered((-1, 1, -1))
    (told,) = spine.findings
    assert told.code is Code.NUMBERING_UNCERTAIN
    assert (registered((1, 1, 1)).upright_probability, spine.upright_probability) == (1, 1 / 7)
    assert "head and feet exchanged" in told.text


def slice_of(**amounts: float) -> np.ndarray:
    """Shares of 1000 pixels, as many of each structure as asked for."""
    shares = np.zeros((len(Channel), 1, 100_000), dtype=np.float32)
    for name, amount in amounts.items():
        shares[Channel[name], 0, : round(1000 * amount)] = 1.0
    return shares


@pytest.mark.parametrize(
    ("given", "turned", "told"),
    [(0.04, 0.13, True), (0.04, 0.11, False), (0.06, 0.30, False), (0.0, 0.0, False)],
)
def test_a_sacrum_seen_only_upside_down_decides(given, turned, told) -> None:
    slices = [slice_of(BODY=10.0, SACRUM=10 * share) for share in (given, turned)]
    assert bool(_upside_down(slices[0], lambda: slices[1])) is told


@pytest.mark.parametrize(
    ("arches", "sacrum", "mirrored", "told"),
    [
        (0.17, 0.0, 1.24, False),
        (0.17, 0.0, 1.26, True),
        (0.19, 0.0, 9.0, False),
        (0.17, 0.07, 9.0, True),
        (0.17, 0.09, 9.0, False),
    ],
)
def test_more_seen_mirrored_where_arches_and_sacrum_are_missing_decides(
    arches, sacrum, mirrored, told
) -> None:
    given = slice_of(BODY=10.0, POSTERIOR=10 * arches, CANAL=3.0, SACRUM=10 * sacrum)
    behind = (10 * (arches + sacrum) + 3.0) * mirrored
    assert bool(_exchanged(given, lambda: slice_of(BODY=10.0, CANAL=behind))) is told


def test_threads_change_no_bit():
    slices = NetworkSlices.of(drawn_spine((4.0, 0.8, 0.8), 3).grid).slices(
        drawn_spine((4.0, 0.8, 0.8), 3)
    )
    one, three = (shares_of(slices, 4.0, threads) for threads in (1, 3))
    assert all(np.array_equal(a, b) for a, b in zip(one, three, strict=True))
