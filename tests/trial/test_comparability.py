"""What may fake a change, condition by condition."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from discmri.core.facts import Chosen, Role, SeriesFacts, SeriesInput, StudyFacts
from discmri.results.model import StudyResult
from discmri.results.provenance import DiffusionFacts, Provenance
from discmri.trial.comparability import (
    CHECKS,
    Comparability,
    ScanPair,
    differences,
    tilt_deg,
    worst_comparability,
)
from discmri.trial.conditions import Conditions, SeriesConditions, clock_h, of_inspection, of_study

SAGITTAL = SeriesConditions(
    clock_h=9.0, scanner="SIEMENS Aera 1", software="E11", coil="SPINE", field_t=1.5, te_ms=100.0,
    tr_ms=3500.0, pixel_mm=0.7, thickness_mm=4.0, pitch_mm=4.4, slice_normal=(1.0, 0.0, 0.0),
)  # fmt: skip
DWI = replace(SAGITTAL, te_ms=72.0, b_values_s_per_mm2=(0.0, 400.0, 800.0), pixel_mm=1.8)
SCAN = Conditions(SAGITTAL, DWI, "builtin:1", "0.1.0", "fit", 20.0)


@pytest.mark.parametrize(
    ("acquired", "hours"),
    [("20240102233000", 23.5), ("20240102243000", None), ("23:45", 23.75), ("093", None)],
)
def test_the_clock_is_read_from_a_time_of_the_day(acquired, hours):
    assert clock_h(acquired) == hours


def judged(after: Conditions, parameter: str, tilt: float | None = None) -> str:
    return worst_comparability(differences(ScanPair(SCAN, after, tilt)), parameter).value


def changed(**facts: object) -> Conditions:
    return replace(SCAN, sagittal=replace(SAGITTAL, **facts))


def weighted(**facts: object) -> Conditions:
    return replace(SCAN, diffusion=replace(DWI, **facts))


def test_the_same_conditions_are_comparable():
    assert differences(ScanPair(SCAN, SCAN, 2.0)) == ()
    assert worst_comparability((), "height_mm") is Comparability.COMPARABLE


@pytest.mark.parametrize(
    ("after", "height", "width", "signal", "adc"),
    [
        (changed(clock_h=10.9), "comparable", "comparable", "comparable", "comparable"),
        (changed(clock_h=11.1), "not comparable", "comparable", "not comparable", "not comparable"),
        (changed(clock_h=11 + 0.9 / 3600), "comparable", "comparable", "comparable", "comparable"),
        (changed(clock_h=11 + 1.1 / 3600), "not comparable", "comparable", "not comparable",
         "not comparable"),
        (changed(clock_h=16.0), "not comparable", "comparable", "not comparable", "not comparable"),
        (changed(clock_h=None), "caution", "comparable", "caution", "caution"),
        (replace(SCAN, rest_min=60.0), "caution", "comparable", "caution", "caution"),
        (replace(SCAN, rest_min=None), "caution", "comparable", "caution", "caution"),
        (changed(scanner="GE"), "caution", "caution", "not comparable", "not comparable"),
        (changed(field_t=3.0), "caution", "caution", "not comparable", "not comparable"),
        (changed(software="E12"), "caution", "caution", "caution", "caution"),
        (changed(coil="BODY"), "comparable", "comparable", "caution", "caution"),
        (changed(te_ms=80.0), "caution", "caution", "not comparable", "comparable"),
        (changed(tr_ms=2500.0), "caution", "caution", "not comparable", "comparable"),
        (changed(fat_suppressed=True), "not comparable", "not comparable", "not comparable",
         "comparable"),
        (changed(pixel_mm=0.9), "caution", "caution", "comparable", "comparable"),
        (changed(thickness_mm=5.0), "caution", "caution", "comparable", "comparable"),
        (changed(pitch_mm=5.5), "caution", "caution", "comparable", "comparable"),
        (weighted(b_values_s_per_mm2=(0.0, 800.0)), "comparable", "comparable", "comparable",
         "not comparable"),
        (weighted(b_values_s_per_mm2=(0.0, 400.0, 1000.0)), "comparable", "comparable",
         "comparable", "not comparable"),
        (weighted(te_ms=90.0), "comparable", "comparable", "comparable", "caution"),
        (weighted(pixel_mm=2.4), "comparable", "comparable", "comparable", "caution"),
        (replace(SCAN, adc_source="map"), "comparable", "comparable", "comparable",
         "not comparable"),
        (replace(SCAN, segmenter="builtin:2"), "not comparable", "not comparable",
         "not comparable", "not comparable"),
        (replace(SCAN, software="0.2.0"), "caution", "caution", "caution", "caution"),
    ],
)  # fmt: skip
def test_each_condition_touches_what_it_should(after, height, width, signal, adc):
    for parameter, expected in (
        ("height_mm", height), ("width_ap_mm", width), ("signal_ratio_csf", signal),
        ("adc_disc_um2_ms", adc),
    ):  # fmt: skip
        assert judged(after, parameter) == expected, parameter


@pytest.mark.parametrize(
    ("tilt", "expected"), [(4.0, "comparable"), (8.0, "caution"), (15.0, "not comparable")]
)
def test_tilt_touches_height_and_not_adc(tilt, expected):
    assert judged(SCAN, "height_mm", tilt) == expected
    assert judged(SCAN, "adc_disc_um2_ms", tilt) == "comparable"


@pytest.mark.parametrize(
    ("within", "beyond", "parameter", "verdict"),
    [
        (changed(clock_h=7.1), changed(clock_h=6.9), "height_mm", "not comparable"),
        (replace(SCAN, rest_min=39.0), replace(SCAN, rest_min=41.0), "height_mm", "caution"),
        (changed(te_ms=91.0), changed(te_ms=89.0), "signal_ratio_csf", "not comparable"),
        (changed(tr_ms=2850.0), changed(tr_ms=2750.0), "signal_ratio_csf", "not comparable"),
        (changed(pixel_mm=0.6), changed(pixel_mm=0.59), "height_mm", "caution"),
        (changed(thickness_mm=3.45), changed(thickness_mm=3.35), "height_mm", "caution"),
        (changed(pitch_mm=3.8), changed(pitch_mm=3.7), "height_mm", "caution"),
        (changed(field_t=1.65), changed(field_t=1.75), "signal_ratio_csf", "not comparable"),
        (weighted(b_values_s_per_mm2=(0.0, 385.0, 800.0)),
         weighted(b_values_s_per_mm2=(0.0, 375.0, 800.0)), "adc_disc_um2_ms", "not comparable"),
        (weighted(te_ms=66.0), weighted(te_ms=64.0), "adc_disc_um2_ms", "caution"),
    ],
)  # fmt: skip
def test_either_side_of_each_limit(within, beyond, parameter, verdict):
    assert judged(within, parameter) == "comparable"
    assert judged(beyond, parameter) == verdict


@pytest.mark.parametrize(
    ("tilt", "expected"),
    [(4.9, "comparable"), (5.1, "caution"), (11.9, "caution"), (12.1, "not comparable")],
)
def test_either_side_of_the_limits_of_tilt(tilt, expected):
    assert judged(SCAN, "height_mm", tilt) == expected


def test_a_difference_says_both_sides():
    (found,) = differences(ScanPair(SCAN, changed(clock_h=15.5)))
    assert "09:00 and 15:30" in found.text


def test_every_check_finds_something_in_quite_another_scan():
    other = Conditions(
        replace(SAGITTAL, clock_h=18.0, scanner="GE", te_ms=60.0, pixel_mm=1.2),
        replace(DWI, b_values_s_per_mm2=(0.0, 600.0)), "masks:spider", "9", "map", 90.0,
    )  # fmt: skip
    pair = ScanPair(SCAN, other, 20.0)
    assert all(list(check(pair)) for check in CHECKS)


@pytest.mark.parametrize("angle", [0.0, 3.0, 20.0])
def test_tilt_is_the_angle_between_slices_in_the_frame_of_the_spine(angle):
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    assert tilt_deg(SAGITTAL, SAGITTAL, turn) == pytest.approx(angle, abs=1e-6)
    moved_along = replace(SAGITTAL, slice_normal=tuple(turn.T @ np.array([1.0, 0.0, 0.0])))
    assert tilt_deg(SAGITTAL, moved_along, turn) == pytest.approx(0.0, abs=1e-5)
    assert tilt_deg(SAGITTAL, SeriesConditions(), turn) is None


SERIES = SeriesFacts(
    "1.2", acquired="20240102133000.0", manufacturer="SIEMENS", model="Aera", station="12",
    software="E11", coil="SPINE", field_t=1.5, te_ms=100.0, tr_ms=3500.0,
    spacing_mm=(0.7, 0.8, 4.4), thickness_mm=4.0, slice_normal=(1.0, 0.0, 0.0),
)  # fmt: skip


def test_conditions_are_read_the_same_before_and_after_measuring():
    weighting = replace(SERIES, uid="1.3", b_values_s_per_mm2=(0.0, 800.0))
    series = (SERIES, replace(weighting, b_values_s_per_mm2=()), weighting)
    before = of_inspection(
        StudyFacts("scan", "S1", "1", "20240102", series, measured=Chosen("1.2", ("1.3",))), 5.0
    )
    provenance = Provenance(
        {"discmri": "0.1.0"}, segmenter="builtin:1", inputs=(SeriesInput(Role.SAG_T2, "1.2"),),
        diffusion=DiffusionFacts("fit", "1.3"),
    )  # fmt: skip
    after = of_study(
        StudyResult("S1", "1", "20240102", "1.2", (), None, None, series, (), provenance), 5.0
    )
    assert before == replace(after, segmenter="", software="")
    assert before.sagittal.clock_h == 13.5
    assert (before.sagittal.pixel_mm, before.sagittal.pitch_mm) == (0.8, 4.4)
    assert before.sagittal.scanner == "SIEMENS Aera 12"
    assert before.diffusion.b_values_s_per_mm2 == (0.0, 800.0)


def test_slices_counted_from_the_other_side_are_not_tilted():
    mirrored = replace(SAGITTAL, slice_normal=(-1.0, 0.0, 0.0))
    assert tilt_deg(SAGITTAL, mirrored, np.eye(3)) == pytest.approx(0.0)


@pytest.mark.parametrize(("minutes", "verdict"), [(40.0, "comparable"), (41.0, "caution")])
def test_less_rest_than_before_is_told_as_more_is(minutes, verdict):
    rested = replace(SCAN, rest_min=minutes)
    for pair in (ScanPair(rested, SCAN), ScanPair(SCAN, rested)):
        assert worst_comparability(differences(pair), "height_mm").value == verdict
