"""What can go wrong, as types a caller can catch.

Every message says what came, what was expected and what to do about it, in one line:
the command line prints it as it stands.
"""

from __future__ import annotations


class DiscmriError(Exception):
    """Base of everything discmri raises on purpose."""


class UsageError(DiscmriError):
    """The call itself is wrong: an option, a path, the output folder (exit code 2)."""


class NothingToMeasureError(DiscmriError):
    """The input exists but holds nothing that can be measured (exit code 3)."""


class UnfinishedError(DiscmriError):
    """A run over many studies that stopped half-way; what is done is kept (exit code 1)."""


class GeometryError(NothingToMeasureError):
    """Positions, orientations or spacings that do not form one regular volume."""


class DicomError(NothingToMeasureError):
    """A DICOM or NIfTI file that cannot be read as what it claims to be."""


class ResultsError(DiscmriError):
    """A results folder that cannot be read as one of this version (exit code 3)."""


class SessionError(DiscmriError):
    """A reading session that cannot be used or believed as it stands (exit code 3)."""


class NotSavedYetError(SessionError):
    """What a reader entered is kept, but not yet in the session; it is tried again later."""


class ConflictError(SessionError):
    """What a reader entered was overtaken at another machine: it is kept and does not count."""
