"""What a reader may say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discmri.core.errors import UsageError
from discmri.reading import Grade, NotEvaluable
from discmri.reading.judgement import from_content, to_content

EVERY_GRADE = [Grade(signal, collapse) for signal in range(1, 6) for collapse in (0, 6, 7, 8)]


@pytest.mark.parametrize("grade", EVERY_GRADE, ids=str)
def test_every_grade_comes_back_from_its_notation(grade):
    assert Grade.parse(str(grade)) == grade
    assert from_content(to_content(grade)) == grade


@pytest.mark.parametrize(
    ("text", "signal", "collapse", "ordinal"),
    [("1", 1, 0, 1), ("5", 5, 0, 5), ("6", 5, 6, 6), ("8", 5, 8, 8), ("4/7", 4, 7, 7), (" 2/6 ", 2, 6, 6)],
)  # fmt: skip
def test_the_two_parts_of_a_grade(text, signal, collapse, ordinal):
    grade = Grade.parse(text)
    assert (grade.signal, grade.collapse, grade.ordinal) == (signal, collapse, ordinal)


@pytest.mark.parametrize(
    "text", ["", "0", "9", "4/", "/7", "4/5", "6/7", "4/0", "4/7/8", "x", "4.5", "²"]
)
def test_what_is_no_grade_is_refused(text):
    with pytest.raises(UsageError, match="grade"):
        Grade.parse(text)


@given(st.text())
def test_any_text_is_a_grade_or_refused(text):
    try:
        grade = Grade.parse(text)
    except UsageError:
        return
    assert grade in EVERY_GRADE


def test_not_evaluable_needs_a_reason():
    assert from_content(to_content(NotEvaluable("metal"))) == NotEvaluable("metal")
    assert NotEvaluable("metal\n\x00implant") == NotEvaluable("metal implant")
    with pytest.raises(UsageError, match="needs a reason"):
        NotEvaluable("  ")
