import dataclasses

import pytest

from discmri.core.findings import Code, MeasurementError
from discmri.core.grade import Grade, ModifiedPfirrmannGrade, ReferenceKind
from discmri.core.levels import DiscLevel
from discmri.core.settings import Settings
from discmri.measurement.grading import (
    LEVEL_FACTORS,
    THRESHOLDS,
    ReferenceHeight,
    collapse_grade,
    reference_heights,
    suggest,
)
from discmri.measurement.signal import DiscSignal

LEVEL = DiscLevel.L4_L5
SETTINGS = Settings()
BASELINE = ReferenceHeight(10.0, 0.0, ReferenceKind.BASELINE)


def disc(
    inner: float, outer: float = 0.10, step: float = 0.3, fat: float | None = 0.6
) -> DiscSignal:
    """Signals as shares of CSF."""
    csf = 1000.0
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
    assert suggest(LEVEL, signal, height, BASELINE, SETTINGS).grade == Grade.parse(grade)


@pytest.mark.parametrize(
    ("loss", "grade"),
    [(0.0, 0), (0.0999, 0), (0.10, 6), (0.2999, 6), (0.30, 7), (0.60, 7), (0.6001, 8), (-0.5, 0)],
)
def test_borders_of_collapse(loss: float, grade: int) -> None:
    assert collapse_grade(loss, 0.10) == grade


@pytest.mark.parametrize(("height", "collapse"), [(7.0, 7), (4.0, 7), (9.0, 6), (9.01, 0)])
def test_exact_borders_survive_rounding(height: float, collapse: int) -> None:
    """1 - 7/10 is a hair above or below 0.3 in binary; it still counts as 30 %."""
    assert suggest(LEVEL, disc(0.1), height, BASELINE, SETTINGS).grade.collapse == collapse


def test_normal_band_is_a_setting() -> None:
    strict = dataclasses.replace(SETTINGS, normal_height_loss=0.05)
    assert suggest(LEVEL, disc(0.1), 9.3, BASELINE, SETTINGS).grade == Grade.parse("5")
    assert suggest(LEVEL, disc(0.1), 9.3, BASELINE, strict).grade == Grade.parse("6")


def test_bright_disc_is_not_called_collapsed_for_an_uncertain_reference() -> None:
    unsure = ReferenceHeight(10.0, 1.5, ReferenceKind.SPINE, 3)
    assert suggest(LEVEL, disc(0.7, step=0.5), 8.0, unsure, SETTINGS).grade == Grade.parse("2")
    assert suggest(LEVEL, disc(0.7, step=0.5), 6.0, unsure, SETTINGS).grade == Grade.parse("2/7")
    assert suggest(LEVEL, disc(0.1, step=0.0), 8.0, unsure, SETTINGS).grade == Grade.parse("6")


def test_fat_divides_two_from_three() -> None:
    assert suggest(LEVEL, disc(0.55, fat=0.5), 10, BASELINE, SETTINGS).grade.signal == 2
    assert suggest(LEVEL, disc(0.55, fat=0.6), 10, BASELINE, SETTINGS).grade.signal == 3


@pytest.mark.parametrize(
    ("inner", "step", "grade"),
    [(0.45, 0.35, 1), (0.30, 0.2, 2), (0.20, 0.2, 3), (0.20, 0.05, 4), (0.12, 0.05, 5)],
)
def test_csf_alone_divides_where_fat_does_not(inner: float, step: float, grade: int) -> None:
    found = suggest(LEVEL, disc(inner, 0.08, step, fat=None), 10, BASELINE, SETTINGS)
    assert found.grade.signal == grade


def test_absent_fat_is_told() -> None:
    found = suggest(LEVEL, disc(0.35, fat=None), 10, BASELINE, SETTINGS)
    assert found.grade.signal == 2
    assert found.evidence["fat_to_csf"] == "comparator absent"
    assert [finding.code for finding in found.findings] == [Code.FAT_NOT_FOUND]


@pytest.mark.parametrize(
    ("signal", "height", "reference"),
    [
        (dataclasses.replace(disc(0.5), csf=None, csf_source=""), 10.0, BASELINE),
        (disc(0.5), None, BASELINE),
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
    found = suggest(LEVEL, disc(THRESHOLDS.like_csf * 1.02), 8.0, BASELINE, SETTINGS)
    evidence = found.evidence
    assert evidence["reference_kind"] == "baseline"
    assert evidence["height_loss"] == pytest.approx(0.2)
    assert "suggestion" in str(evidence["note"])
    assert "equal to CSF" in evidence["borderline"]
    assert found.measurements["suggested_grade"].value == str(found.grade)
    assert found.measurements["suggested_collapse"].value == 6


def test_brighter_never_gets_a_worse_signal_grade() -> None:
    grades = [
        suggest(
            LEVEL, disc(x / 100, outer=0.1, step=(x - 10) / 125), 10, BASELINE, SETTINGS
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


def test_all_degenerate_falls_back_to_depth() -> None:
    signals = dict.fromkeys(HEALTHY, disc(0.1, step=0.0))
    found = reference_heights(HEALTHY, signals, DEPTHS)[LEVEL]
    assert found.kind is ReferenceKind.DEPTH
    assert found.discs == 0
    assert found.sd_mm > 0.15 * found.value_mm


def test_baseline_wins() -> None:
    signals = dict.fromkeys(HEALTHY, disc(0.7, step=0.5))
    found = reference_heights(HEALTHY, signals, DEPTHS, {LEVEL: 12.3})
    assert found[LEVEL] == ReferenceHeight(12.3, 0.0, ReferenceKind.BASELINE)
    assert found[DiscLevel.L3_L4].kind is ReferenceKind.SPINE


def test_nothing_known_gives_no_reference() -> None:
    assert reference_heights({LEVEL: 9.0}, {}, {}) == {}


def test_every_grade_has_its_words() -> None:
    for grade in ModifiedPfirrmannGrade:
        assert grade.nucleus
        assert grade.height
    assert [g.posterior_annulus for g in ModifiedPfirrmannGrade].count("distinct") == 3
