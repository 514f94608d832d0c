"""Issues found in a trial before anything is measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class IssueSeverity(Enum):
    """Severity of an issue."""

    ERROR = "error"  # must be corrected before measuring
    WARNING = "warning"  # some changes will be missing or not comparable
    NOTE = "note"


@dataclass(frozen=True)
class Issue:
    """An issue.

    Parameters
    ----------
    severity
        Severity.
    where
        Line, subject or visit.
    text
        Value found, value expected, and what to do.
    """

    severity: IssueSeverity
    where: str
    text: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.where}: {self.text}" if self.where else self.text


def errors(issues: Iterable[Issue]) -> list[Issue]:
    """Issues that must be corrected before measuring."""
    return [one for one in issues if one.severity is IssueSeverity.ERROR]
