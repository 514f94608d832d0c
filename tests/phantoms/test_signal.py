from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from discmri.core.levels import DiscLevel
from discmri.core.volume import Volume
from discmri.phantoms import (
    Phantom,
    Protocol,
    PulseSequence,
    SpineOptions,
    lumbar_spine,
    make_phantom,
)
from discmri.phantoms.protocol import TIMING, Timing
from discmri.phantoms.signal import (
    TissueSignals,
    diffusion_weight,
    rician,
    shifted_fat,
    spin_echo_signal,
)
from discmri.phantoms.structures import Material
from discmri.phantoms.tissues import Tissue, disc_properties


def test_spin_echo_by_hand():
    timing = Timing(2000.0, 50.0)
    expected = 0.8 * (1 - np.exp(-2.0)) * np.exp(-0.5)
    assert spin_echo_signal(0.8, 1000.0, 100.0, timing) == pytest.approx(expected)


def test_inversion_nulls_the_tissue_whose_t1_fits():
    long_tr = Timing(1e6, 10.0, inversion_ms=np.log(2) * 300.0)
    assert spin_echo_signal(1.0, 300.0, 100.0, long_tr) == pytest.approx(0.0, abs=1e-12)
    assert spin_echo_signal(1.0, 1000.0, 100.0, long_tr) > 0.4


def test_diffusion_by_hand():
    assert diffusion_weight(800.0, 2.0) == pytest.approx(np.exp(-1.6))


def test_noise_is_rician():
    rng = np.random.default_rng(1)
    empty = rician(np.zeros((100, 100, 10), np.float32), 3.0, rng)
    assert empty.mean() == pytest.approx(3.0 * np.sqrt(np.pi / 2), rel=0.01)
    bright = rician(np.full((100, 100, 10), 300.0, np.float32), 3.0, rng)
    assert bright.std() == pytest.approx(3.0, rel=0.02)


def test_fat_moves_along_the_frequency_axis_only():
    fat = np.zeros((5, 5, 5), np.float32)
    fat[2, 2, 2] = 1
    moved = shifted_fat(fat, 1.0, 0)
    assert moved[3, 2, 2] == pytest.approx(1)
    assert moved.sum() == pytest.approx(1)


@pytest.mark.parametrize("field", [1.5, 3.0])
def test_hydration_goes_as_the_grading_scheme_says(field):
    spec = lumbar_spine(SpineOptions(grades=[1, 2, 3, 4, 5]), seed=0)
    signals = TissueSignals(spec, field)
    timing = TIMING[PulseSequence.T2]
    water, fat = signals.water(timing), signals.fat(timing)
    csf = water(Material(Tissue.CSF))
    fatty = water(Material(Tissue.FAT)) + fat(Material(Tissue.FAT))
    nucleus, inner, outer = (
        [water(Material(tissue, disc.level)) for disc in spec.discs[3:]]
        for tissue in (Tissue.NUCLEUS, Tissue.INNER_ANNULUS, Tissue.OUTER_ANNULUS)
    )
    assert all(a > b for a, b in itertools.pairwise(nucleus))
    assert nucleus[0] == pytest.approx(csf, rel=0.12)
    assert fatty < nucleus[1] < csf
    assert 3 * outer[2] < nucleus[2] < fatty
    assert 1.2 * outer[3] < nucleus[3] < 4 * outer[3]
    assert nucleus[4] == pytest.approx(outer[4], rel=0.2)
    assert all(i > 3 * o for i, o in zip(inner[:3], outer[:3], strict=True))
    assert all(i < 1.8 * o for i, o in zip(inner[3:], outer[3:], strict=True))


def _median_inside(phantom: Phantom, image: Volume, protocol: Protocol) -> dict[str, float]:
    masks = phantom.masks(image.grid, protocol.slice_thickness_mm)
    return {
        disc.level.value: float(np.median(image.array[disc.mask.on(image.grid) > 0.98]))
        for disc in masks.discs
        if disc.level is not None
    }


def test_discs_darken_with_their_grade_in_the_picture():
    phantom = make_phantom(lumbar_spine(SpineOptions(grades=[1, 2, 3, 4, 5]), seed=11))
    protocol = Protocol(spacing_mm=1.2, slices=1, fov_mm=(90.0, 220.0), snr=1000, shading=0)
    image = phantom.image(PulseSequence.T2, protocol)
    medians = _median_inside(phantom, image, protocol)
    lumbar = [medians[level.value] for level in list(phantom.truth())[3:]]
    assert all(a > b for a, b in itertools.pairwise(lumbar))
    assert lumbar[0] > 5 * lumbar[4]


def test_the_noise_free_map_is_the_asked_adc(phantom: Phantom):
    protocol = Protocol(
        dwi_spacing_mm=2.0, slices=1, fov_mm=(90.0, 220.0), snr=1e5, epi_shift_mm=0,
        epi_distortion_mm=0, blur_px=0, b_values=(0, 200, 500),
    )  # fmt: skip
    adc = phantom.image(PulseSequence.ADC, protocol)
    medians = _median_inside(phantom, adc, protocol)
    for level, truth in phantom.truth().items():
        if level.value in medians:
            assert medians[level.value] == pytest.approx(truth.adc_disc_um2_ms, rel=0.005)


def test_epi_moves_the_picture_along_its_phase_axis(phantom: Phantom):
    still = Protocol(
        dwi_spacing_mm=2.0, slices=1, fov_mm=(90.0, 220.0), snr=1e5, epi_shift_mm=0,
        epi_distortion_mm=0, b_values=(0,), shading=0,
    )  # fmt: skip
    moved = replace(still, epi_shift_mm=4.0)
    a, b = (phantom.diffusion(p)[0].volume.array for p in (still, moved))
    # i runs backwards, and the shift is to the front: 4 mm are 2 voxels
    assert np.corrcoef(a[2:].ravel(), b[:-2].ravel())[0, 1] > 0.98
    assert np.corrcoef(a.ravel(), b.ravel())[0, 1] < 0.95


def test_outer_annulus_keeps_its_own_adc():
    spec = lumbar_spine(seed=0)
    disc = replace(spec.discs[4], adc_um2_ms=2.0, adc_annulus_ratio=0.7)
    properties = disc_properties(disc)
    assert properties[Tissue.OUTER_ANNULUS].adc_um2_ms == pytest.approx(1.4)
    assert properties[Tissue.NUCLEUS].adc_um2_ms == pytest.approx(2.0)
    assert disc.level is DiscLevel.L2_L3
