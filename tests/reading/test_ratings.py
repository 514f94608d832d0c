"""A session as ratings, and how its design is stated."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.reading.builder import LEVELS

from discmri import reading
from discmri.agreement import Resampling, analyse, comparisons
from discmri.agreement.grras import items
from discmri.agreement.sources import from_table
from discmri.reading import Grade, Mode, NotEvaluable, Order, Store
from discmri.reading.ratings import from_session


@pytest.fixture
def read_session(plan):
    """A locked session that two readers have read, with a repeat and an edit."""
    path = plan(Mode.LOCKED, repeats=0.17)
    for reader, shift in (("ann", 0), ("ben", 1)):
        with reading.open_session(path, reader) as session:
            for case in session.cases:
                for n, level in enumerate(LEVELS):
                    said = NotEvaluable("metal") if n == 4 and shift else Grade(1 + n % 4 + shift)
                    session.record(case.item, level, said)
                    session.reveal(case.item, level)
            first = session.plan.cases[0].key + ".1"
            session.record(first, LEVELS[0], Grade(4, 7), reason="seen in the numbers")
            session.edit_label(first, LEVELS[0], {"height_mm": 8.0 + shift}, "leak")
    return path


def test_a_session_and_its_export_give_the_same(read_session, tmp_path):
    store = Store.open(read_session)
    reading.export_session(store, tmp_path / "out")
    direct = from_session(store)
    tables = [
        from_table(tmp_path / "out" / f"{name}.csv") for name in ("reads_long", "label_edits")
    ]
    assert sorted(map(repr, direct.ratings)) == sorted(
        repr(one) for table in tables for one in table.ratings
    )
    assert (direct.design.readers, direct.design.repeated) == (2, 1)


def test_what_a_session_gives(read_session):
    ratings = from_session(Store.open(read_session)).ratings
    first = [r for r in ratings if r.subject == "SUBJ-A" and r.level == "L1-L2" and r.occasion == 1]
    visit = first[0].study
    values = {(r.rater, r.parameter): r.value for r in first if r.study == visit}
    assert values["ann", "grade"] == 7
    assert values["ann", "grade_before_reveal"] == 1
    assert (values["ann", "grade_signal"], values["ann", "grade_collapse"]) == (4, 7)
    assert values["automatic", "grade"] == 2
    assert (values["ben", "height_mm"], values["automatic", "height_mm"]) == (9.0, 7.0)
    evaluable = [r.value for r in ratings if r.rater == "ben" and r.parameter == "evaluable"]
    assert (len(evaluable), evaluable.count(0)) == (35, 7)
    names = {f"{one.parameter}: {one.name}" for one in comparisons(ratings)}
    assert {"grade: ann, before – after reveal", "height_mm: ann – ben"} <= names


def test_the_report_states_how_the_session_was_planned(read_session):
    source = from_session(Store.open(read_session))
    few = Resampling(20)
    stated = {item.number: item for item in items([source], analyse(source.ratings, few), few)}
    (planned,) = stated[6].stated
    assert planned.startswith("Planned: 2 readers, 3 subjects, 6 studies with ")
    assert planned.endswith("; 1 study shown twice to each reader.")
    assert "before its automatic measurements were shown" in stated[8].stated[0]
    assert "Repeats were not announced" in stated[8].stated[0]
    assert stated[9].stated == ("Readers were not shown the reads of other readers.",)
    assert not stated[8].left_to_authors
    tables = items([replace(source, design=None)], analyse(source.ratings, few), few)
    assert [item.left_to_authors != "" for item in tables if item.number in (8, 9)] == [True, True]


def test_repeats_are_announced_by_no_order_but_a_given_one(plan):
    path = plan(Mode.OPEN, repeats=0.17, order=Order.AS_GIVEN)
    design = from_session(Store.open(path)).design
    assert "in the order in which they were listed" in design.process[0]
    assert "not announced" not in design.process[0]
