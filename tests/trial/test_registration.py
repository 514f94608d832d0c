"""Names carried from visit to visit by the spine itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from discmri.core.levels import DiscLevel, levels_upward
from discmri.core.volume import Volume
from discmri.measurement.outline import trace_disc
from discmri.phantoms import Protocol, PulseSequence, SpineOptions, lumbar_spine, make_phantom
from discmri.results.outline import DiscBorder, DiscFrame
from discmri.trial.registration import Spine, register_visit, rigid_fit

PROTOCOL = Protocol(
    sequences=(PulseSequence.T2,), spacing_mm=1.2, slices=5, slice_thickness_mm=5.0, gap_mm=0.5,
    fov_mm=(160.0, 260.0),
)  # fmt: skip


def scanned(seed: int, protocol: Protocol = PROTOCOL) -> tuple[Spine, Volume]:
    phantom = make_phantom(lumbar_spine(SpineOptions(grades=[2, 3, 3, 4, 3]), seed=seed))
    labels = phantom.labels(phantom.grid(protocol), protocol.slice_thickness_mm)
    discs = tuple(trace_disc(labels, level).border(level) for level in labels.discs)
    return discs, phantom.image(PulseSequence.T2, protocol)


@pytest.fixture(scope="module")
def first():
    return scanned(4)


def placed(frame: DiscFrame, turn, shift_mm) -> DiscFrame:
    """The frame after a turn about the origin and a shift."""
    return DiscFrame(turn @ frame.origin_mm + shift_mm, *(turn @ axis for axis in frame.axes))


def moved(visit: tuple[Spine, Volume], degrees: float, shift_mm) -> tuple[Spine, Volume]:
    """The same patient lying otherwise: turned about the left-right axis and shifted."""
    (spine, image), angle = visit, np.radians(degrees)
    turn = np.array(
        [[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]]
    )
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn, shift_mm
    discs = tuple(replace(disc, frame=placed(disc.frame, turn, shift_mm)) for disc in spine)
    return discs, Volume(image.array, matrix @ image.affine)


def renamed(spine: Spine, by: int) -> Spine:
    """As if the visit had counted from another disc."""
    order = [level for level in DiscLevel if level.value not in ("L5-L6", "L6-S1")]
    return tuple(replace(d, level=order[order.index(d.level) - by]) for d in spine)


def test_a_patient_who_lies_otherwise_keeps_the_names(first):
    spine, image = moved(first, 8.0, np.array([3.0, -20.0, 55.0]))
    found = register_visit(first, (spine, image))
    assert not found.problem
    assert not found.contradicted
    assert set(found.names) == {disc.level for disc in spine}
    assert found.correlation > 0.95
    assert found.residual_mm < 0.01
    angle = np.degrees(np.arccos((np.trace(found.matrix[:3, :3]) - 1) / 2))
    assert angle == pytest.approx(8.0, abs=1e-6)


@pytest.mark.parametrize("by", [1, -1, 2])
def test_a_visit_that_counts_otherwise_is_noticed(first, by):
    cut = first[0][2:] if by < 0 else first[0]
    wrong = renamed(cut, by) if by > 0 else renamed(cut[:-1], by)
    spine, image = moved((wrong, first[1]), 5.0, np.array([0.0, 10.0, -30.0]))
    found = register_visit(first, (spine, image))
    assert found.contradicted
    truth = cut if by > 0 else cut[:-1]
    assert [found.names[own.level] for own in wrong] == [disc.level for disc in truth]


@pytest.mark.parametrize("kept", [slice(0, 4), slice(2, None), slice(1, 5)])
def test_discs_that_a_picture_cuts_off_do_not_shift_the_names(first, kept):
    spine, image = moved((first[0][kept], first[1]), -4.0, np.array([0.0, 0.0, 36.0]))
    found = register_visit(first, (spine, image))
    assert not found.contradicted
    assert len(found.names) == len(spine)


def test_discs_beyond_the_first_picture_are_counted_on(first):
    found = register_visit((first[0][1:], first[1]), first)
    assert found.names[first[0][0].level] is first[0][0].level


def test_nothing_is_carried_between_pictures_that_do_not_match(first):
    spine, image = first
    noise = np.random.default_rng(0).normal(size=image.shape).astype(np.float32)
    found = register_visit(first, (spine, Volume(noise, image.affine)))
    assert "do not match" in found.problem
    assert found.names == {}


PERIOD_MM = 36.0


def repeating(unlike: float) -> tuple[Spine, Volume]:
    """Five discs at one distance; so much of the picture is not the same at each."""
    discs = tuple(
        DiscBorder(
            level,
            DiscFrame(
                np.array([0.0, 0.0, -PERIOD_MM * n]),
                anterior=np.array([0.0, 1.0, 0.0]),
                cranial=np.array([0.0, 0.0, 1.0]),
                left=np.array([-1.0, 0.0, 0.0]),
            ),
            0.0,
            np.zeros((4, 2)),
        )
        for n, level in enumerate(
            (DiscLevel.L1_L2, DiscLevel.L2_L3, DiscLevel.L3_L4, DiscLevel.L4_L5, DiscLevel.L5_S1)
        )
    )
    affine = np.eye(4)
    affine[:3, 3] = (-15.0, -40.0, -200.0)
    z = affine[2, 3] + np.arange(260.0)
    alike = np.cos(2 * np.pi * z / PERIOD_MM)
    own = np.random.default_rng(1).normal(size=z.size)
    column = alike + unlike * own
    return discs, Volume(np.broadcast_to(column, (31, 81, z.size)).copy(), affine)


@pytest.mark.parametrize(
    ("unlike", "lead", "carried"), [(0.0, 0.0, False), (0.21, 0.0727, False), (0.23, 0.0857, True)]
)
def test_names_are_carried_only_where_one_pairing_leads(unlike, lead, carried):
    visit = repeating(unlike)
    found = register_visit(visit, visit)
    assert found.lead == pytest.approx(lead, abs=0.002)
    assert bool(found.names) is carried
    assert ("match equally well" in found.problem) is not carried


@pytest.mark.parametrize(("share", "correlation"), [(0.27, 0.341), (0.29, 0.358)])
def test_names_are_carried_only_between_pictures_that_correlate(share, correlation):
    """Two pictures that share so much of what is drawn in them."""
    spine, image = repeating(0.0)
    own, other = np.random.default_rng(3).normal(size=(2, image.shape[2]))
    first, later = (
        Volume(np.broadcast_to(column, image.shape).copy(), image.affine)
        for column in (own, share * own + np.sqrt(1 - share**2) * other)
    )
    found = register_visit((spine, first), (spine, later))
    assert found.correlation == pytest.approx(correlation, abs=0.002)
    assert bool(found.names) is (correlation > 0.35)


def test_three_discs_are_enough(first):
    found = register_visit((first[0][:3], first[1]), first)
    assert set(found.names.values()) >= {disc.level for disc in first[0][:3]}


def test_three_discs_are_enough_at_either_end(first):
    """The first picture begins where the later one nearly ends."""
    spine, image = first
    lower, upper = (spine[2:], image), (spine[:5], image)
    for one, other in ((lower, upper), (upper, lower)):
        found = register_visit(one, other)
        assert not found.problem
        assert found.names == {disc.level: disc.level for disc in other[0]}


def test_two_discs_are_too_few(first):
    found = register_visit(first, (first[0][:2], first[1]))
    assert "2 discs were found" in found.problem


def test_a_movement_is_found_exactly():
    rng = np.random.default_rng(2)
    axes, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    spots = rng.normal(0, 40, (4, 3))
    fixed = [
        DiscBorder(DiscLevel.L4_L5, DiscFrame(p, *np.eye(3)), 0.0, np.zeros((4, 2))) for p in spots
    ]
    turn = axes * np.sign(np.linalg.det(axes))
    moving = [replace(disc, frame=placed(disc.frame, turn, 7.0)) for disc in fixed]
    matrix, residual = rigid_fit(moving, fixed)
    assert residual == pytest.approx(0.0, abs=1e-9)
    assert np.allclose(matrix[:3, :3], turn.T)


def discs_at(*spots) -> list[DiscBorder]:
    return [
        DiscBorder(DiscLevel.L4_L5, DiscFrame(np.array(p), *np.eye(3)), 0.0, np.zeros((4, 2)))
        for p in spots
    ]


def test_what_remains_is_the_distance_of_the_discs_in_space():
    """Two discs 40 mm apart at the one visit and 52 mm at the other: 6 mm at each."""
    matrix, residual = rigid_fit(
        discs_at((0.0, 0, 26), (0, 0, -26)), discs_at((0.0, 0, 20), (0, 0, -20))
    )
    assert residual == pytest.approx(6.0)
    assert np.allclose(matrix, np.eye(4))


def test_a_spine_is_never_mirrored():
    """Discs on the other side of each plane fit best by a reflection, which no patient does."""
    spots = np.array([[30.0, 0, 60], [-25, 10, 20], [20, -30, -20], [-15, 40, -60]])
    matrix, residual = rigid_fit(discs_at(*(spots * [-1, 1, 1])), discs_at(*spots))
    assert np.linalg.det(matrix[:3, :3]) == pytest.approx(1.0)
    assert residual > 5.0


def test_a_residual_disc_of_the_first_visit_has_no_name_at_a_visit_that_took_it_for_l5_s1(first):
    spine, image = first
    chain = levels_upward(DiscLevel.S1_S2)[::-1]
    measured = tuple(replace(disc, level=chain[chain.index(disc.level) + 1]) for disc in spine[:-1])
    found = register_visit((measured, image), first)
    assert found.names[DiscLevel.L4_L5] is DiscLevel.L5_S1
    assert DiscLevel.L5_S1 not in found.names
    assert found.contradicted
    back = register_visit(first, (measured, image))
    assert back.names[DiscLevel.L5_S1] is DiscLevel.L4_L5
    assert DiscLevel.L5_S1 not in back.names.values()
