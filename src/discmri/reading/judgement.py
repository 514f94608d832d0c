"""What a reader says of one disc: a modified Pfirrmann grade, or that it cannot be graded."""

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
