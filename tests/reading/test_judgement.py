"""What a reader may say."""

from __future__ import annotations

import pytest

from discmri.core.errors import UsageError
from discmri.reading import Grade, NotEvaluable
from discmri.reading.judgement import from_content, to_content


@pytest.mark.parametrize("text", ["3", "7", "4/7"])
def test_a_grade_comes_back_from_the_store(text):
    assert from_content(to_content(Grade.parse(text))) == Grade.parse(text)


def test_the_form_in_the_store_is_that_of_the_first_sessions():
    assert to_content(Grade.parse("7")) == {"grade": "7", "signal": 5, "collapse": 7}


def test_not_evaluable_needs_a_reason():
    assert from_content(to_content(NotEvaluable("metal"))) == NotEvaluable("metal")
    assert NotEvaluable("metal\n\x00implant") == NotEvaluable("metal implant")
    with pytest.raises(UsageError, match="needs a reason"):
        NotEvaluable("  ")
