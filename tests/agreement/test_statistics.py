"""Statistics against published examples, other programs, and the definitions written out."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import cohen_kappa_score
from tests.agreement.known import (
    GRADES,
    GRADES_WITH_GAPS,
    HEIGHTS_MM,
    KRIPPENDORFF,
    MINI_WRIGHT,
    SHROUT_FLEISS,
    WRIGHT,
)

from discmri.agreement import GRADE_STATISTICS, VALUE_STATISTICS, Comparison
from discmri.agreement.bland_altman import bias
from discmri.agreement.bootstrap import Resampling, estimates, intervals
from discmri.agreement.icc import icc_3_1
from discmri.agreement.ratings import SCALES
from discmri.agreement.repeatability import within_variances
from discmri.agreement.sums import counts, moments
from discmri.agreement.variance import mean_squares


def comparison(values, parameter="grade", subjects=None) -> Comparison:
    values = np.asarray(values, float)
    names = [f"s{n}" for n in range(len(values))] if subjects is None else subjects
    columns = tuple("abcd"[: values.shape[1]])
    return Comparison(
        parameter, "x", columns, values, np.array(names), np.full(len(values), "L4-L5")
    )


def graded(values, name, parameter="grade", subjects=None) -> float | None:
    sums = counts(comparison(values, parameter, subjects), SCALES[parameter])
    return estimates([GRADE_STATISTICS[name]], sums)[0]


def measured(values, name, subjects=None) -> float | None:
    sums = moments(comparison(values, "height_mm", subjects))
    return estimates([VALUE_STATISTICS[name]], sums)[0]


# ------------------------------------------------------------------ published
def test_shrout_and_fleiss_1979():
    """Tables 3 and 4 of the paper."""
    assert measured(SHROUT_FLEISS, "ICC(2,1), absolute agreement") == pytest.approx(0.29, abs=0.005)
    assert measured(SHROUT_FLEISS, "ICC(3,1), consistency") == pytest.approx(0.71, abs=0.005)
    sums = moments(comparison(SHROUT_FLEISS, "height_mm")).weighted(np.ones((1, 6)))
    ms = mean_squares(sums)
    found = [ms.between[0], ms.within[0], ms.raters[0], ms.residual[0]]
    assert found == pytest.approx([11.24, 6.26, 32.49, 1.02], abs=0.005)


def test_consistency_of_three_subjects_has_a_finite_interval():
    """A resample may hold one subject three times: nothing but rounding is left of it."""
    values = np.array([[8.4, 8.6], [9.1, 9.0], [9.1, 9.5]])
    sums = moments(comparison(values, "height_mm"))
    (found,) = intervals([icc_3_1], sums, Resampling(seed=0))
    assert found is None or (found[0] >= -1.0 and found[1] <= 1.0)


@pytest.mark.parametrize("subjects", [2, 3])
def test_from_three_subjects_on_there_is_an_interval(subjects):
    values = np.array([[8.4, 8.6], [9.1, 9.0], [9.1, 9.5]])[:subjects]
    sums = moments(comparison(values, "height_mm"))
    (found,) = intervals([bias], sums, Resampling(seed=0))
    assert (found is not None) is (subjects == 3)


def test_a_surer_interval_is_wider():
    values = np.array([[8.4, 8.6], [9.1, 9.0], [9.1, 9.5], [7.0, 7.9], [8.1, 8.0], [6.5, 6.9]])
    sums = moments(comparison(values, "height_mm"))
    half, most = (intervals([bias], sums, Resampling(400, one))[0] for one in (0.5, 0.95))
    assert most[0] < half[0] < half[1] < most[1]


def test_bland_and_altman_1986():
    """Bias -2.1 and SD 38.8 l/min between the meters; within-subject SD 15.3 and 19.9 l/min."""
    meters = np.column_stack([WRIGHT[:, 0], MINI_WRIGHT[:, 0]])
    assert measured(meters, "bias") == pytest.approx(-2.1, abs=0.05)
    assert measured(meters, "SD of differences") == pytest.approx(38.8, abs=0.05)
    width = measured(meters, "upper limit of agreement") - measured(meters, "bias")
    assert width == pytest.approx(1.96 * 38.8, abs=0.1)
    assert measured(WRIGHT, "within-disc SD") == pytest.approx(15.3, abs=0.05)
    assert measured(MINI_WRIGHT, "within-disc SD") == pytest.approx(19.9, abs=0.05)
    assert measured(WRIGHT, "repeatability coefficient") == pytest.approx(2.77 * 15.3, abs=0.1)


def test_krippendorff_2011():
    """alpha 0.815 with the ordinal metric."""
    found = graded(KRIPPENDORFF, "Krippendorff alpha, ordinal", "grade_signal")
    assert found == pytest.approx(0.815, abs=0.0005)


# ------------------------------------------------------------------ other programs
@pytest.mark.parametrize(
    ("data", "name", "expected"),
    [
        # krippendorff 0.9.0 (Python), level_of_measurement="ordinal"
        (GRADES, "Krippendorff alpha, ordinal", 0.9010135107240936),
        (GRADES_WITH_GAPS, "Krippendorff alpha, ordinal", 0.9077346735954688),
        # irrCAC 0.4.4 (Python), CAC(weights=..., categories=1..8).gwet()
        (GRADES, "Gwet AC2, linear weights", 0.722591944),
        (GRADES, "Gwet AC2, quadratic weights", 0.9030913512),
        (GRADES_WITH_GAPS, "Gwet AC2, linear weights", 0.7441711842),
        (GRADES_WITH_GAPS, "Gwet AC2, quadratic weights", 0.9061953337),
        # mean over pairs of cohens_kappa of statsmodels 0.15.0 and of scikit-learn 1.9.1
        (GRADES, "kappa, linear weights", 0.7241331770879),
        (GRADES, "kappa, quadratic weights", 0.9042543324728),
    ],
)
def test_grades_as_other_programs_have_them(data, name, expected):
    assert graded(data, name) == pytest.approx(expected, abs=1e-9)


def test_the_example_of_four_observers_as_irrcac_has_it():
    """irrCAC 0.4.4 (Python) on Krippendorff's data."""
    linear = graded(KRIPPENDORFF, "Gwet AC2, linear weights", "grade_signal")
    quadratic = graded(KRIPPENDORFF, "Gwet AC2, quadratic weights", "grade_signal")
    assert (linear, quadratic) == pytest.approx((0.85873914, 0.91400072), abs=1e-8)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # pingouin 0.7.0, intraclass_corr: ICC(A,1) and ICC(C,1)
        ("ICC(2,1), absolute agreement", 0.9148045114296097),
        ("ICC(3,1), consistency", 0.9309108865430746),
    ],
)
def test_heights_as_pingouin_has_them(name, expected):
    assert measured(HEIGHTS_MM, name) == pytest.approx(expected, abs=1e-12)


# ------------------------------------------------------------------ definitions
grades_of_two = st.lists(st.tuples(st.integers(1, 8), st.integers(1, 8)), min_size=2, max_size=25)


@settings(max_examples=40)
@given(grades_of_two)
def test_kappa_is_that_of_scikit_learn(pairs):
    one, two = zip(*pairs, strict=True)
    assume(len({*one, *two}) > 1)
    for weights in ("linear", "quadratic"):
        expected = cohen_kappa_score(one, two, labels=range(1, 9), weights=weights)
        found = graded(pairs, f"kappa, {weights} weights")
        assert found == pytest.approx(expected, abs=1e-9)


@given(grades_of_two)
def test_shares_are_counts(pairs):
    differences = [abs(one - two) for one, two in pairs]
    assert graded(pairs, "exact agreement") == pytest.approx(np.mean([d == 0 for d in differences]))
    within = np.mean([d <= 1 for d in differences])
    assert graded(pairs, "agreement within one") == pytest.approx(within)


gappy = st.lists(
    st.tuples(*[st.one_of(st.integers(1, 8), st.just(np.nan))] * 3), min_size=2, max_size=15
)


@settings(max_examples=40)
@given(gappy)
def test_alpha_is_one_less_the_ratio_of_disagreements(rows):
    """Krippendorff's definition over all pairs of values, written out."""
    units = [[v for v in row if not np.isnan(v)] for row in rows]
    units = [unit for unit in units if len(unit) > 1]
    values = [v for unit in units for v in unit]
    assume(len(set(values)) > 1)
    number = {c: values.count(c) for c in range(1, 9)}

    def distance(a, b):
        low, high = sorted((int(a), int(b)))
        between = sum(number[c] for c in range(low, high + 1))
        return (between - (number[low] + number[high]) / 2) ** 2 if low != high else 0.0

    observed = sum(
        distance(a, b) / (len(unit) - 1)
        for unit in units
        for a, b in itertools.permutations(unit, 2)
    ) / len(values)
    expected = sum(distance(a, b) for a, b in itertools.permutations(values, 2))
    expected /= len(values) * (len(values) - 1)
    found = graded(rows, "Krippendorff alpha, ordinal")
    assert found == pytest.approx(1 - observed / expected, abs=1e-9)


@settings(max_examples=40)
@given(gappy)
def test_ac2_is_gwets_definition_written_out(rows):
    units = [[int(v) for v in row if not np.isnan(v)] for row in rows]
    pairs = [unit for unit in units if len(unit) > 1]
    rated = [unit for unit in units if unit]
    assume(pairs)

    def weight(a, b):
        return 1 - ((a - b) / 7) ** 2

    observed = np.mean(
        [np.mean([weight(a, b) for a, b in itertools.permutations(unit, 2)]) for unit in pairs]
    )
    prevalence = [np.mean([unit.count(c) / len(unit) for unit in rated]) for c in range(1, 9)]
    total = sum(weight(a, b) for a in range(8) for b in range(8))
    by_chance = total / 56 * sum(p * (1 - p) for p in prevalence)
    expected = (observed - by_chance) / (1 - by_chance)
    assert graded(rows, "Gwet AC2, quadratic weights") == pytest.approx(expected, abs=1e-9)


@given(
    st.lists(st.tuples(st.floats(2, 20), st.floats(2, 20)), min_size=3, max_size=20),
    st.floats(-1e4, 1e4),
)
def test_differences_are_those_of_numpy_wherever_the_zero_lies(pairs, zero):
    values = np.array(pairs)
    differences = values[:, 0] - values[:, 1]
    shifted = values + zero
    assert measured(shifted, "bias") == pytest.approx(differences.mean(), abs=1e-6)
    assert measured(shifted, "SD of differences") == pytest.approx(
        differences.std(ddof=1), abs=1e-5
    )
    within = np.sqrt(np.mean(differences**2) / 2)
    assert measured(shifted, "within-disc SD") == pytest.approx(within, abs=1e-5)
    change = 1.96 * differences.std(ddof=1)
    assert measured(shifted, "smallest detectable change") == pytest.approx(change, abs=1e-5)


def test_incomplete_rows_are_left_out_of_values():
    gappy_heights = HEIGHTS_MM.copy()
    gappy_heights[::3, 1] = np.nan
    complete = np.delete(HEIGHTS_MM, np.s_[::3], axis=0)
    for name in ("ICC(2,1), absolute agreement", "repeatability coefficient"):
        assert measured(gappy_heights, name) == pytest.approx(measured(complete, name))


# ------------------------------------------------------------------ intervals
def test_the_interval_is_scipys_where_every_subject_has_one_disc():
    pairs = GRADES[:, :2]
    same = (pairs[:, 0] == pairs[:, 1]).astype(float)
    expected = stats.bootstrap(
        (same,), np.mean, n_resamples=2000, method="BCa", rng=np.random.default_rng(0)
    ).confidence_interval
    sums = counts(comparison(pairs), SCALES["grade"])
    every = list(GRADE_STATISTICS.values())
    found = intervals(every, sums, Resampling())
    assert found[0] == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert found[2:3] == intervals(every[2:3], sums, Resampling()), "one by one or all at once"
    for value, ends in zip(estimates(every, sums), found, strict=True):
        assert ends[0] < value < ends[1]


def test_discs_of_one_subject_are_drawn_together():
    """Five discs that say the same make the interval wider than five that are independent."""
    pairs = np.repeat(GRADES[:20, :2], 5, axis=0)
    clustered = [f"s{n // 5}" for n in range(100)]
    alone = [f"s{n}" for n in range(100)]
    width = {}
    for name, subjects in (("clustered", clustered), ("alone", alone)):
        sums = counts(comparison(pairs, subjects=subjects), SCALES["grade"])
        low, high = intervals([GRADE_STATISTICS["exact agreement"]], sums, Resampling())[0]
        width[name] = high - low
    assert width["clustered"] > 1.8 * width["alone"]


def test_an_interval_covers_as_often_as_it_says():
    """Simulated reads of 25 subjects with 4 discs, whose true exact agreement is 0.7."""
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(120):
        ease = np.repeat(rng.beta(7, 3, 25), 4)  # mean 0.7, different for each subject
        same = rng.random(100) < ease
        pairs = np.column_stack([np.full(100, 4), np.where(same, 4, 5)])
        subjects = [f"s{n // 4}" for n in range(100)]
        sums = counts(comparison(pairs, subjects=subjects), SCALES["grade"])
        low, high = intervals([GRADE_STATISTICS["exact agreement"]], sums, Resampling(400))[0]
        covered += low <= 0.7 <= high
    assert 0.87 <= covered / 120 <= 0.99


def test_nothing_is_claimed_where_nothing_is_known():
    perfect = np.column_stack([GRADES[:, 0]] * 2)
    sums = counts(comparison(perfect), SCALES["grade"])
    assert intervals([GRADE_STATISTICS["exact agreement"]], sums, Resampling(100)) == [None]
    assert graded(perfect, "kappa, linear weights") == 1
    apart = np.column_stack([np.full(12, 2.0), np.full(12, 3.0)])
    sums = counts(comparison(apart), SCALES["grade"])
    assert intervals(list(GRADE_STATISTICS.values()), sums, Resampling(100))[4] is None
    one_grade = np.full((10, 2), 5.0)
    assert graded(one_grade, "kappa, linear weights") is None
    assert graded(one_grade, "exact agreement") == 1
    two_subjects = counts(comparison(GRADES[:2, :2]), SCALES["grade"])
    assert intervals([GRADE_STATISTICS["exact agreement"]], two_subjects, Resampling(100)) == [None]


def test_differences_of_three_columns_are_a_mistake():
    with pytest.raises(ValueError, match="two columns"):
        measured(HEIGHTS_MM, "bias")


def test_within_variances_are_those_of_the_analysis_of_variance():
    rng = np.random.default_rng(4)
    values = rng.normal(10.0, 1.0, (25, 2))
    from_differences = np.sqrt(within_variances(values[:, 0] - values[:, 1]).mean())
    assert measured(values, "within-disc SD") == pytest.approx(from_differences)
