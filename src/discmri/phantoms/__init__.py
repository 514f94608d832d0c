"""Synthetic lumbar spines in three dimensions with exact ground truth.

>>> from discmri.phantoms import SpineOptions, lumbar_spine, make_phantom
>>> phantom = make_phantom(lumbar_spine(SpineOptions(grades=[1, 2, 3, 4, 7]), seed=5))
>>> [truth.grade for truth in phantom.truth().values()][-5:]
['1', '2', '3', '4', '7']
"""

from discmri.phantoms.anatomy import (
    DiscSpec,
    SpineOptions,
    SpineSpec,
    VertebraSpec,
    lumbar_levels,
    lumbar_spine,
)
from discmri.phantoms.phantom import DiffusionImage, Phantom, make_phantom
from discmri.phantoms.protocol import Occasion, Protocol, PulseSequence
from discmri.phantoms.sacrum import ResidualDiscSpec, SacrumSpec
from discmri.phantoms.truth import DiscTruth, ResidualDiscTruth

__all__ = [
    "DiffusionImage",
    "DiscSpec",
    "DiscTruth",
    "Occasion",
    "Phantom",
    "Protocol",
    "PulseSequence",
    "ResidualDiscSpec",
    "ResidualDiscTruth",
    "SacrumSpec",
    "SpineOptions",
    "SpineSpec",
    "VertebraSpec",
    "lumbar_levels",
    "lumbar_spine",
    "make_phantom",
]
