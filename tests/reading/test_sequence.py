"""Who meets which case when."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discmri.core.errors import UsageError
from discmri.reading.plan import Case, Order, Showing
from discmri.reading.sequence import sequences


def cases(subjects: int, visits: int = 1) -> list[Case]:
    return [
        Case(f"c{s}-{v}", f"S{s}", f"1.{s}.{v}", "2024", "1", (), "", "", "", "")
        for s in range(subjects)
        for v in range(visits)
    ]


@given(
    subjects=st.integers(1, 30),
    visits=st.integers(1, 3),
    repeats=st.floats(0, 0.5),
    order=st.sampled_from(Order),
    seed=st.integers(0, 1000),
)
def test_everybody_meets_every_case_once_and_the_same_ones_twice(
    subjects, visits, repeats, order, seed
):
    given_cases = cases(subjects, visits)
    found = sequences(given_cases, ["ann", "ben"], order, repeats, seed)
    twice = {reader: {s.case for s in met if s.occasion == 2} for reader, met in found.items()}
    assert twice["ann"] == twice["ben"]
    expected = max(1, round(repeats * len(given_cases))) if repeats else 0
    assert len(twice["ann"]) == expected
    for met in found.values():
        firsts = [showing.case for showing in met if showing.occasion == 1]
        assert sorted(firsts) == sorted(case.key for case in given_cases)
        assert len(set(met)) == len(met)
        for case in twice["ann"]:
            gap = met.index(Showing(case, 2)) - met.index(Showing(case, 1))
            assert gap >= 1
            if order is not Order.AS_GIVEN and len(met) >= 10:
                assert gap >= 0.2 * len(met) - 1


def test_orders_are_what_they_say():
    many = cases(20)
    per_reader = sequences(many, ["ann", "ben"], Order.PER_READER, 0.0, 5)
    common = sequences(many, ["ann", "ben"], Order.COMMON, 0.0, 5)
    as_given = sequences(many, ["ann"], Order.AS_GIVEN, 0.0, 5)
    assert per_reader["ann"] != per_reader["ben"]
    assert common["ann"] == common["ben"]
    assert [showing.case for showing in as_given["ann"]] == [case.key for case in many]
    assert [showing.case for showing in common["ann"]] != [case.key for case in many]
    assert per_reader == sequences(many, ["ann", "ben"], Order.PER_READER, 0.0, 5)
    assert per_reader != sequences(many, ["ann", "ben"], Order.PER_READER, 0.0, 6)


def test_visits_of_one_subject_do_not_follow_each_other():
    found = sequences(cases(12, visits=2), ["ann", "ben"], Order.PER_READER, 0.2, 1)
    assert set(found) == {"ann", "ben"}
    for met in found.values():
        subjects = [showing.case.split("-")[0] for showing in met]
        assert all(one != two for one, two in itertools.pairwise(subjects))


def test_where_a_repeated_case_is_met_cannot_be_guessed():
    """First anywhere before the middle, but not only at the very beginning; then after it."""
    places = []
    for seed in range(30):
        (met,) = sequences(cases(40), ["ann"], Order.PER_READER, 0.05, seed).values()
        for again in (showing for showing in met if showing.occasion == 2):
            first, second = met.index(Showing(again.case)), met.index(again)
            assert first < 0.45 * len(met)
            assert second > 0.55 * len(met)
            places.append(first / len(met))
    assert min(places) < 0.1
    assert max(places) > 0.3


@pytest.mark.parametrize("share", [-0.1, 0.51, float("nan")])
def test_an_impossible_share_of_repeats_is_refused(share):
    with pytest.raises(UsageError, match="share of repeats"):
        sequences(cases(4), ["ann"], Order.COMMON, share, 0)
