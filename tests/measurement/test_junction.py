from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from tests.measurement.junction_model import LUMBAR, RESIDUAL, Piece, junction_spine

from discmri.core.findings import Code, Severity
from discmri.core.labels import NumberingMethod
from discmri.core.levels import DiscLevel, Vertebra
from discmri.core.volume import Grid, SoftMask
from discmri.measurement import junction as junctions
from discmri.measurement.junction import Junction, Model, Term, find_junction
from discmri.measurement.junction_signs import junction_signs
from discmri.measurement.numbering import name_levels


def upward(found):
    return sorted(found.discs, key=lambda disc: disc.mask.centroid_mm[2])


def signs_of(*pieces, **kwargs):
    found = junction_spine(pieces, **kwargs)
    return junction_signs(found, upward(found))


def warnings_of(findings):
    return {f.code for f in findings if f.severity is not Severity.INFO}


def test_signs_are_those_that_were_drawn():
    low = Piece(18.0, 5.0, 30.0, 27.0, (20.0, 30.0), 0.25)
    signs = signs_of(low, replace(LUMBAR, tilt_deg=10.0), LUMBAR, LUMBAR)
    assert signs.depth_ratio == pytest.approx(18 / 36, abs=0.04)
    assert signs.height_ratio == pytest.approx(5 / 10, abs=0.08)
    assert signs.spacing_ratio == pytest.approx(27 / 36, abs=0.02)
    assert signs.tilt_deg == pytest.approx(30, abs=1.5)
    assert signs.bend_deg == pytest.approx(20, abs=2.0)
    assert signs.sacral_share == 0.25


def test_bone_that_tapers_shows_in_taper_and_depth():
    straight = signs_of(LUMBAR, LUMBAR, LUMBAR, LUMBAR)
    tapering = signs_of(replace(LUMBAR, bone_mm=(20.0, 36.0)), LUMBAR, LUMBAR, LUMBAR)
    assert straight.taper_ratio == pytest.approx(1.0, abs=0.03)
    assert straight.bone_ratio == pytest.approx(1.0, abs=0.03)
    # depths at 30 and 70 % of the way between 20 and 36 mm
    assert tapering.taper_ratio == pytest.approx(24.8 / 31.2, abs=0.05)
    assert tapering.bone_ratio == pytest.approx(28 / 36, abs=0.05)


@pytest.mark.parametrize("tilt_deg", [0.0, 25.0])
@pytest.mark.parametrize("turn_deg", [0.0, 20.0, 40.0])
def test_the_promontory_is_the_turn_of_the_bone_at_the_disc(turn_deg, tilt_deg):
    low = replace(LUMBAR, tilt_deg=tilt_deg)
    signs = signs_of(low, LUMBAR, LUMBAR, LUMBAR, sacrum_lean_deg=turn_deg)
    assert signs.promontory_deg == pytest.approx(turn_deg, abs=4.0)


def test_a_disc_that_reaches_less_far_to_the_sides_is_rather_residual():
    found = junction_spine([replace(LUMBAR, height_mm=5.0)] + [LUMBAR] * 3, slices=range(5))
    cut = found.discs[-1].mask.array.copy()
    cut[[0, 1, -1]] = 0
    narrow = replace(found.discs[-1], mask=SoftMask(cut, found.discs[-1].mask.affine))
    slim = replace(found, discs=(*found.discs[:-1], narrow))
    logits = [junctions.RESIDUAL.logit(junction_signs(f, upward(f))) for f in (found, slim)]
    # clipped to the range of the term: from 1.0 to 0.4
    assert logits[1] - logits[0] == pytest.approx(0.6 * 6.005, abs=0.05)


def test_extent_to_the_sides_needs_slices():
    narrow = junction_spine([LUMBAR] * 4, slices=range(5))
    lowest = narrow.discs[-1]
    cut = lowest.mask.array.copy()
    cut[[0, -1]] = 0
    narrow = replace(
        narrow, discs=(*narrow.discs[:-1], replace(lowest, mask=SoftMask(cut, lowest.mask.affine)))
    )
    assert junction_signs(narrow, upward(narrow)).width_ratio == pytest.approx(3 / 5)
    assert junction_signs(narrow, upward(narrow)).wing_ratio == 1
    body = narrow.bodies[-1]
    slim = body.array.copy()
    slim[[0, -1]] = 0
    bodies = (*narrow.bodies[:-2], SoftMask(slim, narrow.bodies[-2].affine), body)
    assert junction_signs(
        replace(narrow, bodies=bodies), upward(narrow)
    ).wing_ratio == pytest.approx(5 / 3)
    one = junction_spine([LUMBAR] * 4, slices=(2,))
    few = replace(one, grid=one.grid.cropped((1, 0, 0), (4, *one.grid.shape[1:])))
    assert math.isnan(junction_signs(few, upward(few)).width_ratio)


def test_three_discs_give_signs():
    assert signs_of(LUMBAR, LUMBAR, LUMBAR) is not None


def test_the_three_discs_above_are_the_reference():
    """Depths of 30, 36, 40 and 44 mm above one of 36 mm: the median of the first three is 36."""
    above = [replace(LUMBAR, depth_mm=depth) for depth in (30.0, 36.0, 40.0, 44.0)]
    assert signs_of(LUMBAR, *above).depth_ratio == pytest.approx(1.0, abs=0.02)


def test_bone_below_is_measured_12_mm_below_the_disc():
    """The sacrum narrows from 34 to 20 mm over 40 mm: 29.8 mm, drawn as 29 pixels; above are 37."""
    signs = signs_of(*[LUMBAR] * 4, sacrum_lean_deg=0.0)
    assert signs.below_ratio == pytest.approx(29 / 37, abs=0.03)


def narrowed(found, share, slices):
    """A spine whose lowest disc keeps a share of its depth on some slices."""
    array = found.discs[-1].mask.array.copy()
    ends = np.flatnonzero(array.any(axis=(0, 2)))[[0, -1]]
    array[slices, int(ends[0] + share * (ends[1] - ends[0] + 1)) :] = 0
    lowest = replace(found.discs[-1], mask=SoftMask(array, found.discs[-1].mask.affine))
    return replace(found, discs=(*found.discs[:-1], lowest))


@pytest.mark.parametrize(("share", "ratio"), [(0.4, 1.0), (0.6, 0.6)])
def test_a_slice_that_shows_half_of_the_lowest_disc_counts(share, ratio):
    found = narrowed(junction_spine([LUMBAR] * 4), share, [1, 3])
    signs = junction_signs(found, upward(found))
    assert signs.depth_ratio == pytest.approx(ratio, abs=0.03)


@pytest.mark.parametrize(("share", "ratio"), [(0.2, 3 / 5), (0.35, 1.0)])
def test_a_quarter_of_the_section_counts_for_the_width(share, ratio):
    found = narrowed(junction_spine([LUMBAR] * 4, slices=range(5)), share, [0, 4])
    assert junction_signs(found, upward(found)).width_ratio == pytest.approx(ratio)


@pytest.mark.parametrize(("pixels", "shown"), [(11, False), (12, True)])
def test_a_disc_of_twelve_pixels_is_seen(pixels, shown):
    found = junction_spine([LUMBAR] * 4, slices=(2,))
    mask = found.discs[-1].mask
    few = np.zeros_like(mask.array)
    few[tuple(np.argwhere(mask.array > 0.5)[:pixels].T)] = 1
    lowest = replace(found.discs[-1], mask=SoftMask(few, mask.affine))
    tiny = replace(found, discs=(*found.discs[:-1], lowest))
    assert (junction_signs(tiny, upward(tiny)) is not None) is shown


def test_two_discs_give_no_signs():
    assert signs_of(LUMBAR, LUMBAR) is None


def test_the_slices_at_the_edge_of_a_disc_do_not_count():
    found = junction_spine([RESIDUAL, LUMBAR, LUMBAR, LUMBAR], slices=(0, 1, 2, 3, 4))
    masks = [disc.mask for disc in found.discs]
    cut = masks[-1].array.copy()
    cut[0, :, : cut.shape[2] // 2] = 0  # less than half of the section is left on this slice
    cut[0, : cut.shape[1] * 2 // 3] = 0
    lowest = replace(found.discs[-1], mask=type(masks[-1])(cut, masks[-1].affine))
    whole = junction_signs(found, upward(found))
    edged = junction_signs(found, upward(replace(found, discs=(*found.discs[:-1], lowest))))
    assert edged == replace(whole, width_ratio=edged.width_ratio)


@pytest.mark.parametrize("slices", [(2,), (1, 2, 3), (0, 1, 2, 3, 4)])
def test_a_residual_disc_is_named_and_everything_above_keeps_its_name(slices):
    found = junction_spine([RESIDUAL, *[LUMBAR] * 5], slices=slices)
    labels, findings = name_levels(found)
    assert [level.value for level in labels.discs][-2:] == ["L4-L5", "L5-S1"]
    assert list(labels.residual_discs) == [DiscLevel.S1_S2]
    assert labels.numbering is NumberingMethod.SACRUM
    assert labels.numbering_probability > 0.95
    assert warnings_of(findings) == set()
    assert Code.RESIDUAL_S1_S2 in {finding.code for finding in findings}
    assert labels.numbering_signs["depth_ratio"] < 0.6
    sacrum = labels.vertebrae[Vertebra.SACRUM]  # with S1 and the residual disc, and nothing above
    top = sacrum.grid.to_world(np.argwhere(sacrum.array > 0.5))[:, 2].max()
    residual = labels.residual_discs[DiscLevel.S1_S2].centroid_mm[2]
    assert residual < top < labels.discs[DiscLevel.L5_S1].centroid_mm[2]


def test_a_second_residual_disc_gets_no_name():
    deeper = replace(RESIDUAL, depth_mm=12.0, spacing_mm=24.0, bone_mm=(20.0, 26.0))
    labels, _ = name_levels(junction_spine([deeper, RESIDUAL, *[LUMBAR] * 4]))
    assert [level.value for level in labels.discs][-1] == "L5-S1"
    assert list(labels.residual_discs) == [DiscLevel.S1_S2]
    assert labels.residual_discs[DiscLevel.S1_S2].centroid_mm[2] == pytest.approx(69, abs=1)


def test_a_shallow_disc_under_a_squared_body_is_no_residual_disc():
    shallow = replace(LUMBAR, depth_mm=25.0)
    labels, findings = name_levels(junction_spine([shallow, *[LUMBAR] * 4]))
    assert list(labels.discs)[-1] is DiscLevel.L5_S1
    assert not labels.residual_discs
    assert warnings_of(findings) == set()


def _with_odds(probability, monkeypatch, *lower):
    """A spine of which this disc is residual with this probability, by the intercept."""
    piece = Piece(26.0, 6.0, spacing_mm=33.0, bone_mm=(32.0, 36.0), lean_deg=30.0)
    found = junction_spine([*lower, piece, *[LUMBAR] * 4])
    model = junctions.RESIDUAL
    told = model.logit(junction_signs(found, upward(found)[len(lower) :]))
    intercept = model.intercept + math.log(probability / (1 - probability)) - told
    monkeypatch.setattr(junctions, "RESIDUAL", Model(intercept, model.terms))
    return found


@pytest.mark.parametrize(
    ("odds", "lowest", "stated", "marked"),
    [
        (0.905, DiscLevel.S1_S2, 0.905, False),
        (0.895, DiscLevel.S1_S2, 0.895, True),
        (0.51, DiscLevel.S1_S2, 0.51, True),
        (0.49, DiscLevel.L5_S1, 0.51, True),
        (0.105, DiscLevel.L5_S1, 0.895, True),
        (0.095, DiscLevel.L5_S1, 0.905, False),
    ],
)
def test_the_likelier_name_is_given_and_marked_below_the_limit(
    odds, lowest, stated, marked, monkeypatch
):
    labels, findings = name_levels(_with_odds(odds, monkeypatch))
    assert (DiscLevel.S1_S2 in labels.residual_discs) == (lowest is DiscLevel.S1_S2)
    assert labels.numbering_probability == pytest.approx(stated, abs=2e-3)
    assert (Code.NUMBERING_UNCERTAIN in warnings_of(findings)) is marked


@pytest.mark.parametrize(
    ("depth", "taper", "level", "expected"),
    [
        (0.81, 0.96, DiscLevel.S1_S2, True),
        (0.79, 0.96, DiscLevel.S1_S2, False),
        (0.81, 0.94, DiscLevel.S1_S2, False),
        (1.0, 1.0, DiscLevel.L5_S1, False),
    ],
)
def test_transitional_is_a_full_disc_below_a_squared_first_sacral_body(
    depth, taper, level, expected
):
    signs = replace(signs_of(*[LUMBAR] * 4), depth_ratio=depth, taper_ratio=taper)
    assert Junction(level, 0, 0.95, True, signs).transitional is expected


@pytest.mark.parametrize(
    ("probability", "depth", "taper", "level", "seen", "expected"),
    [
        (0.89, 0.81, 0.96, DiscLevel.L5_S1, True, True),
        (0.91, 0.81, 0.96, DiscLevel.L5_S1, True, False),
        (0.89, 0.79, 0.96, DiscLevel.L5_S1, True, False),
        (0.89, 0.81, 0.94, DiscLevel.L5_S1, True, False),
        (0.89, 0.81, 0.96, DiscLevel.S1_S2, True, False),
        (0.89, 0.81, 0.96, DiscLevel.L5_S1, False, False),
    ],
)
def test_an_unsure_disc_of_full_depth_below_a_squared_body_may_be_s1_s2(
    probability, depth, taper, level, seen, expected
):
    signs = replace(signs_of(*[LUMBAR] * 4), depth_ratio=depth, taper_ratio=taper)
    assert Junction(level, 0, probability, seen, signs).possibly_transitional is expected


def test_a_thin_disc_where_the_column_goes_straight_on_is_never_certain():
    pieces = [replace(LUMBAR, height_mm=5.0, sacrum_above=0.001), *[LUMBAR] * 4]
    labels, findings = name_levels(junction_spine(pieces, sacrum_lean_deg=5.0))
    assert labels.numbering_probability < 0.9
    assert {Code.TRANSITIONAL_SUSPECTED, Code.NUMBERING_UNCERTAIN} <= warnings_of(findings)
    steep, findings = name_levels(junction_spine(pieces, sacrum_lean_deg=40.0))
    assert list(steep.discs)[-1] is DiscLevel.L5_S1
    assert warnings_of(findings) == set()


@pytest.mark.parametrize(("odds", "skipped"), [(0.905, 1), (0.895, 0)])
def test_a_second_residual_disc_needs_certainty(odds, skipped, monkeypatch):
    deeper = replace(RESIDUAL, depth_mm=10.0, height_mm=3.0, sacrum_above=0.9)
    found = _with_odds(odds, monkeypatch, deeper)
    junction = find_junction(found, upward(found))
    assert (junction.lowest, junction.skipped) == (DiscLevel.S1_S2, skipped)
    assert junction.probability == pytest.approx(odds if skipped else 0.5, abs=2e-3)


def test_what_shares_no_slice_with_the_discs_above_gets_no_name():
    found = junction_spine([LUMBAR] * 5, slices=(1, 2))
    lowest = found.discs[-1]
    beside = np.zeros_like(lowest.mask.on(found.grid))
    beside[4] = lowest.mask.on(found.grid)[1]
    mask = SoftMask.from_fractions(beside, found.grid.affine)
    found = replace(found, discs=(*found.discs[:-1], replace(lowest, mask=mask)))
    labels, findings = name_levels(found)
    assert len(labels.discs) + len(labels.residual_discs) == 4
    assert labels.numbering_probability <= 0.5
    assert Code.NUMBERING_UNCERTAIN in warnings_of(findings)


def test_a_transitional_look_is_a_warning():
    full = replace(RESIDUAL, depth_mm=34.0, bone_mm=(36.0, 36.0), sacrum_above=0.9)
    labels, findings = name_levels(junction_spine([full, *[LUMBAR] * 4]))
    assert labels.residual_discs
    assert Code.TRANSITIONAL_SUSPECTED in warnings_of(findings)


@pytest.mark.parametrize(
    ("tilts", "lowest"),
    [((40, 15, 5, 0), "L5-S1"), ((14, 4, 0, -5), "L4-L5"), ((-12, -16, -18, -20), "L3-L4")],
)
def test_without_a_sacrum_the_slope_of_the_lowest_disc_tells_its_level(tilts, lowest):
    pieces = [replace(LUMBAR, tilt_deg=float(tilt)) for tilt in tilts]
    labels, findings = name_levels(junction_spine(pieces, sacrum=False))
    assert list(labels.discs)[-1].value == lowest
    assert Code.SACRUM_MISSING in warnings_of(findings)
    uncertain = labels.numbering_probability < 0.9
    assert (Code.NUMBERING_UNCERTAIN in warnings_of(findings)) is uncertain
    assert (labels.numbering is NumberingMethod.ASSUMED) is uncertain


@pytest.mark.parametrize(("room_mm", "lowest"), [(56.0, "L4-L5"), (59.0, "L5-S1")])
def test_a_picture_that_would_show_another_disc_ends_with_l5_s1(room_mm, lowest):
    found = junction_spine([LUMBAR] * 4, sacrum=False)  # 36 mm apart: 1.6 of it is 57.6 mm
    affine = found.grid.affine.copy()
    affine[2, 3] = 45.0 - room_mm
    grid = Grid((*found.grid.shape[:2], 300), affine)
    labels, _ = name_levels(replace(found, grid=grid))
    assert list(labels.discs)[-1].value == lowest


def test_without_a_sacrum_a_turn_of_the_bone_below_tells_l5_s1():
    def lowest(turn_deg):
        low = replace(LUMBAR, tilt_deg=14.0)
        found = junction_spine([low, *[LUMBAR] * 3], sacrum_lean_deg=turn_deg)
        bone = (*found.bodies, found.sacrum)  # the segmenter calls the piece that is seen a body
        affine = found.grid.affine.copy()
        affine[2, 3] = 25.0  # the image ends before the next disc would show
        grid = Grid((*found.grid.shape[:2], 235), affine)
        return find_junction(replace(found, grid=grid, bodies=bone, sacrum=None), upward(found))

    assert lowest(40.0).lowest is DiscLevel.L5_S1
    assert lowest(0.0).lowest is DiscLevel.L4_L5


@pytest.mark.parametrize(
    ("across", "lowest"), [(0.66, "L5-S1"), (0.85, "S1-S2"), (math.nan, "L5-S1")]
)
def test_bone_that_continues_across_a_disc_of_full_depth_makes_it_residual(across, lowest):
    found = junction_spine([LUMBAR] * 5, sacrum_lean_deg=5.0)
    discs = [replace(disc, bone_across=across) for disc in found.discs[-1:]]
    labels, _ = name_levels(replace(found, discs=(*found.discs[:-1], *discs)))
    named = [*labels.discs, *labels.residual_discs]
    assert named[-1].value == lowest


@pytest.mark.parametrize(("lowest_piece", "warned"), [(LUMBAR, True), (RESIDUAL, False)])
def test_a_reader_who_means_a_residual_disc_that_was_not_found_is_warned(lowest_piece, warned):
    found = junction_spine([lowest_piece, *[LUMBAR] * 4])
    labels, findings = name_levels(found, DiscLevel.S1_S2)
    assert list(labels.residual_discs) == [DiscLevel.S1_S2]
    assert (Code.NUMBERING_UNCERTAIN in warnings_of(findings)) is warned
    _, findings = name_levels(found, DiscLevel.L5_S1)
    assert Code.NUMBERING_UNCERTAIN not in warnings_of(findings)


def test_too_few_discs_leave_the_usual_share_or_an_even_guess():
    found = junction_spine([LUMBAR, LUMBAR])
    # 190 of 201 slices of SPIDER
    probability = find_junction(found, upward(found)).probability
    assert probability == pytest.approx(190 / 201, abs=0.01)
    bare = replace(found, sacrum=None)
    assert find_junction(bare, upward(bare)).probability == pytest.approx(1 / 3)


def test_a_sacrum_far_below_the_lowest_disc_is_not_its_own():
    def seen(missing_mm):
        found = junction_spine([LUMBAR] * 4)
        bottom = found.sacrum
        lower = type(bottom)(bottom.array, bottom.affine.copy())
        affine = lower.affine.copy()
        affine[2, 3] -= missing_mm
        return find_junction(
            replace(found, sacrum=type(bottom)(bottom.array, affine)), upward(found)
        ).sacrum_seen

    # the reach is 1.3 * 36 / 2 + 5 = 28.4 mm from the centre of the disc, 1 mm above the bone
    assert seen(26.0)
    assert not seen(29.0)


@pytest.mark.parametrize(
    ("value", "expected"), [(0.5, 1.0), (1.5, -1.0), (9.0, -2.0), (0.1, 1.4), (math.nan, 0.0)]
)
def test_a_term_is_clipped_and_an_invisible_sign_says_nothing(value, expected):
    assert Term(-2.0, 1.0, 0.3, 2.0).of(value) == pytest.approx(expected)
