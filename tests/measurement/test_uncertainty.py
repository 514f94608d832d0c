from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.disc_model import LEVEL, DiscModel, disc_labels, rotation, sagittal_grid

from discmri.core.volume import SoftMask
from discmri.measurement.outline import trace_disc
from discmri.measurement.outline.contours import section_of
from discmri.measurement.uncertainty import height_sd, slice_scatter
from discmri.results.height import HEIGHT_METHODS

IN_THE_MID_PLANE = tuple(
    code for code, definition in HEIGHT_METHODS.items() if definition.parameter in DiscModel().truth
)


def labels(spacing=0.7, **options):
    return disc_labels(
        DiscModel(), sagittal_grid(spacing), thickness=3.5, bodies=False, canal=False, **options
    )


@pytest.fixture(scope="module")
def ratios():
    """Error over stated uncertainty of each definition, on 24 random discs."""
    rng = np.random.default_rng(5)
    found = {method: [] for method in IN_THE_MID_PLANE}
    for number in range(24):
        model = DiscModel(
            height=rng.uniform(4, 12),
            wedge_deg=rng.uniform(-2, 10) if number % 2 else 0.0,
            hollow_upper=rng.uniform(0, 1.8),
            turn=rotation(*rng.uniform(-10, 10, 3)),
        )
        grid = sagittal_grid(
            rng.uniform(0.5, 1.0), rng.uniform(3.5, 5.0), centre=rng.uniform(-0.5, 0.5, 3),
            extent=(50.0, 46.0), turn=rotation(*rng.uniform(-6, 6, 3)),
        )  # fmt: skip
        drawn = disc_labels(
            model, grid, 0.85 * grid.spacing_mm[2], hard=number % 3 == 0, bodies=False, canal=False
        )
        outline, truth = trace_disc(drawn, LEVEL), model.truth
        for method in IN_THE_MID_PLANE:
            definition = HEIGHT_METHODS[method]
            error = definition.measure(outline) - truth[definition.parameter]
            found[method].append(error / height_sd(outline, method))
    return {method: np.array(values) for method, values in found.items()}


def test_errors_of_random_discs_stay_within_their_uncertainty(ratios):
    """About two thirds within one, 95 % within two; 24 discs allow for some luck."""
    columns = np.abs(ratios["columns"])
    assert 0.5 <= np.mean(columns <= 1) <= 0.96
    assert np.mean(columns <= 2) >= 0.87


@pytest.mark.parametrize("method", [one for one in IN_THE_MID_PLANE if one != "columns"])
def test_the_uncertainty_of_each_definition_is_neither_half_nor_twice_its_errors(ratios, method):
    """Root mean square of error over uncertainty; the mean columns have a margin of their own."""
    assert 0.55 < np.sqrt(np.mean(ratios[method] ** 2)) < 1.3


def test_coarser_voxels_and_hard_masks_are_less_certain():
    fine, coarse = (trace_disc(labels(s), LEVEL) for s in (0.5, 1.0))
    hard = trace_disc(labels(1.0, hard=True), LEVEL)
    assert height_sd(fine) < height_sd(coarse) < height_sd(hard)


def test_blurred_border_is_less_certain():
    from scipy.ndimage import gaussian_filter

    sharp = labels()
    mask = sharp.discs[LEVEL]
    blurred = SoftMask(gaussian_filter(mask.array, (2.0, 2.0, 0.0)), mask.affine)
    soft = replace(sharp, discs={LEVEL: blurred})
    outlines = [trace_disc(each, LEVEL) for each in (sharp, soft)]
    assert outlines[1].border_sd_mm > 2 * outlines[0].border_sd_mm
    assert height_sd(outlines[1]) > 2 * height_sd(outlines[0])


def test_the_segmenters_share_adds_as_a_variance():
    """It stands for the softness of the border, which is not added to it."""
    outline = replace(trace_disc(labels(), LEVEL), border_sd_mm=0.0)
    alone = height_sd(outline)
    soft = replace(outline, border_sd_mm=1.5)
    assert height_sd(soft) > alone
    for one in (outline, soft):
        assert height_sd(one, segmenter_sd_mm=0.6) == pytest.approx(np.hypot(alone, 0.6))


def flat(spacing: float, offset: float = 0.0, tilt_deg: float = 0.0, height: float = 9.0):
    """A hard mask of a disc whose endplates are planes, along the rows of voxels or tilted."""
    model = DiscModel(
        height=height, wedge_deg=0.0, hollow_upper=0.0, hollow_lower=0.0, bulge_front=0.0,
        bulge_back=0.0, turn=rotation(tilt_deg), centre=(0.0, 0.0, offset),
    )  # fmt: skip
    grid = sagittal_grid(spacing, slices=7, extent=(46.0, 30.0), centre=(0.0, 0.0, 0.0))
    return trace_disc(disc_labels(model, grid, hard=True, bodies=False, canal=False), LEVEL)


@pytest.mark.parametrize("spacing", [0.5, 1.0])
def test_borders_along_the_rows_are_known_to_the_voxel_only(spacing):
    """Two borders, each uniform within a voxel: its size over the square root of 6."""
    expected = spacing / np.sqrt(6)
    for method in IN_THE_MID_PLANE:
        assert height_sd(flat(spacing), method) == pytest.approx(expected, rel=0.12)


def test_their_errors_have_the_size_that_is_stated():
    """Heights that fall differently between the rows; each offset of a voxel as often."""
    offsets = np.random.default_rng(2).permutation(8) / 8
    heights = 9.0 + np.arange(8) / 8
    errors = [
        HEIGHT_METHODS["columns"].measure(flat(1.0, offset, height=height)) - height
        for height, offset in zip(heights, offsets, strict=True)
    ]
    assert 0.25 < np.sqrt(np.mean(np.square(errors))) < 0.6


def test_rounding_averages_out_across_many_rows():
    along, across = height_sd(flat(1.0)), height_sd(flat(1.0, tilt_deg=15.0))
    assert across < 0.3 * along


@pytest.mark.parametrize(
    ("method", "sampling", "segmenter"),
    [
        ("columns", 1.0, 1.0), ("area", 1.1, 1.0), ("3d", 1.3, 1.4), ("three_point", 2.2, 2.0),
        ("dabbs", 2.8, 3.2), ("hurxthal", 2.0, 1.5), ("anterior", 1.9, 2.0), ("middle", 1.9, 1.4),
        ("posterior", 1.9, 1.6),
    ],
)  # fmt: skip
def test_how_much_less_certain_a_definition_is_than_mean_columns(method, sampling, segmenter):
    """Factors of ``benchmarks.height_sd`` and ``benchmarks.segmenter_sd``; variances add up."""
    outline = trace_disc(labels(), LEVEL)
    once, twice = (height_sd(outline, method, sd) ** 2 for sd in (0.5, 1.0))
    assert twice - once == pytest.approx(0.75 * segmenter**2)
    columns = height_sd(outline, "columns", 0.5) ** 2 - 0.25
    assert once - 0.25 * segmenter**2 == pytest.approx(columns * sampling**2)


@pytest.mark.parametrize("method", HEIGHT_METHODS)
def test_every_method_has_an_uncertainty(method):
    assert 0.01 < height_sd(trace_disc(labels(), LEVEL), method) < 0.6


def rimmed(bump_mm: float, left_mm: float):
    """A disc 30 mm long and 8 mm high with a bump from 10 to 15 % of its length."""
    upper = [(0.0, 4.0), (25.5, 4.0), (26.25, 4.0 + bump_mm), (27.0, 4.0), (30.0, 4.0)]
    contour = np.array([*upper, (30.0, -4.0), (0.0, -4.0)])
    return section_of(contour, left_mm)


def test_slices_scatter_by_their_heights_between_a_tenth_and_nine_tenths():
    """A bump adds half its height over 1.5 of 24 mm; what no parabola follows is scatter."""
    left, bumps = np.array([-9.0, -5.0, -1.0, 3.0, 7.0]), np.array([0.0, 3.0, 1.0, 0.5, 2.0])
    cuts = tuple(rimmed(bump, at) for bump, at in zip(bumps, left, strict=True))
    outline = replace(trace_disc(labels(), LEVEL), mid=rimmed(0.0, 0.0), sections=cuts)
    heights = 8.0 + bumps / 2 * 1.5 / 24.0
    design = np.vander(left, 3)
    residual = heights - design @ np.linalg.lstsq(design, heights, rcond=None)[0]
    found = slice_scatter(outline)
    assert found.freedom == 2
    assert found.squares_mm2 == pytest.approx(float(residual @ residual), rel=1e-6)


def test_the_scatter_of_slices_counts_against_eight_slices_of_what_is_known_beforehand():
    """A variance known from eight slices and one seen in two: the mean of all, by the weights."""
    left = np.array([-9.0, -5.0, -1.0, 3.0, 7.0])
    traced = replace(trace_disc(labels(), LEVEL), mid=rimmed(0.0, 0.0))
    variances, seen = [], []
    for bumps in ((0.0,) * 5, (0.0, 3.0, 1.0, 0.5, 2.0)):
        cuts = tuple(rimmed(bump, at) for bump, at in zip(bumps, left, strict=True))
        outline = replace(traced, sections=cuts)
        variances.append(height_sd(outline) ** 2)
        seen.append(slice_scatter(outline))
    added = seen[1].squares_mm2 / (8 + 2) * seen[1].leverage
    assert variances[1] - variances[0] == pytest.approx(added, rel=1e-6)
