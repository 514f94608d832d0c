import dataclasses
from contextlib import nullcontext

import numpy as np
import pytest
from scipy.optimize import curve_fit
from scipy.special import exp1
from tests.scene import DWI_GRID, LEVELS, Spine, Tissue, dwi_series, outline_of, rician

from discmri.core.diffusion import AdcMap, BValue, DiffusionSeries, DirectionKind
from discmri.core.findings import Code, MeasurementError, Severity
from discmri.core.levels import DiscLevel
from discmri.core.settings import Settings
from discmri.core.volume import Volume
from discmri.measurement.adc import AdcFit, fit_adc, measure_adc
from discmri.measurement.adc.disc import _erosion_offsets, _tall_enough
from discmri.measurement.adc.fit import _fit
from discmri.measurement.align import Alignment
from discmri.results.outline import DiscSection

LEVEL = DiscLevel.L4_L5
SETTINGS = Settings()
IN_PLACE = Alignment(np.eye(4), None, (1.0, 1.0), 0.0, dict.fromkeys(LEVELS, 0.0), 2.0)
SPINE = Spine()


def uniform(
    b_values: tuple[float, ...],
    adc: float,
    snr: float = 1e6,
    directions: int = 3,
    shape: tuple[int, int, int] = (10, 32, 32),
) -> DiffusionSeries:
    """One tissue with air beside it."""
    images, entries = [], []
    for n, b in enumerate(b_values):
        for axis in range(1 if b == 0 else directions):
            picture = np.full(shape, 1000.0 * np.exp(-b * 1e-3 * adc))
            picture[:, :8] = 0.0
            images.append(rician(picture, 1000.0 / snr, 100 * n + axis))
            kind = DirectionKind.NONE if b == 0 else DirectionKind.DIRECTIONAL
            entries.append(BValue(b, "test", kind, None if b == 0 else tuple(np.eye(3)[axis])))
    return DiffusionSeries(np.stack(images, axis=-1), np.diag([4.0, 2, 2, 1]), tuple(entries))


def tissue(fit: AdcFit) -> np.ndarray:
    return fit.adc.array[:, 9:]


# ------------------------------------------------------------------ the fit
@pytest.mark.parametrize("b_values", [(0, 500), (50, 400, 800), (0, 100, 200, 400, 600, 800)])
@pytest.mark.parametrize("adc", [0.3, 1.5, 2.8])
def test_exact_without_noise(b_values: tuple[float, ...], adc: float) -> None:
    fit = fit_adc(uniform(b_values, adc))
    assert tissue(fit) == pytest.approx(adc, rel=2e-4)
    assert fit.s0.array[:, 9:] == pytest.approx(1000, rel=2e-4)
    assert fit.b_s_per_mm2 == tuple(float(b) for b in b_values)


# Bias in per cent that the plain iterated fit has at these settings, of a simulation with
# 20 000 voxels; with the noise floor treated it may not be larger.
@pytest.mark.parametrize(
    ("b_values", "snr", "adc", "limit"),
    [
        ((0, 400, 800), 20, 1.0, 0.5),
        ((0, 400, 800), 20, 2.0, 0.5),
        ((0, 400, 800), 20, 2.5, 0.5),
        ((0, 400, 800), 10, 2.0, 1.0),
        ((0, 400, 800), 10, 2.5, 2.0),
        ((0, 500), 10, 2.0, 1.0),
        ((0, 1000), 20, 2.0, 1.5),
        ((0, 1000), 10, 2.5, 10.0),
        ((0, 200, 400, 600, 800, 1000), 10, 2.5, 1.5),
    ],
)
def test_bias_with_noise(b_values: tuple[float, ...], snr: float, adc: float, limit: float) -> None:
    fit = fit_adc(uniform(b_values, adc, snr, shape=(20, 40, 40)))
    assert fit.noise == pytest.approx(1000 / snr, rel=0.03)
    assert abs(100 * (tissue(fit).mean() / adc - 1)) < limit


def test_agrees_with_a_nonlinear_fit() -> None:
    """Against scipy on the geometric means, at a signal where no floor matters."""
    series = uniform((0, 200, 400, 800), 1.4, snr=60, shape=(2, 16, 16))
    fit = fit_adc(series)
    b = np.array([0, 200, 400, 800]) * 1e-3
    for voxel in [(0, 10, 3), (1, 12, 9), (1, 15, 15)]:
        s = series.signal[voxel]
        means = [s[0], *(np.prod(s[1 + 3 * n : 4 + 3 * n]) ** (1 / 3) for n in range(3))]
        weights = np.array([1.0, *([1 / np.sqrt(3)] * 3)])  # three images each
        best, _ = curve_fit(
            lambda x, a, d: a * np.exp(-x * d), b, means, p0=(1000, 1), sigma=weights
        )
        assert fit.adc.array[voxel] == pytest.approx(best[1], rel=0.01)
        assert fit.s0.array[voxel] == pytest.approx(best[0], rel=0.01)


def test_trace_of_anisotropic_tissue() -> None:
    """Directions of 0.5, 1.0 and 2.1 um2/ms: the trace is their mean."""
    entries = [BValue(0, "t", DirectionKind.NONE)]
    images = [np.full((4, 16, 16), 1000.0)]
    for axis, adc in enumerate((0.5, 1.0, 2.1)):
        images.append(np.full((4, 16, 16), 1000 * np.exp(-0.6 * adc)))
        entries.append(BValue(600, "t", DirectionKind.DIRECTIONAL, tuple(np.eye(3)[axis])))
    fit = fit_adc(DiffusionSeries(np.stack(images, -1), np.eye(4), tuple(entries)))
    assert fit.adc.array == pytest.approx(1.2, rel=1e-3)


def test_repeats_of_one_direction_do_not_outweigh_the_others() -> None:
    entries = [BValue(0, "t", DirectionKind.NONE)]
    images = [np.full((4, 16, 16), 1000.0)]
    for axis, adc in ((0, 0.6), (0, 0.6), (0, 0.6), (1, 1.2), (2, 1.8)):
        images.append(np.full((4, 16, 16), 1000 * np.exp(-0.6 * adc)))
        sign = -1.0 if len(images) == 3 else 1.0  # the opposite gradient is the same direction
        entries.append(BValue(600, "t", DirectionKind.DIRECTIONAL, tuple(sign * np.eye(3)[axis])))
    fit = fit_adc(DiffusionSeries(np.stack(images, -1), np.eye(4), tuple(entries)))
    assert fit.adc.array == pytest.approx(1.2, rel=1e-3)
    assert fit.images == (1, 5)


def test_trace_images_stand_alone_beside_too_few_directions() -> None:
    entries = (
        BValue(0, "t", DirectionKind.NONE),
        BValue(600, "t", DirectionKind.TRACE),
        BValue(600, "t", DirectionKind.DIRECTIONAL, (1.0, 0.0, 0.0)),
    )
    images = [np.full((4, 16, 16), 1000 * np.exp(-x)) for x in (0, 0.6 * 1.5, 0.6 * 0.2)]
    fit = fit_adc(DiffusionSeries(np.stack(images, -1), np.eye(4), entries))
    assert fit.adc.array == pytest.approx(1.5, rel=1e-3)


def test_three_directions_win_over_a_trace_image() -> None:
    entries = [BValue(0, "t", DirectionKind.NONE), BValue(600, "t", DirectionKind.TRACE)]
    images = [np.full((4, 16, 16), 1000 * np.exp(-x)) for x in (0, 0.6 * 1.5)]
    for axis, adc in enumerate((0.5, 1.0, 2.1)):
        images.append(np.full((4, 16, 16), 1000 * np.exp(-0.6 * adc)))
        entries.append(BValue(600, "t", DirectionKind.DIRECTIONAL, tuple(np.eye(3)[axis])))
    fit = fit_adc(DiffusionSeries(np.stack(images, -1), np.eye(4), tuple(entries)))
    assert fit.adc.array == pytest.approx(1.2, rel=1e-3)


def test_a_trace_image_combines_three_directions() -> None:
    """Its noise is that of one direction over the square root of three."""
    images, entries = [], []
    for b in (50.0, 800.0):
        clean = np.full((10, 40, 40), 1000.0 * np.exp(-b * 1e-3))
        pictures = [rician(clean, 20.0, round(b) + axis) for axis in range(3)]
        images.append(np.exp(np.mean(np.log(pictures), axis=0)))
        entries.append(BValue(b, "t", DirectionKind.TRACE))
    fit = fit_adc(DiffusionSeries(np.stack(images, -1), np.eye(4), tuple(entries)))
    assert fit.noise == pytest.approx(20.0, rel=0.05)


def test_air_is_not_fitted() -> None:
    fit = fit_adc(uniform((0, 400, 800), 1.5, snr=30))
    assert np.mean(fit.adc.array[:, :8] == 0) > 0.95


@pytest.mark.parametrize(("over_noise", "fitted"), [(2.8, False), (3.2, True)])
def test_what_is_below_three_times_the_noise_is_air(over_noise: float, fitted: bool) -> None:
    series = uniform((0, 800), 1.5, snr=100.0)  # the noise is 10
    signal = series.signal.copy()
    signal[:, 20:22, 20:22] = 10.0 * over_noise
    fit = fit_adc(dataclasses.replace(series, signal=signal))
    assert fit.noise == pytest.approx(10.0, rel=0.03)
    assert (fit.s0.array[:, 20:22, 20:22] > 0).all() == fitted


def test_b_values_fifty_apart_are_enough() -> None:
    assert tissue(fit_adc(uniform((0, 50), 1.5))) == pytest.approx(1.5, abs=0.01)


@pytest.mark.parametrize("b_values", [(800,), (0, 49), (0, 0)])
def test_too_few_b_values_are_refused(b_values: tuple[float, ...]) -> None:
    with pytest.raises(MeasurementError) as caught:
        fit_adc(uniform(b_values, 1.5))
    assert caught.value.code is Code.ADC_NOT_FITTED


def test_empty_images_are_refused() -> None:
    series = uniform((0, 800), 1.5)
    with pytest.raises(MeasurementError):
        fit_adc(dataclasses.replace(series, signal=np.zeros_like(series.signal)))


def test_two_runs_give_the_same_bits() -> None:
    series = uniform((0, 400, 800), 1.5, snr=15)
    assert np.array_equal(fit_adc(series).adc.array, fit_adc(series).adc.array)


# ------------------------------------------------------------------ the disc
@pytest.mark.parametrize("adc", [1.0, 1.8, 2.3])
def test_disc_adc_is_right_to_a_percent(adc: float) -> None:
    spine = dataclasses.replace(SPINE, nucleus=Tissue(600, 700, adc), annulus=Tissue(200, 600, adc))
    fit = fit_adc(dwi_series(spine, sigma=20.0))
    means = []
    for level in LEVELS:
        disc = measure_adc(fit, IN_PLACE, level, outline_of(spine, level), SETTINGS)
        assert disc.nucleus == pytest.approx(adc, rel=0.02)
        assert disc.source == "fit"
        assert disc.rejected == 0
        assert disc.findings == ()
        means.append(disc.mean)
    assert np.mean(means) == pytest.approx(adc, rel=0.01)
    assert np.std(means) / adc < 0.03


def test_erosion_keeps_endplates_out() -> None:
    """Without noise every voxel used has the disc's own ADC, whatever surrounds it."""
    fit = fit_adc(dwi_series(SPINE, sigma=1e-3))
    for height in (9.0, 10.0, 11.3):
        spine = dataclasses.replace(SPINE, heights_mm=dict.fromkeys(LEVELS, height))
        fit = fit_adc(dwi_series(spine, sigma=1e-3))
        disc = measure_adc(fit, IN_PLACE, LEVEL, outline_of(spine, LEVEL), SETTINGS)
        assert disc.mean == pytest.approx(1.8, rel=1e-3)
        assert disc.sd < 0.01


def test_values_are_read_through_the_alignment() -> None:
    shift = (0.0, -4.0, 6.0)
    fit = fit_adc(dwi_series(SPINE, sigma=1e-3, shift_mm=shift))
    back = np.eye(4)
    back[:3, 3] = -np.array(shift)
    moved = dataclasses.replace(IN_PLACE, matrix=back)
    disc = measure_adc(fit, moved, LEVEL, outline_of(SPINE, LEVEL), SETTINGS)
    assert disc.mean == pytest.approx(1.8, rel=1e-3)
    wrong = measure_adc(fit, IN_PLACE, LEVEL, outline_of(SPINE, LEVEL), SETTINGS)
    assert abs(wrong.mean / 1.8 - 1) > 0.02  # the test would notice


def test_low_disc_is_not_evaluable() -> None:
    spine = dataclasses.replace(SPINE, heights_mm=dict.fromkeys(LEVELS, 7.5))
    fit = fit_adc(dwi_series(spine))
    with pytest.raises(MeasurementError, match=r"3\.8 diffusion voxels high") as caught:
        measure_adc(fit, IN_PLACE, LEVEL, outline_of(spine, LEVEL), SETTINGS)
    assert caught.value.code is Code.ADC_FEW_VOXELS


@pytest.mark.parametrize(
    ("steps", "refused"),
    [
        ({0.0: 0.0, 0.1: 8.01, 0.9: 8.01, 0.91: 0.0}, False),  # both ends are left out
        ({0.0: 8.01, 0.1: 7.0, 0.14: 8.01}, True),
        ({0.0: 8.01, 0.86: 7.0, 0.9: 8.01}, True),
    ],
)
def test_a_disc_is_as_high_as_its_middle_eighty_percent(
    steps: dict[float, float], refused: bool
) -> None:
    """Four diffusion voxels of 2 mm are needed."""
    outline = outline_of(SPINE, LEVEL)
    share = np.linspace(0.0, 1.0, 101)
    at = np.searchsorted(list(steps), share + 1e-9) - 1
    height = np.array(list(steps.values()))[at]
    section = DiscSection(0.0, 30.0 * share, height / 2, -height / 2, np.zeros((4, 2)))
    tall = dataclasses.replace(outline, mid=section)
    with pytest.raises(MeasurementError) if refused else nullcontext():
        _tall_enough(DWI_GRID, LEVEL, tall)


def test_too_few_voxels() -> None:
    fit = fit_adc(dwi_series(SPINE))
    many = dataclasses.replace(SETTINGS, adc_min_voxels=10_000)
    with pytest.raises(MeasurementError) as caught:
        measure_adc(fit, IN_PLACE, LEVEL, outline_of(SPINE, LEVEL), many)
    assert caught.value.code is Code.ADC_FEW_VOXELS


def scanner_map(value: float, broken: int = 0) -> AdcMap:
    array = np.full(DWI_GRID.shape, value)
    array[:, :, 40 : 40 + broken] = 3.9
    return AdcMap(Volume(array, DWI_GRID.affine, "um2/ms"), "test")


def test_the_standard_deviation_is_that_of_a_sample() -> None:
    """Of n voxels a share p holds 1.7, the others 1.5: p from the mean, n as counted."""
    array = np.full(DWI_GRID.shape, 1.5)
    array[:, ::3] = 1.7
    mixed = AdcMap(Volume(array, DWI_GRID.affine, "um2/ms"), "test")
    disc = measure_adc(mixed, IN_PLACE, LEVEL, outline_of(SPINE, LEVEL), SETTINGS)
    share, n = (disc.mean - 1.5) / 0.2, disc.voxels
    expected = 0.2 * np.sqrt(share * (1 - share) * n / (n - 1))
    assert disc.sd == pytest.approx(expected, rel=1e-6)


def test_voxels_without_a_value_are_left_out() -> None:
    array = np.full(DWI_GRID.shape, 1.6)
    array[:, ::8] = 0.0
    holed = AdcMap(Volume(array, DWI_GRID.affine, "um2/ms"), "test")
    disc = measure_adc(holed, IN_PLACE, LEVEL, outline_of(SPINE, LEVEL), SETTINGS)
    assert disc.rejected > 0
    assert disc.mean == pytest.approx(1.6)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_disc_is_eroded_by_a_voxel_in_eight_directions_at_both_faces_of_a_slice(axis) -> None:
    found = {tuple(offset) for offset in np.round(_erosion_offsets(axis), 6)}
    h = round(0.5**0.5, 6)
    ring = [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (h, h), (h, -h), (-h, h), (-h, -h)]
    expected = {
        tuple(np.insert(np.array(one, float), axis, depth))
        for one in ring
        for depth in (0.0, -0.5, 0.5)
    }
    assert found == expected


def test_scanner_map_is_measured_as_such() -> None:
    disc = measure_adc(scanner_map(1.6), IN_PLACE, LEVEL, outline_of(SPINE, LEVEL), SETTINGS)
    assert disc.mean == pytest.approx(1.6)
    assert disc.source == "map"
    assert disc.measurements["adc_disc_um2_ms"].method == "map"


def test_voxels_above_free_water_are_left_out_and_counted() -> None:
    """The rows 44 and 45 lie in the middle of the disc at the origin."""
    array = np.full(DWI_GRID.shape, 1.6)
    array[:, 26:28, 45] = 3.9
    given = AdcMap(Volume(array, DWI_GRID.affine, "um2/ms"), "test")
    disc = measure_adc(given, IN_PLACE, LEVEL, outline_of(SPINE, LEVEL), SETTINGS)
    assert disc.mean == pytest.approx(1.6)
    assert disc.rejected > 0
    assert [finding.code for finding in disc.findings] == [Code.ADC_ABOVE_FREE_WATER]


@pytest.mark.parametrize("value", [0.05, 3.9, 0.0])
def test_impossible_adc_is_refused(value: float) -> None:
    with pytest.raises(MeasurementError) as caught:
        measure_adc(scanner_map(value), IN_PLACE, LEVEL, outline_of(SPINE, LEVEL), SETTINGS)
    assert caught.value.code is Code.ADC_IMPLAUSIBLE


def flawed_map(every: float) -> AdcMap:
    """A map of 1.6 um2/ms in which one voxel of so many is above free water."""
    numbers = np.arange(np.prod(DWI_GRID.shape)).reshape(DWI_GRID.shape) * 7919
    array = np.where(numbers % 1000 < 1000 / every, 3.9, 1.6)
    return AdcMap(Volume(array, DWI_GRID.affine, "um2/ms"), "test")


@pytest.mark.parametrize(
    ("every", "least", "most", "severity"),
    [(25, 0.026, 0.05, Severity.INFO), (15, 0.05, 0.099, Severity.WARNING)],
)
def test_a_twentieth_of_impossible_voxels_is_many(every, least, most, severity) -> None:
    disc = measure_adc(flawed_map(every), IN_PLACE, LEVEL, outline_of(SPINE, LEVEL), SETTINGS)
    assert least < disc.rejected / (disc.rejected + disc.voxels) < most
    assert [one.severity for one in disc.findings] == [severity]


def test_more_than_half_of_impossible_voxels_are_too_many() -> None:
    outline = outline_of(SPINE, LEVEL)
    disc = measure_adc(flawed_map(2.3), IN_PLACE, LEVEL, outline, SETTINGS)
    assert 0.26 < disc.rejected / (disc.rejected + disc.voxels) < 0.5
    with pytest.raises(MeasurementError) as caught:
        measure_adc(flawed_map(1.7), IN_PLACE, LEVEL, outline, SETTINGS)
    assert caught.value.code is Code.ADC_IMPLAUSIBLE


def test_the_least_adc_of_a_disc() -> None:
    outline = outline_of(SPINE, LEVEL)
    found = measure_adc(scanner_map(0.21), IN_PLACE, LEVEL, outline, SETTINGS)
    assert found.mean == pytest.approx(0.21)
    with pytest.raises(MeasurementError):
        measure_adc(scanner_map(0.19), IN_PLACE, LEVEL, outline, SETTINGS)


@pytest.mark.parametrize(("snr", "told"), [(2.9, True), (3.1, False)])
def test_the_signal_at_the_highest_b_value_against_the_noise(snr: float, told: bool) -> None:
    adc = Volume(np.full(DWI_GRID.shape, 1.0), DWI_GRID.affine, "um2/ms")
    s0 = Volume(np.full(DWI_GRID.shape, 10.0 * snr * np.exp(0.8)), DWI_GRID.affine)
    fit = AdcFit(adc, s0, 10.0, (0.0, 800.0), (1, 1))
    disc = measure_adc(fit, IN_PLACE, LEVEL, outline_of(SPINE, LEVEL), SETTINGS)
    assert (Code.ADC_LOW_SNR in [one.code for one in disc.findings]) is told


def test_unknown_or_large_residual_is_refused() -> None:
    for residuals in ({}, {LEVEL: 2.5}):
        with pytest.raises(MeasurementError) as caught:
            measure_adc(
                scanner_map(1.6),
                dataclasses.replace(IN_PLACE, residual_mm=residuals),
                LEVEL,
                outline_of(SPINE, LEVEL),
                SETTINGS,
            )
        assert caught.value.code is Code.ADC_MISALIGNED


def test_signal_near_the_noise_is_told() -> None:
    fit = fit_adc(dwi_series(SPINE, sigma=110.0))
    disc = measure_adc(fit, IN_PLACE, LEVEL, outline_of(SPINE, LEVEL), SETTINGS)
    (finding,) = (one for one in disc.findings if one.code is Code.ADC_LOW_SNR)
    assert "b ADC = " in finding.text


def averaged(averages: tuple[int, ...], snr: float, adc: float) -> DiffusionSeries:
    """One direction at b 0, 400 and 800, each image with the noise of its averages."""
    images, entries = [], []
    for n, b in enumerate((0, 400, 800)):
        picture = np.full((20, 40, 40), 1000.0 * np.exp(-b * 1e-3 * adc))
        picture[:, :8] = 0.0
        images.append(rician(picture, 1000.0 / snr / averages[n] ** 0.5, 100 * n))
        entries.append(BValue(b, "test", DirectionKind.TRACE if b else DirectionKind.NONE))
    return DiffusionSeries(np.stack(images, -1), np.diag([4.0, 2, 2, 1]), tuple(entries))


def test_averages_weigh_images_and_tell_their_noise() -> None:
    """At SNR 6 the floor is met; with 16 averages at b 800 the high image counts most."""
    series = averaged((1, 4, 16), 6.0, 2.0)
    silent = fit_adc(series)
    told = fit_adc(dataclasses.replace(series, averages=(1.0, 4.0, 16.0)))
    assert told.images == (1, 1, 1)
    assert abs(tissue(told).mean() / 2.0 - 1) < 0.01
    assert tissue(told).std() < 0.99 * tissue(silent).std()
    assert told.noise == pytest.approx(1000 / 6.0 / 4.0, rel=0.15)


def test_equal_averages_change_nothing() -> None:
    series = averaged((1, 1, 1), 10.0, 1.5)
    told = fit_adc(dataclasses.replace(series, averages=(4.0, 4.0, 4.0)))
    np.testing.assert_array_equal(told.adc.array, fit_adc(series).adc.array)


@pytest.mark.parametrize(("snr", "met"), [(1.4, True), (1.6, False)])
def test_the_noise_floor_is_named_where_the_signal_meets_it(snr: float, met: bool) -> None:
    fit = fit_adc(dwi_series(SPINE))
    lowest = float(np.median(fit.lowest_snr.array[fit.adc.array > 0])) * fit.noise
    outline = outline_of(SPINE, LEVEL)
    for _ in range(4):  # the noise at which the median of this disc has the ratio wanted
        fit = dataclasses.replace(fit, noise=lowest / snr)
        disc = measure_adc(fit, IN_PLACE, LEVEL, outline, SETTINGS)
        (finding,) = (one for one in disc.findings if one.code is Code.ADC_LOW_SNR)
        found = float(finding.text.split(" times the noise")[0].split()[-1])
        lowest *= found / snr
    assert ("noise floor" in finding.text) is met


# ------------------------------------------------------------------ the fit, step by step
FIT_B = np.array([0.0, 0.4, 0.8])
FIT_COUNTS = np.array([1.0, 3.0, 3.0])


def stepwise(
    logs: np.ndarray, iterations: int, excess: np.ndarray | float = 0.0
) -> tuple[float, float]:
    """Weighted straight lines by numpy; the weights of each follow from the one before."""
    adc, intercept, weights = 0.0, 0.0, FIT_COUNTS
    for _ in range(iterations + 1):
        slope, intercept = np.polyfit(FIT_B, logs - excess, 1, w=np.sqrt(weights))
        adc = -slope
        weights = FIT_COUNTS * np.exp(-2 * FIT_B * adc)
    return intercept, adc


def test_the_weights_follow_the_fit_three_times() -> None:
    logs = np.log(np.array([1000.0, 500.0, 400.0]))
    found = _fit(logs[:, None], FIT_B, FIT_COUNTS, np.zeros(3))[0, 0]
    adcs = {n: stepwise(logs, n)[1] for n in (2, 3, 4)}
    assert found == pytest.approx(adcs[3], abs=1e-9)
    assert min(abs(adcs[n] - adcs[3]) for n in (2, 4)) > 1e-5


@pytest.mark.parametrize(("snr", "treated"), [(2.9, True), (3.1, False)])
def test_below_three_times_the_noise_the_floor_is_treated(snr: float, treated: bool) -> None:
    """An exact decay fits itself; taking the floor's excess off raises the ADC."""
    logs = np.log(1000.0) - FIT_B[:, None]
    noise = np.full(3, 1000.0 * np.exp(-0.8) / snr)
    adc = _fit(logs, FIT_B, FIT_COUNTS, noise)[0, 0]
    assert bool(adc > 1.001) is treated
    assert treated or adc == pytest.approx(1.0, abs=1e-9)


def test_the_excess_of_the_floor_follows_the_fit_six_times() -> None:
    """Half-way to the fit of the logarithms less their mean excess, E1(r²/2) / 2, each time."""
    decay = np.log(1000.0) - 1.8 * FIT_B
    noise = 1000.0 * np.exp(-0.8 * 1.8) / 1.2
    found = _fit(decay[:, None], FIT_B, FIT_COUNTS, np.full(3, noise))[0, 0]
    adcs = {}
    intercept, adc = np.log(1000.0), 1.8
    for n in range(1, 8):
        snr = np.exp(intercept - FIT_B * adc) / noise
        excess = 0.5 * exp1(0.5 * np.maximum(snr, 0.7) ** 2)
        weights = FIT_COUNTS * np.exp(-2 * FIT_B * adc)
        slope, new = np.polyfit(FIT_B, decay - excess, 1, w=np.sqrt(weights))
        intercept, adc = (intercept + new) / 2, (adc - slope) / 2
        adcs[n] = adc
    assert found == pytest.approx(adcs[6], abs=5e-4)
    assert min(abs(adcs[n] - adcs[6]) for n in (5, 7)) > 2e-3
