"""What a person decided: read, matched with discs, and what follows."""

from __future__ import annotations

import pytest

from discmri.core.errors import UsageError
from discmri.core.levels import DiscLevel
from discmri.core.quality import DiscQuality, Quality
from discmri.results.decisions import AppliedDecisions, JudgedDisc, QcVerdict, read_decisions

L4, L5 = DiscLevel.L4_L5, DiscLevel.L5_S1
GOOD, REJECTED = DiscQuality(Quality.GOOD), DiscQuality(Quality.REJECT, ("few_slices",))


def table(tmp_path, *rows, header="study,level,decision,study_uid,height_mm,comment"):
    path = tmp_path / "decisions.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_a_table_of_the_page_or_of_a_spreadsheet_is_read(tmp_path):
    path = table(
        tmp_path, "ann;L4/5;reject;;8,125;'=cut off", "ann;L5-S1;;;;looked at", "ben;L5-S1;doubt;1.2;;",
        header="Study;Level;Decision;Study UID;Height mm;Comment",
    )  # fmt: skip
    first, second = read_decisions(path).entries
    assert (first.disc, first.verdict) == (JudgedDisc("ann", L4, "", 8.125), QcVerdict.REJECT)
    assert first.comment == "=cut off"
    assert (second.disc.study_uid, second.verdict) == ("1.2", QcVerdict.DOUBT)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("ann,L4-L5,rejected,,,", "line 2, column decision: 'rejected' is not known here"),
        ("ann,L4-L9,reject,,,", "line 2, column level: "),
        ("ann,,reject,,,", "line 2, column level: is empty; write the level, such as L4-L5"),
        (",L4-L5,reject,,,", "line 2, column study: is empty"),
        ("ann,L4-L5,reject,,tall,", "line 2, column height_mm: 'tall' is not a number"),
        ("ann,L4-L5,reject,,,\nann,L4-L5,accept,,,", "line 3, column level: this disc of ann"),
    ],
)
def test_a_wrong_cell_is_named_in_one_line(tmp_path, row, said):
    path = table(tmp_path, row)
    with pytest.raises(UsageError) as caught:
        read_decisions(path)
    assert f"{path}, {said}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_without_decisions_says_what_it_needs(tmp_path):
    with pytest.raises(UsageError, match=r"no column decision.*study, level, decision"):
        read_decisions(table(tmp_path, "ann,L4-L5", header="study,level"))


def test_a_decision_holds_for_the_disc_as_it_was_measured(tmp_path):
    made = read_decisions(
        table(
            tmp_path, "a,L4-L5,reject,1.2,8.125,", "a,L5-S1,reject,,7.000,", "b,L4-L5,doubt,,,",
            "c,L4-L5,accept,,,", "d,L4-L5,reject,1.3,,",
        )
    )  # fmt: skip
    applied = made.applied(
        [
            JudgedDisc("a", L4, "1.2", 8.1254), JudgedDisc("a", L5, "1.2", 7.002),
            JudgedDisc("b", L4, "9", None), JudgedDisc("d", L4, "1.4", 8.0),
        ]
    )  # fmt: skip
    assert applied.verdicts == {("a", L4): QcVerdict.REJECT, ("b", L4): QcVerdict.DOUBT}
    assert [one.disc.study for one in applied.outdated] == ["a", "d"]
    assert [one.disc.study for one in applied.unknown] == ["c"]
    first, *rest = applied.sentences()
    assert first == (
        "Quality control (decisions.csv): 1 disc rejected and left out (a L4-L5), 1 doubted, "
        "0 accepted."
    )
    assert [text[:2] for text in rest] == ["2 ", "1 "]
    assert applied.record()["without_effect"] == 3


@pytest.mark.parametrize(("measured_mm", "same"), [(8.1254, True), (8.1255, True), (8.1257, False)])
def test_heights_are_the_same_to_the_three_decimals_that_are_written(tmp_path, measured_mm, same):
    made = read_decisions(table(tmp_path, "a,L4-L5,reject,,8.125,"))
    applied = made.applied([JudgedDisc("a", L4, "1.2", measured_mm)])
    assert (applied.verdicts == {("a", L4): QcVerdict.REJECT}) is same


@pytest.mark.parametrize(
    ("verdict", "before", "after"),
    [
        (QcVerdict.ACCEPT, REJECTED, REJECTED),
        (QcVerdict.ACCEPT, None, None),
        (QcVerdict.DOUBT, GOOD, DiscQuality(Quality.CHECK, ("doubted_in_qc",))),
        (QcVerdict.DOUBT, REJECTED, DiscQuality(Quality.REJECT, ("doubted_in_qc", "few_slices"))),
        (QcVerdict.REJECT, GOOD, DiscQuality(Quality.REJECT, ("rejected_in_qc",))),
        (QcVerdict.REJECT, None, DiscQuality(Quality.REJECT, ("rejected_in_qc",))),
    ],
)
def test_a_decision_lowers_the_quality_and_never_raises_it(verdict, before, after):
    applied = AppliedDecisions("d.csv", "", {("a", L4): verdict})
    assert applied.quality("a", L4, before) == after
    assert applied.quality("a", L5, before) == before
