"""How far everybody is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from discmri.reading.adjudication import disputes, histories
from discmri.reading.history import DiscHistory, History, counted
from discmri.reading.journal import journal_path, read_pending
from discmri.reading.judgement import NotEvaluable
from discmri.reading.plan import Mode, Plan
from discmri.reading.store import Store
from discmri.reading.verification import verified_rows


@dataclass(frozen=True)
class ReaderProgress:
    """How far one reader is.

    Parameters
    ----------
    reader
        Name.
    cases_done, cases
        Showings without anything left to do, hidden repeats included, and all.
    discs_done, discs
        Likewise.
    not_evaluable
        Discs that were called so.
    corrections
        Judgements that were changed with a reason.
    waiting
        Entries in this reader's journal on this machine that are not in the session yet.
    last_at
        When the last row was made; empty before the first.
    """

    reader: str
    cases_done: int
    cases: int
    discs_done: int
    discs: int
    not_evaluable: int
    corrections: int
    waiting: int
    last_at: str


@dataclass(frozen=True)
class SessionProgress:
    """How far a session is.

    Parameters
    ----------
    plan
        The session.
    readers
        One per planned reader.
    disputed, decided
        Discs on which readers differ too much, and those of them with a decision.
    fault
        Why the session is not as it was written; empty where it is.
    """

    plan: Plan
    readers: tuple[ReaderProgress, ...]
    disputed: int
    decided: int
    fault: str = ""


def progress_of(store: Store, anyway: bool = False) -> SessionProgress:
    """Count what is done and what is left.

    Parameters
    ----------
    store
        The session.
    anyway
        Count also where the session is not as it was written.

    Returns
    -------
    SessionProgress
        Per reader, and what is left to adjudicate.

    Raises
    ------
    SessionError
        Where the session cannot be read, or is not as it was written, unless ``anyway``.

    Examples
    --------
    >>> progress_of(Store.open("lumbar.session")).disputed  # doctest: +SKIP
    3
    """
    rows = verified_rows(store, anyway)
    plan, entries = rows.plan, rows.entries
    known = histories(entries)
    readers = tuple(
        _of_reader(plan, reader, known.get(reader, History()), _waiting(store, plan, reader, known))
        for reader in plan.readers
    )
    found = disputes(plan, entries)
    decided = sum(one.decision is not None for one in found)
    return SessionProgress(plan, readers, len(found), decided, rows.verification.summary)


def _of_reader(plan: Plan, reader: str, known: History, waiting: int) -> ReaderProgress:
    showings = plan.showings(reader)
    states = [
        [
            known.of(showing.item, disc)
            for disc in counted(plan.case(showing.case), known.lowest.get(showing.item))
        ]
        for showing in showings
    ]
    done = [[_done(disc, plan.mode) for disc in discs] for discs in states]
    reads = [read for discs in states for disc in discs for read in disc.reads]
    last = [disc.last.judgement for discs in states for disc in discs if disc.last is not None]
    return ReaderProgress(
        reader=reader,
        cases_done=sum(map(all, done)),
        cases=len(showings),
        discs_done=sum(map(sum, done)),
        discs=sum(map(len, done)),
        not_evaluable=sum(isinstance(one, NotEvaluable) for one in last),
        corrections=sum(bool(read.reason) for read in reads),
        waiting=waiting,
        last_at=known.last_at,
    )


def _done(disc: DiscHistory, mode: Mode) -> bool:
    return disc.last is not None and (mode is not Mode.LOCKED or disc.revealed)


def _waiting(store: Store, plan: Plan, reader: str, known: Mapping[str, History]) -> int:
    path = journal_path(store.locator.path, plan.session_id, reader)
    if not path.is_file():
        return 0
    saved = known[reader].entry_ids if reader in known else set()
    return sum(draft.entry_id not in saved for draft in read_pending(path))
