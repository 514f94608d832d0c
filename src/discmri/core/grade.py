"""The modified Pfirrmann scale (Griffith JF et al., Spine 2007;32:E708-E712)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import total_ordering

from discmri.core.errors import UsageError

_DARK = 5  # the signal grade of a collapsed disc unless it is a double grade
_NOTATION = re.compile(r"(?P<signal>[1-5])|(?P<dark>[678])|(?P<both>[1-5]/[678])")


@total_ordering
@dataclass(frozen=True)
class Grade:
    """A modified Pfirrmann grade in its two parts.

    The scale has one number for both: 1 to 5 is signal at normal height, 6 to 8 is collapse of
    a dark disc.  A collapsed disc that is not dark has a double grade such as ``4/7``.
    Grades are ordered by :attr:`ordinal`, then by signal.  JSON holds their text.

    Parameters
    ----------
    signal
        1 to 5; 5 for a plain 6, 7 or 8.
    collapse
        0 for normal height, else 6, 7 or 8.

    Raises
    ------
    UsageError
        If a part has any other value.

    Examples
    --------
    >>> Grade.parse("4/7"), Grade.parse("7"), str(Grade(5, 7)), str(Grade(2))
    (Grade(signal=4, collapse=7), Grade(signal=5, collapse=7), '7', '2')
    >>> [str(grade) for grade in sorted(map(Grade.parse, ["7", "3", "4/7", "2"]))]
    ['2', '3', '4/7', '7']
    """

    signal: int
    collapse: int = 0

    def __post_init__(self) -> None:
        if self.signal not in range(1, 6) or self.collapse not in (0, 6, 7, 8):
            raise UsageError(
                f"no modified Pfirrmann grade has signal {self.signal} and collapse "
                f"{self.collapse}; signal is 1 to 5, collapse 0, 6, 7 or 8"
            )

    @classmethod
    def parse(cls, text: str) -> Grade:
        """A grade from its usual notation.

        Parameters
        ----------
        text
            ``"1"`` to ``"8"``, or a double grade such as ``"4/7"``.

        Raises
        ------
        UsageError
            For any other text, ``"3.0"``, ``"III"`` and ``""`` among them.
        """
        found = _NOTATION.fullmatch(text.strip())
        if found is None:
            raise UsageError(
                f"{text[:40]!r} is not a modified Pfirrmann grade; "
                "write 1 to 8 or a double grade such as 4/7"
            )
        if found["dark"]:
            return cls(_DARK, int(found["dark"]))
        return cls(*map(int, found[0].split("/")))

    def __str__(self) -> str:
        """The usual notation."""
        if not self.collapse:
            return str(self.signal)
        return str(self.collapse) if self.signal == _DARK else f"{self.signal}/{self.collapse}"

    def __lt__(self, other: Grade) -> bool:
        """Order of severity."""
        return (self.ordinal, self.signal) < (other.ordinal, other.signal)

    @property
    def ordinal(self) -> int:
        """One number, 1 to 8; a double grade counts by its collapse part.

        >>> Grade.parse("4/7").ordinal, Grade.parse("3").ordinal
        (7, 3)
        """
        return self.collapse or self.signal


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
    """Source of a reference height."""

    SPINE = "spine"  # level factors scaled by non-degenerate discs of the same spine
    DEPTH = "depth"  # level factors scaled by the discs' AP depth
