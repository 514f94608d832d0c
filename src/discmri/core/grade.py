"""The modified Pfirrmann scale (Griffith JF et al., Spine 2007;32:E708-E712) in words."""

from __future__ import annotations

from enum import Enum


class ModifiedPfirrmannGrade(Enum):
    """The eight grades; the value is the number that is reported.

    >>> ModifiedPfirrmannGrade(7).height
    '30 to 60 % reduction'
    >>> ModifiedPfirrmannGrade(4).posterior_annulus
    'indistinct'
    """

    ONE = 1
    TWO = 2
    THREE = 3
    FOUR = 4
    FIVE = 5
    SIX = 6
    SEVEN = 7
    EIGHT = 8

    @property
    def nucleus(self) -> str:
        """Signal of nucleus and inner annulus fibres on sagittal T2."""
        return _CRITERIA[self.value][0]

    @property
    def posterior_annulus(self) -> str:
        """Distinction between inner and outer fibres of the posterior annulus."""
        return "distinct" if self.value <= 3 else "indistinct"

    @property
    def height(self) -> str:
        """Disc height."""
        return _CRITERIA[self.value][1]


_CRITERIA = {
    1: ("uniformly hyperintense, equal to CSF", "normal"),
    2: ("hyperintense, above presacral fat and below CSF; a dark cleft may be seen", "normal"),
    3: ("hyperintense, below presacral fat", "normal"),
    4: ("mildly hyperintense, slightly above the outer fibres of the annulus", "normal"),
    5: ("hypointense, equal to the outer fibres of the annulus", "normal"),
    6: ("hypointense", "less than 30 % reduction"),
    7: ("hypointense", "30 to 60 % reduction"),
    8: ("hypointense", "more than 60 % reduction"),
}


class ReferenceKind(Enum):
    """Where a reference height came from."""

    BASELINE = "baseline"  # the same disc at an earlier visit
    SPINE = "spine"  # level factors scaled by non-degenerate discs of the same spine
    DEPTH = "depth"  # level factors scaled by the discs' AP depth
