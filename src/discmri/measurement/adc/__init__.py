"""Apparent diffusion coefficient: fitting the diffusion images, measuring the discs.

The ADC is measured on the voxels of the diffusion images: the disc's soft mask is mapped to them,
and the ADC is not resampled.
"""

from discmri.measurement.adc.aligned import AlignedAdc, FoundAdc, align_adc, find_adc, recorded_adc
from discmri.measurement.adc.disc import DiscAdc, measure_adc
from discmri.measurement.adc.fit import AdcFit, fit_adc
from discmri.measurement.adc.noise import estimate_noise

__all__ = [
    "AdcFit",
    "AlignedAdc",
    "DiscAdc",
    "FoundAdc",
    "align_adc",
    "estimate_noise",
    "find_adc",
    "fit_adc",
    "measure_adc",
    "recorded_adc",
]
