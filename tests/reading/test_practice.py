"""Synthetic discs of known grade, told after the grade."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from tests.reading.builder import make_results

from discmri import reading
from discmri.core.levels import DiscLevel
from discmri.reading import Grade, NotEvaluable, open_session
from discmri.reading.practice import practice_grades, practice_result
from discmri.reading.verification import verified_entries


def test_all_grades_are_dealt_about_equally_often_and_anew_by_each_seed():
    dealt = Counter(grade for one in practice_grades(6, seed=3) for grade in one)
    assert set("12345678") <= set(dealt)
    assert max(dealt[grade] for grade in "12345678") <= 4
    assert practice_grades(6, seed=3) != practice_grades(6, seed=4)


def test_truth_is_told_after_the_grade_and_only_in_practice(tmp_path):
    results = make_results(tmp_path / "one", "S", "20240101")
    options = reading.SessionOptions(("ann",), reading.Mode.BLINDED)
    for practice in (False, True):
        place = tmp_path / f"{practice}.session"
        planned = reading.plan_session({results: None}, options, tmp_path)
        planned = replace(planned, plan=replace(planned.plan, practice=practice))
        reading.create_session(place, planned)
        with open_session(place, "ann") as session:
            item, level = session.cases[0].item, DiscLevel.L1_L2
            assert session.truth(item, level) is None, "not before the grade"
            session.record(item, level, Grade(4))
            assert session.truth(item, level) == (Grade(2) if practice else None)
            session.record(item, level, Grade(2), reason="told so")
            session.record(item, DiscLevel.L2_L3, NotEvaluable("metal"))
    verified = verified_entries(reading.Store.open(place))
    assert verified.plan.practice
    found = practice_result(verified.plan, verified.entries)
    assert found.pairs == ((Grade(2), Grade(4)), (Grade(3), None)), "the first grade counts"
    assert (found.exact, found.within_one) == (0, 0)
    assert found.confusion()[1][3] == found.confusion()[2][8] == 1
