import dataclasses
from collections.abc import Mapping

import pytest
from tests.scene import LEVELS, T2_GRID, Spine, labels_of, outline_of

from discmri.core.findings import Code, Finding, Severity
from discmri.core.labels import SpineLabels
from discmri.core.levels import DiscLevel
from discmri.core.settings import Settings
from discmri.core.volume import Grid
from discmri.measurement.qc import check
from discmri.results.records import DiscRecord, Measurement

SPINE = Spine()
LABELS = labels_of(SPINE)
OUTLINES = {level: outline_of(SPINE, level) for level in LEVELS}
GOOD = {
    "height_anterior_mm": 10.0,
    "height_middle_mm": 11.0,
    "height_posterior_mm": 8.0,
    "width_ap_mm": 34.0,
}


def record(level: DiscLevel, **changed: float) -> DiscRecord:
    values = GOOD | changed
    return DiscRecord(level, {name: Measurement(name, value) for name, value in values.items()})


def checked(
    labels: SpineLabels = LABELS,
    outlines: Mapping[DiscLevel, object] = OUTLINES,
    records: tuple[DiscRecord, ...] = (),
) -> list[Finding]:
    return check(labels, outlines, records, Settings())


def test_good_study_has_no_finding() -> None:
    assert checked(records=tuple(record(level) for level in LEVELS)) == []


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"height_posterior_mm": 1.9}, Code.HEIGHT_IMPLAUSIBLE),
        ({"height_anterior_mm": 22.1}, Code.HEIGHT_IMPLAUSIBLE),
        ({"width_ap_mm": 21.9}, Code.WIDTH_IMPLAUSIBLE),
        ({"width_ap_mm": 48.1}, Code.WIDTH_IMPLAUSIBLE),
        ({"height_middle_mm": 2.0}, None),
        ({"width_ap_mm": 48.0}, None),
    ],
)
def test_implausible_sizes(changed: dict[str, float], code: Code | None) -> None:
    found = checked(records=(record(DiscLevel.L4_L5, **changed),))
    assert [(f.code, f.level) for f in found] == ([(code, DiscLevel.L4_L5)] if code else [])


def test_value_is_named_in_the_text() -> None:
    found = checked(records=(record(DiscLevel.L4_L5, height_posterior_mm=1.25),))
    assert "height_posterior_mm 1.2 mm" in found[0].text
    assert found[0].severity is Severity.WARNING


def test_missing_values_are_not_checked() -> None:
    assert checked(records=(DiscRecord(DiscLevel.L4_L5, {}),)) == []


def test_few_slices() -> None:
    outline = OUTLINES[DiscLevel.L3_L4]
    few = OUTLINES | {DiscLevel.L3_L4: dataclasses.replace(outline, sections=outline.sections[:2])}
    assert [(f.code, f.level) for f in checked(outlines=few)] == [
        (Code.FEW_SLICES, DiscLevel.L3_L4)
    ]


def cropped(
    start: tuple[int, int, int], shape: tuple[int, int, int], **options: bool
) -> SpineLabels:
    grid = T2_GRID.cropped(start, shape)
    return labels_of(SPINE, grid, **options)


@pytest.mark.parametrize(
    ("start", "shape", "side"),
    [
        ((0, 85, 0), (11, 135, 340), "posterior"),  # begins at y = -15 mm
        ((0, 0, 0), (11, 130, 340), "anterior"),  # ends at y = 12 mm
        ((0, 0, 0), (9, 220, 340), "left and right"),  # ends at x = 14, and see below
    ],
)
def test_cut_by_the_field_of_view(
    start: tuple[int, int, int], shape: tuple[int, int, int], side: str
) -> None:
    first = (2, *start[1:]) if "left" in side else start
    size = (shape[0] - 2, *shape[1:]) if "left" in side else shape
    found = checked(labels=cropped(first, size, canal=False), outlines={})
    assert {f.code for f in found} == {Code.CUT_BY_FIELD_OF_VIEW}
    assert {f.level for f in found} == set(LEVELS)
    assert all(side in f.text for f in found)


def test_sides_are_the_patients_however_the_array_runs() -> None:
    """The same cut on a grid whose second axis runs backward."""
    affine = T2_GRID.cropped((0, 85, 0), (11, 135, 340)).affine.copy()
    affine[1, 3] += 0.6 * 134
    affine[1, 1] *= -1
    grid = Grid((11, 135, 340), affine)
    found = checked(labels=labels_of(SPINE, grid, canal=False), outlines={})
    assert len(found) == len(LEVELS)
    assert all("posterior" in f.text for f in found)


def test_a_single_slice_is_not_called_cut() -> None:
    single = cropped((5, 0, 0), (1, 220, 340))
    assert checked(labels=single, outlines={}) == []


def test_low_confidence() -> None:
    doubtful = dataclasses.replace(
        LABELS, confidence=dict(LABELS.confidence) | {DiscLevel.L5_S1: 0.3}
    )
    assert [(f.code, f.level) for f in checked(labels=doubtful)] == [
        (Code.LOW_CONFIDENCE, DiscLevel.L5_S1)
    ]


def test_skipped_disc_by_distance_and_by_name() -> None:
    without = {k: v for k, v in LABELS.discs.items() if k is not DiscLevel.L3_L4}
    by_name = dataclasses.replace(LABELS, discs=without)
    renamed = dict(
        zip([DiscLevel.L3_L4, DiscLevel.L4_L5, DiscLevel.L5_S1], without.values(), strict=True)
    )
    by_distance = dataclasses.replace(LABELS, discs=renamed)
    assert [f.code for f in checked(labels=by_name, outlines={})] == [Code.DISC_SKIPPED]
    assert [f.code for f in checked(labels=by_distance, outlines={})] == [Code.DISC_SKIPPED]
