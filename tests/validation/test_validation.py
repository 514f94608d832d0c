"""Agreement with a truth that was written by hand, and by another program."""

from __future__ import annotations

import csv
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from discmri.agreement.report import write_report
from discmri.agreement.sources import from_table
from discmri.core.errors import NothingToMeasureError, UsageError
from discmri.core.grade import Grade
from discmri.core.levels import DiscLevel
from discmri.results.decisions import read_decisions
from discmri.validation.pairs import GradePair, ValuePair, compare
from discmri.validation.statistics import grade_table, summaries, summary
from discmri.validation.validate import page, validate, write_validation

LEVELS = ("L3-L4", "L4-L5", "L5-S1")
HEIGHT_MM = {"L3-L4": 9.0, "L4-L5": 10.0, "L5-S1": 8.0}


def table(path: Path, rows: list[dict[str, object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    header = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, header, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def true_rows(study: str, **more: object) -> list[dict[str, object]]:
    return [
        {"study": study, "level": level, "height_columns_mm": height, "grade": "3", **more}
        for level, height in HEIGHT_MM.items()
    ]


def found_rows(study: str, error_mm: float, names=LEVELS) -> list[dict[str, object]]:
    return [
        {
            "study": study, "status": "measured", "level": name, "height_method": "columns",
            "height_mm": height + error_mm, "height_columns_mm": height + error_mm,
            "height_sd_mm": 0.5, "suggested_grade": "4",
        }
        for name, height in zip(names, HEIGHT_MM.values(), strict=True)
    ]  # fmt: skip


def test_discs_rejected_in_quality_control_are_compared_with_nothing_and_not_missed(tmp_path):
    truth = table(tmp_path / "t.csv", [r for s in "abc" for r in true_rows(s)])
    rows = [*found_rows("a", 0.3), *found_rows("b", 0.6), *found_rows("c", 9.0)]
    decisions = [{"study": "c", "level": level, "decision": "reject"} for level in LEVELS]
    said = read_decisions(table(tmp_path / "d.csv", decisions))
    shorter = [row for row in rows if (row["study"], row["level"]) != ("c", "L5-S1")]
    for listed in (rows, shorter):  # the second as batch --qc leaves it
        validation = validate(table(tmp_path / "r.csv", listed), truth, said)
        assert (validation.naming.discs, validation.naming.missed) == (6, 0)
        assert {pair.study for pair in validation.pairs} == {"a", "b"}
        text = page(validation)
        assert f"{len(listed) - 6} discs rejected and left out" in text


def test_bias_limits_and_coverage_of_known_errors(tmp_path):
    truth = table(tmp_path / "t.csv", [r for s in "abc" for r in true_rows(s)])
    rows = [*found_rows("a", 0.3), *found_rows("b", 0.6), *found_rows("c", 1.2)]
    validation = validate(table(tmp_path / "r.csv", rows), truth)
    one = next(x for x in validation.overall() if x.parameter == "height_mm")
    assert (one.discs, one.studies) == (9, 3)
    assert one.bias == pytest.approx(0.7)
    sd = np.std([0.3] * 3 + [0.6] * 3 + [1.2] * 3, ddof=1)
    assert one.sd == pytest.approx(sd)
    assert (one.limit_low, one.limit_high) == (
        pytest.approx(0.7 - 1.96 * sd),
        pytest.approx(0.7 + 1.96 * sd),
    )
    assert one.worst == pytest.approx(1.2)
    assert one.within_1_sd == pytest.approx(1 / 3)
    assert one.within_2_sd == pytest.approx(2 / 3)
    expected = [100 * e / h for e in (0.3, 0.6, 1.2) for h in HEIGHT_MM.values()]
    assert one.bias_percent == pytest.approx(np.mean(expected))
    by_level = [x for x in validation.errors if x.grouped_by == "level"]
    assert {x.group for x in by_level} == set(LEVELS)
    assert validation.grades.exact == 0
    assert validation.grades.within_one == 1


def pair(study: str, measured: float, truth: float = 8.0, subject: str = "", **groups) -> ValuePair:
    return ValuePair(study, "L4-L5", "height_mm", truth, measured, None, groups, subject or study)


def test_the_interval_counts_subjects_not_discs():
    """Ten discs of one subject say no more than one where all err alike."""
    rng = np.random.default_rng(0)
    offsets = rng.normal(0.0, 1.0, 40)
    few = [pair(f"s{n}", 8.0 + o) for n, o in enumerate(offsets)]
    many = [
        pair(f"s{n}.{k}", 8.0 + o, subject=f"s{n}")
        for n, o in enumerate(offsets)
        for k in range(10)
    ]
    one, ten = summary(few), summary(many)
    assert (ten.studies, ten.subjects) == (400, 40)
    assert (ten.bias_low, ten.bias_high) == pytest.approx((one.bias_low, one.bias_high))
    half = 1.96 * offsets.std(ddof=1) / np.sqrt(len(offsets))
    assert one.bias_high - one.bias_low == pytest.approx(2 * half, rel=0.15)
    assert one.limit_high_from < one.limit_high < one.limit_high_to


def test_no_interval_from_two_subjects_and_none_relative_to_zero():
    pairs = [pair(s, 1.0, truth=0.0, grade="3") for s in "ab"]
    (one, by_grade) = summaries(pairs, ["grade"])
    assert (one.bias_low, one.bias_percent, one.within_1_sd) == (None, None, None)
    assert (by_grade.grouped_by, by_grade.group) == ("grade", "3")


def test_one_disc_has_a_bias_but_no_spread():
    one = summary([pair("a", 8.5)])
    assert (one.bias, one.sd, one.limit_low, one.bias_low) == (0.5, None, None, None)


def graded(*grades: tuple[Grade, Grade | None]) -> list[GradePair]:
    return [GradePair(f"s{n}", "L4-L5", *both) for n, both in enumerate(grades)]


def test_double_entries_are_judged_by_their_collapse():
    grades = grade_table(
        graded((Grade(4, 7), Grade(5, 7)), (Grade(5, 7), Grade(3, 8)), (Grade(2), Grade(5)))
    )
    assert grades.counts[6][6] == grades.counts[6][7] == grades.counts[1][4] == 1
    assert (grades.exact, grades.within_one) == (pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert grade_table(graded((Grade(3), None))) is None
    assert grade_table(graded((Grade(3), None), (Grade(3), Grade(3)))).without == 1


# ------------------------------------------------------------------ one home of statistics
def test_validate_and_agreement_give_the_same_intervals_on_the_same_table(tmp_path):
    rng = np.random.default_rng(3)
    true, found, long = [], [], []
    for n in range(12):
        subject = f"P{n // 2}"  # two studies each
        for level, height in HEIGHT_MM.items():
            said = height + float(rng.normal(0.2, 0.5))
            grades = int(rng.integers(1, 9)), int(rng.integers(1, 9))
            true.append(
                {"study": f"s{n:02d}", "level": level, "height_area_mm": height, "grade": grades[0]}
            )
            found.append(
                {"study": f"s{n:02d}", "subject_id": subject, "status": "measured", "level": level,
                 "height_area_mm": said, "suggested_grade": grades[1]}
            )  # fmt: skip
            key = {"subject_id": subject, "study_uid": f"s{n:02d}", "level": level}
            for rater, height_mm, grade in (
                ("measured", said, grades[1]),
                ("truth", height, grades[0]),
            ):
                long.append(
                    key | {"rater": rater, "parameter": "height_area_mm", "value": height_mm}
                )
                long.append(key | {"rater": rater, "parameter": "grade", "value": grade})
    write_validation(
        validate(table(tmp_path / "r.csv", found), table(tmp_path / "t.csv", true)),
        tmp_path / "validation",
    )
    source = from_table(table(tmp_path / "long.csv", long))
    write_report([source], tmp_path / "agreement")
    with (tmp_path / "validation" / "validation.csv").open(newline="") as file:
        one = next(row for row in csv.DictReader(file) if not row["grouped_by"])
    with (tmp_path / "agreement" / "agreement.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["level"] == "all"]
    other = {(row["parameter"], row["statistic"]): row for row in rows}
    bias, low, high = (
        other["height_area_mm", name]
        for name in ("bias", "lower limit of agreement", "upper limit of agreement")
    )
    assert (one["bias"], one["bias_low"], one["bias_high"]) == tuple(
        map(bias.get, ("value", "low", "high"))
    )
    assert one["sd"] == other["height_area_mm", "SD of differences"]["value"]
    assert (one["limit_low"], one["limit_low_from"], one["limit_low_to"]) == tuple(
        map(low.get, ("value", "low", "high"))
    )
    assert (one["limit_high"], one["limit_high_from"], one["limit_high_to"]) == tuple(
        map(high.get, ("value", "low", "high"))
    )
    assert (one["subjects"], one["studies"], one["discs"]) == ("6", "12", "36")
    validation = validate(tmp_path / "r.csv", tmp_path / "t.csv")
    for figure in validation.grades.figures:
        row = other["grade", figure.statistic]
        assert row["value"] == f"{figure.value:.6g}"
        assert (row["low"], row["high"]) == tuple(f"{end:.6g}" for end in figure.interval)


def label_map(folder: Path, study: str, shift: int, lost: str = "") -> None:
    """Boxes 30 mm apart, with names that are so many levels too high."""
    chain = [level for level in DiscLevel if level.value in ("L2-L3", *LEVELS)]
    data = np.zeros((5, 20, 130), dtype=np.uint8)
    for n, level in enumerate(chain[shift : shift + 3] if shift == 0 else chain[:3]):
        if level.value != lost:
            data[:, :, 100 - 30 * n : 105 - 30 * n] = level.label_id
    path = folder / "studies" / study / "labels.nii.gz"
    path.parent.mkdir(parents=True)
    nib.save(nib.Nifti1Image(data, np.eye(4)), path)


def placed(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    for n, row in enumerate(rows):
        middle = (2.0, 9.5, 102.0 - 30 * n)
        row |= dict(zip(("centre_r_mm", "centre_a_mm", "centre_s_mm"), middle, strict=True))
    return rows


def test_a_disc_under_a_wrong_name_is_compared_with_the_one_in_its_place(tmp_path):
    truth = table(tmp_path / "t.csv", placed(true_rows("a")))
    rows = found_rows("a", 0.5, names=("L2-L3", "L3-L4", "L4-L5"))
    table(tmp_path / "out" / "cohort.csv", rows)
    label_map(tmp_path / "out", "a", shift=-1)
    comparison = compare(tmp_path / "out", truth)
    assert comparison.by_place
    assert all(match.misnamed for match in comparison.matches)
    errors = [pair.error for pair in comparison.pairs() if pair.parameter == "height_mm"]
    assert errors == pytest.approx([0.5] * 3), "by name they would be off by a millimetre or two"
    naming = validate(tmp_path / "out", truth).naming
    assert (naming.misnamed, naming.missed, naming.extra, naming.misnamed_studies) == (3, 0, 0, 1)


@pytest.mark.parametrize(("distance_mm", "extra"), [(11.9, 0), (12.1, 1)])
def test_a_disc_far_from_any_true_one_is_extra_and_the_true_one_is_missed(
    tmp_path, distance_mm, extra
):
    rows = placed(true_rows("a"))
    rows[0]["centre_s_mm"] = 102.0 + distance_mm
    truth = table(tmp_path / "t.csv", rows)
    names = ("L2-L3", "L3-L4", "L4-L5")
    table(tmp_path / "out" / "cohort.csv", found_rows("a", 0.0, names=names))
    label_map(tmp_path / "out", "a", shift=-1)
    naming = validate(tmp_path / "out", truth).naming
    assert (naming.missed, naming.extra, naming.misnamed) == (extra, extra, 3 - extra)


def test_without_places_names_are_believed(tmp_path):
    truth = table(tmp_path / "t.csv", true_rows("a"))
    found = table(tmp_path / "r.csv", found_rows("a", 0.0)[1:])
    comparison = compare(found, truth)
    assert not comparison.by_place
    assert [match.found is None for match in comparison.matches] == [True, False, False]


def test_studies_without_result_are_named_and_not_counted_as_missed(tmp_path):
    truth = table(tmp_path / "t.csv", [*true_rows("a"), *true_rows("b")])
    failed = {"study": "b", "status": "failed", "reason": "it hung", "level": ""}
    naming = validate(table(tmp_path / "r.csv", [*found_rows("a", 0.0), failed]), truth).naming
    assert naming.failed == {"b": "it hung"}
    assert (naming.discs, naming.missed, naming.studies) == (3, 0, 1)


@pytest.mark.parametrize(
    ("results", "truth", "error", "said"),
    [
        ("study,status\na,x\n", "study,level\na,L4-L5\n", UsageError, "no column level"),
        ("study,status,level\na,x,L4-L5\n", "level\nL4-L5\n", UsageError, "no column study"),
        ("study,status,level\na,x,L4-L5\n", "study,level\n", UsageError, "no rows"),
        ("study,status,level\na,x,L4-L5\n", "study,level\nb,L4-L5\n", UsageError, "have no study in common"),
        ("study,status,level\na,x,L4-L5\n", "study,level\na,L4-L5\n", NothingToMeasureError,
         "no value in common"),
    ],
)  # fmt: skip
def test_tables_that_do_not_fit(tmp_path, results, truth, error, said):
    (tmp_path / "r.csv").write_text(results)
    (tmp_path / "t.csv").write_text(truth)
    with pytest.raises(error, match=said) as caught:
        validate(tmp_path / "r.csv", tmp_path / "t.csv")
    assert "\n" not in str(caught.value)


def test_missing_tables(tmp_path):
    with pytest.raises(UsageError, match=r"cohort.csv does not exist"):
        validate(tmp_path, tmp_path)


def test_what_is_written(tmp_path):
    truth = table(tmp_path / "t.csv", [r for s in "abc" for r in true_rows(s, vendor="ge")])
    rows = [*found_rows("a", 0.3), *found_rows("b", 0.6), *found_rows("c", 1.2)]
    validation = validate(table(tmp_path / "r.csv", rows), truth)
    write_validation(validation, tmp_path / "one")
    write_validation(validation, tmp_path / "two")
    names = ["pairs.csv", "validation.csv", "validation.html"]
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == names
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    with (tmp_path / "one" / "validation.csv").open(newline="") as file:
        summary = list(csv.DictReader(file))
    all_discs = next(r for r in summary if r["parameter"] == "height_mm" and not r["grouped_by"])
    assert float(all_discs["bias"]) == pytest.approx(0.7, abs=1e-4)
    assert {row["grouped_by"] for row in summary} == {"", "level", "grade", "vendor"}
    with (tmp_path / "one" / "pairs.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == len(validation.pairs) == 18
    text = page(validation)
    assert text.count("data:image/png") == 2
    assert "http:" not in text
    assert "https:" not in text
    with pytest.raises(UsageError, match="exists"):
        write_validation(validation, tmp_path / "one")
