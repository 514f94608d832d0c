"""One small rendered trial, and scans at another time of day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.trial.courses import SAME

from discmri.cohort import Workers
from discmri.phantoms import Protocol, PulseSequence
from discmri.simulation.trial import Effect, PhantomScan, make_trial, trial_scans
from discmri.trial.conditions import Conditions


@pytest.fixture
def late() -> Conditions:
    """The same scan in the afternoon."""
    return replace(SAME, sagittal=replace(SAME.sagittal, clock_h=16.0))


SMALL = Protocol(
    sequences=(PulseSequence.T2,),
    spacing_mm=1.2,
    slices=5,
    slice_thickness_mm=5.0,
    gap_mm=0.5,
    fov_mm=(160.0, 260.0),
)


@dataclass(frozen=True)
class Rendered:
    """A synthetic trial on disk: one subject who gains, scanned three times."""

    root: Path
    scans: tuple[PhantomScan, ...]


@pytest.fixture(scope="session")
def rendered(tmp_path_factory) -> Rendered:
    root = tmp_path_factory.mktemp("trial") / "demo"
    every = trial_scans(5, Effect(2.0, 0.2), SMALL, subjects=2)
    gains = next(scan.subject for scan in every if scan.responds)
    scans = tuple(scan for scan in every if scan.subject == gains and scan.week in (0, 24))
    make_trial(scans, root, Workers(2))
    return Rendered(root, scans)
