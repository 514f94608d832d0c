"""Verification that the entries of a session are complete and unchanged.

Problems
    A changed entry; an entry removed, inserted or moved before the end (the hashes of its neighbours do
    not fit); entries removed at the end (the head has their number, and journals have receipts of saved
    entries); a changed head; a changed or missing attachment; an unreadable entry; a failed integrity
    check of the database; a missing or foreign trigger.
Notices
    A clock that went backwards between two entries of one reader, and damaged lines of a journal on
    this machine.  They do not make verification fail.
Not detectable from the database alone
    A person with write access to the database can remove entries at the end, or rewrite the whole chain
    with its head.  This is detected only by a witness outside: the journals of the readers, or a head
    printed by an earlier ``verify`` or ``export`` and kept where that person cannot change it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from discmri.core.errors import DiscmriError, SessionError
from discmri.reading.entry import NO_PREDECESSOR, EntryKind, SessionEntry, row_hash, sha256
from discmri.reading.history import history, names
from discmri.reading.integrity import check_database
from discmri.reading.journal import damage_of, journals, read_journal
from discmri.reading.plan import Plan
from discmri.reading.store import Head, Store

_SHOWN = 10


@dataclass(frozen=True)
class Problem:
    """A problem found by verification.

    Parameters
    ----------
    seq
        Position of the entry; 0 if it does not concern an entry.
    text
        One sentence.
    """

    seq: int
    text: str


@dataclass(frozen=True)
class Verification:
    """Result of :func:`verify`.

    Parameters
    ----------
    head
        End of the chain; keep a copy outside the database.
    problems
        Problems; empty if the session is sound.
    witnesses
        Number of receipts outside the database that were compared.
    notices
        Notices that do not make verification fail.
    """

    head: Head
    problems: tuple[Problem, ...]
    witnesses: int
    notices: tuple[Problem, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether there are no problems."""
        return not self.problems

    @property
    def summary(self) -> str:
        """The first ten problems in one line."""
        told = [one.text for one in self.problems[:_SHOWN]]
        more = len(self.problems) - len(told)
        return "; ".join([*told, f"and {more} more"] if more else told)


@dataclass(frozen=True)
class VerifiedEntries:
    """The entries of a session with the result of verification."""

    plan: Plan
    entries: tuple[SessionEntry, ...]  # entries, without unreadable ones
    verification: Verification


def verify(store: Store, noted: Mapping[str, Head] | None = None) -> Verification:
    """Check every entry, the head, the attachments, and the witnesses on this machine.

    Parameters
    ----------
    store
        The session.
    noted
        Further witnesses by name: heads kept elsewhere, receipts of other machines.

    Returns
    -------
    Verification
        End of the chain, problems and notices.

    Raises
    ------
    SessionError
        If the database cannot be read.

    Examples
    --------
    >>> verify(Store.open("lumbar.session")).sound  # doctest: +SKIP
    True
    """
    return _inspected(store, noted or {})[0]


def verified_entries(store: Store, anyway: bool = False) -> VerifiedEntries:
    """Verify a session and read its entries; the basis of every analysis.

    Raises ``SessionError`` if there is no plan, or verification fails; with ``anyway``, unreadable
    entries are left out instead.
    """
    verdict, entries, unreadable = _inspected(store, {})
    if not verdict.sound and not anyway:
        raise SessionError(
            f"{store.locator.name} failed verification: {verdict.summary}; see discmri grade verify "
            "and restore a copy (export, agreement and lists continue with --anyway)"
        )
    readable = tuple(entry for entry in entries if entry.seq not in unreadable)
    return VerifiedEntries(store.plan(), readable, verdict)


def _inspected(
    store: Store, noted: Mapping[str, Head]
) -> tuple[Verification, list[SessionEntry], set[int]]:
    """Result of verification, all entries, and positions of unreadable ones."""
    plan = _plan_of(store)
    here = journals(store.locator.path, "unknown" if plan is None else plan.session_id)
    receipts = _receipts(here)  # before the entries, which may grow
    entries, head = store.chain()
    problems = [*check_chain(entries), *check_head(entries, head)]
    problems += _check_attachments(store, entries)
    for name, receipt in {**noted, **receipts}.items():
        problems += check_witness(entries, name, receipt)
    unreadable = check_entries(entries, plan)
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
    except SessionError:  # reported by the check of the chain
        return None


def check_entries(entries: Iterable[SessionEntry], plan: Plan | None) -> list[Problem]:
    """Find entries that cannot be read or do not belong to this session."""
    return [
        Problem(entry.seq, f"entry {entry.seq} cannot be read")
        for entry in entries
        if not _is_readable(entry, plan)
    ]


def _is_readable(entry: SessionEntry, plan: Plan | None) -> bool:
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


def check_clock(entries: Iterable[SessionEntry]) -> list[Problem]:
    """Find entries with a time before that of the previous entry of the same reader."""
    last: dict[str, SessionEntry] = {}
    found = []
    for entry in entries:
        before = last.get(entry.row["reader"])
        if before is not None and entry.row["at"] < before.row["at"]:
            text = (
                f"entry {entry.seq} of {entry.row['reader']} is dated {entry.row['at']}, before entry "
                f"{before.seq} ({before.row['at']}): a clock went backwards, or it was saved late"
            )
            found.append(Problem(entry.seq, text))
        last[entry.row["reader"]] = entry
    return found


def check_chain(entries: Sequence[SessionEntry]) -> list[Problem]:
    """Check position, hash and link of every entry, and that the plan is the first entry."""
    problems = []
    expected, previous = 1, NO_PREDECESSOR
    for entry in entries:
        if entry.seq != expected:
            problems.append(Problem(expected, _missing(expected, entry.seq - 1)))
        elif entry.previous != previous:
            text = f"entry {entry.seq} does not follow the one before: either was inserted later"
            problems.append(Problem(entry.seq, text))
        if row_hash(entry.seq, entry.previous, entry.row) != entry.sha256:
            problems.append(Problem(entry.seq, f"entry {entry.seq} was changed"))
        expected, previous = entry.seq + 1, entry.sha256
    kinds = [entry.row["kind"] for entry in entries]
    if kinds[:1] != [EntryKind.PLAN.value] or kinds.count(EntryKind.PLAN.value) > 1:
        problems.append(Problem(1, "the first entry is not the plan, or there are several plans"))
    return problems


def _missing(first: int, last: int) -> str:
    if first >= last:
        return f"entry {first} is missing"
    return f"entries {first} to {last} are missing"


def check_head(entries: Sequence[SessionEntry], head: Head | None) -> list[Problem]:
    """Check that the head fits the end of the chain."""
    if head is None:
        return [Problem(0, "the head of the chain is missing")]
    last = entries[-1] if entries else None
    count, digest = (0, NO_PREDECESSOR) if last is None else (last.seq, last.sha256)
    if head.count > count:
        missing = _missing(count + 1, head.count)
        return [Problem(count + 1, f"{missing} at the end: the head has {head.count} entries")]
    if (head.count, head.sha256) != (count, digest):
        return [Problem(count, "the head of the chain does not fit the last entry")]
    return []


def check_witness(entries: Iterable[SessionEntry], name: str, head: Head) -> list[Problem]:
    """Compare an entry with a receipt outside the database."""
    found = next((entry for entry in entries if entry.seq == head.count), None)
    if found is None:
        text = f"entry {head.count} is missing, but recorded in {name}"
    elif found.sha256 != head.sha256:
        text = f"entry {head.count} does not match {name}"
    else:
        return []
    return [Problem(head.count, text)]


def _receipts(found: Iterable[Path]) -> dict[str, Head]:
    """Receipts in journals on this machine, by file name."""
    receipts = {path.name: read_journal(path).receipt for path in found}
    return {name: receipt for name, receipt in receipts.items() if receipt is not None}


def _check_attachments(store: Store, entries: Iterable[SessionEntry]) -> list[Problem]:
    problems = []
    for entry in entries:
        digest = entry.row["attachment_sha256"]
        if not digest:
            continue
        data = store.attachment(digest)
        if data is None or sha256(data) != digest:
            what = "missing" if data is None else "changed"
            problems.append(Problem(entry.seq, f"the file attached to entry {entry.seq} is {what}"))
    return problems
