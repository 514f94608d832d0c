"""The content of the grading dock as plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from unicodedata import east_asian_width

from discmri.core.levels import DiscLevel


@dataclass(frozen=True)
class DiscRow:
    """One line of the list of discs."""

    key: DiscLevel  # automatic level, which identifies the disc
    name: str  # level to display
    colour: str  # colour of the level, `#rrggbb`
    grade: str = ""  # valid judgement; empty before the first
    state: str = ""
    note: str = ""  # comment of the reader


@dataclass(frozen=True)
class MetricRow:
    """One measured value, automatic and after an edit of the label."""

    name: str
    automatic: str
    edited: str = ""


@dataclass(frozen=True)
class Question:
    """A question that must be answered before the last key takes effect."""

    text: str
    answered: Callable[[str], None]  # called with the answer
    given: str = ""  # initial text of the answer


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
    """The content of the dock."""

    title: str = ""
    place: str = ""  # position of the case in the session
    done: int = 0  # completed discs
    total: int = 0  # all discs
    rule: str = ""  # mode of the session in a sentence
    # conflicts with another machine and damage of the journal, one line each
    notices: tuple[str, ...] = ()
    rows: tuple[DiscRow, ...] = ()  # discs, cranial to caudal
    # levels of discs that are shown dashed and not read, by automatic level
    residual: Mapping[DiscLevel, str] = field(default_factory=dict)
    current: int = -1  # index of the current disc; -1 without any
    metrics: tuple[MetricRow, ...] = ()  # its measured values; empty if hidden, like the next two
    reasons: tuple[str, ...] = ()  # for the suggested grade
    flags: tuple[str, ...] = ()  # warnings
    hidden: str = ""  # reason why measured values are hidden; otherwise empty
    opinions: tuple[str, ...] = ()  # judgements of the readers, for an adjudicator
    can_grade: bool = False
    can_reveal: bool = False
    unsaved: int = 0  # number of unsaved entries
    notice: str = ""  # result of the last key
    alarm: bool = False  # whether the notice is a warning
    question: Question | None = None  # question to answer first
