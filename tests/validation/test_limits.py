"""The limits of an acceptance test, from both sides."""

from __future__ import annotations

import pytest

from discmri.validation.limits import LIMITS


@pytest.mark.parametrize(
    ("segmenter", "parameter", "figure", "good", "bad"),
    [
        ("masks", "height_columns_mm", "bias", 0.07, 0.15),
        ("masks", "height_area_mm", "bias", 0.07, 0.15),
        ("masks", "height_3d_mm", "bias", 0.07, 0.15),
        ("masks", "height_columns_mm", "SD", 0.15, 0.3),
        ("masks", "height_area_mm", "SD", 0.15, 0.3),
        ("masks", "height_3d_mm", "SD", 0.15, 0.3),
        ("masks", "adc_disc_um2_ms", "bias in %", 0.8, 1.5),
        ("masks", "adc_disc_um2_ms", "SD in %", 2.0, 4.5),
        ("builtin", "height_columns_mm", "bias", 0.4, 0.8),
        ("builtin", "height_columns_mm", "SD", 0.5, 0.9),
        ("builtin", "adc_disc_um2_ms", "bias in %", 1.5, 3.0),
        ("builtin", "adc_disc_um2_ms", "SD in %", 3.0, 6.0),
    ],
)
def test_errors_that_pass_and_errors_that_fail(segmenter, parameter, figure, good, bad):
    (limit,) = (
        one
        for one in LIMITS
        if (one.segmenter, one.parameter, one.figure) == (segmenter, parameter, figure)
    )
    assert limit.holds(good)
    assert not limit.holds(bad)
    assert limit.holds(-good) is figure.startswith("bias")
    assert not limit.holds(-bad)


def test_most_grades_and_stated_errors_must_be_right():
    shares = [limit for limit in LIMITS if "share" in limit.figure]
    assert len(shares) == 3
    for limit in shares:
        assert limit.holds(0.9)
        assert not limit.holds(0.7)
        assert not limit.holds(1.3)  # no share
