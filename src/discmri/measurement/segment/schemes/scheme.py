"""The type of all schemes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from discmri.core.levels import DiscLevel, Vertebra


@dataclass(frozen=True)
class MaskScheme:
    """Meaning of the numbers in one program's label maps.

    Parameters
    ----------
    discs, vertebrae
        Names by number.
    canal
        Numbers of the spinal canal's contents.
    joint_discs, joint_vertebrae
        Number of all discs, or of all vertebrae, as one class; discs are separated by the bone
        between them, vertebrae by the discs.
    sacrum
        Numbers of the sacrum.
    whole_vertebrae
        Whether a vertebra's label includes its posterior elements.
    others
        Numbers of the program for other structures, which are ignored.
    """

    discs: Mapping[int, DiscLevel] = field(default_factory=dict)
    vertebrae: Mapping[int, Vertebra] = field(default_factory=dict)
    canal: tuple[int, ...] = ()
    joint_discs: int | None = None
    joint_vertebrae: int | None = None
    sacrum: tuple[int, ...] = ()
    whole_vertebrae: bool = True
    others: Collection[int] = ()

    @cached_property
    def numbers(self) -> frozenset[int]:
        """Every number that this scheme defines."""
        joint = {one for one in (self.joint_discs, self.joint_vertebrae) if one is not None}
        return frozenset(
            {*self.discs, *self.vertebrae, *self.canal, *self.sacrum, *self.others} | joint
        )
