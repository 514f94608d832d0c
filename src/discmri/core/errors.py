"""Types of errors that a caller can catch.

Every message states in one line what was found, what was expected and what to do.  The command
line prints it unchanged.
"""

from __future__ import annotations


class DiscmriError(Exception):
    """Base of all errors of discmri."""


class UsageError(DiscmriError):
    """The call itself is wrong: an option, a path, the output folder (exit code 2)."""


class NothingToMeasureError(DiscmriError):
    """The input contains nothing that can be measured (exit code 3)."""


class UnfinishedError(DiscmriError):
    """A run over many studies stopped early; finished studies are kept (exit code 1)."""


class GeometryError(NothingToMeasureError):
    """Positions, orientations or spacings do not form one regular volume (exit code 3)."""


class DicomError(NothingToMeasureError):
    """A DICOM or NIfTI file cannot be read (exit code 3)."""


class ResultsError(DiscmriError):
    """A results folder cannot be read by this version (exit code 3)."""


class SessionError(DiscmriError):
    """A reading session is damaged, inconsistent or cannot be used (exit code 3)."""


class NotSavedYetError(SessionError):
    """A reader's entry is kept, but not yet saved in the session; saving is retried later."""


class ConflictError(SessionError):
    """A newer entry from another machine replaced a reader's entry, which is kept but not used."""
