"""What is wrong, missing or odd in a trial, said before anything is measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class IssueSeverity(Enum):
    """How much a remark matters."""

    ERROR = "error"  # nothing can be measured before it is mended
    WARNING = "warning"  # some change will be missing or not comparable
    NOTE = "note"


@dataclass(frozen=True)
class Issue:
    """One thing that was noticed.

    Parameters
    ----------
    severity
        How much it matters.
    where
        Line, subject or visit, as a person would call it.
    text
        What came, what was expected and what to do.
    """

    severity: IssueSeverity
    where: str
    text: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.where}: {self.text}" if self.where else self.text


def errors(issues: Iterable[Issue]) -> list[Issue]:
    """Those that must be mended first."""
    return [one for one in issues if one.severity is IssueSeverity.ERROR]
