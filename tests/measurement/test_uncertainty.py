from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.disc_model import LEVEL, DiscModel, disc_labels, rotation, sagittal_grid

from discmri.core.volume import SoftMask
from discmri.measurement.height import HEIGHT_METHODS
from discmri.measurement.outline import trace_disc
from discmri.measurement.uncertainty import height_sd


def labels(spacing=0.7, **options):
    return disc_labels(
        DiscModel(), sagittal_grid(spacing), thickness=3.5, bodies=False, canal=False, **options
    )


def test_errors_of_random_discs_stay_within_their_uncertainty():
    """About two thirds within one, 95 % within two; 24 discs allow for some luck."""
    rng = np.random.default_rng(5)
    ratios = []
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
        found = disc_labels(
            model, grid, 0.85 * grid.spacing_mm[2], hard=number % 3 == 0, bodies=False, canal=False
        )
        outline = trace_disc(found, LEVEL)
        error = HEIGHT_METHODS["columns"].measure(outline) - model.truth["height_columns_mm"]
        ratios.append(abs(error) / height_sd(outline))
    assert 0.5 <= np.mean(np.array(ratios) <= 1) <= 0.96
    assert np.mean(np.array(ratios) <= 2) >= 0.87


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
    outline = trace_disc(labels(), LEVEL)
    alone = height_sd(outline)
    assert height_sd(outline, segmenter_sd_mm=0.6) == pytest.approx(np.hypot(alone, 0.6))


@pytest.mark.parametrize("method", HEIGHT_METHODS)
def test_every_method_has_an_uncertainty(method):
    assert 0.01 < height_sd(trace_disc(labels(), LEVEL), method) < 0.6
