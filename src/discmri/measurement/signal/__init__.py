"""T2 signal of a disc against cerebrospinal fluid, marrow, fat and its own annulus."""

from discmri.measurement.signal.bias_field import correct_bias_field
from discmri.measurement.signal.comparators import (
    SpineComparators,
    csf_at,
    fluid_over_marrow,
    spine_comparators,
)
from discmri.measurement.signal.disc import DiscSignal, DiscTexture, measure_signal
from discmri.measurement.signal.histogram import ashman_d

__all__ = [
    "DiscSignal",
    "DiscTexture",
    "SpineComparators",
    "ashman_d",
    "correct_bias_field",
    "csf_at",
    "fluid_over_marrow",
    "measure_signal",
    "spine_comparators",
]
