import dataclasses
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize
from tests.scene import LEVELS, T2_GRID, WIDTH_MM, Spine, Tissue, labels_of, outline_of, t2_image

from discmri.core.findings import Code, MeasurementError
from discmri.core.labels import SpineLabels
from discmri.core.levels import DiscLevel
from discmri.core.volume import Grid, Volume
from discmri.measurement.signal import (
    DiscSignal,
    ashman_d,
    correct_bias_field,
    measure_signal,
    spine_comparators,
)

LEVEL = DiscLevel.L4_L5
SPINE = Spine()
LABELS = labels_of(SPINE)
IMAGE = t2_image(SPINE)


def measured(
    image: Volume = IMAGE,
    labels: SpineLabels = LABELS,
    spine: Spine = SPINE,
    fat_suppressed: bool = False,
) -> DiscSignal:
    shared = spine_comparators(image, labels, fat_suppressed)
    return measure_signal(image, labels, LEVEL, outline_of(spine, LEVEL), shared)


def shading(grid: Grid, strength: float) -> np.ndarray:
    """Coil shading that falls off forward and toward both ends."""
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    points = grid.to_world(index)
    y, z = points[..., 1], points[..., 2]
    return np.exp(strength * (-0.006 * y + 0.002 * z - 0.00002 * z**2))


def test_values_are_those_of_the_tissues() -> None:
    signal = measured()
    assert signal.nucleus == pytest.approx(600, rel=0.01)
    assert signal.inner == pytest.approx(600, rel=0.01)
    assert signal.annulus == pytest.approx(200, rel=0.02)
    assert signal.outer_posterior == pytest.approx(200, rel=0.05)
    assert signal.csf == pytest.approx(1000, rel=0.01)
    assert signal.fat == pytest.approx(500, rel=0.02)
    assert signal.ratio_csf == pytest.approx(0.6, rel=0.01)
    assert signal.contrast == pytest.approx(0.4, rel=0.02)
    assert signal.distinctness == pytest.approx(0.4, rel=0.05)
    assert signal.csf_source == "level"
    assert signal.findings == ()
    assert signal.measurements["signal_ratio_csf"].value == pytest.approx(0.6, rel=0.01)


@pytest.mark.parametrize("strength", [0.5, 1.0, 1.5])
def test_shading_is_removed(strength: float) -> None:
    shaded = Volume(IMAGE.array * shading(T2_GRID, strength), IMAGE.affine)
    flat = correct_bias_field(shaded, LABELS)
    ratios, levels = [], []
    shared = spine_comparators(flat, LABELS)
    for level in LEVELS:
        signal = measure_signal(flat, LABELS, level, outline_of(SPINE, level), shared)
        ratios.append(signal.ratio_csf)
        levels.append(signal.nucleus)
    assert ratios == pytest.approx([0.6] * len(LEVELS), rel=0.02)
    assert np.ptp(levels) / np.mean(levels) < 0.02
    raw = measured(shaded)
    assert abs(raw.ratio_csf / 0.6 - 1) > 0.05 * strength  # the test would notice


@pytest.mark.parametrize("factor", [0.2, 1.0, 5.0])
def test_the_mean_signal_of_the_discs_is_kept(factor: float) -> None:
    """In the mean over the discs' centres the logarithm of the signal stays."""
    shaded = Volume(factor * IMAGE.array * shading(T2_GRID, 1.0), IMAGE.affine)
    flat = correct_bias_field(shaded, LABELS)
    centres = np.array([mask.centroid_mm for mask in LABELS.discs.values()])
    changed = np.log(flat.sample(centres) / shaded.sample(centres))
    assert np.mean(changed) == pytest.approx(0.0, abs=0.005)
    assert np.abs(changed).max() > 0.03  # single discs change


def test_flat_image_stays_flat() -> None:
    flat = correct_bias_field(IMAGE, LABELS)
    np.testing.assert_allclose(flat.array, IMAGE.array, rtol=0.02)


def test_without_bodies_and_canal_nothing_is_flattened() -> None:
    bare = dataclasses.replace(LABELS, vertebrae={}, canal=None)
    assert correct_bias_field(IMAGE, bare) is IMAGE


def test_dark_roots_do_not_lower_csf_but_stenosis_is_told() -> None:
    crowded = IMAGE.array.copy()
    z = T2_GRID.affine[2, 3] + 0.6 * np.arange(T2_GRID.shape[2])
    y = T2_GRID.affine[1, 3] + 0.6 * np.arange(T2_GRID.shape[1])
    at = np.ix_(range(T2_GRID.shape[0]), (y > -36) & (y < -18), np.abs(z) < 14)
    crowded[at] = 300.0
    signal = measured(Volume(crowded, IMAGE.affine))
    assert signal.csf == pytest.approx(1000, rel=0.02)
    assert signal.csf_source == "canal"


@pytest.mark.parametrize(("times", "source"), [(1.25, "level"), (1.45, "neighbours")])
def test_csf_much_brighter_than_at_the_neighbours_is_not_trusted(times: float, source: str) -> None:
    """As in a cyst beside the disc; the limit is four thirds."""
    array = IMAGE.array.copy()
    z = T2_GRID.affine[2, 3] + 0.6 * np.arange(T2_GRID.shape[2])
    y = T2_GRID.affine[1, 3] + 0.6 * np.arange(T2_GRID.shape[1])
    centre_z = LABELS.discs[LEVEL].centroid_mm[2]
    at = np.ix_(range(T2_GRID.shape[0]), (y > -36) & (y < -18), np.abs(z - centre_z) < 13)
    array[at] *= times
    signal = measured(Volume(array, IMAGE.affine))
    assert signal.csf_source == source
    assert signal.csf == pytest.approx(1000 * (times if source == "level" else 1.0), rel=0.03)


def test_marrow_and_texture_are_those_of_the_tissues() -> None:
    signal = measured()
    body = LABELS.vertebrae[LEVEL.above]
    inside = IMAGE.sample(body.grid.to_world(np.argwhere(body.array >= 0.95)))
    assert signal.marrow == pytest.approx(np.median(inside), rel=0.02)
    assert signal.texture.bright == pytest.approx(600, rel=0.02)
    assert signal.texture.dim == pytest.approx(600, rel=0.02)
    assert signal.texture.darkest == pytest.approx(200, rel=0.1)
    assert signal.texture.cleft == pytest.approx(0, abs=10)
    assert signal.texture.variation < 0.2


def test_missing_comparators_leave_the_rest() -> None:
    signal = measured(labels=labels_of(SPINE, canal=False, sacrum=False))
    assert signal.csf is None
    assert signal.fat is None
    assert signal.nucleus == pytest.approx(600, rel=0.01)
    assert [finding.code for finding in signal.findings] == [Code.CSF_NOT_FOUND, Code.FAT_NOT_FOUND]
    assert set(signal.measurements) == {"signal_bimodality"}


def test_fat_suppressed_image_has_no_fat() -> None:
    signal = measured(fat_suppressed=True)
    assert signal.fat is None
    assert signal.marrow is None
    assert signal.findings[0].code is Code.FAT_NOT_FOUND


def test_uneven_ground_before_the_sacrum_is_no_fat() -> None:
    vessels = dataclasses.replace(SPINE, fat=Tissue(150, 60, 0.1))
    assert measured(t2_image(vessels)).fat is None


def test_fat_brighter_than_every_disc_separates_no_grades() -> None:
    bright = dataclasses.replace(SPINE, fat=Tissue(700, 60, 0.1))
    signal = measured(t2_image(bright))
    assert signal.fat is None
    assert "brighter than every disc" in signal.findings[0].text


def test_empty_disc_is_refused() -> None:
    with pytest.raises(MeasurementError) as caught:
        measured(Volume(np.zeros(T2_GRID.shape), T2_GRID.affine))
    assert caught.value.code is Code.SIGNAL_NOT_MEASURED


def test_turned_image_gives_the_same_values() -> None:
    """Axes swapped and flipped: the same patient, another array."""
    array = np.flip(np.transpose(IMAGE.array, (2, 0, 1)), axis=0)
    affine = IMAGE.affine[:, [2, 0, 1, 3]].copy()
    affine[:3, 3] = IMAGE.grid.to_world((0, 0, IMAGE.shape[2] - 1))
    affine[:3, 0] *= -1
    turned, straight = measured(Volume(array, affine)), measured()
    assert turned.ratio_csf == pytest.approx(straight.ratio_csf, rel=1e-6)
    assert turned.distinctness == pytest.approx(straight.distinctness, rel=1e-6)


@pytest.mark.parametrize(("apart", "sd"), [(4.0, (1.0, 1.0)), (6.0, (1.0, 2.0))])
def test_ashman_d_of_known_mixtures(apart: float, sd: tuple[float, float]) -> None:
    rng = np.random.default_rng(5)
    values = np.concatenate([rng.normal(0, sd[0], 4000), rng.normal(apart, sd[1], 4000)])
    truth = np.sqrt(2) * apart / np.hypot(*sd)
    assert ashman_d(values) == pytest.approx(truth, rel=0.06)


def test_ashman_d_reaches_the_best_likelihood() -> None:
    """Against a direct maximisation of the mixture's likelihood."""
    rng = np.random.default_rng(6)
    values = np.concatenate([rng.normal(0, 1, 300), rng.normal(3.5, 0.7, 500)])

    def unlikely(p: np.ndarray) -> float:
        share = 1 / (1 + np.exp(-p[4]))
        parts = [
            s * np.exp(-0.5 * ((values - m) / np.exp(w)) ** 2) / np.exp(w)
            for s, m, w in ((1 - share, p[0], p[1]), (share, p[2], p[3]))
        ]
        return -float(np.log(np.sum(parts, axis=0)).sum())

    best = optimize.minimize(unlikely, [0, 0, 3, 0, 0], method="BFGS")
    m1, w1, m2, w2, _ = best.x
    expected = np.sqrt(2) * abs(m2 - m1) / np.hypot(np.exp(w1), np.exp(w2))
    assert ashman_d(values) == pytest.approx(expected, rel=0.02)


def test_ashman_d_of_nothing() -> None:
    assert ashman_d(np.ones(100)) is None
    assert ashman_d(np.arange(5.0)) is None


# ------------------------------------------------------------------ where in the disc
def painted(value: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]) -> DiscSignal:
    """Signals of a picture that is a function of along, up and slice; the disc is 11 mm high."""
    index = np.stack(np.meshgrid(*map(np.arange, T2_GRID.shape), indexing="ij"), axis=-1)
    outline = outline_of(SPINE, LEVEL)
    x, z, left = np.moveaxis(outline.frame.to_frame(T2_GRID.to_world(index).reshape(-1, 3)), -1, 0)
    picture = value(x / WIDTH_MM + 0.5, z / 11.0 + 0.5, left / 4.0).reshape(T2_GRID.shape)
    return measured(Volume(picture, T2_GRID.affine))


def test_where_along_the_disc_each_signal_is_taken() -> None:
    """Signal that rises evenly from 0 behind to 1 in front; quantiles are read off the ranges."""
    signal = painted(lambda along, up, slices: along)
    texture = signal.texture
    # the lowest fifth of 2 to 16 %; the middle of 20 to 40 %
    assert signal.outer_posterior == pytest.approx(0.02 + 0.2 * 0.14, abs=0.012)
    assert signal.step == pytest.approx(0.30 - 0.048, abs=0.02)
    # half of 2 to 16 % and 86 to 97 % together: 12.5 of 14 % of the posterior rim
    assert signal.annulus == pytest.approx(0.02 + 0.125, abs=0.02)
    assert (texture.bright, texture.dim) == pytest.approx((0.74, 0.26), abs=0.02)
    assert texture.upper_quartile == pytest.approx(0.65, abs=0.02)
    assert texture.darkest == pytest.approx(0.10, abs=0.02)
    assert texture.variation == pytest.approx(0.70 / np.sqrt(12) / 0.5, rel=0.03)
    assert texture.cleft == pytest.approx(0.0, abs=1e-6)
    band = painted(lambda along, up, slices: np.where(np.abs(up - 0.5) < 0.14, along, 1.0))
    assert band.texture.cleft == pytest.approx(1.0 - (0.25 + 0.75) / 2, abs=0.03)


def test_where_between_the_endplates_each_signal_is_taken() -> None:
    """Signal that rises evenly from 0 below to 1 above, and its square."""
    signal = painted(lambda along, up, slices: up)
    assert signal.outer_posterior == pytest.approx(0.25 + 0.2 * 0.5, abs=0.03)
    assert (signal.texture.bright, signal.texture.dim) == pytest.approx((0.756, 0.244), abs=0.03)
    assert signal.texture.variation == pytest.approx(0.64 / np.sqrt(12) / 0.5, rel=0.06)
    # highest of 18 to 44 % and of 56 to 82 %, lowest of 37 to 63 %
    falling = painted(lambda along, up, slices: 1.0 - up)
    assert signal.texture.cleft == pytest.approx((0.44 + 0.82) / 2 - 0.37, abs=0.04)
    assert falling.texture.cleft == pytest.approx((0.82 + 0.44) / 2 - 0.37, abs=0.04)
    dark = painted(lambda along, up, slices: np.where(np.abs(up - 0.5) < 0.14, 0.2, 1.0))
    assert dark.texture.cleft == pytest.approx(0.8, abs=0.01)


def test_bright_endplates_are_no_rows_beside_a_cleft() -> None:
    rims = painted(lambda along, up, slices: np.where(np.abs(up - 0.5) > 0.37, 2.0, 1.0))
    assert rims.texture.cleft == pytest.approx(0.0, abs=0.01)


def test_the_outermost_2_percent_behind_are_left_out() -> None:
    """Signal in mm from the posterior end of a disc of 40 mm, read every 0.5 mm.

    From 0.8 to 6.4 mm these are 1.25, 1.75 ... 6.25 mm, of which a fifth lies below 2.25 mm.
    """
    outline = outline_of(SPINE, LEVEL)
    x, up = np.linspace(-20.0, 20.0, 81), np.full(81, 5.5)
    cuts = tuple(replace(cut, x_mm=x, upper_mm=up, lower_mm=-up) for cut in outline.sections)
    wide = replace(outline, sections=cuts, mid=cuts[3])
    index = np.stack(np.meshgrid(*map(np.arange, T2_GRID.shape), indexing="ij"), axis=-1)
    along = outline.frame.to_frame(T2_GRID.to_world(index).reshape(-1, 3))[:, 0]
    image = Volume((along + 20.0).reshape(T2_GRID.shape), T2_GRID.affine)
    shared = spine_comparators(image, LABELS)
    signal = measure_signal(image, LABELS, LEVEL, wide, shared)
    assert signal.outer_posterior == pytest.approx(2.25, abs=0.05)


def test_the_three_central_slices_count() -> None:
    signal = painted(lambda along, up, slices: 1.0 + slices**2)
    assert signal.texture.variation == pytest.approx(
        np.std([2, 1, 2]) / np.mean([2, 1, 2]), rel=0.01
    )
