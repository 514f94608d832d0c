"""TotalSegmentator, task ``total_mr``: all discs in one class, all vertebrae in another.

Source: class table of github.com/wasserth/TotalSegmentator (18 sacrum, 19 vertebrae,
20 intervertebral_discs, 21 spinal_cord; 1 to 56 in all, the others outside the spine).
"""

from __future__ import annotations

from discmri.measurement.segment.schemes.scheme import MaskScheme

TOTALSEGMENTATOR = MaskScheme(
    joint_discs=20,
    joint_vertebrae=19,
    canal=(21,),
    sacrum=(18,),
    whole_vertebrae=True,
    others=(*range(1, 18), *range(22, 57)),
)
