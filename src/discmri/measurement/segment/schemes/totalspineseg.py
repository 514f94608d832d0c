"""TotalSpineSeg, final step: its list of classes, github.com/neuropoly/totalspineseg."""

from __future__ import annotations

from dataclasses import replace

from discmri.measurement.segment.schemes.discmri import DISCMRI

# Our numbers are theirs (they know no disc inside the sacrum and leave 101 free); they add the cord (1) inside the canal (2) and draw whole vertebrae.
# Vertebrae from C1 (11) and discs from C2-C3 (63) down to where our names begin are other parts.
TOTALSPINESEG = replace(
    DISCMRI,
    canal=(1, 2),
    whole_vertebrae=True,
    others=(*range(11, 18), *range(21, 30), *range(63, 68), *range(71, 81)),
)
