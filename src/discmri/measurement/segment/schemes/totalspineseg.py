"""TotalSpineSeg, final step; source: list of classes, github.com/neuropoly/totalspineseg."""

from __future__ import annotations

from dataclasses import replace

from discmri.measurement.segment.schemes.discmri import DISCMRI

# The numbers of discmri are those of TotalSpineSeg, except for 101 (S1-S2), which it leaves free.  It
# adds the cord (1) inside the canal (2) and labels whole vertebrae.  Vertebrae from C1 (11) and discs
# from C2-C3 (63) on that are cranial to T10 are ignored.
TOTALSPINESEG = replace(
    DISCMRI,
    canal=(1, 2),
    whole_vertebrae=True,
    others=(*range(11, 18), *range(21, 30), *range(63, 68), *range(71, 81)),
)
