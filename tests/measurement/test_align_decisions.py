"""What decides how diffusion images are aligned, on made-up scores, from both sides."""

from __future__ import annotations

import numpy as np
import pytest
from tests.scene import DWI_GRID, LEVELS, Spine, dwi_series, labels_of, t2_image

from discmri.core.findings import Code, MeasurementError
from discmri.core.levels import DiscLevel
from discmri.core.volume import Grid, Volume
from discmri.measurement.align import distortion, rigid, series
from discmri.measurement.align.distortion import residual_at
from discmri.measurement.align.rigid import candidate_shifts, register_rigid
from discmri.measurement.align.similarity import Features, SimilarityMetric

LEVEL = DiscLevel.L4_L5
NOTHING = Volume(np.zeros((2, 2, 2)), np.eye(4))


class Peak(SimilarityMetric):
    """A metric that is best at one shift, whatever its points are."""

    best = np.zeros(3)

    def thinned(self, most: int) -> SimilarityMetric:
        return self

    def shifted(self, shifts_mm):
        return -((shifts_mm - self.best) ** 2).sum(axis=-1)


def metric(points, best=(0.0, 0.0, 0.0), kind=Peak) -> SimilarityMetric:
    """A metric with these points, and one disc at the origin."""
    points = np.array(points, dtype=float)
    features = Features(np.zeros((2, 2, 2, 1), dtype=np.float32))
    grid = Grid((2, 2, 2), np.eye(4))
    found = kind(NOTHING, points, np.zeros(len(points)), grid, features, {LEVEL: np.zeros(3)})
    if kind is Peak:
        object.__setattr__(found, "best", np.array(best))
    return found


BESIDE = np.zeros((100, 3))
"""Enough points in a disc."""


@pytest.mark.parametrize(("share", "accepted"), [(0.11, False), (0.2, True)])
def test_how_much_must_be_explained(monkeypatch, share, accepted):
    monkeypatch.setattr(series, "_best", lambda *_: (np.eye(4), None, share))
    monkeypatch.setattr(series, "residual_at", lambda *_: None)
    spine = Spine()

    def aligned():
        return series.align(dwi_series(spine, (0.0,)), t2_image(spine), labels_of(spine), "1.2.3")

    if accepted:
        assert aligned().explained[1] == share
    else:
        with pytest.raises(MeasurementError, match=r"11 % of their variance") as caught:
            aligned()
        assert caught.value.code is Code.ADC_MISALIGNED


def test_the_spine_and_its_surroundings_are_compared():
    """Half of a vertebra to the sides, the canal behind and vessels in front, one body beyond."""
    spine = Spine()
    affine = DWI_GRID.affine.copy()
    affine[0, 3] = -60.0
    picture = Volume(np.ones((31, *DWI_GRID.shape[1:])), affine)
    found = SimilarityMetric.of(picture, t2_image(spine), labels_of(spine))
    centres = np.array([spine.centre_mm(level) for level in LEVELS])
    below = centres.min(axis=0) - found.points.min(axis=0)
    assert (below > [15, 30, 15]).all()
    assert (below < [30, 50, 30]).all()
    shifts = rigid.SEARCH_MM + rigid.SEARCH_STEP_MM
    first = found.grid.to_world([0, 0, 0])  # T2 is seen wherever the points may be moved
    assert (first[1:] < found.points.min(axis=0)[1:] - shifts).all()


@pytest.mark.parametrize(("shift", "tried"), [(13.0, True), (22.0, False)])
def test_how_far_a_movement_is_searched(shift, tried):
    found = candidate_shifts(metric(BESIDE, (0.0, 0.0, shift)))
    nearest = min(np.linalg.norm(one[:3, 3] - (0, 0, shift)) for one in found)
    assert bool(nearest < 1.5) is tried


@pytest.mark.parametrize(("degrees", "believed"), [(8.0, True), (13.0, False)])
def test_how_far_a_patient_may_turn(monkeypatch, degrees, believed):
    """The first step turns by so much and explains everything; no other does better."""

    class Stepping(Peak):
        def explained(self, matrix, phase=None):
            return float(not np.allclose(matrix, np.eye(4)))

    step = np.array([np.radians(degrees), 0, 0, 0, 0, 0])
    monkeypatch.setattr(rigid, "_step_equations", lambda *_: (np.eye(6), step))
    found = register_rigid(metric(BESIDE, kind=Stepping), np.eye(4))
    assert np.allclose(found, np.eye(4)) is not believed


@pytest.mark.parametrize(("shift", "seen"), [(4.5, True), (8.0, False)])
def test_how_far_the_distortion_is_searched(monkeypatch, shift, seen):
    axis = np.array([0.0, 1.0, 0.0])
    one = metric(BESIDE, shift * axis)
    monkeypatch.setattr(distortion, "_patch", lambda *_: one)
    _, weight = distortion._peak(one, LEVEL, np.eye(4), axis)
    assert bool(weight > 0) is seen  # at the end of the search there is no maximum


@pytest.mark.parametrize(("remains", "found"), [(5.0, 5.0), (10.0, 6.5)])
def test_how_far_a_residual_is_searched(monkeypatch, remains, found):
    one = metric(BESIDE, (0.0, remains, 0.0))
    monkeypatch.setattr(distortion, "_patch", lambda *_: one)
    assert residual_at(one, LEVEL, np.eye(4), None) == pytest.approx(found, abs=1.1)


@pytest.mark.parametrize(
    ("place", "near"),
    [
        ((9, 0, 0), True),
        ((18, 0, 0), False),
        ((0, 20, 0), True),
        ((0, 45, 0), False),
        ((0, 0, 11), True),
        ((0, 0, 24), False),
    ],
)
def test_what_surrounds_a_disc(place, near):
    """Its width, its depth with canal and vessels, its height with both endplates."""
    for way in (1, -1):
        points = np.concatenate([BESIDE, [way * np.array(place)]])
        patch = distortion._patch(metric(points, kind=SimilarityMetric), LEVEL, np.eye(4), None)
        assert len(patch.points) == 100 + near


@pytest.mark.parametrize(("more", "taken"), [(0.0003, False), (0.0008, True)])
def test_a_displacement_must_explain_more(more, taken):
    simple, other = (np.eye(4), None, 0.5), (2 * np.eye(4), None, 0.5 + more)
    assert (series._simplest([simple, other]) is other) is taken
