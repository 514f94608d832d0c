"""The design of a reading session."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Design:
    """The design of a reading session, for the items of the GRRAS checklist.

    Parameters
    ----------
    readers, subjects, studies, discs
        Planned numbers.
    repeated
        Number of studies shown twice to each reader.
    process
        Paragraphs on what readers saw, in which order, and how reads are stored.
    independence
        Paragraphs on what readers knew of the reads of others.
    """

    readers: int
    subjects: int
    studies: int
    discs: int
    repeated: int
    process: tuple[str, ...] = ()
    independence: tuple[str, ...] = ()
