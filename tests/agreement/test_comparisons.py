"""What is held against what, and where the values come from."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest

from discmri.agreement import Rating, Resampling, analyse, comparisons
from discmri.agreement.ratings import SCALES
from discmri.agreement.sources import from_table, matched_by_subject
from discmri.core.errors import UsageError

FEW = Resampling(50)


def rating(rater, value, level="L4-L5", subject="A", occasion=1, parameter="grade") -> Rating:
    return Rating(subject, f"1.{subject}", level, rater, occasion, parameter, value)


def test_the_scales_are_those_of_the_modified_pfirrmann_grade():
    found = {name: (scale.categories, scale.words) for name, scale in SCALES.items()}
    grades = (1, 2, 3, 4, 5, 6, 7, 8), tuple("12345678")
    assert found == {
        "grade": grades,
        "grade_before_reveal": grades,
        "grade_signal": ((1, 2, 3, 4, 5), tuple("12345")),
        "grade_collapse": ((0, 6, 7, 8), ("normal", "6", "7", "8")),
        "evaluable": ((0, 1), ("not evaluable", "evaluable")),
    }


def names(ratings) -> list[str]:
    return [f"{one.parameter}: {one.name}" for one in comparisons(ratings)]


def test_every_two_readers_repeats_and_the_automatic_grade():
    found = names(
        [
            *(rating(who, 3) for who in ("ann", "ben", "cat", "automatic")),
            rating("ben", 4, occasion=2),
            rating("ann", 9.0, parameter="height_mm"),
            rating("automatic", 9.5, parameter="height_mm"),
        ]
    )
    assert found == [
        "grade: all readers",
        "grade: ann – ben",
        "grade: ann – cat",
        "grade: ben – cat",
        "grade: ben, first – second",
        "grade: ann – automatic",
        "grade: ben – automatic",
        "grade: cat – automatic",
        "height_mm: ann – automatic",
    ]


def test_discs_are_matched_and_gaps_stay_gaps():
    ratings = [
        rating("ann", 3, "L1-L2"), rating("ben", 4, "L1-L2"),
        rating("ann", 5, "L5-S1"), rating("ben", 6, "L4-L5", "B"),
    ]  # fmt: skip
    one = comparisons(ratings)[0]
    np.testing.assert_array_equal(one.values, [[3, 4], [5, np.nan], [np.nan, 6]])
    assert one.used.tolist() == [True, False, False]
    assert [level for level, _ in one.strata()] == ["all", "L1-L2", "L4-L5", "L5-S1"]


def test_repeats_are_compared_on_repeated_discs_only():
    ratings = [rating("ann", 3, subject=s) for s in "ABCDE"]
    ratings += [rating("ann", 4, subject=s, occasion=2) for s in "AB"]
    one = comparisons(ratings)[0]
    assert one.values.tolist() == [[3, 4], [3, 4]]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([rating("ann", 3), rating("ann", 3)], "two values of grade"),
        ([rating("ann", 9)], "9 is not a valid grade"),
        ([rating("ann", 4.5)], "4.5 is not a valid grade"),
        ([rating("ann", float("inf"), parameter="height_mm")], "inf is not a valid height_mm"),
    ],
)
def test_impossible_ratings_are_refused(wrong, message):
    with pytest.raises(UsageError, match=message):
        comparisons(wrong)


def test_statistics_that_say_nothing_are_left_out():
    ratings = [
        rating(who, v, subject=s, parameter="evaluable")
        for who in ("ann", "ben")
        for s, v in zip("ABCD", (1, 1, 0, 1), strict=True)
    ]
    ratings += [
        rating(who, 8.0, subject=s, parameter="height_mm")
        for who in ("ann", "ben", "cat")
        for s in "ABCD"
    ]
    found = {f"{a.comparison.parameter}: {a.comparison.name}": a for a in analyse(ratings, FEW)}
    evaluable = [e.statistic for e in found["evaluable: ann – ben"].of("all")]
    assert evaluable == [
        "exact agreement",
        "kappa, linear weights",
        "Gwet AC2, linear weights",
        "Krippendorff alpha, ordinal",
    ]
    three = [e.statistic for e in found["height_mm: all readers"].of("all")]
    assert "bias" not in three
    assert "ICC(2,1), absolute agreement" in three


# ------------------------------------------------------------------ sources
def table(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


ROW = {"subject_id": "A", "study_uid": "1.2", "level": "L4-L5", "parameter": "height_mm", "value": "8.5"}  # fmt: skip


def test_tables_of_values(tmp_path):
    rows = [ROW, ROW | {"parameter": "adc_voxels"}, ROW | {"parameter": "suggested_grade", "value": "4/7"},
            ROW | {"parameter": "height_sd_mm"}, ROW | {"parameter": "dhi_ap", "value": ""},
            ROW | {"parameter": "my_own", "value": "3"}]  # fmt: skip
    found = from_table(table(tmp_path / "measurements.csv", rows), "scan1").ratings
    assert [(r.rater, r.parameter, r.value) for r in found] == [
        ("scan1", "height_mm", 8.5),
        ("scan1", "my_own", 3.0),
    ]
    assert from_table(tmp_path, "scan1").ratings == found
    rated = table(tmp_path / "rated.csv", [ROW | {"rater": "ann", "occasion": "2"}])
    assert from_table(rated).ratings == (Rating("A", "1.2", "L4-L5", "ann", 2, "height_mm", 8.5),)
    other = replace(found[0], rater="scan2", study="1.3", value=9.0)
    assert names([*found, other]) == []
    assert names(matched_by_subject([found[0], other])) == ["height_mm: scan1 – scan2"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"a": "1"}], "no column subject_id .*a table of values needs"),
        ([{"subject_id": "1"}], "is not a table of reads or values"),
        ([ROW], "line 2, column reader: is empty"),
        ([ROW | {"rater": "ann", "occasion": "x"}], "line 2, column occasion: 'x' is not a whole"),
        ([ROW | {"rater": "ann", "level": "C2"}], "line 2, column level: 'C2' is not a disc"),
        ([ROW | {"rater": "ann", "value": "high"}], "line 2, column value: 'high' is not a number"),
    ],
)
def test_tables_that_are_none(tmp_path, rows, message):
    with pytest.raises(UsageError, match=message):
        from_table(table(tmp_path / "x.csv", rows))


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "x.csv").write_bytes(b"\xff\xfe\x00")
    for wrong in (tmp_path / "x.csv", tmp_path / "nowhere.csv"):
        with pytest.raises(UsageError, match=r"cannot be read"):
            from_table(wrong)
    with pytest.raises(UsageError, match=r"has no measurements.csv"):
        from_table(tmp_path)
