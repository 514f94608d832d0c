"""How ratings came about, as far as whoever hands them over knows it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Design:
    """The design of a reading session, for the items of the report that ask for it.

    Parameters
    ----------
    readers, subjects, studies, discs
        How many were planned.
    repeated
        Studies that each reader was shown twice.
    process
        What readers saw, in which order, and how reads are kept: one paragraph each.
    independence
        What readers knew of each other's reads: one paragraph each.
    """

    readers: int
    subjects: int
    studies: int
    discs: int
    repeated: int
    process: tuple[str, ...] = ()
    independence: tuple[str, ...] = ()
