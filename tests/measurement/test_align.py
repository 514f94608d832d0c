import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates
from tests.scene import DWI_GRID, LEVELS, Spine, dwi_series, labels_of, paint, rician, t2_image

from discmri.core.diffusion import AdcMap, DiffusionSeries
from discmri.core.findings import Code, MeasurementError
from discmri.core.levels import DiscLevel
from discmri.core.volume import Grid, Volume
from discmri.measurement.align import Alignment, PhaseShift, align, rigid
from discmri.measurement.align.distortion import residual_at
from discmri.measurement.align.rigid import register_rigid
from discmri.measurement.align.series import lowest_b
from discmri.measurement.align.similarity import Features, SimilarityMetric

SPINE = Spine()
LABELS = labels_of(SPINE)
T2 = t2_image(SPINE)
CENTRES = np.array([SPINE.centre_mm(level) for level in LEVELS])


def error_mm(found: Alignment, shift: tuple[float, float, float]) -> float:
    """Largest error at the discs' centres in the sagittal plane."""
    return float(np.abs(found.to_image(CENTRES + shift) - CENTRES)[:, 1:].max())


@pytest.mark.parametrize("shift", [(0, 0, 0), (0, 2, 0), (0, 4.3, 2.1), (0, -6, 5), (3, 1.5, -7)])
def test_known_shift_is_found(shift: tuple[float, float, float]) -> None:
    found = align(dwi_series(SPINE, shift_mm=shift), T2, LABELS, "1.2.3")
    assert error_mm(found, shift) < 0.9  # less than half a diffusion voxel
    assert found.shift_mm == pytest.approx(np.linalg.norm(shift), abs=1.5)
    assert set(found.residual_mm) == set(LEVELS)
    assert max(found.residual_mm.values()) < 1.0
    assert found.explained[1] >= found.explained[0]


def test_known_turn_is_found() -> None:
    """The diffusion grid turned by 4 degrees about the left-right axis."""
    angle = np.radians(4.0)
    turn = np.eye(4)
    turn[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    series = dwi_series(SPINE)
    turned = dataclasses.replace(series, affine=turn @ series.affine)
    found = align(turned, T2, LABELS, "1.2.3")
    moved = CENTRES @ turn[:3, :3].T
    assert np.abs(found.to_image(moved) - CENTRES)[:, 1:].max() < 0.8


def distorted(bend_mm: float) -> DiffusionSeries:
    """Displacement along the phase axis that grows from none at the top to ``bend_mm``."""
    series = dwi_series(SPINE)
    signal = np.empty_like(series.signal)
    z = DWI_GRID.affine[2, 3] + 2.0 * np.arange(DWI_GRID.shape[2])
    for n, b in enumerate(series.b_s_per_mm2):
        for k, at in enumerate(z):
            shift = np.array([0.0, bend_mm * np.clip((76 - at) / 114, 0, 1), 0.0])
            signal[:, :, k, n] = paint(DWI_GRID, SPINE, "dwi", b, shift)[:, :, k]
        signal[..., n] = rician(signal[..., n], 20.0, n)
    return dataclasses.replace(series, signal=signal)


def test_distortion_along_the_phase_axis_is_taken_out() -> None:
    found = align(distorted(5.0), T2, LABELS, "1.2.3")
    for n, level in enumerate(LEVELS):
        truth = np.array([0.0, 5.0 * n / 3, 0.0])
        assert np.abs(found.to_image(CENTRES[n] + truth) - CENTRES[n])[1] < 1.0, level
    assert found.explained[1] > found.explained[0] + 0.02


def test_large_shift_is_refused() -> None:
    for shift in ((0.0, 12.5, 0.0), (0.0, 0.0, 22.0)):
        with pytest.raises(MeasurementError) as caught:
            align(dwi_series(SPINE, shift_mm=shift), T2, LABELS, "1.2.3")
        assert caught.value.code is Code.ADC_MISALIGNED


def test_limit_is_the_callers() -> None:
    series = dwi_series(SPINE, shift_mm=(0.0, 5.0, 0.0))
    with pytest.raises(MeasurementError, match="more than 3 mm"):
        align(series, T2, LABELS, "1.2.3", max_shift_mm=3.0)


def test_another_frame_is_refused() -> None:
    with pytest.raises(MeasurementError, match=r"frame of reference 7\.7") as caught:
        align(dwi_series(SPINE, frame="7.7"), T2, LABELS, "1.2.3")
    assert caught.value.code is Code.ADC_OTHER_FRAME
    assert align(dwi_series(SPINE, frame=""), T2, LABELS, "1.2.3").shift_mm < 1.0


def test_noise_does_not_match() -> None:
    series = dwi_series(SPINE)
    noise = rician(np.zeros(series.signal.shape), 100.0, 4)
    with pytest.raises(MeasurementError) as caught:
        align(dataclasses.replace(series, signal=noise), T2, LABELS, "1.2.3")
    assert caught.value.code is Code.ADC_MISALIGNED


def test_images_of_another_place_are_refused() -> None:
    series = dwi_series(SPINE)
    affine = series.affine.copy()
    affine[2, 3] += 900.0
    with pytest.raises(MeasurementError, match="do not cover"):
        align(dataclasses.replace(series, affine=affine), T2, LABELS, "1.2.3")


def test_scanner_map_can_be_aligned() -> None:
    boxes = dataclasses.replace(SPINE)
    low, high = (paint(DWI_GRID, boxes, "dwi", b, np.array([0.0, 3.0, 0.0])) for b in (400.0, 0.0))
    values = np.log(np.maximum(high, 1) / np.maximum(low, 1)) / 0.4
    given = AdcMap(Volume(values, DWI_GRID.affine, "um2/ms"), "test", "1.2.3")
    assert error_mm(align(given, T2, LABELS, "1.2.3"), (0.0, 3.0, 0.0)) < 1.0


def test_two_runs_give_the_same_bits() -> None:
    series = dwi_series(SPINE, shift_mm=(0.0, 3.1, 1.2))
    first, second = (align(series, T2, LABELS, "1.2.3") for _ in range(2))
    assert np.array_equal(first.matrix, second.matrix)
    assert first.residual_mm == second.residual_mm


@given(
    st.lists(st.floats(-10, 10), min_size=3, max_size=3),
    st.lists(st.floats(-6, 6), min_size=3, max_size=3),
    st.sampled_from([(0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.0, 0.6, 0.8)]),
)
@settings(max_examples=40)
def test_there_and_back(shift: list[float], bends: list[float], axis: tuple[float, ...]) -> None:
    matrix = np.eye(4)
    matrix[1:3, 1:3] = [[0.8, -0.6], [0.6, 0.8]]
    matrix[:3, 3] = shift
    phase = PhaseShift(np.array(axis), np.array([-40.0, 0.0, 40.0]), np.array(bends))
    alignment = Alignment(matrix, phase, (0.0, 0.0), 0.0)
    points = np.array([[1.0, 2.0, 3.0], [-20.0, 30.0, 60.0], [5.0, -9.0, -77.0]])
    assert alignment.to_diffusion(alignment.to_image(points)) == pytest.approx(points, abs=0.02)


def test_carried_picture_lies_on_t2() -> None:
    series = dwi_series(SPINE, shift_mm=(0, 4, 0))
    found = align(series, T2, LABELS, "1.2.3")
    slab = T2.grid.cropped((5, 0, 0), (1, *T2.shape[1:]))
    expected = paint(slab, SPINE, "dwi").ravel()
    likeness = [
        np.corrcoef(given.resampled(series.volume(0), slab).array.ravel(), expected)[0, 1]
        for given in (found, Alignment(np.eye(4), None, (0.0, 0.0), 0.0))
    ]
    assert likeness[0] > 0.82
    assert likeness[0] > likeness[1] + 0.15


def test_unknown_disc_is_refused() -> None:
    found = align(dwi_series(SPINE), T2, LABELS, "1.2.3")
    with pytest.raises(MeasurementError) as caught:
        found.residual_of(DiscLevel.T12_L1)
    assert caught.value.code is Code.ADC_MISALIGNED


def oblique(degrees: float) -> SimilarityMetric:
    """The spine turned about the left-right axis together with its diffusion images."""
    metric = SimilarityMetric.of(lowest_b(dwi_series(SPINE)), T2, LABELS)
    angle = np.radians(degrees)
    turn = np.eye(4)
    turn[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return dataclasses.replace(
        metric,
        picture=Volume(metric.picture.array, turn @ metric.picture.affine),
        points=metric.points @ turn[:3, :3].T,
        grid=Grid(metric.grid.shape, turn @ metric.grid.affine),
        discs={level: turn[:3, :3] @ centre for level, centre in metric.discs.items()},
    )


@pytest.mark.parametrize("degrees", [-35, 0, 35])
@pytest.mark.parametrize("shift", [(0, 0), (0.7, 3.5), (-2, -4)])
def test_what_remains_is_found_at_oblique_discs(degrees: float, shift: tuple[float, float]) -> None:
    metric = oblique(degrees)
    moved = np.eye(4)
    moved[1:3, 3] = shift
    for level in LEVELS:
        remains = residual_at(metric, level, moved, None)
        assert remains == pytest.approx(np.hypot(*shift), abs=1.0)


@pytest.mark.parametrize("shape", [(4, 5, 6), (1, 5, 6)])
def test_features_are_interpolated_as_by_scipy(shape: tuple[int, int, int]) -> None:
    random = np.random.default_rng(1)
    features = Features(random.normal(size=(*shape, 3)))
    index = random.uniform(-2, 7, (40, 3))  # beyond the picture too
    values, _ = features.at(index)
    expected = [
        map_coordinates(features.array[..., n], index.T, order=1, mode="nearest") for n in range(3)
    ]
    assert values == pytest.approx(np.stack(expected, axis=1))


def test_slopes_are_those_of_the_interpolation() -> None:
    random = np.random.default_rng(2)
    features = Features(random.normal(size=(4, 5, 6, 2)))
    index = np.floor(random.uniform(0, (3, 4, 5), (20, 3))) + random.uniform(0.1, 0.9, (20, 3))
    values, slopes = features.at(index, slopes=True)
    for axis, step in enumerate(1e-4 * np.eye(3)):
        moved, _ = features.at(index + step)
        assert (moved - values) / 1e-4 == pytest.approx(slopes[..., axis], abs=1e-6)


def test_many_shifts_at_a_time_score_as_one_by_one() -> None:
    metric = SimilarityMetric.of(lowest_b(dwi_series(SPINE)), T2, LABELS)
    shifts = np.array([(0.0, y, z) for y in (-2.0, 0.5) for z in (0.0, 3.0)])
    alone = []
    for shift in shifts:
        matrix = np.eye(4)
        matrix[:3, 3] = shift
        alone.append(metric.explained(matrix))
    assert metric.shifted(shifts) == pytest.approx(alone, rel=1e-6)


@pytest.mark.parametrize("degrees", [4.0, -4.0])
def test_registration_raises_the_explained_share(degrees: float) -> None:
    metric = oblique(degrees)
    start = np.eye(4)
    start[:3, 3] = (0.0, 0.8, -0.8)
    found = register_rigid(metric, start)
    assert metric.explained(found) > metric.explained(start)
    away = np.abs((CENTRES @ found[:3, :3].T + found[:3, 3]) - CENTRES)
    assert away[:, 1:].max() < 0.8


def test_a_registration_that_turns_too_far_is_not_believed(monkeypatch) -> None:
    metric = oblique(0.0)
    angle = np.radians(5.0)
    start = np.eye(4)
    start[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    assert not np.array_equal(register_rigid(metric, start), start)
    monkeypatch.setattr(rigid, "MAX_ROTATION_DEG", 0.01)
    assert np.array_equal(register_rigid(metric, start), start)
