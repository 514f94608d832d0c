"""The judgement on a disc: a modified Pfirrmann grade, or not evaluable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from discmri.core.errors import UsageError
from discmri.core.grade import Grade
from discmri.core.text import one_line


@dataclass(frozen=True)
class NotEvaluable:
    """The disc cannot be graded.

    Parameters
    ----------
    reason
        Reason of the reader, one line, not empty.
    """

    reason: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", one_line(self.reason))
        if not self.reason:
            raise UsageError("a disc that is not evaluable needs a reason")

    def __str__(self) -> str:
        """Text in tables."""
        return "not evaluable"


Judgement = Grade | NotEvaluable


def to_content(judgement: Judgement) -> dict[str, object]:
    """JSON-like form for the store."""
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
