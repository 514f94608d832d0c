"""The disc between S1 and S2: where it lies, how large it is, how bright, and what it leaves alone."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from discmri.core.errors import UsageError
from discmri.core.levels import DiscLevel, Vertebra
from discmri.core.volume import Grid
from discmri.phantoms import (
    Phantom,
    Protocol,
    PulseSequence,
    ResidualDiscSpec,
    SacrumSpec,
    SpineOptions,
    lumbar_spine,
    make_phantom,
)
from discmri.phantoms.column import build_column
from discmri.phantoms.series import study_of

WISHED = SpineOptions(residual_disc=ResidualDiscSpec(0.5, 4.0, 1.0, -0.3))
FLAT = Protocol(spacing_mm=1.0, slices=1, fov_mm=(200.0, 230.0), snr=1e4, shading=0.0)


@pytest.fixture(scope="module")
def remnant() -> Phantom:
    return make_phantom(lumbar_spine(WISHED, seed=11))


@pytest.fixture(scope="module")
def block(remnant: Phantom) -> Grid:
    """A fine grid around the residual disc."""
    affine = np.eye(4)
    affine[:3, :3] = np.array([[0, 0, 1.0], [-0.5, 0, 0], [0, -0.5, 0]])
    shape = (90, 90, 50)
    centre = np.array(remnant.residual_discs()[0].centre_mm)
    affine[:3, 3] = centre - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, affine)


def _t2(brightness: float) -> float:
    """Signal at the middle of a residual disc as a share of CSF."""
    disc = replace(WISHED.residual_disc, brightness=brightness, height_mm=6.0)
    phantom = make_phantom(lumbar_spine(replace(WISHED, residual_disc=disc), seed=11))
    image = phantom.image(PulseSequence.T2, FLAT)
    masks = phantom.labels(image.grid, FLAT.slice_thickness_mm)
    middle = masks.residual_discs[DiscLevel.S1_S2].on(image.grid) > 0.98
    canal = masks.canal.on(image.grid) > 0.98
    return float(np.percentile(image.array[middle], 80) / np.median(image.array[canal]))


def test_truth_is_what_was_asked_for(remnant: Phantom):
    (truth,) = remnant.residual_discs()
    above = remnant.truth()[DiscLevel.L5_S1]
    assert (truth.level, truth.label_id) == ("S1-S2", 101)
    assert truth.height_mm == 4.0
    assert truth.depth_share == pytest.approx(0.5, abs=0.03)
    assert truth.depth_mm == pytest.approx(truth.depth_share * above.width_ap_mm)
    assert truth.centre_mm[2] < above.centre_mm[2] - 15


def test_size_agrees_with_the_painted_fractions(remnant: Phantom, block: Grid):
    (truth,) = remnant.residual_discs()
    mask = remnant.labels(block).residual_discs[DiscLevel.S1_S2]
    assert mask.volume_mm3 == pytest.approx(truth.volume_mm3, rel=0.03)
    assert np.linalg.norm(mask.centroid_mm - truth.centre_mm) < 0.3
    section = mask.on(block)[:, :, 24:26].mean(axis=2)
    assert section.sum() * 0.25 == pytest.approx(truth.area_mm2, rel=0.03)


def test_it_lies_apart_from_the_lumbar_discs(remnant: Phantom, block: Grid):
    document = json.loads(remnant.truth_json(FLAT))
    assert DiscLevel.S1_S2 not in remnant.truth()
    assert [d["level"] for d in document["discs"]][-1] == "L5-S1"
    assert [d["level"] for d in document["residual_discs"]] == ["S1-S2"]
    assert {50, 101} <= set(np.unique(remnant.label_map(block)).tolist())


def test_bone_joins_the_segments_in_front_of_it(remnant: Phantom):
    junction = remnant.scene.column.junctions[0]
    affine = np.eye(4)
    affine[:3, :3] = np.diag([0.5, 0.5, 0.5])
    front = junction.frame.to_world(np.zeros(1), np.array([9.0]), np.zeros(1))[0]
    affine[:3, 3] = front
    one = Grid((1, 1, 1), affine)
    sacrum = remnant.labels(one).vertebrae[Vertebra.SACRUM].on(one)
    assert sacrum[0, 0, 0] == pytest.approx(1.0, abs=0.01)
    signal = remnant.image_on(one, PulseSequence.T1, FLAT)
    scar = make_phantom(lumbar_spine(seed=11)).image_on(one, PulseSequence.T1, FLAT)
    assert signal.array[0, 0, 0] > 2 * scar.array[0, 0, 0]


def test_brightness_runs_from_annulus_to_csf():
    dark, grey, bright = (_t2(value) for value in (0.0, 0.5, 1.0))
    assert dark < 0.2
    assert dark < grey < bright
    assert bright > 0.75


@pytest.mark.parametrize("position", [-1.0, 0.0, 1.0])
def test_position_moves_it_within_the_bone(position: float):
    disc = replace(WISHED.residual_disc, position=position)
    column = build_column(lumbar_spine(replace(WISHED, residual_disc=disc), seed=11))
    junction = column.junctions[0]
    offset = junction.frame.to_local(junction.lens.frame.origin_mm[:, None])[1, 0]
    room = junction.rim.half_depth_mm - junction.lens.half_depth_mm
    assert offset == pytest.approx(position * room)


def test_a_deep_disc_squares_s1_unless_the_ratio_is_given():
    deep = replace(WISHED, residual_disc=ResidualDiscSpec(0.95, 6.0))
    assert lumbar_spine(deep).sacrum.s1_depth_ratio < 1.0
    assert lumbar_spine(WISHED).sacrum.s1_depth_ratio == pytest.approx(31 / 22)
    tapering = lumbar_spine(replace(deep, s1_depth_ratio=1.4))
    with pytest.raises(UsageError, match="depth share of a residual disc in this sacrum"):
        make_phantom(tapering)


@pytest.mark.parametrize(("ratio", "lower_mm"), [(1.0, 31.0), (31 / 22, 22.0), (1.8, 17.2)])
def test_s1_is_as_deep_below_as_its_ratio_says(ratio: float, lower_mm: float):
    column = build_column(lumbar_spine(SpineOptions(s1_depth_ratio=ratio), seed=1))
    s1 = column.sacrum[0]
    y = np.linspace(-25, 25, 5001)
    inside = s1.wall(np.zeros_like(y), y, np.full_like(y, -s1.height_mm / 2)) < 0
    assert np.ptp(y[inside]) == pytest.approx(lower_mm, abs=0.1)


def test_spines_without_one_keep_their_numbers_and_their_study():
    plain, asked = lumbar_spine(seed=4), lumbar_spine(WISHED, seed=4)
    assert plain == replace(asked, sacrum=SacrumSpec())
    assert "sacrum=" not in repr(plain)
    keys = {study_of(make_phantom(spec), "ge", FLAT).key for spec in (plain, asked)}
    assert len(keys) == 2
    for level, disc in build_column(plain).discs.items():
        same = build_column(asked).discs[level]
        assert np.array_equal(disc.frame.origin_mm, same.frame.origin_mm)
        assert np.array_equal(disc.ripple_upper.waves, same.ripple_upper.waves)


@pytest.mark.parametrize(
    "wrong",
    [
        {"depth_share": 0.09},
        {"depth_share": 1.01},
        {"height_mm": 0.9},
        {"height_mm": 12.1},
        {"brightness": -0.01},
        {"brightness": 1.01},
        {"position": -1.01},
        {"position": 1.01},
    ],
)
def test_sizes_that_no_residual_disc_has_are_refused(wrong: dict[str, float]):
    with pytest.raises(UsageError, match="of a residual disc is"):
        ResidualDiscSpec(**{"depth_share": 0.5, **wrong})


@pytest.mark.parametrize(
    "wrong",
    [{"s1_depth_ratio": 0.84}, {"s1_depth_ratio": 2.01}, {"lean_deg": -10.1}, {"lean_deg": 30.1}],
)
def test_shapes_that_no_sacrum_has_are_refused(wrong: dict[str, float]):
    with pytest.raises(UsageError, match="S1"):
        SacrumSpec(**wrong)


@pytest.mark.parametrize(
    "edge",
    [{"s1_depth_ratio": 0.85}, {"s1_depth_ratio": 2.0}, {"lean_deg": -10.0}, {"lean_deg": 30.0}],
)
def test_the_limits_themselves_are_allowed(edge: dict[str, float]):
    assert SacrumSpec(**edge) != SacrumSpec()
    assert ResidualDiscSpec(0.1, 1.0, 0.0, -1.0) != ResidualDiscSpec(1.0, 12.0, 1.0, 1.0)
