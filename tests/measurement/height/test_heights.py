from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from tests.disc_model import LEVEL, DiscModel, disc_labels, rotation, sagittal_grid

from discmri.core.findings import Code
from discmri.core.volume import SoftMask
from discmri.measurement.height import measure_heights
from discmri.measurement.outline import trace_disc
from discmri.measurement.outline.contours import section_of
from discmri.results.height import HEIGHT_METHODS
from discmri.results.outline import BodyCorners, BodyEnd, Corners, DiscFrame, DiscOutline
from discmri.results.records import PARAMETER

MODELS = {
    "usual": DiscModel(turn=rotation(8.0, 0.0, 0.0)),
    "tilted to the side": DiscModel(turn=rotation(-25.0, 10.0, 0.0), height=11.0, wedge_deg=13.0),
    "slipped": DiscModel(slip=4.0, height=7.0, wedge_deg=3.0, bulge_back=2.0),
    "flat": DiscModel(height=6.0, wedge_deg=0.0, hollow_upper=0.0, hollow_lower=0.0),
}
# in a slipped disc the 10 % station falls on the step between the two rims, which voxels blur
TOLERANCE = {
    "height_anterior_mm": 0.4,
    "height_dabbs_mm": 0.35,
    "height_three_point_mm": 0.3,
    "dhi_ap": 0.012,
    "height_3d_mm": 0.4,
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("spacing", [0.5, 0.95])
def test_every_definition_against_the_analytic_truth(name, spacing):
    model = MODELS[name]
    grid = sagittal_grid(spacing, 4.4, extent=(66.0, 80.0), turn=rotation(2.0, -3.0, 4.0))
    outline = trace_disc(disc_labels(model, grid, thickness=3.9), LEVEL)
    values, errors = measure_heights(outline)
    assert "height_3d_mm" in {m.parameter for m in values}
    assert all(e.text.startswith("dhi_vb") for e in errors)
    truth = model.truth | model.truth_3d
    for measurement in values:
        if measurement.parameter in truth:
            assert measurement.value == pytest.approx(
                truth[measurement.parameter], abs=TOLERANCE.get(measurement.parameter, 0.25)
            ), measurement.parameter


def trapezium(anterior=10.0, posterior=6.0, depth=30.0, step=0.5) -> DiscOutline:
    """A straight-sided disc given exactly, with bodies 20 mm high."""
    x = np.arange(-depth / 2, depth / 2 + step / 2, step)
    half = np.interp(x, [-depth / 2, depth / 2], [posterior / 2, anterior / 2])
    contour = np.concatenate([np.column_stack([x, half]), np.column_stack([x, -half])[::-1]])
    p = np.array
    end = depth / 2
    corners = Corners(
        p([end, anterior / 2]), p([-end, posterior / 2]), p([end, -anterior / 2]), p([-end, -posterior / 2])
    )  # fmt: skip
    above = BodyCorners(
        p([end, 30.0]), p([-end, 30.0]), p([end, 10.0]), p([-end, 10.0]), p([0, 30.0]), p([0, 10.0])
    )  # fmt: skip
    sacrum = BodyCorners(
        p([end, -9.0]), p([-end, -9.0]), p([end, -9.0]), p([-end, -9.0]), p([0, -9.0]), p([0, -9.0]),
        BodyEnd.SACRUM,
    )  # fmt: skip
    frame = DiscFrame(np.zeros(3), p([0, 1.0, 0]), p([0, 0, 1.0]), p([-1.0, 0, 0]))
    mid = section_of(contour, 0.0)
    mask = SoftMask(np.ones((1, 4, 4)), np.eye(4))
    return DiscOutline(frame, mid, (mid,), corners, mask, above, sacrum, 0.1)


def test_one_slice_has_no_volume_and_all_the_rest():
    values, errors = measure_heights(trapezium())
    assert [e.code for e in errors] == [Code.FEW_SLICES]
    assert "height_3d_mm" in errors[0].text
    assert len(values) == len(HEIGHT_METHODS) + 1


def test_above_the_sacrum_only_the_upper_body_counts():
    values, _ = measure_heights(trapezium())
    found = {m.parameter: m.value for m in values}
    assert found["dhi_vb"] == pytest.approx(8.0 / 20.0)


# A disc that leans, on which no two definitions agree: border from back to front, mm.
UPPER = [(-18, 2.0), (-16, 3.4), (-10, 4.6), (-2, 6.2), (6, 7.0), (12, 5.6), (20, 5.0), (22, 3.0)]
LOWER = [(-18, -1.0), (-16, -2.0), (-8, -4.4), (4, -5.2), (14, -4.2), (20, -3.6), (22, -2.2)]
FRONT, BACK, WIDTH = 22.0, -18.0, 40.0
UPPER_ANTERIOR, UPPER_POSTERIOR = (18.0, 5.15), (-16.0, 3.4)
LOWER_ANTERIOR, LOWER_POSTERIOR = (20.0, -3.6), (-14.0, -2.6)
BODY_ABOVE_MM, BODY_BELOW_MM = (25.0, 26.0, 29.0), (30.0, 28.0, 24.5)  # front, middle, back
THICKNESS_VOXELS = np.array([[4.5, 6.0, 7.25], [5.0, 8.0, 6.5], [3.0, 7.0, 5.75]])  # front to back


def layered_mask() -> SoftMask:
    """Three by three blocks of columns, each so many voxels of 1 mm high, in six slices of 4 mm."""
    array = np.zeros((10, 40, 14))
    for (left, back), thickness in np.ndenumerate(THICKNESS_VOXELS):
        whole = int(thickness)
        block = array[2 + 2 * left : 4 + 2 * left, 5 + 10 * back : 15 + 10 * back]
        block[..., 2 : 2 + whole] = 1.0
        block[..., 2 + whole] = thickness - whole
    affine = np.diag([4.0, 1.0, 1.0, 1.0])
    affine[:3, 3] = (-18.0, -20.0, -7.0)
    return SoftMask(array, affine)


def body(top: float, heights_mm, front: float, back: float) -> BodyCorners:
    middle = (front + back) / 2
    places = [(x, h) for x, h in zip((front, middle, back), heights_mm, strict=True)]
    upper = [np.array([x, top]) for x, _ in places]
    lower = [np.array([x, top - h]) for x, h in places]
    return BodyCorners(upper[0], upper[2], lower[0], lower[2], upper[1], lower[1])


def leaning() -> DiscOutline:
    contour = np.array([*UPPER, *reversed(LOWER)], dtype=float)
    corners = Corners(
        *map(np.array, (UPPER_ANTERIOR, UPPER_POSTERIOR, LOWER_ANTERIOR, LOWER_POSTERIOR))
    )
    p = np.array
    frame = DiscFrame(np.zeros(3), p([0, 1.0, 0]), p([0, 0, 1.0]), p([-1.0, 0, 0]))
    mid = section_of(contour, 0.0)
    above = body(40.0, BODY_ABOVE_MM, 20.0, -15.0)
    below = body(-8.0, BODY_BELOW_MM, 20.0, -15.0)
    return DiscOutline(frame, mid, (mid,), corners, layered_mask(), above, below, 0.1)


def line(points, x: float) -> float:
    """A border at one place."""
    for (x0, y0), (x1, y1) in pairwise(points):
        if x0 <= x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    raise AssertionError(x)


def area_between(back: float, front: float) -> float:
    """Area between two columns: trapezia of each border, one by one."""
    area = 0.0
    for points, sign in ((UPPER, 1.0), (LOWER, -1.0)):
        for (x0, _), (x1, _) in pairwise(points):
            start, stop = max(x0, back), min(x1, front)
            if start < stop:
                mean = (line(points, start) + line(points, stop)) / 2
                area += sign * mean * (stop - start)
    return area


def endplate_middle(anterior, posterior, start, stop) -> np.ndarray:
    """Where the perpendicular through a chord's middle meets one known piece of the border."""
    a, p, s, e = map(np.array, (anterior, posterior, start, stop))
    across = np.array([-(a - p)[1], (a - p)[0]])
    share, _ = np.linalg.solve(np.column_stack([across, s - e]), s - (a + p) / 2)
    return (a + p) / 2 + share * across


def by_hand() -> dict[str, float]:
    a, p = math.dist(UPPER_ANTERIOR, LOWER_ANTERIOR), math.dist(UPPER_POSTERIOR, LOWER_POSTERIOR)
    upper = endplate_middle(UPPER_ANTERIOR, UPPER_POSTERIOR, UPPER[3], UPPER[4])
    lower = endplate_middle(LOWER_ANTERIOR, LOWER_POSTERIOR, LOWER[2], LOWER[3])
    m = math.dist(upper, lower)
    depths = math.dist(UPPER_ANTERIOR, UPPER_POSTERIOR), math.dist(LOWER_ANTERIOR, LOWER_POSTERIOR)
    stations = {"anterior": 18.0, "middle": 2.0, "posterior": -14.0}
    bodies = (sum(BODY_ABOVE_MM) / 3 + sum(BODY_BELOW_MM) / 3) / 2
    return {
        "height_columns_mm": area_between(-14.0, 18.0) / 32.0,
        "height_area_mm": area_between(BACK, FRONT) / WIDTH,
        "height_dabbs_mm": (a + p) / 2,
        "height_hurxthal_mm": m,
        "height_three_point_mm": (a + m + p) / 3,
        "height_3d_mm": float(THICKNESS_VOXELS.mean()),
        "dhi_ap": (a + p) / sum(depths),
        "dhi_vb": (a + m + p) / 3 / bodies,
        **{f"height_{n}_mm": line(UPPER, x) - line(LOWER, x) for n, x in stations.items()},
    }


@pytest.mark.parametrize("parameter", by_hand())
def test_each_definition_on_a_leaning_disc_by_hand(parameter):
    values, errors = measure_heights(leaning())
    assert errors == []
    found = {one.parameter: one.value for one in values}
    assert set(found) == set(by_hand())
    assert found[parameter] == pytest.approx(by_hand()[parameter], abs=1e-6)


def test_no_two_definitions_agree_on_the_leaning_disc():
    heights = sorted(v for name, v in by_hand().items() if name.startswith("height_"))
    assert len(heights) == len(HEIGHT_METHODS)
    assert min(b - a for a, b in pairwise(heights)) > 0.05


@pytest.mark.parametrize("station", ["anterior", "middle", "posterior"])
@pytest.mark.parametrize(("aside", "counts"), [(0.022, True), (0.045, False)])
def test_how_far_from_its_station_a_height_is_taken(station, aside, counts):
    """A bump of 1 mm on 1 % of the width, on either side of the station."""
    place = {"anterior": 0.1, "middle": 0.5, "posterior": 0.9}[station]
    for way in (1, -1):
        x = np.linspace(-50, 50, 2001)
        bump = np.abs((50 - x) / 100 - place - way * aside) < 0.005
        contour = np.concatenate(
            [np.column_stack([x, 4.0 + bump]), np.column_stack([x, -4.0 + 0 * x])[::-1]]
        )
        mid = section_of(contour, 0.0)
        outline = DiscOutline(**{**vars(trapezium()), "mid": mid, "sections": (mid,)})
        height = HEIGHT_METHODS[station].measure(outline)
        assert (abs(height - 8.0) > 0.01) is counts


def test_cut_body_gives_no_index():
    outline = trapezium()
    cut = BodyCorners(**{**vars(outline.above), "far_end": BodyEnd.CUT})
    values, errors = measure_heights(DiscOutline(**{**vars(outline), "above": cut}))
    assert "dhi_vb" not in {m.parameter for m in values}
    assert Code.BODY_MISSING in {e.code for e in errors}


def test_every_method_names_a_column():
    for code, definition in HEIGHT_METHODS.items():
        assert definition.parameter in PARAMETER
        assert definition.parameter == f"height_{code}_mm"
        assert definition.measure.__doc__
