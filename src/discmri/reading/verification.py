"""Whether the rows of a session are all there and as they were written.

What is found
    A row that was changed in any column; one removed, inserted or moved anywhere before the end
    (its neighbours' hashes do not fit); rows removed at the end (the noted head says how many
    there were, and readers' journals hold receipts of rows they were told were saved); a head
    that was changed; an attachment that was changed or removed; a row that cannot be read; what the
    database's own check of its file finds; a trigger that is missing or is not of discmri.
What is noticed
    A clock that ran back between two rows of one reader, and damaged lines of a journal on this
    machine.  Neither makes the rows untrue, so they stop nothing.
What cannot be found from the database alone
    Whoever may write to it can take rows off the end, or write the whole chain anew, and set the
    head to fit.  That shows only against a witness outside: the journals of the readers, or the
    head as an earlier ``verify`` or ``export`` printed it, noted down where the writer of the
    database cannot reach.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from discmri.core.errors import DiscmriError, SessionError
from discmri.reading.entry import NO_PREDECESSOR, Entry, EntryKind, row_hash, sha256
from discmri.reading.history import history, names
from discmri.reading.integrity import check_database
from discmri.reading.journal import damage_of, journals, read_journal
from discmri.reading.plan import Plan
from discmri.reading.store import Head, Store

_SHOWN = 10


@dataclass(frozen=True)
class Problem:
    """One thing that is not as it was written.

    Parameters
    ----------
    seq
        Of the row; 0 where it is none.
    text
        One sentence.
    """

    seq: int
    text: str


@dataclass(frozen=True)
class Verification:
    """What :func:`verify` found.

    Parameters
    ----------
    head
        Where the chain ends; worth noting down.
    problems
        Empty where all is well.
    witnesses
        How many receipts outside the database agreed or not.
    notices
        What is worth knowing and stops nothing.
    """

    head: Head
    problems: tuple[Problem, ...]
    witnesses: int
    notices: tuple[Problem, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    @property
    def summary(self) -> str:
        """The problems in one line, the first ones only where there are many."""
        told = [one.text for one in self.problems[:_SHOWN]]
        more = len(self.problems) - len(told)
        return "; ".join([*told, f"and {more} more"] if more else told)


@dataclass(frozen=True)
class VerifiedRows:
    """What a session holds, and what was found when it was verified.

    Parameters
    ----------
    plan
        The session as planned.
    entries
        Its rows, without those that cannot be read.
    verification
        What was found.
    """

    plan: Plan
    entries: tuple[Entry, ...]
    verification: Verification


def verify(store: Store, noted: Mapping[str, Head] | None = None) -> Verification:
    """Check every row, the head, the attachments, and the witnesses on this machine.

    Parameters
    ----------
    store
        The session.
    noted
        Further witnesses by name: heads that were noted down, receipts of other machines.

    Returns
    -------
    Verification
        The end of the chain and what is wrong with it.

    Raises
    ------
    SessionError
        Where the database cannot be read.

    Examples
    --------
    >>> verify(Store.open("lumbar.session")).sound  # doctest: +SKIP
    True
    """
    return _inspected(store, noted or {})[0]


def verified_rows(store: Store, anyway: bool = False) -> VerifiedRows:
    """Verify a session and read it; whoever draws conclusions from its rows begins here.

    Parameters
    ----------
    store
        The session.
    anyway
        Go on with a session that is not as it was written; rows that cannot be read are left out.

    Raises
    ------
    SessionError
        Where :func:`verify` finds a problem, unless ``anyway``, or there is no plan to go by.
    """
    verdict, entries, unreadable = _inspected(store, {})
    if not verdict.sound and not anyway:
        raise SessionError(
            f"{store.locator.name} is not as it was written: {verdict.summary}; see discmri grade "
            "verify and restore it from a copy (export, agreement and the lists go on with --anyway)"
        )
    readable = tuple(entry for entry in entries if entry.seq not in unreadable)
    return VerifiedRows(store.plan(), readable, verdict)


def _inspected(
    store: Store, noted: Mapping[str, Head]
) -> tuple[Verification, list[Entry], set[int]]:
    """What is found, all rows, and the places of those that cannot be read."""
    plan = _plan_of(store)
    here = journals(store.locator.path, "unknown" if plan is None else plan.session_id)
    receipts = _receipts(here)  # before the rows, which may grow
    entries, head = store.chain()
    problems = [*check_chain(entries), *check_head(entries, head)]
    problems += _check_attachments(store, entries)
    for name, receipt in {**noted, **receipts}.items():
        problems += check_witness(entries, name, receipt)
    unreadable = check_rows(entries, plan)
    problems += unreadable
    problems += [Problem(0, text) for text in check_database(store)]
    end = Head(entries[-1].seq, entries[-1].sha256) if entries else Head(0, NO_PREDECESSOR)
    witnesses = len(noted) + len(receipts)
    damage = [Problem(0, text) for text in map(damage_of, here) if text]
    notices = (*check_clock(entries), *damage)
    verdict = Verification(end, tuple(problems), witnesses, notices)
    return verdict, entries, {one.seq for one in unreadable}


def _plan_of(store: Store) -> Plan | None:
    try:
        return store.plan()
    except SessionError:  # the plan is damaged, which the chain will tell
        return None


def check_rows(entries: Iterable[Entry], plan: Plan | None) -> list[Problem]:
    """Find rows that say nothing of this session, whoever sealed them."""
    return [
        Problem(entry.seq, f"row {entry.seq} cannot be read")
        for entry in entries
        if not _is_readable(entry, plan)
    ]


def _is_readable(entry: Entry, plan: Plan | None) -> bool:
    row = entry.row
    try:
        if entry.kind is EntryKind.PLAN:
            return plan is not None
        known = history([entry])
        if plan is None:
            return True
        case = plan.case_of(row["item"])
        names(case, known.lowest.get(row["item"]))
        found = {disc for _, disc in known.discs}
        return found <= {disc.level for disc in case.all_discs}
    except (DiscmriError, LookupError, RecursionError, TypeError, ValueError):
        return False


def check_clock(entries: Iterable[Entry]) -> list[Problem]:
    """Find rows that are dated before the row that the same reader made before them."""
    last: dict[str, Entry] = {}
    found = []
    for entry in entries:
        before = last.get(entry.row["reader"])
        if before is not None and entry.row["at"] < before.row["at"]:
            text = (
                f"row {entry.seq} of {entry.row['reader']} is dated {entry.row['at']}, before row "
                f"{before.seq} ({before.row['at']}): a clock ran back, or it was saved late"
            )
            found.append(Problem(entry.seq, text))
        last[entry.row["reader"]] = entry
    return found


def check_chain(entries: Sequence[Entry]) -> list[Problem]:
    """Check the place, the seal and the link of every row, and that the plan comes first."""
    problems = []
    expected, previous = 1, NO_PREDECESSOR
    for entry in entries:
        if entry.seq != expected:
            problems.append(Problem(expected, _missing(expected, entry.seq - 1)))
        elif entry.previous != previous:
            text = f"row {entry.seq} does not follow the row before: one of them was put in place later"
            problems.append(Problem(entry.seq, text))
        if row_hash(entry.seq, entry.previous, entry.row) != entry.sha256:
            problems.append(Problem(entry.seq, f"row {entry.seq} was changed"))
        expected, previous = entry.seq + 1, entry.sha256
    kinds = [entry.row["kind"] for entry in entries]
    if kinds[:1] != [EntryKind.PLAN.value] or kinds.count(EntryKind.PLAN.value) > 1:
        problems.append(Problem(1, "the plan is not the first row and the only one"))
    return problems


def _missing(first: int, last: int) -> str:
    if first >= last:
        return f"row {first} is missing"
    return f"rows {first} to {last} are missing"


def check_head(entries: Sequence[Entry], head: Head | None) -> list[Problem]:
    """Check that the chain ends where the database has noted it."""
    if head is None:
        return [Problem(0, "the note of where the chain ends is gone")]
    last = entries[-1] if entries else None
    count, digest = (0, NO_PREDECESSOR) if last is None else (last.seq, last.sha256)
    if head.count > count:
        missing = _missing(count + 1, head.count)
        return [Problem(count + 1, f"{missing} at the end: the database has noted {head.count}")]
    if (head.count, head.sha256) != (count, digest):
        return [Problem(count, "the note of where the chain ends does not fit its last row")]
    return []


def check_witness(entries: Iterable[Entry], name: str, head: Head) -> list[Problem]:
    """Check a row against a receipt that was kept outside the database."""
    found = next((entry for entry in entries if entry.seq == head.count), None)
    if found is None:
        text = f"row {head.count} is gone, but {name} has a receipt for it"
    elif found.sha256 != head.sha256:
        text = f"row {head.count} is not the one that {name} has a receipt for"
    else:
        return []
    return [Problem(head.count, text)]


def _receipts(found: Iterable[Path]) -> dict[str, Head]:
    """What journals on this machine have receipts for, by their names."""
    receipts = {path.name: read_journal(path).receipt for path in found}
    return {name: receipt for name, receipt in receipts.items() if receipt is not None}


def _check_attachments(store: Store, entries: Iterable[Entry]) -> list[Problem]:
    problems = []
    for entry in entries:
        digest = entry.row["attachment_sha256"]
        if not digest:
            continue
        data = store.attachment(digest)
        if data is None or sha256(data) != digest:
            what = "gone" if data is None else "changed"
            problems.append(Problem(entry.seq, f"the file attached to row {entry.seq} is {what}"))
    return problems
