"""The form every scheme takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from discmri.core.levels import DiscLevel, Vertebra


@dataclass(frozen=True)
class MaskScheme:
    """Meaning of the numbers in one program's label maps.

    Parameters
    ----------
    discs, vertebrae
        Number to name.
    canal
        Numbers that together make up the spinal canal's content.
    joint_discs, joint_vertebrae
        Numbers under which all discs, or all vertebrae, are drawn as one class;
        discs are told apart by the bone between them, vertebrae by the discs.
    sacrum
        Numbers of the sacrum.
    whole_vertebrae
        Whether a vertebra's label includes its posterior elements.
    """

    discs: Mapping[int, DiscLevel] = field(default_factory=dict)
    vertebrae: Mapping[int, Vertebra] = field(default_factory=dict)
    canal: tuple[int, ...] = ()
    joint_discs: int | None = None
    joint_vertebrae: int | None = None
    sacrum: tuple[int, ...] = ()
    whole_vertebrae: bool = True
