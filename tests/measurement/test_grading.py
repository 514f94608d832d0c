import dataclasses
import math
from itertools import pairwise

import numpy as np
import pytest

from discmri.core.findings import Code, MeasurementError
from discmri.core.grade import Grade, ModifiedPfirrmannGrade, ReferenceKind
from discmri.core.levels import DiscLevel
from discmri.core.settings import Settings
from discmri.measurement.grade_features import (
    Comparators,
    brightest_discs,
    features,
    picture_features,
)
from discmri.measurement.grade_model import (
    WAVES,
    Classifier,
    Loss,
    SignalTable,
    collapse_part,
    fourier,
    join,
    loss_of_height,
    signal_parts,
    signal_tables,
    standardised,
)
from discmri.measurement.grade_signal import THRESHOLDS, scaled
from discmri.measurement.grading import (
    LEVEL_FACTORS,
    ReferenceHeight,
    _first_change,
    reference_heights,
    suggest,
)
from discmri.measurement.regions import PICTURE_COLUMNS, PICTURE_ROWS
from discmri.measurement.signal import DiscSignal, DiscTexture

LEVEL = DiscLevel.L4_L5
SETTINGS = Settings()
EDGE = np.isin(np.arange(PICTURE_COLUMNS), (0, 1, 2, 10, 11, 12))
USUAL = np.exp(signal_tables()[Comparators.CSF].picture.mean).reshape(PICTURE_ROWS, -1)
EXACT = ReferenceHeight(10.0, 0.0, ReferenceKind.SPINE)
UNSURE = ReferenceHeight(10.0, 1.3, ReferenceKind.SPINE, 3)


def disc(
    inner: float, outer: float = 0.10, step: float = 0.3, fat: float | None = 0.6
) -> DiscSignal:
    """Signals as shares of CSF; marrow has two thirds of it, as in patients."""
    csf = 1000.0
    texture = DiscTexture(
        bright=1.25 * inner * csf,
        upper_quartile=1.12 * inner * csf,
        dim=0.75 * inner * csf,
        darkest=0.22 * inner * csf,
        variation=0.25,
        cleft=0.05 * inner * csf,
    )
    return DiscSignal(
        nucleus=inner * csf,
        inner=inner * csf,
        annulus=outer * csf,
        outer_posterior=outer * csf,
        distinctness=step,
        bimodality=2.0,
        csf=csf,
        csf_source="level",
        fat=None if fat is None else fat * csf,
        marrow=0.65 * csf,
        texture=texture,
        picture=np.where(EDGE, USUAL, USUAL / USUAL[3, 6] * inner) * csf,
    )


# The table of Griffith 2007, one clear case per row.
@pytest.mark.parametrize(
    ("signal", "height", "grade"),
    [
        (disc(0.98, step=0.6), 10.0, "1"),
        (disc(0.70, step=0.5), 10.0, "2"),
        (disc(0.45, step=0.25), 10.0, "3"),
        (disc(0.25, step=0.03), 10.0, "4"),
        (disc(0.11, step=0.0), 10.0, "5"),
        (disc(0.11, step=0.0), 8.0, "6"),
        (disc(0.11, step=0.0), 5.5, "7"),
        (disc(0.11, step=0.0), 3.0, "8"),
        (disc(0.25, step=0.03), 5.5, "4/7"),
        (disc(0.70, step=0.5), 3.0, "2/8"),
    ],
)
def test_griffiths_table(signal: DiscSignal, height: float, grade: str) -> None:
    assert suggest(LEVEL, signal, height, EXACT, SETTINGS).grade == Grade.parse(grade)


@pytest.mark.parametrize(
    ("loss", "grade"),
    [(0.0, 0), (0.0999, 0), (0.10, 6), (0.2999, 6), (0.30, 7), (0.60, 7), (0.6001, 8), (-0.5, 0)],
)
def test_borders_of_collapse(loss: float, grade: int) -> None:
    assert collapse_part(loss, 0.10) == grade


@pytest.mark.parametrize(("height", "collapse"), [(7.0, 7), (4.0, 7), (9.0, 6), (9.01, 0)])
def test_exact_borders_survive_rounding(height: float, collapse: int) -> None:
    """1 - 7/10 is a hair above or below 0.3 in binary; it still counts as 30 %."""
    assert suggest(LEVEL, disc(0.1), height, EXACT, SETTINGS).grade.collapse == collapse


def test_normal_band_is_a_setting() -> None:
    strict = dataclasses.replace(SETTINGS, normal_height_loss=0.05)
    assert suggest(LEVEL, disc(0.1), 9.3, EXACT, SETTINGS).grade == Grade.parse("5")
    assert suggest(LEVEL, disc(0.1), 9.3, EXACT, strict).grade == Grade.parse("6")


def test_bright_disc_is_not_called_collapsed_for_a_small_or_doubtful_loss() -> None:
    unsure = ReferenceHeight(10.0, 1.5, ReferenceKind.SPINE, 3)
    assert suggest(LEVEL, disc(0.7, step=0.5), 8.0, unsure, SETTINGS).grade == Grade.parse("2")
    assert suggest(LEVEL, disc(0.7, step=0.5), 5.0, unsure, SETTINGS).grade == Grade.parse("2/7")
    assert suggest(LEVEL, disc(0.1, step=0.0), 8.0, unsure, SETTINGS).grade == Grade.parse("6")


def test_fat_divides_two_from_three() -> None:
    assert suggest(LEVEL, disc(0.55, fat=0.5), 10, EXACT, SETTINGS).grade.signal == 2
    assert suggest(LEVEL, disc(0.55, fat=0.6), 10, EXACT, SETTINGS).grade.signal == 3


@pytest.mark.parametrize(
    ("inner", "step", "part"),
    [(0.70, 0.4, 1), (0.50, 0.3, 2), (0.30, 0.25, 3), (0.22, 0.05, 4), (0.10, 0.02, 5)],
)
def test_model_goes_from_bright_to_dark(inner: float, step: float, part: int) -> None:
    signal = disc(inner, 0.4 * inner, step, fat=None)
    found = suggest(LEVEL, signal, 10, EXACT, SETTINGS, brightest=450.0)
    assert found.grade.signal == part


def test_absent_fat_is_told() -> None:
    found = suggest(LEVEL, disc(0.50, 0.20, fat=None), 10, EXACT, SETTINGS)
    assert found.grade.signal == 2
    assert "fat_to_csf" not in found.evidence
    assert found.evidence["comparators"] == "csf and marrow"
    assert [finding.code for finding in found.findings] == [Code.FAT_NOT_FOUND]


@pytest.mark.parametrize(
    ("csf", "marrow", "used"),
    [
        (1000.0, 650.0, "csf and marrow"),
        (1000.0, None, "csf"),
        (None, 650.0, "marrow"),
        (651.0, 650.0, "csf and marrow"),
        (649.0, 650.0, "marrow"),  # no fluid is darker than marrow on T2
    ],
)
def test_comparators_do_not_fail_together(
    csf: float | None, marrow: float | None, used: str
) -> None:
    signal = dataclasses.replace(disc(0.5, 0.20, fat=None), csf=csf, marrow=marrow)
    found = suggest(LEVEL, signal, 10, EXACT, SETTINGS)
    assert found.evidence["comparators"] == used
    assert found.measurements["suggested_grade"].method == f"griffith-2007/{used}"
    assert found.grade.signal in (1, 2)


def test_tables_fit_together_and_know_how_frequent_each_class_is() -> None:
    assert len(signal_tables()) == 3
    for table in signal_tables().values():
        assert len(table.names) == len(table.ratios.mean)
        assert len(table.picture.mean) % (PICTURE_ROWS * PICTURE_COLUMNS) == 0
        for one in (table.ratios, table.picture):
            assert one.weights.shape == (WAVES, 4)
            assert one.shares.sum() == pytest.approx(1.0, abs=1e-3)
            # what is added to a class is taken from the others
            assert abs(one.weights.sum(axis=1)).max() < 0.01


def test_fourier_features_are_the_same_in_every_version_of_numpy() -> None:
    assert fourier(np.ones((1, 3)))[0, [0, -1]] == pytest.approx([0.0004635, -0.01396825], abs=1e-7)


def test_ratios_and_picture_count_alike() -> None:
    def sure(of: int) -> Classifier:
        shares = np.zeros(4)
        shares[of] = 1.0
        return Classifier(np.zeros(1), np.ones(1), shares, np.zeros((WAVES, 4)))

    found = SignalTable(("x",), sure(1), sure(3)).probabilities({"x": 0.0}, np.zeros(1))
    assert found[1] == pytest.approx(found[3])
    assert found[[1, 3]].sum() == pytest.approx(1.01 / 1.03)


def test_picture_is_compared_with_every_tissue_that_is_used() -> None:
    signal, cells = disc(0.5), PICTURE_ROWS * PICTURE_COLUMNS
    both = picture_features(signal, Comparators.BOTH)
    assert both.shape == (2 * cells,)
    assert both[cells // 2] == pytest.approx(math.log(0.5))
    assert both[cells + cells // 2] == pytest.approx(math.log(0.5 / 0.65))
    assert (picture_features(signal, Comparators.CSF) == both[:cells]).all()
    assert (picture_features(signal, Comparators.MARROW) == both[cells:]).all()
    black = picture_features(disc(0.0), Comparators.CSF)
    assert black[cells // 2] == pytest.approx(math.log(0.02))


def test_brighter_discs_never_become_more_probably_dark() -> None:
    """From black to the signal of CSF, as far as the discs of the fit reach."""
    shares = [
        suggest(
            LEVEL, disc(inner, min(0.1, inner / 2), fat=None), 10, EXACT, SETTINGS, 500.0
        ).evidence["signal_probabilities"]
        for inner in (0.08, 0.12, 0.2, 0.3, 0.4, 0.6)
    ]
    dark = [float(one["5"]) for one in shares]  # type: ignore[index]
    assert dark[0] > 0.7
    assert dark[-1] < 0.05
    assert all(later <= earlier + 0.02 for earlier, later in pairwise(dark))


def test_probabilities_sum_to_one_and_back_the_grade() -> None:
    found = suggest(LEVEL, disc(0.3, 0.12, fat=None), 9.0, UNSURE, SETTINGS)
    for part in ("signal_probabilities", "collapse_probabilities"):
        shares = found.evidence[part]
        assert isinstance(shares, dict)
        assert sum(shares.values()) == pytest.approx(1.0, abs=1e-3)
    assert found.measurements["suggested_grade_probability"].value == round(found.probability, 4)
    assert 0.2 < found.probability < 1.0


def test_changes_are_where_the_grade_changes() -> None:
    """Each stated value is asked again on both sides."""
    signal = disc(0.3, 0.12, fat=None)
    found = suggest(LEVEL, signal, 8.0, UNSURE, SETTINGS, brightest=400.0)
    changes = found.evidence["changes"]
    assert isinstance(changes, list)
    assert {one["value"] for one in changes} == {"inner_to_csf", "height_mm"}
    for one in changes:
        for side in (0.98, 1.02):
            beyond = (side > 1) == one["above"]
            if one["value"] == "height_mm":
                again = suggest(LEVEL, signal, one["limit"] * side, UNSURE, SETTINGS, 400.0)
            else:
                other = scaled(signal, side * one["limit"] / 0.3)
                again = suggest(LEVEL, other, 8.0, UNSURE, SETTINGS, 400.0)
            assert (str(again.grade) == one["grade"]) is beyond
            assert (again.grade == found.grade) is not beyond


# ------------------------------------------------------------------ joining the parts
@pytest.mark.parametrize(
    ("dark", "ratio", "grade"),
    [
        (0.02, 0.5, "3/7"),
        (0.15, 0.5, "7"),  # the signal part is not sure enough for a double grade
        (0.02, 0.72, "3"),
        (0.90, 0.5, "7"),
        (0.90, 0.85, "6"),
        (0.90, 0.98, "5"),
    ],
)
def test_double_entry_needs_both_parts_to_be_likely(dark: float, ratio: float, grade: str) -> None:
    signal = signal_parts((0.0, 0.0, 1 - dark, dark), 0.3)
    joined = join(signal, loss_of_height(ratio, 0.05, 0.10), 0.10)
    assert joined.grade == Grade.parse(grade)
    assert sum(joined.probabilities.values()) == pytest.approx(1.0)


@pytest.mark.parametrize(("excess", "part"), [(-0.02, 4), (0.02, 3)])
def test_posterior_annulus_separates_three_from_four(excess: float, part: int) -> None:
    parts = signal_parts((0.0, 0.0, 1.0, 0.0), excess)
    assert max(parts, key=lambda one: parts[one]) == part


def test_a_double_entry_is_ten_times_rarer_than_two_independent_parts() -> None:
    signal = signal_parts((0.0, 0.0, 0.9, 0.1), 10.0)
    joined = join(signal, loss_of_height(0.5, 0.0, 0.10), 0.10)
    assert joined.probabilities["3/7"] == pytest.approx(0.1 * 0.9 / (0.1 * 0.9 + 0.1))


@pytest.mark.parametrize(("one", "grade"), [(0.42, "3"), (0.44, "2"), (0.56, "2"), (0.58, "1")])
def test_the_grade_between_two_nearly_equal_ones_is_suggested(one: float, grade: str) -> None:
    """A grade off by one costs 1 + 0.2, by two 1 + 1 + 0.2 · 4: even at 1.2 / 2.8 = 0.429."""
    signal = {1: one, 2: 0.0, 3: 1 - one, 4: 0.0, 5: 0.0}
    assert join(signal, loss_of_height(1.0, 0.0, 0.10), 0.10).grade == Grade.parse(grade)


def test_double_grades_do_not_count_as_dark_ones() -> None:
    """Cost of 2: 1.2 · 0 + 2.8 · 0.11 + 3.8 · 0.09; of 5 or 6: 2.8 · 0.44 + 1.2 · 0.09."""
    signal = {1: 0.0, 2: 0.8, 3: 0.0, 4: 0.0, 5: 0.2}
    loss = Loss(0.05, (0.55, 0.0, 0.45, 0.0))
    assert join(signal, loss, 0.10, double_weight=1.0).grade == Grade(2)


@pytest.mark.parametrize(
    ("signal", "collapsed", "grade"),
    [
        ({3: 0.6, 5: 0.4}, 0.70, "3/7"),  # 0.42, against 0.18 bright and 0.40 dark
        ({3: 0.6, 5: 0.4}, 0.65, "7"),  # 0.39, against 0.21 and 0.40
        ({4: 0.6, 5: 0.4}, 0.45, "7"),  # 0.27, against 0.33 and 0.40
    ],
)
def test_a_double_grade_is_more_probable_than_bright_and_than_dark_discs(
    signal: dict[int, float], collapsed: float, grade: str
) -> None:
    chances = dict.fromkeys(range(1, 6), 0.0) | signal
    loss = Loss(0.5, (1 - collapsed, 0.0, collapsed, 0.0))
    assert join(chances, loss, 0.10, double_weight=1.0).grade == Grade.parse(grade)


def test_three_and_four_are_even_at_the_limit_and_unsure_by_five_hundredths_of_csf() -> None:
    parts = signal_parts((0.0, 0.0, 1.0, 0.0), 0.05)
    assert parts[3] == pytest.approx(1 / (1 + math.exp(-1)))


def test_features_far_out_and_classes_below_zero_are_held() -> None:
    """At 3.5 standard deviations, and at one in a hundred before all are brought to one."""
    assert standardised(np.array([9.0, -9.0]), np.zeros(2), np.ones(2)).tolist() == [3.5, -3.5]
    weights = np.zeros((WAVES, 4))
    weights[0, 3] = -9.0
    one = Classifier(np.zeros(1), np.ones(1), np.array([0.5, 0.3, 0.2, 0.0]), weights)
    assert one.probabilities(np.zeros(1))[3] == pytest.approx(0.01 / 1.01)


def test_a_black_disc_has_a_thousandth_of_a_comparator() -> None:
    found = features(LEVEL, disc(0.0), 0.0, Comparators.BOTH)
    assert found["inner_to_csf"] == pytest.approx(math.log(0.001))
    assert found["brightest_to_marrow"] == pytest.approx(math.log(0.001))


def test_the_two_brightest_discs_stand_for_the_brightest() -> None:
    assert brightest_discs([disc(0.2), disc(0.8), disc(0.6)]) == pytest.approx(700.0)


@pytest.mark.parametrize("sd", [0.0, 0.05, 0.15])
def test_uncertain_reference_shrinks_the_loss(sd: float) -> None:
    loss = loss_of_height(0.5, sd, 0.10)
    assert loss.share == pytest.approx(1 - 0.5 ** (0.09 / (0.09 + sd**2)))
    assert sum(loss.probabilities) == pytest.approx(1.0)
    assert loss.probabilities[2] == max(loss.probabilities)


def test_chances_of_collapse_are_those_of_bayes() -> None:
    """Discs spread by 0.3 in the logarithm of height, the expected height by 0.15."""
    height = np.linspace(-3.0, 2.0, 50_001)
    density = np.exp(-((height / 0.3) ** 2) / 2 - ((np.log(0.6) - height) / 0.15) ** 2 / 2)
    limits = np.log([0.9, 0.7, 0.4])
    beyond = [density[height < limit].sum() / density.sum() for limit in limits]
    expected = -np.diff([1.0, *beyond, 0.0])
    assert loss_of_height(0.6, 0.15, 0.10).probabilities == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(
    ("signal", "height", "reference"),
    [
        (dataclasses.replace(disc(0.5), csf=None, csf_source="", marrow=None), 10.0, EXACT),
        (disc(0.5), None, EXACT),
        (disc(0.5), 10.0, None),
    ],
)
def test_no_suggestion_without_evidence(
    signal: DiscSignal, height: float | None, reference: ReferenceHeight | None
) -> None:
    with pytest.raises(MeasurementError) as caught:
        suggest(LEVEL, signal, height, reference, SETTINGS)
    assert caught.value.code is Code.GRADE_NOT_SUGGESTED


def test_evidence_tells_all() -> None:
    found = suggest(LEVEL, disc(THRESHOLDS.like_csf * 1.02), 8.0, EXACT, SETTINGS)
    evidence = found.evidence
    assert evidence["reference_kind"] == "spine"
    assert evidence["height_loss"] == pytest.approx(0.2)
    assert "suggestion" in str(evidence["note"])
    assert evidence["comparators"] == "csf and presacral fat"
    assert found.measurements["suggested_grade"].value == str(found.grade)
    assert evidence["height_loss_estimate"] == pytest.approx(0.2)
    assert found.measurements["suggested_collapse"].value == 0  # bright: below 30 % does not count


def test_brighter_never_gets_a_worse_signal_grade() -> None:
    grades = [
        suggest(
            LEVEL, disc(x / 100, outer=0.1, step=(x - 10) / 125), 10, EXACT, SETTINGS
        ).grade.signal
        for x in range(10, 110)
    ]
    assert grades == sorted(grades, reverse=True)
    assert set(grades) == {1, 2, 3, 4, 5}


# ------------------------------------------------------------------ reference heights
HEALTHY = {
    level: 11.0 * LEVEL_FACTORS[level]
    for level in list(LEVEL_FACTORS)[3:7]
    if level is not DiscLevel.L5_L6
}
DEPTHS = dict.fromkeys(HEALTHY, 35.0)


def test_healthy_spine_is_its_own_reference() -> None:
    signals = dict.fromkeys(HEALTHY, disc(0.7, step=0.5))
    found = reference_heights(HEALTHY, signals, DEPTHS)
    for level, height in HEALTHY.items():
        assert found[level].value_mm == pytest.approx(height, rel=0.03)
        assert found[level].kind is ReferenceKind.SPINE
        assert found[level].discs == len(HEALTHY) - 1


def test_one_collapsed_disc_does_not_lower_its_reference() -> None:
    signals = dict.fromkeys(HEALTHY, disc(0.7, step=0.5)) | {LEVEL: disc(0.1, step=0.0)}
    heights = HEALTHY | {LEVEL: 0.5 * HEALTHY[LEVEL]}
    found = reference_heights(heights, signals, DEPTHS)[LEVEL]
    assert found.value_mm == pytest.approx(HEALTHY[LEVEL], rel=0.05)
    assert suggest(LEVEL, signals[LEVEL], heights[LEVEL], found, SETTINGS).grade == Grade.parse("7")


def test_a_disc_that_is_no_good_is_no_reference() -> None:
    """A bright disc, cut short by the picture, would lower the reference of all others."""
    bad = next(level for level in HEALTHY if level is not LEVEL)
    signals = dict.fromkeys(HEALTHY, disc(0.7, step=0.5))
    heights = HEALTHY | {bad: 0.2 * HEALTHY[bad]}
    usable = set(HEALTHY) - {bad}
    found = reference_heights(heights, signals, DEPTHS | {bad: 10.0}, usable=usable)
    assert found[LEVEL].discs == len(HEALTHY) - 2
    assert found[bad].discs == len(HEALTHY) - 1
    without = {level: value for level, value in HEALTHY.items() if level is not bad}
    depths = {level: value for level, value in DEPTHS.items() if level is not bad}
    assert found[LEVEL] == reference_heights(without, signals, depths)[LEVEL]


def test_all_degenerate_falls_back_to_depth() -> None:
    signals = dict.fromkeys(HEALTHY, disc(0.1, step=0.0))
    found = reference_heights(HEALTHY, signals, DEPTHS)[LEVEL]
    assert found.kind is ReferenceKind.DEPTH
    assert found.discs == 0
    assert found.sd_mm > 0.15 * found.value_mm


@pytest.mark.parametrize(
    ("level", "share"),
    [
        ("T10-T11", 0.44), ("T11-T12", 0.56), ("T12-L1", 0.68), ("L1-L2", 0.80), ("L2-L3", 0.93),
        ("L4-L5", 1.10), ("L5-L6", 1.07), ("L5-S1", 1.04), ("L6-S1", 1.04),
    ],
)  # fmt: skip
def test_the_usual_height_of_each_level(level: str, share: float) -> None:
    """Over that of L3-L4; from L1-L2 to L5-S1 of 14 adults (anatomyjournal.ir A-10-159-1)."""
    healthy = DiscLevel.L3_L4
    signals = {healthy: disc(0.7, step=0.5)}
    found = reference_heights({healthy: 11.0, DiscLevel(level): 5.0}, signals, {})
    assert found[DiscLevel(level)].value_mm == pytest.approx(11.0 * share)


def test_the_uncertainty_of_a_reference_height() -> None:
    """Discs and depth spread by 12 % each; a healthy disc counts as much as the depth."""
    by_depth = reference_heights({DiscLevel.L3_L4: 5.0}, {}, {DiscLevel.L3_L4: 35.0})
    assert by_depth[DiscLevel.L3_L4].value_mm == pytest.approx(10.5)
    assert by_depth[DiscLevel.L3_L4].sd_mm == pytest.approx(10.5 * 0.12 * 2**0.5)
    signals = dict.fromkeys(HEALTHY, disc(0.7, step=0.5))
    found = reference_heights(HEALTHY, signals, DEPTHS)[LEVEL]
    assert found.sd_mm / found.value_mm == pytest.approx(0.12 * (1 + 1 / len(HEALTHY)) ** 0.5)


@pytest.mark.parametrize(("up", "limit"), [(True, 1.3), (False, 1 / 1.3), (True, 3.0)])
def test_another_grade_is_looked_for_in_sixteenths_of_a_factor_of_1_15(
    up: bool, limit: float
) -> None:
    def asked(factor: float) -> Grade:
        return Grade(2) if (factor >= limit if up else factor <= limit) else Grade(3)

    factor, other = _first_change(asked, Grade(3), up)
    steps = math.ceil(abs(math.log(limit)) / math.log(1.15) * 16)
    assert other == Grade(2)
    assert factor == pytest.approx(1.15 ** ((steps if up else -steps) / 16))


def test_another_grade_is_looked_for_up_to_three_times_the_value() -> None:
    assert _first_change(lambda factor: Grade(2 + (factor < 3.1)), Grade(3), True) is None


def test_nothing_known_gives_no_reference() -> None:
    assert reference_heights({LEVEL: 9.0}, {}, {}) == {}


def test_every_grade_has_its_words() -> None:
    for grade in ModifiedPfirrmannGrade:
        assert grade.nucleus
        assert grade.height
    assert [g.posterior_annulus for g in ModifiedPfirrmannGrade].count("distinct") == 3
