import dataclasses
from collections.abc import Mapping

import numpy as np
import pytest
from tests.scene import LEVELS, T2_GRID, Spine, labels_of, outline_of

from discmri.core.findings import Code, Finding, Severity
from discmri.core.labels import SpineLabels
from discmri.core.levels import DiscLevel
from discmri.core.settings import Settings
from discmri.core.volume import Grid, SoftMask
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
        ({"height_middle_mm": 22.0}, None),
        ({"width_ap_mm": 22.0}, None),
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


def test_three_slices_are_enough() -> None:
    outline = OUTLINES[DiscLevel.L3_L4]
    some = OUTLINES | {DiscLevel.L3_L4: dataclasses.replace(outline, sections=outline.sections[:3])}
    assert checked(outlines=some) == []


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


@pytest.mark.parametrize(("confidence", "low"), [(0.49, True), (0.5, False), (0.51, False)])
def test_low_confidence(confidence: float, low: bool) -> None:
    doubtful = dataclasses.replace(
        LABELS, confidence=dict(LABELS.confidence) | {DiscLevel.L5_S1: confidence}
    )
    expected = [(Code.LOW_CONFIDENCE, DiscLevel.L5_S1)] if low else []
    assert [(f.code, f.level) for f in checked(labels=doubtful)] == expected


def test_skipped_disc_by_distance_and_by_name() -> None:
    without = {k: v for k, v in LABELS.discs.items() if k is not DiscLevel.L3_L4}
    by_name = dataclasses.replace(LABELS, discs=without)
    renamed = dict(
        zip([DiscLevel.L3_L4, DiscLevel.L4_L5, DiscLevel.L5_S1], without.values(), strict=True)
    )
    by_distance = dataclasses.replace(LABELS, discs=renamed)
    assert [f.code for f in checked(labels=by_name, outlines={})] == [Code.DISC_SKIPPED]
    assert [f.code for f in checked(labels=by_distance, outlines={})] == [Code.DISC_SKIPPED]


def chain(*steps_mm: float) -> SpineLabels:
    """Small discs one below the other at these distances, with neighbouring names."""
    names = [DiscLevel.T12_L1, DiscLevel.L1_L2, DiscLevel.L2_L3, DiscLevel.L3_L4, DiscLevel.L4_L5]
    places = np.cumsum([30.0, *steps_mm])
    grid = Grid((5, 9, int(places[-1]) + 30), np.diag([4.0, 1.0, -1.0, 1.0]))
    masks = {}
    for name, at in zip(names, places, strict=False):
        array = np.zeros(grid.shape)
        array[1:4, 3:6, round(at) - 1 : round(at) + 2] = 1.0
        masks[name] = SoftMask(array, grid.affine)
    return dataclasses.replace(LABELS, grid=grid, discs=masks, vertebrae={}, canal=None)


@pytest.mark.parametrize(
    ("steps_mm", "skipped"),
    [
        ((30, 30, 47), False),  # 1.6 times the usual distance
        ((30, 30, 49), True),
        ((39, 39, 59), False),
        ((39, 39, 61), True),  # no vertebra is that high
        ((59,), False),  # of two discs
        ((61,), True),
    ],
)
def test_a_gap_as_high_as_two_vertebrae(steps_mm: tuple[float, ...], skipped: bool) -> None:
    found = checked(labels=chain(*steps_mm), outlines={})
    assert [f.code for f in found] == [Code.DISC_SKIPPED] * skipped
