"""Grades over reading order and sittings."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest
from scipy.stats import linregress

from discmri.agreement.drift import drift
from discmri.agreement.ratings import AUTOMATIC, Rating

START = datetime(2026, 1, 1, 10)


def reads(rater, values, gaps_min=(), occasion=1):
    """Grades of one disc each, a minute apart and, before some of them, a pause."""
    at, made = START, []
    for number, value in enumerate(values):
        at += timedelta(minutes=dict(gaps_min).get(number, 1))
        made.append(
            Rating("S", "1", f"{number:03d}", rater, occasion, "grade", value, f"{at.isoformat()}Z")
        )
    return made


def of(found, rater):
    return {one.part: one for one in found if one.rater == rater}


def test_a_reader_who_grades_higher_and_higher_drifts_and_the_steady_one_does_not():
    rng = np.random.default_rng(1)
    steady = rng.integers(2, 6, 60).astype(float)
    noise = rng.integers(-1, 2, 60)
    ann = of(drift([*reads("ben", steady), *reads("ann", steady + noise)]), "ann")
    assert not ann["all"].drifts
    rising = steady + noise + np.arange(60) // 20
    ann = of(drift([*reads("ben", steady), *reads("ann", rising)]), "ann")
    assert ann["all"].drifts
    slope, low, high = ann["all"].per_100_reads
    expected = 100 * np.polyfit(np.arange(60), rising - steady, 1)[0]
    assert slope == pytest.approx(expected)
    error = linregress(np.arange(60), rising - steady).stderr
    assert (low, high) == pytest.approx((slope - 196 * error, slope + 196 * error))
    parts = [ann[f"{name} third"].mean_difference for name in ("first", "middle", "last")]
    assert parts[2] > parts[0] + 1
    assert [ann[f"{name} third"].reads for name in ("first", "middle", "last")] == [20, 20, 20]


def test_a_pause_begins_another_sitting():
    for gap, sittings in ((30.0, 0), (30.1, 2)):
        made = [*reads("ben", [3.0] * 12), *reads("ann", [3.0] * 12, {5: gap}.items())]
        ann = of(drift(made), "ann")
        assert sum(part.startswith("sitting") for part in ann) == sittings
    assert (ann["sitting 1"].reads, ann["sitting 2"].reads) == (5, 7)


def test_alone_a_reader_is_held_against_the_suggestion_and_few_reads_tell_nothing():
    automatic = [Rating("S", "1", f"{n:03d}", AUTOMATIC, 1, "grade", 4.0) for n in range(9)]
    ann = of(drift([*automatic, *reads("ann", [5.0] * 9)]), "ann")
    assert ann["all"].mean_difference == 1.0
    assert ann["all"].within_one == 1.0
    assert drift([*automatic, *reads("ann", [5.0] * 8)]) == []


@pytest.mark.parametrize("backwards", [False, True])
def test_of_another_readers_repeats_the_first_reading_is_the_reference(backwards):
    ben = [*reads("ben", [3.0] * 12), *reads("ben", [5.0] * 12, occasion=2)]
    ann = of(drift([*(reversed(ben) if backwards else ben), *reads("ann", [3.0] * 12)]), "ann")
    assert ann["all"].mean_difference == 0.0


def test_without_times_nothing_is_said():
    timeless = [Rating("S", "1", str(n), name, 1, "grade", 3.0) for n in range(20) for name in "ab"]
    assert drift(timeless) == []
