"""``outlines.json``."""

from __future__ import annotations

import json

import numpy as np
from tests.results.export.conftest import HALF_HEIGHT_MM, HALF_WIDTH_MM

from discmri.core.levels import DiscLevel
from discmri.results.export import outlines_json


def test_borders_come_back_in_patient_space(result, tmp_path):
    outlines_json.export(result, tmp_path)
    document = json.loads((tmp_path / "outlines.json").read_text(encoding="utf-8"))
    assert document["series_uid"] == result.series_uid
    assert list(document["discs"]) == [level.value for level in result.outlines]
    disc = document["discs"]["L4-L5"]
    frame = result.outlines[DiscLevel.L4_L5].frame
    np.testing.assert_allclose(disc["origin_mm"], frame.origin_mm, atol=1e-5)
    contour = np.array(disc["contour_mm"])
    radius = np.hypot(contour[:, 0] / HALF_WIDTH_MM, contour[:, 1] / HALF_HEIGHT_MM)
    np.testing.assert_allclose(radius, 1.0, atol=1e-5)
    axes = np.array([disc[name] for name in ("anterior", "cranial", "left")])
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-4)
    front = np.array(disc["origin_mm"]) + np.array([*contour[0], disc["mid_left_mm"]]) @ axes
    expected = frame.to_world([HALF_WIDTH_MM, 0.0, 0.0])
    np.testing.assert_allclose(front, expected, atol=1e-3)
