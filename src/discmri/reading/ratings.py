"""A session as ratings and their design, for :mod:`discmri.agreement`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from discmri.agreement.design import Design
from discmri.agreement.sources import RatingSource, ratings_of_edits, ratings_of_reads
from discmri.core.tables import Row
from discmri.reading.plan import Mode, Order, Plan
from discmri.reading.store import Store
from discmri.reading.tables import edit_rows, long_rows
from discmri.reading.verification import verified_entries

_MODES = {
    Mode.OPEN: "Readers saw identity, date and automatic measurements while grading.",
    Mode.LOCKED: "Readers graded each disc before its automatic measurements were shown; a later "
    "change needed a reason, and both grades are kept. Identity and date were visible.",
    Mode.BLINDED: "Readers saw no measurements, identity or date; the visits of all subjects were "
    "shuffled.",
}
_ORDERS = {
    Order.PER_READER: "Cases were presented in a separate random order to each reader",
    Order.COMMON: "Cases were presented in the same random order to all readers",
    Order.AS_GIVEN: "Cases were presented in the order in which they were listed",
}
_KEPT = (
    "Discs were segmented and numbered by discmri. Each read is stored with reader, time, visible "
    "information, software version and a hash of the images, in a chain that discloses changes."
)
_INDEPENDENT = "Readers were not shown the reads of other readers."


def from_session(store: Store, anyway: bool = False) -> RatingSource:
    """Valid reads and label edits of a session.

    Raises ``SessionError`` if it cannot be read, or fails verification without ``anyway``; with it,
    the problems are in the note of the source.
    """
    verified = verified_entries(store, anyway)
    plan, entries, path = verified.plan, verified.entries, store.locator.path
    name = store.locator.name if path is None else path.name
    reads = _texts(name, long_rows(plan, entries))
    edits = _texts(name, edit_rows(plan, entries))
    ratings = [*ratings_of_reads(reads), *ratings_of_edits(edits)]
    fault = verified.verification.summary
    note = f"{name} failed verification: {fault}." if fault else ""
    return RatingSource(name, tuple(ratings), design_of(plan), note)


def design_of(plan: Plan) -> Design:
    """Design of a session for the report."""
    repeated = sum(showing.occasion == 2 for showing in plan.showings(plan.readers[0]))
    order = f"{_ORDERS[plan.order]} (seed {plan.seed})."
    again = (
        " Repeats were not announced; the second presentation followed at least a fifth of the "
        "session after the first."
        if repeated and plan.order is not Order.AS_GIVEN
        else ""
    )
    return Design(
        readers=len(plan.readers),
        subjects=len({case.subject_id for case in plan.cases}),
        studies=len(plan.cases),
        discs=sum(len(case.discs) for case in plan.cases),
        repeated=repeated,
        process=(f"{_MODES[plan.mode]} {order}{again}", _KEPT),
        independence=(_INDEPENDENT,),
    )


def _texts(name: str, rows: Iterable[Mapping[str, object]]) -> list[Row]:
    """Rows of a session as table rows."""
    return [
        Row(name, line, {key: "" if cell is None else str(cell) for key, cell in row.items()})
        for line, row in enumerate(rows, start=2)
    ]
