"""The modified Pfirrmann grade: the one parser, order and text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discmri.core.errors import UsageError
from discmri.core.grade import Grade, ModifiedPfirrmannGrade

EVERY_GRADE = [Grade(signal, collapse) for signal in range(1, 6) for collapse in (0, 6, 7, 8)]


@pytest.mark.parametrize("grade", EVERY_GRADE, ids=str)
def test_every_grade_comes_back_from_its_notation(grade):
    assert Grade.parse(str(grade)) == grade


@pytest.mark.parametrize(
    ("text", "signal", "collapse", "ordinal"),
    [("1", 1, 0, 1), ("5", 5, 0, 5), ("6", 5, 6, 6), ("8", 5, 8, 8), ("4/7", 4, 7, 7), (" 2/6 ", 2, 6, 6)],
)  # fmt: skip
def test_the_two_parts_of_a_grade(text, signal, collapse, ordinal):
    grade = Grade.parse(text)
    assert (grade.signal, grade.collapse, grade.ordinal) == (signal, collapse, ordinal)


@pytest.mark.parametrize(
    "text",
    ["", "0", "9", "03", "3.0", "III", "NaN", "4/", "/7", "4/5", "6/7", "4/0", "4/7/8", "x", "²"],
)
def test_what_is_no_grade_is_refused_with_what_to_write(text):
    with pytest.raises(UsageError, match="write 1 to 8 or a double grade such as 4/7") as refused:
        Grade.parse(text)
    assert repr(text) in str(refused.value)


@pytest.mark.parametrize(("signal", "collapse"), [(0, 0), (6, 0), (3, 5), (3, 9)])
def test_parts_that_the_scale_does_not_have(signal, collapse):
    with pytest.raises(UsageError, match="signal is 1 to 5, collapse 0, 6, 7 or 8"):
        Grade(signal, collapse)


def test_order_is_by_collapse_then_by_signal():
    in_order = ["1", "2", "3", "4", "5", "1/6", "6", "2/7", "4/7", "7", "8"]
    assert [str(one) for one in sorted(map(Grade.parse, reversed(in_order)))] == in_order
    assert Grade(3) <= Grade(3) < Grade(1, 6)


@given(st.text())
def test_any_text_is_a_grade_or_refused(text):
    try:
        grade = Grade.parse(text)
    except UsageError:
        return
    assert grade in EVERY_GRADE


@pytest.mark.parametrize(
    ("grade", "nucleus", "posterior_annulus", "height"),
    [
        (1, "uniformly hyperintense", "distinct", "normal"),
        (2, "hyperintense, above presacral fat", "distinct", "normal"),
        (3, "hyperintense, below presacral fat", "distinct", "normal"),
        (4, "mildly hyperintense", "indistinct", "normal"),
        (5, "hypointense, equal to the outer fibres", "indistinct", "normal"),
        (6, "hypointense", "indistinct", "less than 30 %"),
        (7, "hypointense", "indistinct", "30 to 60 %"),
        (8, "hypointense", "indistinct", "more than 60 %"),
    ],
)
def test_criteria_are_those_of_griffith_2007(grade, nucleus, posterior_annulus, height):
    """Spine 2007;32:E708, table 1."""
    scale = ModifiedPfirrmannGrade(grade)
    assert scale.nucleus.startswith(nucleus)
    assert scale.posterior_annulus == posterior_annulus
    assert scale.height.startswith(height)
