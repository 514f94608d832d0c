"""SPIDER challenge masks: counted from the bottom, 1 is L5, 201 L5-S1; 100 is the canal.

Source: van der Graaf 2024, Sci Data 11:264.  The sacrum has no label; each class has 25 numbers.
"""

from __future__ import annotations

from discmri.core.levels import DiscLevel, levels_upward
from discmri.measurement.segment.schemes.scheme import MaskScheme

_UPWARD = levels_upward(DiscLevel.L5_S1)

SPIDER = MaskScheme(
    discs={201 + n: level for n, level in enumerate(_UPWARD)},
    vertebrae={1 + n: level.above for n, level in enumerate(_UPWARD)}
    | {101 + n: level.above for n, level in enumerate(_UPWARD)},
    canal=(100,),
    others=(*range(9, 26), *range(109, 126), *range(209, 226)),
)
