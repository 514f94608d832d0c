"""Disputed discs, which an adjudicator decides."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from discmri.core.grade import Grade
from discmri.core.levels import DiscLevel
from discmri.reading.entry import SessionEntry
from discmri.reading.history import History, counted, history
from discmri.reading.judgement import Judgement
from discmri.reading.plan import Case, Plan, Showing

STEPS = 2
LAST_OF_SIGNAL = 5


@dataclass(frozen=True)
class Dispute:
    """One disc that needs a decision.

    Parameters
    ----------
    case, disc
        Case and automatic level of the disc.
    reasons
        Reasons from :func:`disagreements`.
    judgements
        First judgement of each reader.
    decision, adjudicator
        Decision and name of the adjudicator; ``None`` and empty if undecided.
    """

    case: Case
    disc: DiscLevel
    reasons: tuple[str, ...]
    judgements: Mapping[str, Judgement]
    decision: Judgement | None = None
    adjudicator: str = ""

    @property
    def item(self) -> str:
        """The showing in which it is decided."""
        return Showing(self.case.key).item


def disagreements(judgements: Iterable[Judgement]) -> tuple[str, ...]:
    """Reasons why judgements on one disc need an adjudicator.

    The reasons are: grades differ by two or more (a double grade counts as its collapse part; signal
    parts are compared as well); grades are on both sides of 5|6, that is with and without collapse;
    the disc is not evaluable for some readers only.

    Parameters
    ----------
    judgements
        One per reader.

    Returns
    -------
    tuple of str
        Reasons; empty without disagreement.

    Examples
    --------
    >>> disagreements([Grade.parse("5"), Grade.parse("6")])
    ('cross 5|6',)
    >>> disagreements([Grade.parse("4"), Grade.parse("5")])
    ()
    """
    given = list(judgements)
    grades = [one for one in given if isinstance(one, Grade)]
    reasons = []
    pairs = list(itertools.combinations(grades, 2))
    if any(
        abs(one.ordinal - two.ordinal) >= STEPS or abs(one.signal - two.signal) >= STEPS
        for one, two in pairs
    ):
        reasons.append(f"differ by {STEPS} or more")
    if len({grade.ordinal > LAST_OF_SIGNAL for grade in grades}) > 1:
        reasons.append("cross 5|6")
    if 0 < len(grades) < len(given):
        reasons.append("not evaluable for some")
    return tuple(reasons)


def histories(entries: Iterable[SessionEntry]) -> dict[str, History]:
    """History of each reader."""
    ordered = sorted(entries, key=lambda entry: entry.row["reader"])  # keeps the order within
    return {
        reader: history(own)
        for reader, own in itertools.groupby(ordered, key=lambda entry: entry.row["reader"])
    }


def disputes(plan: Plan, entries: Iterable[SessionEntry]) -> list[Dispute]:
    """Find the disputed discs of a session, by the first reads of each reader.

    Parameters
    ----------
    plan
        Plan of the session.
    entries
        All entries of the session.

    Returns
    -------
    list of Dispute
        Disputes in the order of the cases.

    Examples
    --------
    >>> store = Store.open("lumbar.session")  # doctest: +SKIP
    >>> [one.reasons for one in disputes(store.plan(), store.entries())]  # doctest: +SKIP
    [('cross 5|6',)]
    """
    known = histories(entries)
    readers = {name: known[name] for name in plan.readers if name in known}
    others = {name: one for name, one in known.items() if name not in plan.readers}
    found = []
    for case in plan.cases:
        for disc in case.all_discs:
            judgements = _judgements(_counting(readers, case, disc.level), case, disc.level)
            reasons = disagreements(judgements.values())
            if reasons:
                decided = _judgements(others, case, disc.level)
                adjudicator, decision = next(reversed(decided.items()), ("", None))
                found.append(Dispute(case, disc.level, reasons, judgements, decision, adjudicator))
    return found


def _counting(readers: Mapping[str, History], case: Case, disc: DiscLevel) -> dict[str, History]:
    """Readers without those who name the disc S1-S2, whose reads of it are not used."""
    item = Showing(case.key).item
    return {
        name: one for name, one in readers.items() if disc in counted(case, one.lowest.get(item))
    }


def _judgements(
    readers: Mapping[str, History], case: Case, disc: DiscLevel
) -> dict[str, Judgement]:
    """Judgements of a disc at its first presentation by reader, in the order of the entries."""
    item = Showing(case.key).item
    reads = [(name, one.of(item, disc).last) for name, one in readers.items()]
    given = [(read.seq, name, read.judgement) for name, read in reads if read is not None]
    return {name: judgement for _, name, judgement in sorted(given, key=lambda one: one[0])}
