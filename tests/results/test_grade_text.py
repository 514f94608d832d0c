"""What is said about the evidence of a grade."""

from __future__ import annotations

import pytest

from discmri.results.grade_text import reasons


@pytest.mark.parametrize(("probability", "uncertain"), [(0.45, True), (0.55, False), (0.9, False)])
def test_a_grade_less_likely_than_not_is_called_uncertain(probability, uncertain):
    (said,) = reasons({"grade_probability": probability, "alternatives": {"4": 0.1}})
    assert ("uncertain" in said) is uncertain
    assert said.startswith(f"Probability {100 * probability:.0f} % (next: 4 10 %)")
