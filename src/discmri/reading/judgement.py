"""What a reader says of one disc: a modified Pfirrmann grade, or that it cannot be graded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from discmri.core.errors import UsageError
from discmri.core.text import one_line

NORMAL_HEIGHT = 0
_DARK = 5  # the signal grade that a collapsed disc has unless it is a double entry


@dataclass(frozen=True)
class Grade:
    """A modified Pfirrmann grade in its two parts.

    The scale joins them in one number: 1 to 5 is signal at normal height, 6 to 8 is collapse of
    a dark disc, and a collapsed disc that kept its signal is a double entry such as ``4/7``.

    Parameters
    ----------
    signal
        1 to 5.
    collapse
        0 for normal height, else 6, 7 or 8.

    Raises
    ------
    UsageError
        Where a part is none of these.

    Examples
    --------
    >>> Grade.parse("4/7"), Grade.parse("7"), str(Grade(5, 7)), str(Grade(2))
    (Grade(signal=4, collapse=7), Grade(signal=5, collapse=7), '7', '2')
    """

    signal: int
    collapse: int = NORMAL_HEIGHT

    def __post_init__(self) -> None:
        if self.signal not in range(1, 6) or self.collapse not in (NORMAL_HEIGHT, 6, 7, 8):
            raise UsageError(
                f"no modified Pfirrmann grade has signal {self.signal} and collapse "
                f"{self.collapse}; signal is 1 to 5, collapse 0, 6, 7 or 8"
            )

    @classmethod
    def parse(cls, text: str) -> Grade:
        """A grade from its usual notation.

        Parameters
        ----------
        text
            ``"1"`` to ``"8"``, or a double entry such as ``"4/7"``.

        Raises
        ------
        UsageError
            For any other text.
        """
        parts = text.strip().split("/")
        numbers = [int(part) for part in parts if part.isascii() and part.isdecimal()]
        if len(numbers) == len(parts) == 1:
            number = numbers[0]
            return cls(_DARK, number) if number > _DARK else cls(number)
        if len(numbers) == len(parts) == 2 and numbers[1] != NORMAL_HEIGHT:
            return cls(*numbers)
        raise UsageError(f"{text!r} is no grade; give 1 to 8, or a double entry such as 4/7")

    def __str__(self) -> str:
        """The usual notation."""
        if self.collapse == NORMAL_HEIGHT:
            return str(self.signal)
        return str(self.collapse) if self.signal == _DARK else f"{self.signal}/{self.collapse}"

    @property
    def ordinal(self) -> int:
        """One number, 1 to 8; a double entry counts by its collapse part.

        >>> Grade.parse("4/7").ordinal, Grade.parse("3").ordinal
        (7, 3)
        """
        return self.collapse or self.signal


@dataclass(frozen=True)
class NotEvaluable:
    """The disc cannot be graded.

    Parameters
    ----------
    reason
        Why, in the reader's words; never empty, and kept as one line.
    """

    reason: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", one_line(self.reason))
        if not self.reason:
            raise UsageError("a disc that is not evaluable needs a reason")

    def __str__(self) -> str:
        """As it stands in tables."""
        return "not evaluable"


Judgement = Grade | NotEvaluable


def to_content(judgement: Judgement) -> dict[str, object]:
    """JSON-like form, as the store holds it."""
    if isinstance(judgement, NotEvaluable):
        return {"not_evaluable": judgement.reason}
    return {
        "grade": str(judgement),
        "signal": judgement.signal,
        "collapse": judgement.collapse,
    }


def from_content(content: Mapping[str, object]) -> Judgement:
    """The inverse of :func:`to_content`.

    >>> from_content(to_content(Grade(4, 7))), from_content(to_content(NotEvaluable("metal")))
    (Grade(signal=4, collapse=7), NotEvaluable(reason='metal'))
    """
    if "not_evaluable" in content:
        return NotEvaluable(str(content["not_evaluable"]))
    return Grade.parse(str(content["grade"]))
