"""Signal part of a grade: comparisons with cerebrospinal fluid, fat and marrow."""

import dataclasses
import math

import pytest
from tests.measurement.test_grading import LEVEL, disc

from discmri.measurement.grade_features import Comparators, features
from discmri.measurement.grade_signal import kept_signal, signal_part
from discmri.measurement.signal import DiscSignal


def test_chances_by_comparison_follow_the_ratio_to_each_limit() -> None:
    """A tenth above a limit, at a softness of a tenth, the odds are 1.1 to the tenth power."""
    bright = signal_part(LEVEL, disc(0.88), 0.0)
    assert bright.probabilities[1] == pytest.approx(1 / (1 + 1.1**-10))
    grey = signal_part(LEVEL, disc(0.165, outer=0.0), 0.0)
    assert grey.probabilities[5] == pytest.approx(1 / (1 + 1.1**10), abs=1e-3)
    # twice as soft for the excess over the outer annulus, which is twice its limit here
    dull = signal_part(LEVEL, disc(0.5, outer=0.44), 0.0)
    assert dull.probabilities[5] == pytest.approx(1 / (1 + 2**5), abs=1e-3)
    # fat brighter than 0.8 of CSF is the limit of signal part 1 too
    assert signal_part(LEVEL, disc(0.88, fat=0.968), 0.0).probabilities[1] == pytest.approx(
        1 / (1 + 1.1**10)
    )


@pytest.mark.parametrize(
    ("signal", "kept"),
    [
        (disc(0.61, outer=0.6, step=0.0, fat=0.6), True),
        (disc(0.59, outer=0.59, step=0.0, fat=0.6), False),
        (disc(0.25, outer=0.25, step=0.0, fat=None), True),
        (disc(0.23, outer=0.23, step=0.0, fat=None), False),
        (disc(0.20, step=0.16), True),
        (disc(0.20, step=0.14), False),
        (disc(0.16, step=0.2), True),
        (disc(0.14, step=0.2), False),
        (disc(0.20, outer=0.165, step=0.2), True),
        (disc(0.20, outer=0.175, step=0.2), False),
        (dataclasses.replace(disc(0.61), csf=None), False),
    ],
)
def test_heights_of_bright_or_distinct_discs_are_references(signal: DiscSignal, kept: bool) -> None:
    assert kept_signal(signal) is kept


def test_features_are_shares_of_csf_before_marrow() -> None:
    signal = disc(0.5, outer=0.1, step=0.3)
    for used, unit in ((Comparators.BOTH, 1.0), (Comparators.CSF, 1.0), (Comparators.MARROW, 0.65)):
        found = features(LEVEL, signal, 0.0, used)
        assert found["contrast"] == pytest.approx(0.4 / unit)
        assert found["step"] == pytest.approx(0.3 / unit)


def test_without_csf_the_posterior_annulus_is_compared_with_marrow() -> None:
    """A step of 90, over marrow of 650, is less than the limit of 0.15."""
    signal = dataclasses.replace(disc(0.3, step=0.3, fat=None), csf=None)
    found = signal_part(LEVEL, signal, 0.0).probabilities
    assert found[3] / found[4] == pytest.approx(math.exp((90 / 650 - 0.15) / 0.05))
