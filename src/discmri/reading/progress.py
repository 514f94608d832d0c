"""Progress of the readers of a session."""

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
from discmri.reading.verification import verified_entries


@dataclass(frozen=True)
class ReaderProgress:
    """Progress of one reader."""

    reader: str
    cases_done: int  # presentations, with hidden repeats
    cases: int  # presentations, with hidden repeats
    discs_done: int  # discs of these presentations
    discs: int
    not_evaluable: int
    corrections: int  # number of judgements changed with a reason
    waiting: int  # number of unsaved entries in the journal on this machine
    last_at: str  # time of the last entry; empty before the first
    conflicts: int = 0  # number of late entries from another machine that are not resolved
    damage: str = ""  # message about damage of the journal on this machine; empty if none
    repeats: int = 0  # discs graded at both presentations of a hidden repeat
    repeats_equal: int = 0  # of these, with the same grade
    repeats_within_one: int = 0  # of these, with grades at most one apart


@dataclass(frozen=True)
class SessionProgress:
    """Progress of a session.

    Parameters
    ----------
    plan
        Plan of the session.
    readers
        One per planned reader.
    disputed, decided
        Number of disputed discs, and of those with a decision.
    fault
        Problems found by verification; empty if none.
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
        Continue if verification fails.

    Returns
    -------
    SessionProgress
        Progress of readers and of adjudication.

    Raises
    ------
    SessionError
        If the session cannot be read, or fails verification without ``anyway``.

    Examples
    --------
    >>> progress_of(Store.open("lumbar.session")).disputed  # doctest: +SKIP
    3
    """
    verified = verified_entries(store, anyway)
    plan, entries = verified.plan, verified.entries
    known = histories(entries)
    readers = []
    for reader in plan.readers:
        path = journal_path(store.locator.path, plan.session_id, reader)
        own = known.get(reader, History())
        readers.append(_of_reader(plan, reader, own, _waiting(path, own), damage_of(path)))
    found = disputes(plan, entries)
    decided = sum(one.decision is not None for one in found)
    return SessionProgress(plan, tuple(readers), len(found), decided, verified.verification.summary)


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
    """Agreement of grades of hidden repeats with first grades."""
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
