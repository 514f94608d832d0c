"""The content of the grading dock as plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from unicodedata import east_asian_width

from discmri.core.levels import DiscLevel


@dataclass(frozen=True)
class DiscRow:
    """One line of the list of discs.

    Parameters
    ----------
    key
        Automatic level, which identifies the disc.
    name
        Level to display.
    colour
        Colour of the level, ``#rrggbb``.
    grade
        Valid judgement; empty before the first.
    state
        State of the disc.
    note
        Comment of the reader.
    """

    key: DiscLevel
    name: str
    colour: str
    grade: str = ""
    state: str = ""
    note: str = ""


@dataclass(frozen=True)
class MetricRow:
    """One measured value, automatic and after an edit of the label."""

    name: str
    automatic: str
    edited: str = ""


@dataclass(frozen=True)
class Question:
    """A question that must be answered before the last key takes effect.

    Parameters
    ----------
    text
        The question.
    answered
        Called with the answer.
    given
        Initial text of the answer.
    """

    text: str
    answered: Callable[[str], None]
    given: str = ""


def has_word(text: str) -> bool:
    """Whether a text holds a word of three letters at least; a wide letter counts as two.

    >>> has_word("5"), has_word("ok"), has_word("blurred"), has_word("骨赘")
    (False, False, True, True)
    """
    return any(
        sum(1 + (east_asian_width(one) in "WF") for one in word if one.isalpha()) >= 3
        for word in text.split()
    )


@dataclass(frozen=True)
class Panel:
    """The content of the dock.

    Parameters
    ----------
    title
        Title of the case.
    place
        Position of the case in the session.
    done, total
        Numbers of completed and of all discs.
    rule
        Mode of the session in a sentence.
    notices
        Conflicts with another machine and damage of the journal, one line each.
    rows
        Discs, cranial to caudal.
    residual
        Levels of discs that are shown dashed and not read, by automatic level.
    current
        Index of the current disc; -1 without any.
    metrics, reasons, flags
        Its measured values, reasons for the suggested grade, and warnings; empty if hidden.
    hidden
        Reason why measured values are hidden; otherwise empty.
    opinions
        Judgements of the readers, for an adjudicator.
    can_grade, can_reveal
        Whether the disc can be graded and revealed at present.
    unsaved
        Number of unsaved entries.
    notice
        Result of the last key.
    alarm
        Whether the notice is a warning.
    question
        Question to answer first.
    """

    title: str = ""
    place: str = ""
    done: int = 0
    total: int = 0
    rule: str = ""
    notices: tuple[str, ...] = ()
    rows: tuple[DiscRow, ...] = ()
    residual: Mapping[DiscLevel, str] = field(default_factory=dict)
    current: int = -1
    metrics: tuple[MetricRow, ...] = ()
    reasons: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    hidden: str = ""
    opinions: tuple[str, ...] = ()
    can_grade: bool = False
    can_reveal: bool = False
    unsaved: int = 0
    notice: str = ""
    alarm: bool = False
    question: Question | None = None
