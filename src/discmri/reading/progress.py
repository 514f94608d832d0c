"""How far everybody is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from discmri.core.grade import Grade
from discmri.reading.adjudication import disputes, histories
from discmri.reading.history import DiscHistory, History, counted
from discmri.reading.journal import damage_of, journal_path, read_journal
from discmri.reading.judgement import NotEvaluable
from discmri.reading.plan import Mode, Plan, Showing
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
    conflicts
        Entries that came late from another machine, do not count and were not looked at since.
    damage
        What was damaged in this reader's journal on this machine; empty where nothing was.
    repeats, repeats_equal, repeats_within_one
        Discs that were graded at both showings of a hidden repeat so far, and those of them with
        the same grade, or at most one apart.
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
    conflicts: int = 0
    damage: str = ""
    repeats: int = 0
    repeats_equal: int = 0
    repeats_within_one: int = 0


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
    readers = []
    for reader in plan.readers:
        path = journal_path(store.locator.path, plan.session_id, reader)
        own = known.get(reader, History())
        readers.append(_of_reader(plan, reader, own, _waiting(path, own), damage_of(path)))
    found = disputes(plan, entries)
    decided = sum(one.decision is not None for one in found)
    return SessionProgress(plan, tuple(readers), len(found), decided, rows.verification.summary)


def _of_reader(
    plan: Plan, reader: str, known: History, waiting: int, damage: str
) -> ReaderProgress:
    showings = plan.showings(reader)
    states = [
        {
            disc: known.of(showing.item, disc)
            for disc in counted(plan.case(showing.case), known.lowest.get(showing.item))
        }
        for showing in showings
    ]
    late = {(one.row["item"], one.row["disc"]) for one in known.conflicts}
    done = [
        [
            _done(disc, plan.mode) and (showing.item, key.value) not in late
            for key, disc in discs.items()
        ]
        for showing, discs in zip(showings, states, strict=True)
    ]
    all_discs = [disc for discs in states for disc in discs.values()]
    reads = [read for disc in all_discs for read in disc.reads]
    last = [disc.last.judgement for disc in all_discs if disc.last is not None]
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
        conflicts=len(known.conflicts),
        damage=damage,
        **_repeats(showings, known),
    )


def _repeats(showings: Iterable[Showing], known: History) -> dict[str, int]:
    """How grades of hidden repeats compare with the first ones, so far."""
    again = {showing.case for showing in showings if showing.occasion == 2}
    differences = []
    for (item, disc), first in known.discs.items():
        case, _, occasion = item.rpartition(".")
        if occasion != "1" or case not in again:
            continue
        second = known.of(Showing(case, 2).item, disc).last
        said = [None if one is None else one.judgement for one in (first.last, second)]
        if isinstance(said[0], Grade) and isinstance(said[1], Grade):
            differences.append((said[0] == said[1], abs(said[0].ordinal - said[1].ordinal) <= 1))
    return {
        "repeats": len(differences),
        "repeats_equal": sum(equal for equal, _ in differences),
        "repeats_within_one": sum(near for _, near in differences),
    }


def _done(disc: DiscHistory, mode: Mode) -> bool:
    return disc.last is not None and (mode is not Mode.LOCKED or disc.revealed)


def _waiting(path: Path, known: History) -> int:
    pending = read_journal(path).pending if path.is_file() else []
    return sum(draft.entry_id not in known.entry_ids for draft in pending)
