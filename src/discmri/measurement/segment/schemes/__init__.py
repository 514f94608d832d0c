"""Meaning of the numbers in label maps of several programs.

The same number means different anatomy in different programs (43 is the L3 body for
TotalSpineSeg and a costal process for SPINEPS), so the user gives the scheme.

To add one, write one file with a :class:`MaskScheme` and add one line to :data:`SCHEMES`.
"""

from __future__ import annotations

from collections.abc import Mapping

from discmri.core.errors import UsageError
from discmri.measurement.segment.schemes.discmri import DISCMRI
from discmri.measurement.segment.schemes.scheme import MaskScheme
from discmri.measurement.segment.schemes.spider import SPIDER
from discmri.measurement.segment.schemes.spineps import SPINEPS
from discmri.measurement.segment.schemes.totalsegmentator import TOTALSEGMENTATOR
from discmri.measurement.segment.schemes.totalspineseg import TOTALSPINESEG

SCHEMES: Mapping[str, MaskScheme] = {
    "discmri": DISCMRI,
    "totalspineseg": TOTALSPINESEG,
    "spineps": SPINEPS,
    "spider": SPIDER,
    "totalsegmentator": TOTALSEGMENTATOR,
}


def mask_scheme(name: str) -> MaskScheme:
    """A scheme by its name; ``UsageError`` if it does not exist."""
    if name not in SCHEMES:
        raise UsageError(f"no mask scheme is called {name!r}; choose one of: {', '.join(SCHEMES)}")
    return SCHEMES[name]
