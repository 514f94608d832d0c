from __future__ import annotations

import numpy as np
import pytest
from tests.disc_model import LEVEL, DiscModel, disc_labels, rotation, sagittal_grid

from discmri.core.findings import Code
from discmri.core.volume import SoftMask
from discmri.measurement.height import HEIGHT_METHODS, measure_heights
from discmri.measurement.outline import trace_disc
from discmri.measurement.outline.contours import section_of
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


def test_definitions_on_a_trapezium_by_hand():
    values, errors = measure_heights(trapezium())
    found = {m.parameter: m.value for m in values}
    assert found["height_columns_mm"] == pytest.approx(8.0, abs=1e-6)
    assert found["height_area_mm"] == pytest.approx(8.0, abs=1e-6)
    assert found["height_dabbs_mm"] == pytest.approx(8.0)
    assert found["height_hurxthal_mm"] == pytest.approx(8.0, abs=1e-6)
    assert found["height_three_point_mm"] == pytest.approx(8.0, abs=1e-6)
    assert found["height_anterior_mm"] == pytest.approx(9.6, abs=1e-6)
    assert found["height_middle_mm"] == pytest.approx(8.0, abs=1e-6)
    assert found["height_posterior_mm"] == pytest.approx(6.4, abs=1e-6)
    assert found["dhi_ap"] == pytest.approx(16 / (2 * np.hypot(30, 2)))
    assert found["dhi_vb"] == pytest.approx(8.0 / 20.0)
    # one slice has no volume: only that definition is missing, and says why
    assert [e.code for e in errors] == [Code.FEW_SLICES]
    assert "height_3d_mm" in errors[0].text


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
