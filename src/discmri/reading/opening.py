"""Creating a session, and opening it as a reader or adjudicator."""

from __future__ import annotations

import logging
from pathlib import Path

from discmri.core.errors import ConflictError, NotSavedYetError, UsageError
from discmri.core.levels import DiscLevel
from discmri.core.text import one_line
from discmri.reading.adjudication import Dispute, disputes
from discmri.reading.database import UnavailableError
from discmri.reading.journal import Journal, journal_path
from discmri.reading.lease import LEASE_S, Lease, lease_for
from discmri.reading.plan import Plan
from discmri.reading.planning import Planned
from discmri.reading.session import Session
from discmri.reading.store import Store
from discmri.reading.verification import verified_entries
from discmri.reading.views import Agenda

_log = logging.getLogger(__name__)


def create_session(session: str | Path, planned: Planned) -> Store:
    """Create the file, or the tables on the server, with the plan as the first entry.

    Parameters
    ----------
    session
        Path of a new file, or URL of a PostgreSQL database.
    planned
        From :func:`discmri.reading.plan_session`.

    Returns
    -------
    Store
        The new session.

    Raises
    ------
    UsageError
        If there is a session already, or it cannot be written.

    Examples
    --------
    >>> planned = plan_session({Path("out/S01"): None}, options)  # doctest: +SKIP
    >>> create_session("lumbar.session", planned).chain()[1].count  # doctest: +SKIP
    1
    """
    return Store.create(session, planned.draft())


def open_session(
    session: str | Path, reader: str, root: Path | None = None, take_over: bool = False
) -> Session:
    """Open a session for one of its readers; unsaved entries are saved first.

    Parameters
    ----------
    session
        Path of the file, or URL of the PostgreSQL database.
    reader
        Name of a planned reader.
    root
        Folder of results and images, if it was moved since the session was planned.
    take_over
        Open the session although the reader has it open on another machine, which can then no
        longer record.

    Returns
    -------
    Session
        The open session; close it, or use ``with``.

    Raises
    ------
    UsageError
        If there is no such session or reader, or the reader has it open elsewhere.
    SessionError
        If the session cannot be read, or fails verification.

    Examples
    --------
    >>> with open_session("lumbar.session", "ann") as session:  # doctest: +SKIP
    ...     case = session.next_case()
    ...     session.record(case.item, case.discs[0].key, Grade.parse("4/7"))
    """
    store = Store.open(session)
    plan = verified_entries(store).plan
    reader = one_line(reader)
    if reader not in plan.readers:
        raise UsageError(
            f"{reader} is not a reader of this session; it was planned for {', '.join(plan.readers)}"
        )
    agenda = {
        showing.item: frozenset(disc.level for disc in plan.case(showing.case).all_discs)
        for showing in plan.showings(reader)
    }
    return _opened(store, plan, (reader, Agenda(agenda)), root, take_over)


def open_adjudication(
    session: str | Path, adjudicator: str, root: Path | None = None, take_over: bool = False
) -> Session:
    """Open a session for an adjudicator, who decides disputed discs.

    Only disputed discs and their cases are presented; :meth:`Session.opinions` returns the judgements
    of the readers.  Each decision is stored as a read of the adjudicator.

    Parameters
    ----------
    session, root, take_over
        As in :func:`open_session`.
    adjudicator
        Name of a person who is not a reader.

    Returns
    -------
    Session
        A session with the disputed discs only.

    Raises
    ------
    UsageError
        If the adjudicator is a reader, or there is nothing to adjudicate.
    SessionError
        As in :func:`open_session`.

    Examples
    --------
    >>> with open_adjudication("lumbar.session", "cat") as session:  # doctest: +SKIP
    ...     case = session.next_case()
    ...     session.opinions(case.item, case.discs[0].key)
    (Grade(signal=3, collapse=None), Grade(signal=5, collapse=None))
    """
    store = Store.open(session)
    verified = verified_entries(store)
    plan = verified.plan
    adjudicator = one_line(adjudicator)
    if not adjudicator or adjudicator in plan.readers:
        raise UsageError(
            f"{adjudicator!r} cannot adjudicate; name a person who is not one of the readers "
            f"{', '.join(plan.readers)}"
        )
    found = disputes(plan, verified.entries)
    if not found:
        raise UsageError(
            "there is nothing to adjudicate: the readers agree on all discs read so far"
        )
    return _opened(store, plan, (adjudicator, _agenda(found)), root, take_over)


def _agenda(found: list[Dispute]) -> Agenda:
    discs: dict[str, frozenset[DiscLevel]] = {}
    for dispute in found:
        discs[dispute.item] = discs.get(dispute.item, frozenset()) | {dispute.disc}
    opinions = {
        (dispute.item, dispute.disc): tuple(
            judgement for _, judgement in sorted(dispute.judgements.items())
        )
        for dispute in found
    }
    return Agenda(discs, opinions)


def _opened(
    store: Store, plan: Plan, who: tuple[str, Agenda], root: Path | None, take_over: bool
) -> Session:
    reader, agenda = who
    journal = Journal(journal_path(store.locator.path, plan.session_id, reader))
    try:
        _take_lease(store, lease_for(reader, journal.path.resolve()), take_over)
        session = Session(store, plan, reader, journal, agenda, root or data_root(store, plan))
    except BaseException:
        journal.close()
        raise
    try:
        session.save()
    except (NotSavedYetError, ConflictError) as error:
        _log.warning("%s", error)
    for notice in session.notices:
        _log.warning("%s", notice)
    return session


def _take_lease(store: Store, lease: Lease, take_over: bool) -> None:
    try:
        machine = store.take(lease, force=take_over)
    except UnavailableError as error:  # the lease is claimed with the first entry
        _log.warning("the session %s cannot be written: %s", store.locator.name, error)
        return
    if machine:
        raise UsageError(
            f"{lease.reader} has the session open on {machine}; close it there, wait "
            f"{LEASE_S // 60} minutes after the last entry, or take it over (--take-over)"
        )


def data_root(store: Store, plan: Plan) -> Path:
    """Folder of results and images: as planned, or relative to the session file if moved."""
    places = [Path(plan.root)]
    if store.locator.path is not None and plan.root_from_session:
        places.append(store.locator.path.resolve().parent / plan.root_from_session)
    first = plan.cases[0].results
    return next((one for one in places if (one / first).is_dir()), places[0])
