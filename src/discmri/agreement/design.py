"""The design of a reading session."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Design:
    """The design of a reading session, for the items of the GRRAS checklist."""

    readers: int  # planned numbers of readers, subjects, studies and discs
    subjects: int
    studies: int
    discs: int
    repeated: int  # number of studies shown twice to each reader
    # paragraphs on what readers saw, in which order, and how reads are stored
    process: tuple[str, ...] = ()
    independence: tuple[str, ...] = ()  # paragraphs on what readers knew of the reads of others
