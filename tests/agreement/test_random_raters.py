"""Intervals that include raters, and what each comparison may claim."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from tests.agreement.known import HEIGHTS_MM, SHROUT_FLEISS

from discmri.agreement import Comparison, ComparisonKind, Rating, Resampling, analyse, estimate
from discmri.agreement.random_raters import (
    COEFFICIENT,
    ICC,
    WITHIN,
    random_rater_intervals,
    squares,
)

FEW = Resampling(50)


def compared(values: np.ndarray, discs: int = 1, kind=ComparisonKind.READERS) -> Comparison:
    n, k = values.shape
    subjects = np.array([f"s{place // discs}" for place in range(n)])
    return Comparison(
        "height_mm", "x", tuple("abcdef"[:k]), values, subjects, np.full(n, "L4-L5"), kind
    )


def drawn(seed: int, raters: int, subjects: int, discs: int) -> np.ndarray:
    """Subject 0.8, disc 1.2, rater 0.3, rater by subject 0.2, rest 0.3 mm."""
    rng = np.random.default_rng([seed, 12])
    shape = subjects, discs, raters
    parts = (
        ((subjects, 1, 1), 0.8), ((subjects, discs, 1), 1.2), ((1, 1, raters), 0.3),
        ((subjects, 1, raters), 0.2), (shape, 0.3),
    )  # fmt: skip
    return sum(rng.normal(0, sd, size) for size, sd in parts).reshape(-1, raters)


TRUE_WITHIN = np.sqrt(0.3**2 + 0.2**2 + 0.3**2)
TRUE_ICC = (0.8**2 + 1.2**2) / (0.8**2 + 1.2**2 + TRUE_WITHIN**2)


@pytest.mark.parametrize(("raters", "subjects", "discs"), [(2, 12, 5), (3, 60, 1), (5, 20, 3)])
def test_intervals_hold_the_truth_of_all_raters_as_often_as_stated(raters, subjects, discs):
    held = {ICC: 0, WITHIN: 0}
    for seed in range(100):
        found = random_rater_intervals(
            squares(compared(drawn(seed, raters, subjects, discs), discs)), seed=seed, draws=2000
        )
        for name, truth in ((ICC, TRUE_ICC), (WITHIN, TRUE_WITHIN)):
            low, high = found[name]
            held[name] += low <= truth <= high
    assert all(89 <= count <= 100 for count in held.values()), held


def test_sums_of_squares_are_those_of_an_analysis_of_variance():
    """Shrout and Fleiss 1979, table 2: BMS 11.24, JMS 32.49, EMS 1.02 with one disc a subject."""
    found = squares(compared(SHROUT_FLEISS))
    means = found.sums[[0, 2, 3]] / found.freedom[[0, 2, 3]]
    assert means == pytest.approx([11.24, 32.49, 1.02], abs=0.005)
    assert found.freedom.tolist() == [5, 0, 3, 15, 0]
    clustered = squares(compared(HEIGHTS_MM, 5))
    total = ((HEIGHTS_MM - HEIGHTS_MM.mean()) ** 2).sum()
    assert clustered.sums.sum() == pytest.approx(total)
    assert clustered.freedom.sum() == HEIGHTS_MM.size - 1


def test_without_differences_of_raters_the_interval_is_that_of_a_variance():
    """The residual alone: chi-square with (n - 1)(k - 1) degrees of freedom (40 of 2 raters)."""
    rng = np.random.default_rng(7)
    values = rng.normal(9, 1, (41, 1)) + rng.normal(0, 0.3, (41, 2))
    values -= values.mean(axis=0) - values.mean()  # no offset at all
    low, high = random_rater_intervals(squares(compared(values)))[WITHIN]
    residual = squares(compared(values)).sums[3] * 40 / 41
    expected = np.sqrt(residual / stats.chi2.ppf([0.975, 0.025], 40))
    assert (low, high) == pytest.approx(tuple(expected), rel=0.02)


def test_two_subjects_or_raters_that_never_differ_give_no_interval():
    assert random_rater_intervals(squares(compared(SHROUT_FLEISS[:2]))) == {}
    assert set(random_rater_intervals(squares(compared(SHROUT_FLEISS[:3])))) == {
        ICC,
        WITHIN,
        COEFFICIENT,
    }
    same = np.column_stack([HEIGHTS_MM[:, 0]] * 2)
    assert random_rater_intervals(squares(compared(same))) == {}


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (ComparisonKind.READERS, {COEFFICIENT}),
        (ComparisonKind.METHODS, {COEFFICIENT}),
        (ComparisonKind.REPEATS, {"repeatability coefficient", "smallest detectable change"}),
    ],
)
def test_each_kind_of_comparison_claims_only_its_own(kind, names):
    found = {one.statistic: one for one in estimate(compared(HEIGHTS_MM[:, :2], 5, kind), FEW)}
    claims = {COEFFICIENT, "repeatability coefficient", "smallest detectable change"}
    assert claims & set(found) == names
    raters = {name: one.raters for name, one in found.items()}
    assert raters["bias"] == "held fixed"
    assert raters[ICC] == ("random" if kind is ComparisonKind.READERS else "held fixed")


def test_readers_a_constant_apart_do_not_reproduce():
    values = np.column_stack([HEIGHTS_MM[:, 0], HEIGHTS_MM[:, 0] + 1.0])
    found = {one.statistic: one.value for one in estimate(compared(values), FEW)}
    assert found[COEFFICIENT] == pytest.approx(1.96 * np.sqrt(2) * np.sqrt(0.5))
    assert "smallest detectable change" not in found


@pytest.mark.parametrize(("subjects", "few"), [(9, True), (10, False)])
def test_fewer_than_ten_subjects_are_marked(subjects, few):
    found = estimate(compared(HEIGHTS_MM[:subjects]), FEW)
    assert {one.few for one in found if one.interval is not None} == {few}


def test_rescans_are_repeats_and_readers_are_readers():
    ratings = [
        Rating(f"s{n}", "", "L4-L5", scan, 1, "height_mm", float(HEIGHTS_MM[n, k]))
        for n in range(6)
        for k, scan in enumerate(("scan1", "scan2"))
    ]
    for rescans, kind in ((True, ComparisonKind.REPEATS), (False, ComparisonKind.READERS)):
        (found,) = analyse(ratings, FEW, rescans)
        assert found.comparison.kind is kind
