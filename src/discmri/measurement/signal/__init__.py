"""T2 signal of a disc against cerebrospinal fluid, fat and its own annulus."""

from discmri.measurement.signal.bias_field import correct_bias_field
from discmri.measurement.signal.comparators import fluid_over_marrow
from discmri.measurement.signal.disc import DiscSignal, measure_signal
from discmri.measurement.signal.histogram import ashman_d

__all__ = ["DiscSignal", "ashman_d", "correct_bias_field", "fluid_over_marrow", "measure_signal"]
