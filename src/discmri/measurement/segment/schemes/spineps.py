"""SPINEPS ``seg-vert`` maps: 17 is T10 … 24 L5, 25 L6, 26 S1 and 100 + n the disc below n.

So 126 is a residual S1-S2 disc.  Source: label tables of github.com/Hendrik-code/spineps (28 is a
thirteenth thoracic vertebra, for which discmri has no name).
"""

from __future__ import annotations

from discmri.core.levels import DiscLevel, Vertebra
from discmri.measurement.segment.schemes.scheme import MaskScheme

_VERTEBRAE = {17 + n: v for n, v in enumerate(v for v in Vertebra if v is not Vertebra.SACRUM)}

SPINEPS = MaskScheme(
    # 124 is L5-L6 if 25 (L6) is present, else L5-S1.
    discs={100 + n: next(d for d in DiscLevel if d.above is v) for n, v in _VERTEBRAE.items()}
    | {126: DiscLevel.S1_S2},
    vertebrae=_VERTEBRAE,
    canal=(60, 61),
    sacrum=(26,),
    # the vertebrae above and their discs, endplates (200 + n), parts of vertebrae (41 to 62)
    others=(*range(1, 17), 28, *range(41, 60), 62, *range(101, 117), 128, *range(201, 229)),
)
