"""The unit of an ADC map: stated units first, physics last, the impossible refused."""

import numpy as np
import pytest

from discmri.core.findings import Code, MeasurementError
from discmri.study.adc_units import in_um2_per_ms
from discmri.study.frame import Scaling

TISSUE = np.array([0.0, 0.4, 1.2, 1.5, 1.8, 3.1], np.float32).reshape(6, 1, 1)  # um2/ms


def read(factor: float, **scaling) -> tuple[np.ndarray, str]:
    return in_um2_per_ms((TISSUE * np.float32(factor)).astype(np.float32), [Scaling(**scaling)])


@pytest.mark.parametrize(
    ("unit", "per_um2_ms"),
    [
        ("um2/s", 1e3),
        ("um2/sec", 1e3),
        ("mm2/s", 1e-3),
        ("cm2/s", 1e-5),
        ("m2/s", 1e-9),
        ("10-6.mm2/s", 1e3),
        ("um2/ms", 1.0),
        ("10*-3.mm2/s", 1.0),
        ("1E-3 mm2/s", 1.0),
        ("1.0E-3 mm2/s", 1.0),
        ("1.0E-6 mm2/s", 1e3),
    ],
)
def test_real_world_units(unit: str, per_um2_ms: float) -> None:
    values, source = read(per_um2_ms, real_unit=unit)
    np.testing.assert_allclose(values, TISSUE, rtol=1e-5)
    assert source == f"Real World Value Mapping ({unit})"


def test_real_world_mapping_applies_to_stored_values() -> None:
    """Stored 1500 is shown as 750 by the rescale, and mapped to 1500e-6 mm2/s."""
    stored = TISSUE * 1000
    scaling = Scaling(slope=0.5, real_slope=1e-6, real_unit="mm2/s")
    values, _ = in_um2_per_ms(stored * np.float32(0.5), [scaling])
    np.testing.assert_allclose(values, TISSUE, rtol=1e-5)


def test_real_world_mapping_has_an_intercept_of_its_own() -> None:
    """Stored s is shown as s / 2 + 7 by the rescale, and mapped to (s - 100) 1e-6 mm2/s."""
    stored = TISSUE * 1000 + 100
    scaling = Scaling(
        slope=0.5, intercept=7.0, real_slope=1e-6, real_intercept=-1e-4, real_unit="mm2/s"
    )
    values, _ = in_um2_per_ms((stored * 0.5 + 7).astype(np.float32), [scaling])
    np.testing.assert_allclose(values, TISSUE, atol=1e-4)


@pytest.mark.parametrize(
    ("text", "per_um2_ms"),
    [
        ("10^-6 mm^2/s", 1e3),
        ("mm2/s", 1e-3),
        ("x10-3 mm²/s", 1.0),
        ("µm²/s", 1e3),
        ("1E-6 mm2/s", 1e3),
    ],
)
def test_rescale_type(text: str, per_um2_ms: float) -> None:
    values, source = read(per_um2_ms, rescale_type=text)
    np.testing.assert_allclose(values, TISSUE, rtol=1e-5)
    assert source == f"Rescale Type ({text})"


@pytest.mark.parametrize("factor", [1e3, 1.0, 1e-3])
@pytest.mark.parametrize("scaling", [{}, {"rescale_type": "normalized"}, {"real_unit": "1"}])
def test_only_possible_factor(factor: float, scaling: dict) -> None:
    values, source = read(factor, **scaling)
    np.testing.assert_allclose(values, TISSUE, rtol=1e-5)
    assert source.startswith("only possible factor")


@pytest.mark.parametrize(
    ("factor", "scaling"),
    [
        (30.0, {}),
        (0.0, {}),
        (1e3, {"real_unit": "mm2/s"}),
        (1e-3, {"rescale_type": "um2/s"}),
    ],
)
def test_impossible_values_are_refused(factor: float, scaling: dict) -> None:
    with pytest.raises(MeasurementError) as error:
        read(factor, **scaling)
    assert error.value.code is Code.ADC_UNIT_UNKNOWN


@pytest.mark.parametrize(("median", "possible"), [(0.09, 0), (0.11, 1), (4.4, 1), (4.6, 0)])
def test_either_side_of_the_medians_that_an_adc_can_have(median: float, possible: bool) -> None:
    values = np.full((3, 3, 1), median, np.float32)
    if possible:
        found, _ = in_um2_per_ms(values, [Scaling(rescale_type="um2/ms")])
        np.testing.assert_allclose(found, values)
    else:
        with pytest.raises(MeasurementError, match="which is impossible for an ADC"):
            in_um2_per_ms(values, [Scaling(rescale_type="um2/ms")])


@pytest.mark.parametrize("scaling", [{"real_unit": "furlong"}, {"rescale_type": "HU"}])
def test_a_stated_unit_that_is_none_of_an_adc(scaling: dict) -> None:
    with pytest.raises(MeasurementError, match="not a known unit") as error:
        read(1e3, **scaling)
    assert error.value.code is Code.ADC_UNIT_UNKNOWN


def test_slices_that_state_different_units() -> None:
    scalings = [Scaling(rescale_type="um2/s"), Scaling(rescale_type="mm2/s")]
    with pytest.raises(MeasurementError, match="slices differ"):
        in_um2_per_ms(TISSUE, scalings)


def test_a_map_with_an_unusable_slope() -> None:
    with pytest.raises(MeasurementError, match="Rescale Slope"):
        read(1e3, problem="Rescale Slope 'NaN'")
    values, _ = read(1e3, problem="Rescale Slope 'NaN'", real_unit="um2/s")
    np.testing.assert_allclose(values, TISSUE, rtol=1e-5)


@pytest.mark.parametrize(
    ("median", "possible"),
    [(0.19, 0), (0.31, 0), (0.33, 1), (1.5, 1), (1.99, 1), (2.01, 0), (3.3, 0), (0.15, 0)],
)
def test_a_factor_is_guessed_only_where_no_factor_of_ten_is_possible(
    median: float, possible: bool
) -> None:
    values = np.full((3, 3, 1), median * 1000, np.float32)
    if possible:
        found, _ = in_um2_per_ms(values, [Scaling()])
        np.testing.assert_allclose(found, median, rtol=1e-5)
    else:
        with pytest.raises(MeasurementError, match="no unit is stated"):
            in_um2_per_ms(values, [Scaling()])
