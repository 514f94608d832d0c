"""What the grading dock shows, as plain data: the whole of it, so that it can be checked."""

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
        Automatic level, the handle of the disc.
    name
        What it is called.
    colour
        Of its level, ``#rrggbb``.
    grade
        The judgement that counts, empty before the first.
    state
        How far the reader is with it, in a word or two.
    note
        The reader's comment.
    """

    key: DiscLevel
    name: str
    colour: str
    grade: str = ""
    state: str = ""
    note: str = ""


@dataclass(frozen=True)
class MetricRow:
    """One measured value, automatic and after the reader's edit of the label."""

    name: str
    automatic: str
    edited: str = ""


@dataclass(frozen=True)
class Question:
    """Something the reader has to say before the last key takes effect.

    Parameters
    ----------
    text
        What is asked.
    answered
        Called with the answer.
    given
        What stands in the line already.
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
    """Everything the dock shows at one moment.

    Parameters
    ----------
    title
        What may be said about the case.
    place
        Where it stands in the session.
    done, total
        Discs done, and all.
    rule
        What this session lets the reader see, in a sentence.
    notices
        Conflicts with another machine and damage of the journal, one line each.
    rows
        Discs, cranial to caudal.
    residual
        Names of discs that are shown dashed and not read, by automatic level.
    current
        Index of the disc at hand; -1 without any.
    metrics, reasons, flags
        What was measured on it, why the grade is suggested, and warnings in words; empty where
        that may not be seen.
    hidden
        Why nothing measured is shown; empty where it is.
    opinions
        What the readers said, for an adjudicator.
    can_grade, can_reveal
        Whether these make sense now.
    unsaved
        Entries that wait to be saved.
    notice
        What the last key did or why not.
    alarm
        Whether the notice is a warning.
    question
        What has to be answered first.
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
