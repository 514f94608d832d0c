"""The list of a trial: what is understood, and a clean word for each kind of mistake."""

from __future__ import annotations

from datetime import date

import pytest

from discmri.core.errors import UsageError
from discmri.core.levels import DiscLevel
from discmri.trial import IssueSeverity, read_listing, read_trial

GOOD = """\
subject,visit,week,date,repeat,treated,arm,path
S01,baseline,0,2026-01-05,1,L4/L5,cells,a
S01,baseline,0,2026-01-05,2,,,b
S01,week 12,12,2026-03-30,1,,,c
S02,baseline,0,20260106,,none,saline,d
S02,week 12,12,2026-03-31,,,,e
"""


@pytest.fixture
def listed(tmp_path):
    def write(text: str, encoding: str = "utf-8"):
        path = tmp_path / "trial.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return write


def test_a_list_becomes_subjects_visits_and_scans(listed, tmp_path):
    trial = read_trial(listed(GOOD))
    first, second = trial.subjects
    assert (first.name, first.treated, first.arm) == ("S01", (DiscLevel.L4_L5,), "cells")
    assert (second.treated, second.arm) == ((), "saline")
    assert trial.visits == ("baseline", "week 12")
    assert [scan.name for scan in first.scans] == [
        "S01 / baseline", "S01 / baseline / repeat 2", "S01 / week 12",
    ]  # fmt: skip
    assert first.baseline.path == tmp_path / "a"
    assert second.baseline.date == date(2026, 1, 6)
    assert len({entry.folder_name for entry in trial.cohort().entries}) == 5


def test_visits_are_ordered_by_time_not_by_lines(listed):
    lines = GOOD.splitlines()
    assert read_trial(listed("\n".join([lines[0], *reversed(lines[1:])]))).visits == (
        "baseline", "week 12",
    )  # fmt: skip


def test_semicolons_capitals_and_a_byte_order_mark_do_not_matter(listed):
    text = GOOD.replace(",", ";").replace("subject", "Subject")
    assert len(read_trial(listed(text, "utf-8-sig")).scans) == 5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column subject"),
        ("subject,visit,path\n", "no column date or week"),
        ("subject,visit,week\nS1,a,0\n", "no column path"),
        ("subject,visit,week,path\n", "lists no scan"),
        ("subject,visit,week,path,path\n", "two columns path"),
        ("subject,visit,week,path\nS1,a,0\n", "3 cells instead of 4"),
        ('subject,visit,week,path\nS1,a,0,"x\n', "line 2"),
    ],
)
def test_a_list_that_is_none_is_refused(listed, text, said):
    with pytest.raises(UsageError, match=said) as refused:
        read_listing(listed(text))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_the_encoding_of_a_list_does_not_matter(listed, encoding):
    trial = read_trial(listed(GOOD.replace("cells", "zëll"), encoding))
    assert trial.subjects[0].arm == "zëll"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("S01,week 12,12", ",week 12,12", "line 4, column subject: is empty"),
        ("S01,week 12,12", "S01,,12", "line 4, column visit: is empty"),
        ("1,,,c", "1,,,", "line 4, column path: is empty"),
        ("12,2026-03-30", ",", "line 4: neither date nor week"),
        (
            "2026-03-30",
            "03/30/2026",
            r"line 4, column date: '03/30/2026' is not a day; write one such",
        ),
        ("2026-03-30", "2026-02-30", "line 4, column date: '2026-02-30'"),
        ("S01,week 12,12", "S01,week 12,twelve", "line 4, column week: 'twelve' is not a number"),
        (
            ",2,,,b",
            ",0,,,b",
            "line 3, column repeat: '0' is not a whole number; write one from 1 to 99",
        ),
        (
            "S01,week 12,12,2026-03-30",
            "S01,week 12,0,2026-01-05",
            "baseline and week 12 are at the",
        ),
        ("L4/L5", "L9-L10", "subject S01, column treated: 'L9-L10' is not a disc"),
        ("L4/L5", "S1-S2", "subject S01, column treated: 'S1-S2' is not measured"),
        ("1,,,c", "1,L5-S1,,c", "subject S01: treated is 'L4/L5' .line 2. and 'L5-S1' .line 4."),
        ("1,,,c", "1,,saline,c", "subject S01: arm is 'cells'"),
        (",saline", ",", "no arm is given for S02"),
        ("1,,,c", "1,,,a", "line 4: .*a is listed twice"),
        ("S01,week 12,12,2026-03-30", "S01,baseline,0,2026-01-05", "baseline is listed twice"),
        ("S02,baseline,0,20260106,", "S02,baseline,0,20260106,3", "repeat 3 of baseline has no"),
    ],
)
def test_each_mistake_has_its_place_and_a_way_out(listed, old, new, said):
    assert old in GOOD
    with pytest.raises(UsageError, match=said):
        read_trial(listed(GOOD.replace(old, new, 1)))


def test_all_mistakes_are_said_at_once(listed):
    text = GOOD.replace("L4/L5", "L9").replace("2026-03-30", "soon")
    wrong = [r for r in read_listing(listed(text)).issues if r.severity is IssueSeverity.ERROR]
    assert len(wrong) == 2
    with pytest.raises(UsageError, match=r"and 1 more: discmri trial check"):
        read_trial(listed(text))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("S02,week 12,12,2026-03-31,,,,e\n", "", "has only one visit"),
        ("S02,baseline,0,20260106,,none", "S02,week 4,4,20260206,,none", "starts with week 4"),
        ("2026-03-30", "2026-07-30", "12 weeks after baseline by week and 29.4 by date"),
        ("L4/L5", "none", "there are no treated discs"),
        ("L4/L5", "L4/L5", "arm saline has no index discs"),
        ("arm", "colour", "columns that are not used: colour"),
    ],
)
def test_what_is_odd_is_remarked_but_not_refused(listed, old, new, said):
    listing = read_listing(listed(GOOD.replace(old, new, 1)))
    assert not [one for one in listing.issues if one.severity is IssueSeverity.ERROR]
    assert any(said in str(one) for one in listing.issues)


def test_a_good_list_has_no_remark(listed):
    assert read_listing(listed(GOOD.replace("none", "L5-S1"))).issues == ()


def test_the_readers_word_belongs_to_the_first_visit(listed):
    text = "subject,visit,week,treated,path,lowest_disc\nS1,a,0,L4-L5,x,{}\nS1,b,4,,y,L5-S1\n"
    (remark,) = read_listing(listed(text.format(""))).issues
    assert "lowest_disc is given at b, but levels are taken from a" in remark.text
    assert read_listing(listed(text.format("L5-S1"))).issues == ()


def test_visits_that_cannot_be_put_in_order_are_refused(listed):
    text = "subject,visit,week,date,treated,path\nS1,a,0,,none,x\nS1,b,,2026-03-30,,y\n"
    with pytest.raises(UsageError, match=r"subject S1: .* only a date, others only a week"):
        read_trial(listed(text))


def test_a_list_that_says_one_time_for_all_and_the_other_for_some_is_enough(listed):
    lines = GOOD.splitlines()
    text = "\n".join([*lines[:3], lines[3].replace("2026-03-30", ""), *lines[4:]])
    text = text.replace("none", "L5-S1")
    assert [scan.visit for scan in read_trial(listed(text)).subjects[0].first_scans] == [
        "baseline", "week 12",
    ]  # fmt: skip
    assert not read_listing(listed(text)).issues


def test_a_late_repeat_is_remarked(listed):
    text = GOOD.replace("2026-01-05,2", "2026-02-09,2").replace("none", "L5-S1")
    (remark,) = read_listing(listed(text)).issues
    assert remark.severity is IssueSeverity.WARNING
    assert "5.0 weeks from the scan it repeats" in remark.text


@pytest.mark.parametrize(("day", "remarked"), [("2026-04-13", False), ("2026-04-14", True)])
def test_week_and_date_may_differ_by_two_weeks(listed, day, remarked):
    """Week 12 after 5 January is 30 March."""
    text = GOOD.replace("2026-03-30", day).replace("none", "L5-S1")
    assert ["by date" in one.text for one in read_listing(listed(text)).issues] == [True] * remarked


@pytest.mark.parametrize(("day", "remarked"), [("2026-01-19", False), ("2026-01-20", True)])
def test_a_repeat_may_be_two_weeks_late(listed, day, remarked):
    text = GOOD.replace("2026-01-05,2", f"{day},2").replace("none", "L5-S1")
    found = read_listing(listed(text)).issues
    assert ["it repeats" in one.text for one in found] == [True] * remarked


@pytest.mark.parametrize("minutes", ["-5", "long", "nan"])
def test_rest_is_minutes_from_zero_on(listed, minutes):
    text = f"subject,visit,week,treated,path,rest_min\nS1,a,0,none,x,{minutes}\nS1,b,4,,y,30\n"
    with pytest.raises(
        UsageError, match=r"line 2, column rest_min: .* is not a number of at least 0"
    ):
        read_trial(listed(text))


def test_a_scan_listed_twice_is_said_once(listed):
    text = GOOD.replace("S01,week 12,12,2026-03-30", "S01,baseline,0,2026-01-05")
    wrong = [
        str(one) for one in read_listing(listed(text)).issues if one.severity is IssueSeverity.ERROR
    ]
    assert len(wrong) == 1
    assert "listed twice" in wrong[0]


KINDS = """\
subject,visit,date,repeat,repeat_kind,treated,path,rise_time
S1,a,2026-01-05,1,{first},L4-L5,x,07:15
S1,a,{day},2,{kind},,y,
S1,b,2026-03-30,1,,,z,06:40
"""


@pytest.mark.parametrize(
    ("day", "kind", "found"),
    [
        ("2026-01-05", "same_session", "same_session"), ("2026-01-05", "same_day", "same_day"),
        ("2026-01-06", "other_day", "other_day"), ("2026-01-05", "", "same_session"),
        ("2026-01-06", "", "other_day"),
    ],
)  # fmt: skip
def test_the_kind_of_a_repeat_is_listed_or_follows_from_the_days(listed, day, kind, found):
    trial = read_trial(listed(KINDS.format(first="", day=day, kind=kind)))
    first, again, later = trial.subjects[0].scans
    assert (first.repeat_kind, again.repeat_kind.value) == (None, found)
    assert (first.rise_h, again.rise_h) == (7.25, None)
    assert later.rise_h == pytest.approx(6 + 40 / 60)


@pytest.mark.parametrize(
    ("first", "day", "kind", "said"),
    [
        (
            "",
            "2026-01-06",
            "same_session",
            "line 3: repeat_kind is same_session, but it is of anot",
        ),
        ("", "2026-01-06", "same_day", "line 3: repeat_kind is same_day, but it is of another day"),
        ("", "2026-01-05", "other_day", "line 3: repeat_kind is other_day, but it is of the same"),
        (
            "same_day",
            "2026-01-05",
            "",
            "line 2: repeat_kind same_day is given for a scan that is not",
        ),
        ("", "2026-01-05", "again", "line 3, column repeat_kind: 'again' is not known"),
    ],
)
def test_repeats_that_contradict_themselves_are_refused(listed, first, day, kind, said):
    with pytest.raises(UsageError, match=said):
        read_trial(listed(KINDS.format(first=first, day=day, kind=kind)))


@pytest.mark.parametrize("when", ["7", "25:00", "early"])
def test_a_rise_time_is_a_time_of_day(listed, when):
    text = KINDS.format(first="", day="2026-01-05", kind="").replace("07:15", when)
    with pytest.raises(UsageError, match=r"line 2, column rise_time: .* is not a time of day"):
        read_trial(listed(text))
