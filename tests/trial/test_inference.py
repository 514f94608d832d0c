"""Tests over subjects: interval and p of one method, against other programs and enumeration."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import brentq

from discmri.trial.inference import (
    adjusted,
    can_adjust,
    holm,
    one_group,
    permuted_arms,
    two_groups,
    welch,
)

# Hand DJ et al., A Handbook of Small Data Sets (1994), after Cushny AR, Peebles AR (1905): extra
# hours of sleep by two drugs, ten patients each; "Student" 1908.
SLEEP_1 = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SLEEP_2 = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]


def test_student_1908():
    """Paired t 4.0621, p 0.002833, 95 % interval 0.70 to 2.46 hours."""
    found = one_group([b - a for a, b in zip(SLEEP_1, SLEEP_2, strict=True)])
    assert found.estimate == pytest.approx(1.58)
    assert (found.low, found.high) == (
        pytest.approx(0.7001142, abs=1e-6), pytest.approx(2.4598858, abs=1e-6),
    )  # fmt: skip
    assert found.p == pytest.approx(0.002832890, abs=1e-8)


@pytest.mark.parametrize("controls", [10, 6])
def test_welch_is_that_of_scipy(controls):
    found = welch(SLEEP_2, SLEEP_1[:controls])
    expected = stats.ttest_ind(SLEEP_2, SLEEP_1[:controls], equal_var=False)
    ends = expected.confidence_interval()
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == (pytest.approx(ends.low), pytest.approx(ends.high))


groups = st.lists(st.integers(-40, 40), min_size=2, max_size=5)


def one_sided(values, k, shift):
    """Shares of ways with a difference at least, and at most, as large, written out."""
    y = np.array(values, float)
    y[:k] -= shift
    differences = [
        y[list(way)].mean() - np.delete(y, list(way)).mean()
        for way in itertools.combinations(range(len(y)), k)
    ]
    observed = y[:k].mean() - y[k:].mean()
    more = np.mean([one >= observed - 1e-9 for one in differences])
    less = np.mean([one <= observed + 1e-9 for one in differences])
    return more, less


@settings(max_examples=30, deadline=None)
@given(groups, groups)
def test_permutation_and_its_interval_are_one_method(active, control):
    found = permuted_arms(active, control)
    expected = min(1.0, 2 * min(one_sided([*active, *control], len(active), 0.0)))
    assert found.p == pytest.approx(expected)
    assert (found.low <= 0 <= found.high) == (found.p > 0.05)
    if math.isfinite(found.low):
        for end in (found.low - 0.01, found.high + 0.01):
            assert 2 * min(one_sided([*active, *control], len(active), end)) <= 0.05 + 1e-9
        middle = (found.low + found.high) / 2
        assert 2 * min(one_sided([*active, *control], len(active), middle)) > 0.05


def test_two_hundred_and_fifty_two_ways_are_all_looked_at():
    expected = stats.permutation_test(
        (SLEEP_2[:5], SLEEP_1[:5]), lambda x, y: np.mean(x) - np.mean(y), n_resamples=np.inf
    )
    found = permuted_arms(SLEEP_2[:5], SLEEP_1[:5])
    assert found.p == pytest.approx(expected.pvalue)
    assert found.method.endswith("252 ways")


def test_three_against_three_cannot_reach_five_percent_and_says_so():
    found = permuted_arms([9.0, 9.1, 9.2], [0.0, 0.1, 0.2])
    assert (found.p, found.low, found.high) == (pytest.approx(0.1), -math.inf, math.inf)


@pytest.mark.parametrize(("controls", "method"), [(5, "exact permutation"), (6, "Welch")])
def test_from_twelve_subjects_on_intervals_are_students(controls, method):
    assert two_groups(SLEEP_1[:6], SLEEP_2[:controls]).method.startswith(method)


def test_subjects_that_do_not_differ_prove_nothing():
    found = one_group([0.5, 0.5, 0.5])
    assert (found.low, found.high, found.p) == (-math.inf, math.inf, 1.0)


# ------------------------------------------------------------------ covariates
def fitted_p(half: float, estimate: float, error: float) -> float:
    """p by the degrees of freedom that the width of an interval tells."""
    freedom = brentq(lambda df: stats.t.ppf(0.975, df) - half / error, 1.5, 1e5)
    return 2 * stats.t.sf(abs(estimate) / error, freedom)


def test_without_covariates_the_degrees_of_freedom_are_those_of_equal_variances():
    """Bell and McCaffrey for two arms: (1/n + 1/m)² / (1/(n²(n-1)) + 1/(m²(m-1)))."""
    y, arm = np.array([*SLEEP_1[:8], *SLEEP_2]), np.repeat([1.0, 0.0], [8, 10])
    found = adjusted(y, arm, np.empty((18, 0)))
    error = math.sqrt(np.var(SLEEP_1[:8], ddof=1) / 8 + np.var(SLEEP_2, ddof=1) / 10)
    freedom = (1 / 8 + 1 / 10) ** 2 / (1 / (64 * 7) + 1 / (100 * 9))
    assert (found.high - found.low) / 2 == pytest.approx(stats.t.ppf(0.975, freedom) * error)


def test_least_squares_with_hc2_is_that_of_statsmodels():
    import statsmodels.api as sm

    rng = np.random.default_rng(8)
    arm = np.repeat([1.0, 0.0], 8)
    baseline = rng.normal(8, 1, (16, 1))
    y = 0.5 * arm - 0.3 * baseline[:, 0] + rng.normal(0, 0.2 + arm, 16)
    found = adjusted(y, arm, baseline)
    design = np.column_stack([arm, np.ones(16), baseline])
    fit = sm.OLS(y, design).fit(cov_type="HC2")
    assert found.estimate == pytest.approx(fit.params[0])
    half = (found.high - found.low) / 2
    assert half / fit.bse[0] > stats.norm.isf(0.025)
    assert found.p == pytest.approx(fitted_p(half, fit.params[0], fit.bse[0]), rel=1e-6)
    few = adjusted(y[4:12], arm[4:12], baseline[4:12])
    plain = sm.OLS(y[4:12], design[4:12]).fit()
    assert few.p == pytest.approx(plain.pvalues[0])


def test_one_group_keeps_its_mean_whatever_the_covariate():
    y, x = np.array([1.0, 2.0, 4.0, 3.0, 2.5]), np.array([[1.0], [2.0], [3.0], [4.0], [9.0]])
    assert adjusted(y, None, x).estimate == pytest.approx(y.mean())


@pytest.mark.parametrize(("subjects", "can"), [(5, False), (6, True)])
def test_covariates_need_degrees_of_freedom(subjects, can):
    assert can_adjust(subjects, 2, np.arange(float(subjects))[:, None]) is can


def test_holm_1979_is_that_of_statsmodels():
    from statsmodels.stats.multitest import multipletests

    given_ = [0.04, 0.001, 0.2, 0.012, 0.03]
    assert holm(given_) == pytest.approx(multipletests(given_, method="holm")[1].tolist())
    assert holm([]) == []
