"""Names and label numbers of vertebrae and discs.

The numbers are those of the public TotalSpineSeg scheme, so that other tools can read the label
maps.  Numbers that the scheme leaves free are used for what it lacks: 46, 96 and 100 for a sixth
lumbar body and its discs, 101 for a residual S1-S2 disc.
"""

from __future__ import annotations

import re
from enum import Enum

from discmri.core.errors import UsageError

CANAL_LABEL = 2


class Vertebra(Enum):
    """A vertebra (or the sacrum), cranial to caudal; the value is its usual name."""

    T10 = "T10"
    T11 = "T11"
    T12 = "T12"
    L1 = "L1"
    L2 = "L2"
    L3 = "L3"
    L4 = "L4"
    L5 = "L5"
    L6 = "L6"
    SACRUM = "S1"

    @property
    def label_id(self) -> int:
        """Number in label maps.

        >>> Vertebra.L3.label_id, Vertebra.SACRUM.label_id
        (43, 50)
        """
        return _VERTEBRA_LABELS[self]


class DiscLevel(Enum):
    """A disc, named by the vertebrae above and below it.

    >>> DiscLevel("L4-L5").label_id, DiscLevel.L5_S1.above, DiscLevel.L5_S1.below
    (95, <Vertebra.L5: 'L5'>, <Vertebra.SACRUM: 'S1'>)
    """

    T10_T11 = "T10-T11"
    T11_T12 = "T11-T12"
    T12_L1 = "T12-L1"
    L1_L2 = "L1-L2"
    L2_L3 = "L2-L3"
    L3_L4 = "L3-L4"
    L4_L5 = "L4-L5"
    L5_S1 = "L5-S1"
    L5_L6 = "L5-L6"
    L6_S1 = "L6-S1"
    S1_S2 = "S1-S2"

    @property
    def is_measured(self) -> bool:
        """Whether discs of this level are measured, graded and counted.

        A residual S1-S2 disc is not: it is normal anatomy (O'Driscoll 1996, types 1 to 3).

        >>> DiscLevel.L5_S1.is_measured, DiscLevel.S1_S2.is_measured
        (True, False)
        """
        return self is not DiscLevel.S1_S2

    @classmethod
    def parse(cls, text: str) -> DiscLevel:
        """A disc from its name in one of the usual notations.

        Raises
        ------
        UsageError
            If the text names no disc of this enumeration.

        Examples
        --------
        >>> [DiscLevel.parse(text).value for text in ("l4/l5", "L5/S1", "L4-5", "L5–S1", "S1-2")]
        ['L4-L5', 'L5-S1', 'L4-L5', 'L5-S1', 'S1-S2']
        """
        name = re.sub(r"[/–_]", "-", text.strip().upper())
        name = re.sub(r"^([LST])([0-9]+)-([0-9]+)$", r"\1\2-\1\3", name)
        if name not in (level.value for level in cls):
            known = ", ".join(level.value for level in cls)
            raise UsageError(f"{text[:40]!r} is not a disc; write one of {known}")
        return cls(name)

    @property
    def above(self) -> Vertebra:
        """The vertebra (or sacrum) cranial to the disc."""
        return Vertebra(self.value.split("-")[0])

    @property
    def below(self) -> Vertebra:
        """The vertebra (or sacrum) caudal to the disc; S1-S2 lies inside the sacrum."""
        return Vertebra.SACRUM if self is DiscLevel.S1_S2 else Vertebra(self.value.split("-")[1])

    @property
    def label_id(self) -> int:
        """Number in label maps.  L5-S1 and L6-S1 are both 100: they never occur together."""
        return _DISC_LABELS[self]


_VERTEBRA_LABELS = {
    Vertebra.T10: 30,
    Vertebra.T11: 31,
    Vertebra.T12: 32,
    Vertebra.L1: 41,
    Vertebra.L2: 42,
    Vertebra.L3: 43,
    Vertebra.L4: 44,
    Vertebra.L5: 45,
    Vertebra.L6: 46,
    Vertebra.SACRUM: 50,
}
_DISC_LABELS = {
    DiscLevel.T10_T11: 81,
    DiscLevel.T11_T12: 82,
    DiscLevel.T12_L1: 91,
    DiscLevel.L1_L2: 92,
    DiscLevel.L2_L3: 93,
    DiscLevel.L3_L4: 94,
    DiscLevel.L4_L5: 95,
    DiscLevel.L5_L6: 96,
    DiscLevel.L5_S1: 100,
    DiscLevel.L6_S1: 100,
    DiscLevel.S1_S2: 101,
}
MEASURED_LEVELS = tuple(level for level in DiscLevel if level.is_measured)
"""Levels in tables of discs."""
_FIVE = tuple(level for level in DiscLevel if level not in (DiscLevel.L5_L6, DiscLevel.L6_S1))
_SIX = (
    *(level for level in _FIVE if level not in (DiscLevel.L5_S1, DiscLevel.S1_S2)),
    DiscLevel.L5_L6,
    DiscLevel.L6_S1,
    DiscLevel.S1_S2,
)


def levels_upward(lowest: DiscLevel, six_lumbar: bool = False) -> tuple[DiscLevel, ...]:
    """Levels from ``lowest`` to the most cranial one that has a name here.

    ``six_lumbar`` is used only if ``lowest`` is S1-S2.

    Examples
    --------
    >>> [level.value for level in levels_upward(DiscLevel.L6_S1)][:3]
    ['L6-S1', 'L5-L6', 'L4-L5']
    >>> [level.value for level in levels_upward(DiscLevel.L3_L4)][:2]
    ['L3-L4', 'L2-L3']
    >>> [level.value for level in levels_upward(DiscLevel.S1_S2)][:3]
    ['S1-S2', 'L5-S1', 'L4-L5']
    >>> [level.value for level in levels_upward(DiscLevel.S1_S2, six_lumbar=True)][:3]
    ['S1-S2', 'L6-S1', 'L5-L6']
    """
    six_lumbar = lowest in (DiscLevel.L5_L6, DiscLevel.L6_S1) or (
        six_lumbar and lowest is DiscLevel.S1_S2
    )
    chain = _SIX if six_lumbar else _FIVE
    return tuple(reversed(chain[: chain.index(lowest) + 1]))
