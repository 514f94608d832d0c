"""Synthetic lumbar spines in three dimensions with exactly known truth.

>>> from discmri.phantoms import Wishes, lumbar_spine, make_phantom
>>> phantom = make_phantom(lumbar_spine(Wishes(grades=[1, 2, 3, 4, 7]), seed=5))
>>> [truth.grade for truth in phantom.truth().values()][-5:]
['1', '2', '3', '4', '7']
"""

from discmri.phantoms.anatomy import (
    DiscSpec,
    SpineSpec,
    VertebraSpec,
    Wishes,
    lumbar_levels,
    lumbar_spine,
)
from discmri.phantoms.phantom import DiffusionImage, Phantom, make_phantom
from discmri.phantoms.protocol import Occasion, Protocol, Sequence
from discmri.phantoms.sacrum import ResidualDisc, SacrumSpec
from discmri.phantoms.truth import DiscTruth, ResidualDiscTruth

__all__ = [
    "DiffusionImage",
    "DiscSpec",
    "DiscTruth",
    "Occasion",
    "Phantom",
    "Protocol",
    "ResidualDisc",
    "ResidualDiscTruth",
    "SacrumSpec",
    "Sequence",
    "SpineSpec",
    "VertebraSpec",
    "Wishes",
    "lumbar_levels",
    "lumbar_spine",
    "make_phantom",
]
