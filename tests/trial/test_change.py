"""Noise bands, verdicts, contrasts, responders and grades, on plain numbers."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from tests.trial.courses import L3, L4, L5, SAME, make_course

from discmri.core.errors import UsageError
from discmri.core.grade import Grade
from discmri.core.levels import DiscLevel
from discmri.simulation.tables import TableDesign, draw_table
from discmri.trial.analysis import analyse
from discmri.trial.change import Verdict, changes_of, repeat_differences
from discmri.trial.comparability import Comparability, ScanPair
from discmri.trial.contrast import contrasts
from discmri.trial.declaration import default_declaration
from discmri.trial.diurnal import diurnal
from discmri.trial.drawn import drawn_courses, visit_names
from discmri.trial.grades import VisitGrade, grades_of, read_reads, shifts
from discmri.trial.noise import Noise, NoiseOrigin, RepeatNoise, quantile, repeat_noise
from discmri.trial.plan import RepeatKind
from discmri.trial.repeatability import (
    ALLOWANCE,
    PUBLISHED,
    phantom_sd,
    published,
    random_share,
)
from discmri.trial.responders import Response
from discmri.trial.values import TRACKED, Value, rounded

HEIGHT = default_declaration(("a", "b"), ("height_mm",))
FLAT = {L3: 9.0, L4: 8.0, L5: 10.0}
QUIET = Noise({RepeatKind.OTHER_DAY: {"height_mm": RepeatNoise(0.1, 10, 50, math.inf)}})
BAND = 1.959964 * math.sqrt(2) * 0.1


# ------------------------------------------------------------------ noise
def test_repeat_noise_is_the_textbook_within_subject_sd():
    rng = np.random.default_rng(0)
    pairs = [{"height_mm": rng.normal(0, 0.2 * math.sqrt(2), 5).tolist()} for _ in range(400)]
    found = repeat_noise(pairs)["height_mm"]
    assert found.sd == pytest.approx(0.2, rel=0.05)
    assert (found.pairs, found.discs) == (400, 2000)
    assert found.freedom == pytest.approx(2000, rel=0.2)


def test_discs_that_err_together_count_as_one():
    rng = np.random.default_rng(1)
    pairs = [{"height_mm": [rng.normal()] * 5} for _ in range(400)]
    assert repeat_noise(pairs)["height_mm"].freedom == pytest.approx(400, rel=0.2)


def test_a_rejected_disc_is_not_compared_and_compares_no_other():
    heights = {"a": FLAT, "b": {L3: 9.2, L4: 8.6, L5: 14.0}}
    course = make_course(heights, rejected=[("b", L5)])
    found = {one.level: one for one in changes_of(course, QUIET)}
    assert found[L5].verdict is Verdict.NOT_COMPARABLE
    assert any("rejected at" in reason for reason in found[L5].reasons)
    assert found[L4].verdict is Verdict.BEYOND
    (one,) = contrasts(found.values())
    assert (one.level, one.untreated) == (L4, 1)
    assert one.untreated_change == pytest.approx(0.2)
    (whole,) = contrasts(changes_of(make_course(heights), QUIET))
    assert whole.untreated == 2


def test_a_rejected_disc_tells_nothing_of_noise():
    heights = {"a": FLAT, "a2": FLAT | {L5: 14.0}}
    ((_, kept),) = repeat_differences(make_course(heights, rejected=[("a2", L5)]))
    assert kept["height_mm"] == [0.0, 0.0]
    ((_, all_discs),) = repeat_differences(make_course(heights))
    assert sorted(all_discs["height_mm"]) == [0.0, 0.0, 4.0]


def test_two_pairs_are_too_few_for_a_band():
    assert repeat_noise([{"height_mm": [0.1, 0.2]}] * 2) == {}


def test_repeats_of_another_day_give_the_whole_band():
    band = QUIET.band(
        "height_mm", Value(8.0, "columns", 0.3), Value(9.0, "columns", 0.3), "builtin"
    )
    assert band.origin is NoiseOrigin.REPEATS
    assert band.half == pytest.approx(BAND, rel=1e-5)
    assert "10 pairs of repeat scans" in band.source


@pytest.mark.parametrize("kind", [RepeatKind.SAME_SESSION, RepeatKind.SAME_DAY])
@pytest.mark.parametrize("sd", [0.001, 0.1, 0.5])
def test_repeats_of_one_day_replace_only_their_part(kind, sd):
    """However quiet they are, the band is not below the published one (Boos 1996: 0.85 mm)."""
    noise = Noise({kind: {"height_mm": RepeatNoise(sd, 5, 25, 20.0)}})
    value = Value(8.0, "columns", 0.6)
    band = noise.band("height_mm", value, value, "masks")
    assert band.origin is NoiseOrigin.COMBINED
    assert band.half == pytest.approx(math.hypot(0.85, 2.0859634 * math.sqrt(2) * sd), rel=1e-6)
    assert [part.name for part in band.parts] == [kind.value.replace("_", " "), "between days"]
    assert "Boos 1996" in band.source


def test_repeats_of_one_day_add_to_a_guess_where_nothing_is_published():
    noise = Noise({RepeatKind.SAME_SESSION: {"wedge_deg": RepeatNoise(0.1, 5, 25, 20.0)}})
    band = noise.band("wedge_deg", Value(5.0), Value(6.0), "builtin:1")
    assert band.origin is NoiseOrigin.GUESS
    assert band.half > Noise().band("wedge_deg", Value(5.0), Value(6.0), "builtin:1").half


def test_repeats_of_another_day_are_preferred_to_those_of_one():
    quiet, loud = RepeatNoise(0.05, 5, 25, 20.0), RepeatNoise(0.2, 5, 25, 20.0)
    both = {
        RepeatKind.SAME_SESSION: {"height_mm": quiet},
        RepeatKind.OTHER_DAY: {"height_mm": loud},
    }
    band = Noise(both).band("height_mm", Value(8.0), Value(8.0), "masks")
    assert (band.origin, band.half) == (NoiseOrigin.REPEATS, pytest.approx(loud.half))


def test_discs_are_called_beyond_noise_no_more_often_than_stated():
    """Null trials: repeats of one session, shared noise, and a visit two hours later."""
    for design, hours in (
        (TableDesign(repeats=5), 0.0),
        (TableDesign(repeats=5, shift=-0.3), 2.0),
        (TableDesign(repeats=3, other_day=True, shared=1.0), 0.0),
    ):
        verdicts = [
            one.verdict for seed in range(60) for one in drawn_analysis(design, seed, hours).changes
        ]
        assert verdicts.count(Verdict.BEYOND) / len(verdicts) < 0.075, design


def drawn_analysis(design: TableDesign, seed: int, hours: float):
    table = draw_table(design, np.random.default_rng([seed, 5]))
    return analyse(list(drawn_courses(table, hours_later=hours)), visit_names(design.visits))


# ------------------------------------------------------------------ time of day
def pair_at(before: float, after: float, rise: float | None = None) -> ScanPair:
    at = [
        replace(SAME, sagittal=replace(SAME.sagittal, clock_h=hour), rise_h=rise)
        for hour in (before, after)
    ]
    return ScanPair(*at)


@pytest.mark.parametrize(
    ("pair", "share"),
    [
        (pair_at(9, 10), 0.25),  # from one hour after rising on, half of the rest
        (pair_at(9, 10, rise=3.0), 1 / 12),  # late in the day: an even loss
        (pair_at(8, 9, rise=7.0), 0.25),
        (pair_at(7, 19, rise=7.0), 1.0),
        (pair_at(7, 22, rise=7.0), 1.0),  # no more than a day
    ],
)
def test_the_time_of_day_explains_a_share_of_the_loss_over_a_day(pair, share):
    size, text = diurnal("height_mm", 8.0, pair)
    assert size == pytest.approx(share * 0.9, rel=2e-3)
    assert "Boos 1996" in text
    assert diurnal("volume_mm3", 9000.0, pair)[0] == pytest.approx(share * 765.0, rel=2e-3)


@pytest.mark.parametrize(
    ("parameter", "percent"),
    [("dhi_ap", 8.0), ("area_mm2", 8.0), ("volume_mm3", 8.5), ("signal_ratio_csf", 13.5)],
)
def test_the_loss_over_a_day_is_the_published_one(parameter, percent):
    """Upper ends of Martin 2022 (height 8 %, volume 8.5 %); signal of Spine 1995;20:807."""
    size, _ = diurnal(parameter, 100.0, pair_at(7, 19, rise=7.0))
    assert size == pytest.approx(percent)


def test_no_size_no_hours_no_diurnal_part():
    assert diurnal("adc_disc_um2_ms", 1.5, pair_at(9, 10)) is None
    assert diurnal("height_mm", 8.0, pair_at(9, 9)) is None
    unknown = replace(SAME, sagittal=replace(SAME.sagittal, clock_h=None))
    assert diurnal("height_mm", 8.0, ScanPair(SAME, unknown)) is None


def test_a_later_scan_widens_the_band_and_says_so():
    later = replace(SAME, sagittal=replace(SAME.sagittal, clock_h=10.0))
    course = make_course({"a": FLAT, "b": FLAT}, conditions={"b": later})
    (change, *_) = changes_of(course, QUIET)
    assert change.band.half == pytest.approx(BAND + 0.225, rel=1e-4)
    assert change.band.parts[-1].name == "time of day"
    (plain, *_) = changes_of(course, replace(QUIET, with_diurnal=False))
    assert plain.band.half == pytest.approx(BAND, rel=1e-4)


def test_time_since_rising_replaces_the_clock():
    """Seven hours apart by the clock, but as long after getting up (a night shift)."""
    before = replace(SAME, rise_h=7.0)
    after = replace(SAME, sagittal=replace(SAME.sagittal, clock_h=16.0), rise_h=14.0)
    course = make_course({"a": FLAT, "b": FLAT}, conditions={"a": before, "b": after})
    assert {one.verdict for one in changes_of(course, QUIET)} == {Verdict.WITHIN}


def test_repeats_of_one_scanner_do_not_speak_for_another():
    other = replace(SAME, sagittal=replace(SAME.sagittal, scanner="B"))
    course = make_course({"a": FLAT, "b": FLAT | {L4: 8.6}}, conditions={"b": other})
    found = {one.level: one for one in changes_of(course, QUIET)}
    assert (found[L4].band.origin, found[L4].band.half) == (NoiseOrigin.PUBLISHED, 0.85)
    assert (found[L4].verdict, found[L4].comparability.value) == (Verdict.WITHIN, "caution")
    loud = Noise({RepeatKind.OTHER_DAY: {"height_mm": RepeatNoise(1.0, 10, 50, math.inf)}})
    (change, *_) = changes_of(course, loud)
    assert change.band.origin is NoiseOrigin.REPEATS


def test_without_repeats_the_larger_of_stated_and_printed_counts():
    small, large = Value(8.0, "columns", 0.1), Value(8.0, "columns", 2.0)
    printed = Noise().band("height_mm", small, small, "builtin:1")
    assert (printed.origin, printed.half) == (NoiseOrigin.PUBLISHED, 0.85)
    assert "Boos 1996" in printed.source
    stated = Noise().band("height_mm", large, large, "builtin:1")
    expected = 1.959964 * math.sqrt(random_share("builtin:1") * 8.0)
    assert (stated.origin, stated.half) == (NoiseOrigin.STATED, pytest.approx(expected, rel=1e-5))


def test_nothing_cancels_for_a_segmenter_nobody_looked_into():
    assert random_share("other:2") == 1.0
    assert random_share("masks:spider") == 1.0


def test_of_the_builtin_segmenters_variance_a_fifth_differs_from_scan_to_scan():
    """This project's choice: 0.02 on phantoms, whose scans differ less than those of people."""
    assert random_share("builtin:9") == 0.22


@pytest.mark.parametrize(
    ("parameter", "cv_percent"),
    [
        ("area_mm2", 3.6), ("width_ap_mm", 1.5),  # Belavý 2012
        ("adc_disc_um2_ms", 3.0), ("adc_nucleus_um2_ms", 3.0),  # Newitt 2005
    ],
)  # fmt: skip
def test_published_changes_follow_from_the_published_variation(parameter, cv_percent):
    """The detectable change is 1.96 √2 times the coefficient of variation."""
    change = published(parameter, "").of(100.0)
    assert change == pytest.approx(1.96 * math.sqrt(2) * cv_percent, abs=0.05)


@pytest.mark.parametrize(
    ("parameter", "masks", "builtin"),
    [
        ("height_columns_mm", 0.067, 0.055), ("height_area_mm", 0.13, 0.12),
        ("height_3d_mm", 0.12, 0.13), ("height_dabbs_mm", 0.33, 0.19),
        ("height_hurxthal_mm", 0.27, 0.16), ("height_three_point_mm", 0.26, 0.15),
        ("height_anterior_mm", 0.2, 0.16), ("height_middle_mm", 0.24, 0.15),
        ("height_posterior_mm", 0.2, 0.13), ("dhi_ap", 0.011, 0.0062), ("dhi_vb", 0.011, 0.0072),
        ("width_ap_mm", 0.17, 0.21), ("width_lr_mm", 1.4, 1.6), ("area_mm2", 4.6, 4.4),
        ("volume_mm3", 160, 250), ("wedge_deg", 0.94, 0.71), ("bulge_posterior_mm", 0.26, 0.26),
        ("listhesis_mm", 0.45, 0.19), ("signal_ratio_csf", 0.0052, 0.0047),
        ("signal_contrast", 0.005, 0.025), ("signal_bimodality", 0.4, 0.35),
        ("adc_disc_um2_ms", 0.0065, 0.005), ("adc_disc_median_um2_ms", 0.007, 0.007),
        ("adc_disc_sd_um2_ms", 0.0099, 0.0036), ("adc_nucleus_um2_ms", 0.0079, 0.0083),
    ],
)  # fmt: skip
def test_scatter_on_phantoms_is_that_of_the_benchmark(parameter, masks, builtin):
    """What ``python -m benchmarks trial`` printed."""
    assert phantom_sd("masks:spider", parameter) == masks
    assert phantom_sd("builtin:1", parameter) == builtin


def test_percent_figures_follow_the_first_value():
    band = Noise().band("adc_disc_um2_ms", Value(2.0, "fit"), Value(2.1, "fit"), "builtin:1")
    assert band.half == pytest.approx(max(0.083 * 2.0, 0.0))
    assert "none for EPI" in band.source


@pytest.mark.parametrize(
    ("method", "half"), [("columns", 0.85), ("dabbs", 1.66), ("no longer known", 0.85), ("", 0.85)]
)
def test_the_primary_height_has_the_published_change_of_its_method(method, half):
    values = Value(8.0, method, 0.1), Value(9.0, method, 0.1)
    band = Noise().band("height_mm", *values, "masks:spider")
    assert (band.origin, band.half) == (NoiseOrigin.PUBLISHED, half)


def test_the_primary_height_scatters_as_its_method_on_phantoms():
    assert phantom_sd("masks:spider", "height_mm", "dabbs") == 0.33
    assert phantom_sd("masks:spider", "height_mm") == 0.067
    assert phantom_sd("other", "height_dabbs_mm") == 0.33, "the larger one"


def test_an_uncertainty_keeps_two_decimals_more_than_its_value():
    assert rounded("height_mm", 8.12345, "columns", 0.1234567) == Value(8.123, "columns", 0.12346)


def test_phantoms_stand_in_as_a_guess_without_a_percentage():
    band = Noise().band("wedge_deg", Value(5.0), Value(6.0), "builtin:1")
    sd = math.sqrt(2) * ALLOWANCE * phantom_sd("builtin:1", "wedge_deg")
    assert (band.origin, band.sd) == (NoiseOrigin.GUESS, pytest.approx(sd))
    assert "guess" in band.source
    assert "%" not in band.source


def test_every_tracked_parameter_has_a_band_without_repeats():
    for one in TRACKED:
        assert Noise().band(one.name, Value(1.0), Value(1.0), "builtin:1") is not None, one.name
        assert Noise().band(one.name, Value(1.0), Value(1.0), "new") is not None, one.name
    assert set(PUBLISHED) <= {one.name for one in TRACKED}


# ------------------------------------------------------------------ changes
def test_a_flag_of_a_value_stands_beside_the_verdict_and_the_response():
    flags = {("b", L4): ("cut_by_field_of_view", "numbering_uncertain", "adc_few_voxels")}
    heights = {"a": FLAT, "a2": FLAT, "b": FLAT | {L4: 10.0}}
    course = make_course(heights, flags=flags)
    found = {one.level: one for one in changes_of(course, QUIET)}
    assert found[L4].reasons == ("flagged at b: cut_by_field_of_view",)
    assert (found[L4].comparability.value, found[L4].verdict) == ("caution", Verdict.BEYOND)
    assert (found[L5].comparability.value, found[L5].reasons) == ("comparable", ())
    (judged,) = analyse([course], ("a", "b"), declaration=HEIGHT).judged
    assert judged.response is Response.RESPONDER
    assert "caution: flagged at b: cut_by_field_of_view" in judged.reasons[0]


@pytest.mark.parametrize(
    ("later", "verdict"),
    [
        (8.0 + BAND - 0.01, Verdict.WITHIN),
        (8.0 + BAND + 0.01, Verdict.BEYOND),
        (8.0 - BAND - 0.01, Verdict.BEYOND),
    ],
)
def test_a_change_is_held_against_its_noise(later, verdict):
    course = make_course({"a": FLAT, "b": FLAT | {L4: later}})
    found = {one.level: one for one in changes_of(course, QUIET)}
    assert found[L4].verdict is verdict
    assert found[L4].change == pytest.approx(later - 8.0)
    assert found[L4].percent == pytest.approx(100 * (later - 8.0) / 8.0)
    assert found[L4].treated
    assert not found[L3].treated


def test_a_change_between_morning_and_afternoon_is_not_comparable(late):
    course = make_course({"a": FLAT, "b": FLAT | {L4: 12.0}}, conditions={"b": late})
    found = {one.level: one for one in changes_of(course, QUIET)}
    assert found[L4].verdict is Verdict.NOT_COMPARABLE
    assert "09:00 and 16:00" in found[L4].reasons[0]


def test_a_disc_that_one_visit_lacks_has_no_change():
    course = make_course({"a": FLAT, "b": {L3: 9.0}})
    assert {one.level for one in changes_of(course, QUIET)} == {L3}


def test_repeats_give_differences_and_no_change(late):
    course = make_course({"a": FLAT, "a2": FLAT | {L4: 8.2}, "b": FLAT})
    assert {one.visit for one in changes_of(course, QUIET)} == {"b"}
    ((kind, pair),) = repeat_differences(course)
    assert kind is RepeatKind.OTHER_DAY
    assert pair["height_mm"] == pytest.approx([0.0, 0.2, 0.0])
    spoilt = make_course({"a": FLAT, "a2": FLAT, "b": FLAT}, conditions={"a2": late})
    assert list(repeat_differences(spoilt)) == [(RepeatKind.OTHER_DAY, {})]


# ------------------------------------------------------------------ contrasts
def test_what_all_discs_share_cancels():
    down = {level: value - 0.5 for level, value in FLAT.items()}
    course = make_course({"a": FLAT, "b": down | {L4: 8.5}})
    (one,) = contrasts(changes_of(course, QUIET))
    assert (one.treated_change, one.untreated_change) == (pytest.approx(0.5), pytest.approx(-0.5))
    assert one.difference == pytest.approx(1.0)
    assert one.high - one.difference == pytest.approx(BAND * math.sqrt(1.5), rel=1e-5)
    assert one.clear


# ------------------------------------------------------------------ responders
@pytest.mark.parametrize(("later", "clear"), [(8.9, True), (7.1, True), (8.1, False), (7.9, False)])
def test_a_clear_difference_excludes_zero_on_either_side(later, clear):
    (one,) = contrasts(changes_of(make_course({"a": FLAT, "b": FLAT | {L4: later}}), QUIET))
    assert one.clear is clear


def test_discs_of_scans_that_differ_are_compared_with_each_other(late):
    """All discs of the later visit lack comparability alike, so the treated one is compared."""
    heights = {"a": FLAT, "b": FLAT | {L4: 9.0}}
    (one,) = contrasts(changes_of(make_course(heights, conditions={"b": late}), QUIET))
    assert one.comparability is Comparability.NOT_COMPARABLE
    assert one.untreated == 2


def judged(later, **more):
    repeats = {"a2": {k: v + 0.05 for k, v in FLAT.items()}}
    courses = [
        make_course({"a": FLAT, "b": FLAT | later, **repeats}, name=f"S{n}", **more)
        for n in range(3)
    ]
    found = analyse(courses, ("a", "b"), declaration=HEIGHT)
    assert found.noise.repeats[RepeatKind.OTHER_DAY]["height_mm"].pairs == 3
    return found.judged[0]


def test_a_responder_gains_beyond_noise_and_more_than_the_others(late):
    assert judged({L4: 8.6}).response is Response.RESPONDER
    assert judged({L4: 8.05}).response is Response.NO_RESPONDER
    assert judged({L4: 7.0}).response is Response.NO_RESPONDER
    everywhere = judged({L3: 9.6, L4: 8.6, L5: 10.6})
    assert everywhere.response is Response.NO_RESPONDER
    assert "not more than untreated discs" in everywhere.reasons[0]
    spoilt = judged({L4: 8.6}, conditions={"b": late})
    assert spoilt.response is Response.NOT_JUDGED


def test_a_disc_that_falls_less_than_the_others_is_no_responder():
    found = judged({L3: 6.0, L4: 7.0, L5: 7.0})
    assert found.response is Response.NO_RESPONDER
    assert found.reasons[0].endswith(": decreased")


def test_the_rule_speaks_of_its_visit_and_parameters():
    found = analyse([make_course({"a": FLAT, "b": FLAT})], ("a", "b"))
    assert str(found.rule).startswith(
        "At b, a treated disc is a responder if disc height and ADC of"
    )
    assert found.judged[0].response is Response.NO_RESPONDER
    assert found.judged[0].reasons[1] == "ADC of the disc: value missing at one of the visits"


# ------------------------------------------------------------------ grades
def grade(first: str, later: str, reader: str = "ann", treated: bool = True) -> VisitGrade:
    from discmri.trial.comparability import Comparability

    then, now = Grade.parse(first), Grade.parse(later)
    return VisitGrade("S1", "", "b", L4, treated, reader, now, then, Comparability.COMPARABLE)


def test_shifts_count_and_order_grades_by_collapse():
    found = [grade("4", "4"), grade("4", "3"), grade("4/7", "7"), grade("3", "3", treated=False)]
    treated, untreated = shifts(found, "a")
    assert tuple(map(str, treated.grades)) == ("3", "4", "4/7", "7")
    assert treated.counts == ((0, 0, 0, 0), (1, 1, 0, 0), (0, 0, 0, 1), (0, 0, 0, 0))
    assert (untreated.treated, untreated.counts) == (False, ((1,),))


def test_reads_reach_the_disc_by_study_and_its_own_name(tmp_path):
    path = tmp_path / "reads_long.csv"
    path.write_text(
        "study_uid,level_automatic,reader,grade,occasion\n"
        "S1.a,L4-L5,ann,4,1\nS1.b,L4-L5,ann,3,1\nS1.b,L4-L5,ann,5,2\nS1.b,L5-S1,ann,,1\n",
        encoding="utf-8",
    )
    course = make_course({"a": FLAT, "b": FLAT})
    found = grades_of(course, read_reads(path))
    assert [(one.visit, one.level, one.grade, one.first) for one in found] == [
        ("a", DiscLevel.L4_L5, Grade(4), Grade(4)), ("b", DiscLevel.L4_L5, Grade(3), Grade(4)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("later", "verdict"), [("csf and marrow", "comparable"), ("marrow", "not comparable")]
)
def test_suggestions_by_other_comparators_are_not_comparable(later, verdict):
    """Each branch of the grading draws its lines elsewhere; a reader's grade is not touched."""
    course = make_course({"a": FLAT, "b": FLAT})
    for visit, branch in zip(course.visits, ("csf and marrow", later), strict=True):
        suggested = Value("3", f"griffith-2007/{branch}")
        visit.discs[L4].values["suggested_grade"] = suggested
    reads = {(f"S1.{visit}", L4): {"ann": Grade(3)} for visit in "ab"}
    found = {
        one.reader: one.comparability.value
        for one in grades_of(course, reads)
        if one.visit == "b" and one.level is L4
    }
    assert found == {"suggested": verdict, "ann": "comparable"}


def test_other_tables_of_reads_are_refused(tmp_path):
    path = tmp_path / "reads.csv"
    path.write_text("subject,grade\nS1,4\n", encoding="utf-8")
    with pytest.raises(UsageError, match="no column study_uid"):
        read_reads(path)
    with pytest.raises(UsageError, match="cannot be read"):
        read_reads(tmp_path / "none.csv")


def test_the_normal_quantile_is_that_of_many_degrees_of_freedom():
    assert quantile(1e7) == pytest.approx(quantile(math.inf), abs=1e-5)
