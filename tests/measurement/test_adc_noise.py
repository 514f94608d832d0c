"""Noise of diffusion images, from air and from fine detail."""

import numpy as np
import pytest
from tests.scene import rician

from discmri.measurement.adc import estimate_noise
from discmri.measurement.adc.noise import _noise_of_air, _noise_of_detail


def test_noise_from_detail_where_air_is_blanked() -> None:
    picture = np.full((8, 64, 64), 1000.0)
    image = rician(picture, 40.0, 3)
    image[:, :20] = 0.0
    assert estimate_noise([image]) == pytest.approx(40.0, rel=0.05)


def test_tissue_does_not_pass_for_air_where_the_body_fills_the_picture():
    """Smooth dark and bright tissue edge to edge: the scatter of its levels is no noise."""
    rng = np.random.default_rng(3)
    x, y = np.meshgrid(np.linspace(0, 1, 120), np.linspace(0, 1, 150), indexing="ij")
    tissue = 60 + 400 * x * y + 80 * np.sin(9 * x) ** 2 * np.cos(7 * y) ** 2
    clean = np.repeat(tissue[:, :, None], 12, axis=2)
    pictures = [
        np.hypot(clean + rng.normal(0, 20, clean.shape), rng.normal(0, 20, clean.shape))
        for _ in range(3)
    ]
    trace = np.exp(np.mean(np.log(pictures), axis=0))
    assert estimate_noise([pictures[0]]) == pytest.approx(20, rel=0.15)
    assert estimate_noise([trace], [3]) == pytest.approx(20, rel=0.25)


def spread(voxels: int, shape: float = 2.0) -> np.ndarray:
    """Evenly spread values of a Weibull distribution; that of air has the shape 2."""
    share = (np.arange(voxels) + 0.5) / voxels
    return 10.0 * np.sqrt(2.0) * (-np.log(1 - share)) ** (1 / shape)


@pytest.mark.parametrize(("voxels", "enough"), [(199, False), (200, True)])
@pytest.mark.parametrize("bright", [0, 200])
def test_air_is_200_voxels(voxels: int, enough: bool, bright: int) -> None:
    image = np.concatenate([spread(voxels), np.full(bright, 1000.0)])[:, None, None]
    assert (_noise_of_air(image) is not None) is enough


@pytest.mark.parametrize(("voxels", "enough"), [(390, False), (410, True)])
def test_air_is_two_percent_of_the_image(voxels: int, enough: bool) -> None:
    image = np.zeros((20_000, 1, 1))
    image[:1000, 0, 0] = np.concatenate([spread(voxels), np.full(1000 - voxels, 1000.0)])
    assert (_noise_of_air(image) is not None) is enough


@pytest.mark.parametrize(
    ("ratio", "air"), [(1.85, False), (2.02, True), (2.195, True), (2.38, True), (2.55, False)]
)
def test_quartiles_of_air_are_those_of_a_rayleigh_distribution(ratio: float, air: bool) -> None:
    """Those of a Weibull distribution have the ratio 4.82 to the power of one over its shape."""
    shape = np.log(np.log(4) / np.log(4 / 3)) / np.log(ratio)
    found = _noise_of_air(spread(4000, shape)[:, None, None])
    assert (found is not None) is air


def test_air_counts_up_to_1_6_times_the_bound_of_fine_detail() -> None:
    """Air whose noise is the same in neighbouring voxels has less fine detail than noise."""
    rng = np.random.default_rng(4)
    fine, coarse = rng.normal(0.0, 5.0, (2, 2, 64, 64, 8))
    coarse = coarse[:, ::2, ::2].repeat(2, axis=1).repeat(2, axis=2)
    ratios = []
    for share in np.arange(0.0, 0.8, 0.04):
        air = np.hypot(*(np.sqrt(1 - share) * fine + np.sqrt(share) * coarse))
        by_air, by_detail = _noise_of_air(air), _noise_of_detail(air)
        ratios.append(by_air / by_detail)
        expected = by_air if ratios[-1] <= 1.6 else by_detail
        assert estimate_noise([air]) == pytest.approx(expected)
    assert any(1.3 < one < 1.6 for one in ratios)
    assert any(1.6 < one < 2.0 for one in ratios)
