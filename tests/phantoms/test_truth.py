"""Truth against point counting and closed formulas, neither of which uses its quadrature."""

from __future__ import annotations

from dataclasses import replace
from math import gamma

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from discmri.core.grade import Grade
from discmri.core.levels import DiscLevel
from discmri.phantoms import DiscSpec, Phantom, SpineSpec, lumbar_spine, make_phantom
from discmri.phantoms.column import build_column
from discmri.phantoms.shapes import DiscShape, Footprint, LocalFrame, Ripple
from discmri.phantoms.truth import disc_truth, projected_area, quadrature, true_section

SMOOTH = Ripple(0.0, np.zeros((4, 3)))


def _plain(height: float = 9.0, bulge: float = 0.0) -> DiscShape:
    rim = Footprint(22.0, 17.0)
    frame = LocalFrame(np.zeros(3), np.eye(3))
    return DiscShape(frame, height, 0, 0, rim, rim, 0, 0, bulge, bulge, SMOOTH, SMOOTH)


def _footprint_area(a: float, b: float) -> float:
    halves = (2 * a * b * gamma(1 + 1 / p) ** 2 / gamma(1 + 2 / p) for p in (2.2, 2.8))
    return sum(halves)


def test_volume_of_a_flat_disc_is_area_times_height():
    area = _footprint_area(22.0, 17.0)
    shape = _plain()
    assert quadrature(shape).volume_mm3.sum() == pytest.approx(9.0 * area, rel=3e-4)
    shadow = projected_area(shape, np.array([1.0, 0.0]))
    assert shadow == pytest.approx(area, rel=3e-4)


def _smooth_spec(**changes: object) -> SpineSpec:
    spec = lumbar_spine(seed=3)
    discs = [replace(d, concavity_upper_mm=0, concavity_lower_mm=0) for d in spec.discs]
    discs[5] = replace(discs[5], **changes)
    equal = [replace(v, depth_mm=34.0, wedge_deg=0.0) for v in spec.vertebrae]
    return replace(spec, discs=tuple(discs), vertebrae=tuple(equal))


def test_a_wedge_without_hollows_has_the_heights_of_a_trapezium():
    spec = _smooth_spec(height_mm=10.0, wedge_deg=10.0, bulge_anterior_mm=0.0, bulge_posterior_mm=0)
    column = build_column(spec)
    level = DiscLevel.L3_L4
    flat = replace(column.discs[level], ripple_upper=SMOOTH, ripple_lower=SMOOTH)
    column = replace(column, discs={**column.discs, level: flat})
    truth = disc_truth(column, spec.discs[5])
    tangent = np.tan(np.radians(5.0))
    assert truth.wedge_deg == pytest.approx(10.0, abs=1e-3)
    assert truth.height_dabbs_mm == pytest.approx(10.0, abs=0.01)
    assert truth.height_hurxthal_mm == pytest.approx(10.0, abs=0.01)
    assert truth.height_area_mm == pytest.approx(10.0, abs=0.01)
    assert truth.height_anterior_mm == pytest.approx(10 + 0.8 * 34 * tangent, abs=0.01)
    assert truth.height_posterior_mm == pytest.approx(10 - 0.8 * 34 * tangent, abs=0.01)
    assert truth.dhi_ap == pytest.approx(20 / (2 * 34), rel=1e-3)
    assert truth.bulge_posterior_mm == pytest.approx(0.0, abs=0.1)


def test_volume_agrees_with_counting_random_points(phantom: Phantom):
    rng = np.random.default_rng(0)
    for level, truth in phantom.truth().items():
        shape = phantom.scene.column.discs[level]
        half = np.array([34.0, 24.0, 14.0])
        n = 100_000
        points = rng.uniform(-half, half, (n, 3)) @ shape.frame.axes.T + shape.frame.origin_mm
        share = shape.inside(points).mean()
        box = np.prod(2 * half)
        noise = box * np.sqrt(share * (1 - share) / n)
        assert abs(truth.volume_mm3 - share * box) < 4 * noise


def test_flat_values_agree_with_counting_fine_pixels(phantom: Phantom):
    step = 0.025
    for level in (DiscLevel.L4_L5,):
        truth = phantom.truth()[level]
        column = phantom.scene.column
        shape = column.discs[level]
        normal = shape.frame.axes.T @ np.array(truth.normal)
        u = np.array([0.0, normal[2], -normal[1]])
        s, t = np.arange(-24, 24, step), np.arange(-12, 12, step)
        local = s[:, None, None] * u + t[None, :, None] * normal
        inside = shape.inside(local @ shape.frame.axes.T + shape.frame.origin_mm)
        filled = np.flatnonzero(inside.any(axis=1))
        width = (filled[-1] - filled[0] + 1) * step
        columns = inside.sum(axis=1) * step
        assert truth.width_ap_mm == pytest.approx(width, abs=2 * step)
        assert truth.area_mm2 == pytest.approx(inside.sum() * step**2, rel=2e-3)
        front = s[filled[-1]]
        for share, value in (
            (0.1, truth.height_anterior_mm),
            (0.5, truth.height_middle_mm),
            (0.9, truth.height_posterior_mm),
        ):
            at = np.argmin(np.abs(s - (front - share * width)))
            assert value == pytest.approx(columns[at], abs=2 * step)
        middle = np.abs(s - (front - width / 2)) <= 0.4 * width
        assert truth.height_columns_mm == pytest.approx(columns[middle].mean(), abs=0.02)


def test_corners_lie_on_the_disc_and_on_the_wall_of_the_body(phantom: Phantom):
    column = phantom.scene.column
    level = DiscLevel.L3_L4
    shape = column.discs[level]
    above, below = column.bodies[level.above], column.bodies[level.below]
    section = true_section(shape, above, below)
    for corner, body in (
        (section.upper_front, above),
        (section.upper_back, above),
        (section.lower_front, below),
        (section.lower_back, below),
    ):
        point = shape.frame.to_world(np.array([0.0]), corner[:1], corner[1:])
        x, y, z = body.frame.to_local(point.T)
        assert body.wall(x, y, z)[0] == pytest.approx(0.0, abs=0.02)
        border = min(
            abs(float((surface(np.zeros(1), corner[:1]) - corner[1])[0]))
            for surface in (shape.upper_surface, shape.lower_surface)
        )
        assert border < 1e-3


@settings(max_examples=10)
@given(slope=st.floats(20, 60), scoliosis=st.floats(-30, 30))
def test_truth_of_a_disc_does_not_depend_on_how_the_spine_stands(slope, scoliosis):
    spec = lumbar_spine(seed=8)
    turned = replace(spec, sacral_slope_deg=slope)
    bent = replace(spec, scoliosis_deg=scoliosis)
    reference = disc_truth(build_column(spec), spec.discs[6])
    other = disc_truth(build_column(turned), turned.discs[6])
    assert other.height_columns_mm == pytest.approx(reference.height_columns_mm, abs=1e-6)
    assert other.volume_mm3 == pytest.approx(reference.volume_mm3, abs=1e-3)
    # a lateral wedge leaves the mid-sagittal section alone
    other = disc_truth(build_column(bent), bent.discs[6])
    assert other.height_columns_mm == pytest.approx(reference.height_columns_mm, abs=0.02)


def test_adc_is_the_mean_of_what_was_asked_for():
    spec = lumbar_spine(seed=1)
    level = spec.discs[4].level
    disc = replace(spec.discs[4], adc_um2_ms=2.0, adc_annulus_ratio=0.5)
    two = disc_truth(build_column(spec), disc)
    one = disc_truth(build_column(spec), replace(disc, adc_annulus_ratio=1.0))
    assert one.adc_disc_um2_ms == pytest.approx(2.0, abs=1e-9)
    assert 1.0 < two.adc_disc_um2_ms < 1.9
    assert two.adc_nucleus_um2_ms == pytest.approx(2.0, abs=0.05)
    assert two.level == level.value


def test_body_heights_enter_the_index_of_the_lowest_disc_once(phantom: Phantom):
    truth = phantom.truth()[DiscLevel.L5_S1]
    assert truth.dhi_vb is not None
    body = truth.height_three_point_mm / truth.dhi_vb
    asked = phantom.spec.vertebrae[-1].height_mm
    assert body == pytest.approx(asked - 1.5, abs=1.5)  # hollow endplates make it lower
    assert phantom.truth()[DiscLevel.T10_T11].dhi_vb is None


def test_truth_json_names_what_is_in_the_picture(phantom: Phantom, coarse):
    import json

    document = json.loads(phantom.truth_json(coarse))
    assert [d["level"] for d in document["discs"]][-1] == "L5-S1"
    assert "L5-S1" in document["in_picture"]
    assert "T10-T11" not in document["in_picture"]
    lowest = document["discs"][-1]
    assert lowest["grade"] == "5"
    assert np.linalg.norm(lowest["normal"]) == pytest.approx(1, abs=1e-5)


def test_a_disc_of_absurd_height_is_refused():
    from discmri.core.errors import UsageError

    with pytest.raises(UsageError, match="1 to 25 mm"):
        DiscSpec(DiscLevel.L1_L2, height_mm=40.0)
    with pytest.raises(UsageError, match="ADC"):
        DiscSpec(DiscLevel.L1_L2, height_mm=9.0, adc_um2_ms=7.0, grade=Grade(2))
    assert make_phantom(lumbar_spine(seed=0)).spec.seed == 0
