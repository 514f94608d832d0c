import dataclasses
from collections.abc import Mapping
from types import SimpleNamespace

import numpy as np
import pytest
from tests.scene import LEVELS, T2_GRID, Spine, Tissue, labels_of, outline_of, t2_image

from discmri.core.findings import Code, Finding, Severity
from discmri.core.labels import SpineLabels
from discmri.core.levels import DiscLevel
from discmri.core.quality import DiscQuality, Quality
from discmri.core.volume import Grid, SoftMask, Volume
from discmri.measurement.qc import MeasuredSpine, check, reference_levels, size_fits, t1_agrees
from discmri.results.outline import DiscOutline, DiscSection
from discmri.results.records import Measurement

SPINE = Spine()
LABELS = labels_of(SPINE)
IMAGE = t2_image(SPINE)
OUTLINES = {level: outline_of(SPINE, level) for level in LEVELS}
GOOD = {
    "height_mm": 10.0,
    "height_anterior_mm": 10.0,
    "height_middle_mm": 11.0,
    "height_posterior_mm": 8.0,
    "width_ap_mm": 34.0,
}


def values(**changed: float) -> dict[str, Measurement]:
    return {name: Measurement(name, value) for name, value in (GOOD | changed).items()}


def spine_of(
    labels: SpineLabels = LABELS,
    outlines: Mapping[DiscLevel, DiscOutline] = OUTLINES,
    image: Volume | None = None,
    measured: Mapping[DiscLevel, Mapping[str, Measurement]] | None = None,
    **more: Volume,
) -> MeasuredSpine:
    rng = np.random.default_rng(1)
    noise = Volume(rng.uniform(100, 200, labels.grid.shape), labels.grid.affine)
    here = noise if image is None else image
    return MeasuredSpine(here, labels, outlines, measured or {}, {}, **more)


def checked(
    labels: SpineLabels = LABELS,
    outlines: Mapping[DiscLevel, DiscOutline] = OUTLINES,
    measured: Mapping[DiscLevel, Mapping[str, Measurement]] | None = None,
) -> list[Finding]:
    return check(spine_of(labels, outlines, None, measured), tuple(labels.discs))


def codes(spine: MeasuredSpine) -> list[tuple[Code, DiscLevel | None]]:
    return [(one.code, one.level) for one in check(spine, tuple(spine.labels.discs))]


def test_good_study_has_no_finding() -> None:
    assert checked(measured={level: values() for level in LEVELS}) == []


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
    found = checked(measured={DiscLevel.L4_L5: values(**changed)})
    assert [(f.code, f.level) for f in found] == ([(code, DiscLevel.L4_L5)] if code else [])


def test_value_is_named_in_the_text_and_alone_is_touched() -> None:
    found = checked(measured={DiscLevel.L4_L5: values(height_posterior_mm=1.25)})
    assert "height_posterior_mm 1.2 mm" in found[0].text
    assert found[0].severity is Severity.WARNING
    assert found[0].touches("height_posterior_mm")
    assert not found[0].touches("height_mm", "signal_ratio_csf")


def test_missing_values_are_not_checked() -> None:
    assert checked(measured={DiscLevel.L4_L5: {}}) == []


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
    ("start", "shape", "side", "severity"),
    [
        ((0, 85, 0), (11, 135, 340), "the posterior edge", Severity.ERROR),  # begins at y = -15 mm
        ((0, 0, 0), (11, 130, 340), "the anterior edge", Severity.ERROR),  # ends at y = 12 mm
        (
            (2, 0, 0),
            (9, 220, 340),
            "on the patient's left",
            Severity.WARNING,
        ),  # begins at x = -12 mm
    ],
)
def test_cut_by_the_field_of_view(
    start: tuple[int, int, int], shape: tuple[int, int, int], side: str, severity: Severity
) -> None:
    found = checked(labels=cropped(start, shape, canal=False), outlines={})
    assert {f.code for f in found} == {Code.CUT_BY_FIELD_OF_VIEW}
    assert {f.level for f in found} == set(LEVELS)
    assert {f.severity for f in found} == {severity}
    assert any(side in f.text for f in found)
    assert all(f.touches("height_mm") is (severity is Severity.ERROR) for f in found)


@pytest.mark.parametrize(
    ("gap_mm", "hard", "cut"),
    [(2.4, False, True), (3.6, False, False), (0.6, True, False), (0.0, True, True)],
)
def test_padding_is_an_edge_of_the_picture(gap_mm: float, hard: bool, cut: bool) -> None:
    """Zeros above the picture, which ends this far above the highest disc."""
    labels = labels_of(SPINE)
    top = LEVELS[0]
    mask = labels.discs[top]
    if hard:
        mask = SoftMask((mask.array >= 0.5).astype(float), mask.affine)
        labels = dataclasses.replace(labels, discs={**labels.discs, top: mask})
    filled = np.argwhere(mask.array >= 0.5)
    last = round(T2_GRID.to_index(mask.grid.to_world(filled))[:, 2].max() + gap_mm / 0.6)
    padded = np.where(np.arange(T2_GRID.shape[2]) <= last, IMAGE.array, 0.0)
    found = check(spine_of(labels, {}, Volume(padded, T2_GRID.affine)), tuple(labels.discs))
    expected = [(Code.CUT_BY_FIELD_OF_VIEW, top, "upper")] if cut else []
    assert [(f.code, f.level, "upper" if "upper" in f.text else "") for f in found] == expected


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
    sure = dict.fromkeys(masks, 0.95)
    return dataclasses.replace(
        LABELS, grid=grid, discs=masks, vertebrae={}, canal=None, confidence=sure
    )


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


# ------------------------------------------------------------------ planted faults
@pytest.mark.parametrize(("off_mm", "fires"), [(2.1, True), (1.9, False)])
def test_a_corner_off_the_border(off_mm: float, fires: bool) -> None:
    level = DiscLevel.L3_L4
    outline = OUTLINES[level]
    moved = outline.corners.upper_anterior + np.array([off_mm, 0.0])
    corners = dataclasses.replace(outline.corners, upper_anterior=moved)
    spine = spine_of(outlines=OUTLINES | {level: dataclasses.replace(outline, corners=corners)})
    assert codes(spine) == [(Code.CORNERS_OFF_BORDER, level)] * fires


def stepped(rise_mm: float, height_mm: float = 11.0) -> DiscSection:
    """A box whose upper border falls by this much a third of the way from behind."""
    x = np.linspace(-17.0, 17.0, 69)
    upper = np.where(x < -6.0, height_mm / 2 - rise_mm, height_mm / 2)
    lower = np.full_like(x, -height_mm / 2)
    contour = np.concatenate([np.column_stack([x, lower]), np.column_stack([x, upper])[::-1]])
    return DiscSection(0.0, x, upper, lower, contour)


@pytest.mark.parametrize(
    ("rise_mm", "height_mm", "fires"),
    [(2.9, 11.0, False), (3.1, 11.0, True), (2.2, 4.0, False), (2.6, 4.0, True)],
)
def test_a_wiped_part_leaves_a_step(rise_mm: float, height_mm: float, fires: bool) -> None:
    level = DiscLevel.L3_L4
    outline = dataclasses.replace(OUTLINES[level], mid=stepped(rise_mm, height_mm))
    found = codes(spine_of(outlines=OUTLINES | {level: outline}))
    assert ((Code.BORDER_STEP, level) in found) is fires


@pytest.mark.parametrize(("run_mm", "fires"), [(1.4, True), (1.9, False)])
def test_a_slope_is_a_step_where_it_rises_within_a_millimetre_and_a_half(
    run_mm: float, fires: bool
) -> None:
    x = np.linspace(-17.0, 17.0, 681)
    upper = 5.5 - 3.6 * np.clip((x + 6.0) / run_mm, 0.0, 1.0)
    lower = np.full_like(x, -5.5)
    contour = np.concatenate([np.column_stack([x, lower]), np.column_stack([x, upper])[::-1]])
    level = DiscLevel.L3_L4
    outline = dataclasses.replace(OUTLINES[level], mid=DiscSection(0.0, x, upper, lower, contour))
    found = codes(spine_of(outlines=OUTLINES | {level: outline}))
    assert ((Code.BORDER_STEP, level) in found) is fires


@pytest.mark.parametrize(
    ("width_mm", "verdict"),
    [(26.0, Quality.GOOD), (25.0, Quality.CHECK), (20.6, Quality.CHECK), (20.0, Quality.REJECT)],
)
def test_a_piece_of_a_disc_does_not_fit_its_spine(width_mm: float, verdict: Quality) -> None:
    measured = {level: values() for level in LEVELS}
    measured[DiscLevel.L4_L5] = values(width_ap_mm=width_mm)
    found = [one for one in checked(measured=measured) if one.code is not Code.WIDTH_IMPLAUSIBLE]
    assert {one.level for one in found} <= {DiscLevel.L4_L5}
    assert DiscQuality.of(found).verdict is verdict


@pytest.mark.parametrize(("height_mm", "fires"), [(16.4, False), (16.7, True)])
def test_a_disc_far_taller_than_all_others(height_mm: float, fires: bool) -> None:
    """L4-L5 is usually 1.10 times as high as L3-L4, L2-L3 0.93 times."""
    measured = {level: values(height_mm=9.3) for level in LEVELS}
    measured[DiscLevel.L4_L5] = values(height_mm=height_mm)
    found = [one.code for one in checked(measured=measured)]
    assert found == [Code.SIZE_UNLIKE_SPINE] * fires


@pytest.mark.parametrize(("left_mm", "fires"), [(7.0, False), (9.0, True)])
def test_a_plane_beside_the_sac_is_off_the_midline(left_mm: float, fires: bool) -> None:
    """The sac of the scene reaches 8 mm to either side."""
    level = DiscLevel.L3_L4
    outline = OUTLINES[level]
    mid = dataclasses.replace(outline.mid, left_mm=left_mm)
    spine = spine_of(outlines=OUTLINES | {level: dataclasses.replace(outline, mid=mid)})
    assert codes(spine) == [(Code.OFF_MIDLINE, level)] * fires


@pytest.mark.parametrize(("depth_mm", "fires"), [(4.8, False), (3.0, True)])
def test_a_sac_too_shallow_for_the_midline(depth_mm: float, fires: bool) -> None:
    """All but the front of the sac is taken away from L3-L4 to the body above."""
    level = DiscLevel.L3_L4
    canal = LABELS.canal.on(T2_GRID)
    y, z = (T2_GRID.affine[n, 3] + 0.6 * np.arange(T2_GRID.shape[n]) for n in (1, 2))
    near = np.abs(z - SPINE.centre_mm(level)[2]) < 17
    for k in np.flatnonzero(near):
        front = y[np.flatnonzero(canal[5, :, k] > 0.5).max()]
        canal[:, y <= front - depth_mm, k] = 0.0
    shallow = dataclasses.replace(LABELS, canal=SoftMask(canal, T2_GRID.affine))
    assert codes(spine_of(shallow)) == [(Code.OFF_MIDLINE, level)] * fires


@pytest.mark.parametrize(("share", "fires"), [(0.36, False), (0.30, True)])
def test_a_picture_that_is_black_at_one_disc(share: float, fires: bool) -> None:
    z = T2_GRID.affine[2, 3] + 0.6 * np.arange(T2_GRID.shape[2])
    top = SPINE.centre_mm(LEVELS[0])[2]
    dark = np.where(np.abs(z - top) < 21, share, 1.0)
    image = Volume(IMAGE.array * dark, T2_GRID.affine)
    assert codes(spine_of(image=image)) == [(Code.OFF_MIDLINE, LEVELS[0])] * fires


@pytest.mark.parametrize(
    ("share", "fires"), [(0.65, False), (0.55, True), (1.45, False), (1.55, True)]
)
def test_csf_unlike_that_beside_the_others(share: float, fires: bool) -> None:
    level = DiscLevel.L3_L4
    z = T2_GRID.affine[2, 3] + 0.6 * np.arange(T2_GRID.shape[2])
    at = np.abs(z - SPINE.centre_mm(level)[2]) < 14
    canal = LABELS.canal.on(T2_GRID) > 0.3
    picture = np.where(canal & at, IMAGE.array * share, IMAGE.array)
    spine = spine_of(image=IMAGE, corrected=Volume(picture, T2_GRID.affine))
    found = check(spine, LEVELS)
    assert [(one.code, one.level) for one in found] == [
        (Code.CANAL_UNLIKE_NEIGHBOURS, level)
    ] * fires
    assert all(one.touches("signal_ratio_csf", "height_mm") for one in found)
    assert not any(one.touches("height_mm") for one in found)


@pytest.mark.parametrize(("more_mm", "fires"), [(0.0, False), (2.0, False), (4.0, True)])
def test_a_disc_that_is_higher_on_t1(more_mm: float, fires: bool) -> None:
    level = DiscLevel.L3_L4
    other = Spine(heights_mm={**SPINE.heights_mm, level: 11.0 + more_mm})
    spine = spine_of(image=IMAGE, t1=t1_image(other))
    assert codes(spine) == [(Code.T1_T2_HEIGHTS_DIFFER, level)] * fires


def t1_image(spine: Spine) -> Volume:
    """Bright marrow, grey discs, dark fluid."""
    disc = Tissue(150, 0, 0)
    tissues = {"marrow": Tissue(500, 0, 0), "nucleus": disc, "annulus": disc}
    return t2_image(dataclasses.replace(spine, **tissues, csf=Tissue(60, 0, 0)))


def numbers(**columns: dict[DiscLevel, float]) -> SimpleNamespace:
    """A spine of which only these values are known."""
    levels = sorted({one for column in columns.values() for one in column}, key=ORDER.index)
    return SimpleNamespace(
        column=lambda name: columns.get(name, {}), labels=SimpleNamespace(discs=levels)
    )


ORDER = list(DiscLevel)
FIVE = tuple(one for one in ORDER if one.value in ("L1-L2", "L2-L3", "L3-L4", "L4-L5", "L5-S1"))


@pytest.mark.parametrize(
    ("widths", "fires"),
    [
        ((40.0, 24.0, 28.0, 28.0, 40.0), False),  # 0.86 of 28 mm: one above, two below
        ((40.0, 40.0, 28.0, 24.0, 28.0), False),  # two above, one below
        ((28.0, 24.0, 40.0, 40.0, 28.0), True),  # 0.60 of 40 mm; the fifth does not count
    ],
)
def test_a_width_is_compared_with_two_discs_on_each_side(widths, fires) -> None:
    spine = numbers(width_ap_mm=dict(zip(FIVE, widths, strict=True)))
    narrow = FIVE[widths.index(24.0)]
    assert bool(list(size_fits(spine, narrow))) is fires


@pytest.mark.parametrize(("others", "fires"), [(2, True), (1, False)])
def test_the_tallest_of_two_discs_is_not_doubted(others, fires) -> None:
    spine = numbers(height_mm=dict.fromkeys(FIVE[:others], 8.0) | {FIVE[4]: 30.0})
    assert bool(list(size_fits(spine, FIVE[4]))) is fires


@pytest.mark.parametrize(
    ("gap", "others", "fires"),
    [
        (6.0, (3.0, 3.2), True),
        (0.2, (3.0, 3.2), True),
        (4.0, (3.0, 3.2), False),
        (9.0, (3.0,), False),
    ],
)
def test_t1_differs_either_way_from_two_other_discs(gap, others, fires) -> None:
    gaps = dict(zip(FIVE, (gap, *others), strict=False))
    assert bool(list(t1_agrees(SimpleNamespace(t1_gaps_mm=gaps), FIVE[0]))) is fires


def test_a_sac_that_is_narrow_only_beside_the_disc_is_a_stenosis() -> None:
    """A third of the rows that are looked at; the sac behind the body above is as deep as ever."""
    level = DiscLevel.L3_L4
    canal = LABELS.canal.on(T2_GRID)
    z = T2_GRID.affine[2, 3] + 0.6 * np.arange(T2_GRID.shape[2])
    canal[:, :, np.abs(z - SPINE.centre_mm(level)[2]) < 6] = 0.0
    narrow = dataclasses.replace(LABELS, canal=SoftMask(canal, T2_GRID.affine))
    assert codes(spine_of(narrow)) == []


def test_only_good_discs_serve_as_reference_where_there_are_any() -> None:
    quality = {
        DiscLevel.L3_L4: DiscQuality(Quality.GOOD),
        DiscLevel.L4_L5: DiscQuality(Quality.CHECK, ("border_step",)),
        DiscLevel.L5_S1: DiscQuality(Quality.REJECT, ("cut_by_field_of_view",)),
    }
    assert reference_levels(quality) == {DiscLevel.L3_L4}
    del quality[DiscLevel.L3_L4]
    assert reference_levels(quality) == {DiscLevel.L4_L5}
    del quality[DiscLevel.L4_L5]
    assert reference_levels(quality) == set()
