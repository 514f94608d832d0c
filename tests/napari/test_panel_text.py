"""Measured values in words."""

from __future__ import annotations

from dataclasses import replace

from discmri.core.quality import DiscQuality, Quality
from discmri.napari.panel_text import evidence, flags, metric_rows, scale
from discmri.reading import DiscMetrics
from discmri.results.records import Measurement

VALUES = (
    Measurement("height_mm", 8.249, "columns", 0.21),
    Measurement("dhi_ap", 0.2512),
    Measurement("adc_disc_um2_ms", 1.456),
    Measurement("suggested_grade", "4/7"),
    Measurement("suggested_grade_probability", 0.414),
    Measurement("suggested_signal", 4),
    Measurement("suggested_collapse", 7),
    Measurement("volume_mm3", 9000.0),
)
METRICS = DiscMetrics(
    {one.parameter: one for one in VALUES},
    {"grade": {"borderline": ["hypointense"]}},
    ("few_slices", "from_a_later_version"),
)


def shown(rows):
    return {row.name: (row.automatic, row.edited) for row in rows}


def test_values_have_the_digits_a_reader_needs():
    assert shown(metric_rows(METRICS)) == {
        "Height (mm)": ("8.2 ± 0.2", ""),
        "DHI AP": ("0.25", ""),
        "ADC disc (µm²/ms)": ("1.46", ""),
        "Suggested grade": ("4/7", ""),
        "Suggested grade probability": ("0.41", ""),
    }


def test_the_quality_stands_first_where_the_disc_was_judged():
    quality = DiscQuality(Quality.REJECT, ("cut_by_field_of_view",))
    first = metric_rows(replace(METRICS, quality=quality))[0]
    assert (first.name, first.automatic) == ("Quality", "reject: cut by field of view")


def test_edited_values_stand_beside_and_lost_ones_are_a_dash():
    edited = {"height_mm": 9.0, "suggested_signal": 5.0, "suggested_collapse": 0.0}
    rows = shown(metric_rows(METRICS, edited))
    assert rows["Height (mm)"] == ("8.2 ± 0.2", "9.0")
    assert rows["DHI AP"] == ("0.25", "–")
    assert rows["Suggested grade, edited"] == ("", "5")
    nothing_left = shown(metric_rows(METRICS, {}))
    assert nothing_left["Height (mm)"] == ("8.2 ± 0.2", "–")


def test_a_value_that_appears_with_the_edit_is_shown():
    rows = shown(metric_rows(DiscMetrics({}), {"height_mm": 7.25}))
    assert rows == {"Height (mm)": ("–", "7.2")}


def test_the_evidence_is_sentences():
    lines = evidence(METRICS)
    assert lines[0].startswith("Signal 4: grey")
    assert lines[1] == "Collapse 7: 30 to 60 % reduction of height."
    assert "neighbouring grade is possible: hypointense" in lines[2]
    assert evidence(DiscMetrics({})) == ()


def test_flags_are_sentences_and_unknown_ones_stay():
    assert flags(METRICS) == ("Fewer than three slices cross the disc.", "from_a_later_version")


def test_the_scale_has_eight_grades_in_order():
    assert [row[0] for row in scale()] == list("12345678")
    assert {row[3] for row in scale()[:5]} == {"normal"}
    assert {row[1] for row in scale()[5:]} == {"hypointense"}
