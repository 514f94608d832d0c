from __future__ import annotations

import pytest

from discmri.core.levels import DiscLevel
from discmri.results.records import PARAMETERS, DiscRecord, Measurement, measured_columns

# Columns that the interface promises, in its order.
PROMISED = [
    "height_mm",
    "height_method",
    "height_anterior_mm",
    "height_middle_mm",
    "height_posterior_mm",
    "height_dabbs_mm",
    "height_hurxthal_mm",
    "height_three_point_mm",
    "height_area_mm",
    "height_columns_mm",
    "height_3d_mm",
    "dhi_ap",
    "dhi_vb",
    "height_sd_mm",
    "width_ap_mm",
    "width_lr_mm",
    "area_mm2",
    "volume_mm3",
    "wedge_deg",
    "bulge_posterior_mm",
    "listhesis_mm",
    "signal_ratio_csf",
    "adc_disc_um2_ms",
    "adc_disc_median_um2_ms",
    "adc_disc_sd_um2_ms",
    "adc_nucleus_um2_ms",
    "adc_voxels",
    "adc_source",
    "suggested_grade",
    "suggested_grade_probability",
    "suggested_signal",
    "suggested_collapse",
]


def test_every_promised_column_is_there():
    assert set(PROMISED) <= set(measured_columns())
    assert len(set(measured_columns())) == len(measured_columns())


def test_names_of_parameters_end_in_their_unit():
    endings = {"mm": "_mm", "mm2": "_mm2", "mm3": "_mm3", "deg": "_deg", "um2/ms": "_um2_ms"}
    for parameter in PARAMETERS:
        if parameter.unit in endings:
            assert parameter.name.endswith(endings[parameter.unit])


def test_a_missing_value_is_none_and_its_method_too():
    record = DiscRecord(
        DiscLevel.L4_L5, {"height_mm": Measurement("height_mm", 9.1, "columns", sd=0.2)}
    )
    assert record.column("height_mm") == 9.1
    assert record.column("height_method") == "columns"
    assert record.column("adc_source") is None


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_measurement_is_nan(value):
    with pytest.raises(ValueError, match="MeasurementError"):
        Measurement("height_mm", value)


def test_an_unknown_parameter_is_refused():
    with pytest.raises(ValueError, match="PARAMETERS"):
        Measurement("hieght_mm", 1.0)


def test_decimals_say_no_more_than_is_known():
    """A hundredth of a usual uncertainty, or less; counts and grades are whole."""
    decimals = {one.name: one.decimals for one in PARAMETERS if not one.name.startswith("height_")}
    assert decimals == {
        "dhi_ap": 4, "dhi_vb": 4, "width_ap_mm": 3, "width_lr_mm": 3, "area_mm2": 2,
        "volume_mm3": 1, "wedge_deg": 2, "bulge_posterior_mm": 3, "listhesis_mm": 3,
        "signal_ratio_csf": 4, "signal_contrast": 4, "signal_bimodality": 3, "adc_disc_um2_ms": 4,
        "adc_disc_median_um2_ms": 4, "adc_disc_sd_um2_ms": 4, "adc_nucleus_um2_ms": 4,
        "adc_voxels": 0, "adc_rejected_voxels": 0, "adc_residual_mm": 2, "suggested_grade": 0,
        "suggested_grade_probability": 2, "suggested_signal": 0, "suggested_collapse": 0,
        "confidence": 3,
    }  # fmt: skip
    assert {one.decimals for one in PARAMETERS if one.name.startswith("height_")} == {3}
