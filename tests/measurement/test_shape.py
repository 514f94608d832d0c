from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.disc_model import LEVEL, DiscModel, disc_labels, rotation, sagittal_grid

from discmri.core.findings import Code
from discmri.measurement.outline import trace_disc
from discmri.measurement.shape import measure_shape


def shape_of(model, grid, **options):
    outline = trace_disc(disc_labels(model, grid, **options), LEVEL)
    values, errors = measure_shape(outline)
    return {m.parameter: m.value for m in values}, errors


@pytest.mark.parametrize("slip", [-3.0, 0.0, 5.0])
def test_shape_against_the_analytic_truth(slip):
    model = DiscModel(slip=slip, turn=rotation(10.0, 7.0, 0.0))
    found, errors = shape_of(model, sagittal_grid(0.7, 4.0, slices=15), thickness=3.6)
    assert not errors
    truth = model.truth | model.truth_3d
    assert found["width_ap_mm"] == pytest.approx(truth["width_ap_mm"], abs=0.5)
    assert found["width_lr_mm"] == pytest.approx(truth["width_lr_mm"], abs=1.2)
    assert found["area_mm2"] == pytest.approx(truth["area_mm2"], rel=0.01)
    assert found["volume_mm3"] == pytest.approx(truth["volume_mm3"], rel=0.01)
    assert found["wedge_deg"] == pytest.approx(truth["wedge_deg"], abs=0.7)
    assert found["listhesis_mm"] == pytest.approx(truth["listhesis_mm"], abs=0.6)


@pytest.mark.parametrize("wedge", [-4.0, 0.0, 15.0])
def test_wedge_opens_anteriorly_when_positive(wedge):
    found, _ = shape_of(DiscModel(wedge_deg=wedge, height=10.0), sagittal_grid(0.8), thickness=3.6)
    assert found["wedge_deg"] == pytest.approx(wedge, abs=1.0)


@pytest.mark.parametrize("bulge", [0.0, 1.5, 4.0])
def test_posterior_bulge(bulge):
    found, _ = shape_of(DiscModel(bulge_back=bulge), sagittal_grid(0.6), thickness=3.6)
    assert found["bulge_posterior_mm"] == pytest.approx(bulge, abs=0.4)


@pytest.mark.parametrize("offset", np.linspace(0, 4.4, 4))
def test_volume_and_width_do_not_depend_on_where_slices_fall(offset):
    model = DiscModel()
    grid = sagittal_grid(0.9, 4.4, slices=14, centre=(offset, -4.0, 0.0))
    found, _ = shape_of(model, grid, thickness=3.6, bodies=False)
    assert found["volume_mm3"] == pytest.approx(model.truth_3d["volume_mm3"], rel=0.012)
    assert found["width_lr_mm"] == pytest.approx(model.truth_3d["width_lr_mm"], abs=1.5)


def test_half_covered_disc_has_no_volume():
    grid = sagittal_grid(0.9, 4.4, slices=7, centre=(16.0, -4.0, 0.0))
    found, errors = shape_of(DiscModel(), grid, thickness=3.6, bodies=False)
    assert "volume_mm3" not in found
    assert "width_lr_mm" not in found
    assert "area_mm2" in found
    assert {e.code for e in errors} >= {Code.CUT_BY_FIELD_OF_VIEW, Code.BODY_MISSING}


def test_listhesis_is_told_from_the_posterior_corners_that_face_the_disc():
    """Bodies as wedges, whose other corners lie elsewhere."""
    outline = trace_disc(disc_labels(DiscModel(), sagittal_grid(0.8), thickness=3.6), LEVEL)
    above = replace(
        outline.above, lower_posterior=np.array([-14.0, 5.0]),
        upper_posterior=np.array([-17.0, 32.0]), lower_anterior=np.array([15.0, 5.0]),
    )  # fmt: skip
    below = replace(
        outline.below, upper_posterior=np.array([-16.5, -5.0]),
        lower_posterior=np.array([-12.0, -31.0]), upper_anterior=np.array([16.0, -5.0]),
    )  # fmt: skip
    values, _ = measure_shape(replace(outline, above=above, below=below))
    assert {m.parameter: m.value for m in values}["listhesis_mm"] == pytest.approx(2.5)
