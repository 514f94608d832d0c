"""What is wrong, missing or odd in a trial, said before anything is measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Weight(Enum):
    """How much a remark matters."""

    ERROR = "error"  # nothing can be measured before it is mended
    WARNING = "warning"  # some change will be missing or not comparable
    NOTE = "note"


@dataclass(frozen=True)
class Remark:
    """One thing that was noticed.

    Parameters
    ----------
    weight
        How much it matters.
    where
        Line, subject or visit, as a person would call it.
    text
        What came, what was expected and what to do.
    """

    weight: Weight
    where: str
    text: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.where}: {self.text}" if self.where else self.text


def errors(remarks: Iterable[Remark]) -> list[Remark]:
    """Those that must be mended first."""
    return [one for one in remarks if one.weight is Weight.ERROR]
