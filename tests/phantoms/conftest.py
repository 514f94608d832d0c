from __future__ import annotations

import pytest

from discmri.phantoms import (
    Phantom,
    Protocol,
    PulseSequence,
    SpineOptions,
    lumbar_spine,
    make_phantom,
)


@pytest.fixture(scope="session")
def phantom() -> Phantom:
    return make_phantom(lumbar_spine(SpineOptions(grades=[1, 2, 3, 4, 5]), seed=11))


@pytest.fixture(scope="session")
def coarse() -> Protocol:
    """A protocol that is quick to render."""
    return Protocol(
        sequences=(PulseSequence.T2, PulseSequence.DWI, PulseSequence.ADC),
        spacing_mm=2.0,
        dwi_spacing_mm=3.0,
        slices=3,
        fov_mm=(100.0, 220.0),
    )
