"""TotalSpineSeg, final step: its list of classes, github.com/neuropoly/totalspineseg."""

from __future__ import annotations

from dataclasses import replace

from discmri.measurement.segment.schemes.discmri import DISCMRI

# Our numbers are theirs (they know no disc inside the sacrum and leave 101 free); they add the cord (1) inside the canal (2) and draw whole vertebrae.
TOTALSPINESEG = replace(DISCMRI, canal=(1, 2), whole_vertebrae=True)
