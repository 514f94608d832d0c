"""Controlled reading sessions with a tamper-evident record.

The package is independent of the viewer, which is a thin shell around one object, :class:`Session`.

**Layers.**  *Data*: :class:`Plan` (cases, readers, mode, order), :class:`Grade` and
:class:`NotEvaluable` (judgements), entries in a :class:`Store`.  *Annotator*: :class:`Session`, which
has all rules of reading.  *Shell*: shows what the session permits and forwards input.  A shell must
not have rules or state of its own.

**Example**::

    from discmri import reading

    session = reading.open_session("lumbar.session", reader="ann")
    case = session.next_case()              # None when all cases are done
    study = session.images(case.item)       # in a worker: reads and verifies the images
    labels = session.labels_file(case.item) # label map to draw over the images
    mine = session.painted_labels(case.item)  # the same after edits of the reader, or None
    disc = case.discs[0]                    # disc.level is its name, disc.key its identifier
    session.record(case.item, disc.key, reading.Grade.parse("4/7"), comment="Schmorl's node")
    session.record(case.item, disc.key, reading.NotEvaluable("metal"), reason="second look")
    session.undo()                          # withdraws the last entry, which is kept
    session.close()

**What may be shown.**  ``case.title`` is the only text about a case; in a blinded session it is
"Case 7 of 24".  Then paths, subject, date and the headers from :meth:`Session.images` must not be
displayed, nor ``case.item``, which discloses hidden repeats.  :meth:`Session.metrics` returns the
measurements of a disc if they may be shown at present, otherwise ``None``; call it again after each
step and show no other measurements.  In a locked session, :meth:`Session.reveal` returns them after
the disc was graded (:attr:`DiscState.GRADED`) and records it.  A later change needs a reason, and
both judgements are kept.

**Saving.**  ``record``, ``reveal``, ``edit_label``, ``number`` and ``undo`` return when the entry is
safe on disk: after milliseconds, or at most 5 s if a server does not respond.  On
:class:`~discmri.core.errors.NotSavedYetError` show its message and continue: the entry is valid and
kept in the journal of the reader; any later call, :meth:`Session.save` or the next
:func:`open_session` saves it.  After a crash, open the session again.  On
:class:`~discmri.core.errors.UsageError` nothing was recorded; show the message to the reader.

**Two machines.**  A reader can have a session open on one machine only; a lease in the database
refuses a second one unless it takes over.  Entries from two machines never overwrite each other.  A
late entry is kept as a conflict and is not used: :attr:`DiscView.conflicts` lists it, the disc is
open again, and the next judgement needs a reason.  :class:`~discmri.core.errors.ConflictError` is
raised when a conflict is detected; :attr:`Session.notices` lists conflicts and journal damage.

**State.**  A session belongs to one thread; only ``images`` may be called from others.  Every call
that records returns a new :class:`DiscView` or :class:`CaseView`; earlier ones never change.
``session.case(item)``, ``session.cases`` and ``session.progress`` are always current and include
unsaved entries.

**Painting and numbering.**  Measure the painted label in a worker, then pass the values and the label
map as bytes to :meth:`Session.edit_label`; show the new values only if :meth:`Session.metrics`
returns the old ones.  :func:`shifted` gives the level of the lowest disc one up or down for
:meth:`Session.number`; reads stay with their discs.

**Adjudication.**  :func:`open_adjudication` returns a session with only the disputed discs;
:meth:`Session.opinions` returns the judgements of the readers without names.
"""

from __future__ import annotations

from discmri.core.grade import Grade
from discmri.reading.adjudication import Dispute, disagreements, disputes
from discmri.reading.entry import EntryKind
from discmri.reading.history import LabelEdit, Read, shifted
from discmri.reading.judgement import Judgement, NotEvaluable
from discmri.reading.opening import create_session, open_adjudication, open_session
from discmri.reading.plan import Mode, Order, Plan
from discmri.reading.planning import Planned, SessionOptions, plan_session
from discmri.reading.progress import SessionProgress, progress_of
from discmri.reading.results import DiscMetrics, find_study, results_folders
from discmri.reading.session import Session
from discmri.reading.store import Head, Store
from discmri.reading.tables import export_session
from discmri.reading.verification import Problem, Verification, verify
from discmri.reading.views import CaseView, DiscState, DiscView, Undone

__all__ = [
    "CaseView",
    "DiscMetrics",
    "DiscState",
    "DiscView",
    "Dispute",
    "EntryKind",
    "Grade",
    "Head",
    "Judgement",
    "LabelEdit",
    "Mode",
    "NotEvaluable",
    "Order",
    "Plan",
    "Planned",
    "Problem",
    "Read",
    "Session",
    "SessionOptions",
    "SessionProgress",
    "Store",
    "Undone",
    "Verification",
    "create_session",
    "disagreements",
    "disputes",
    "export_session",
    "find_study",
    "open_adjudication",
    "open_session",
    "plan_session",
    "progress_of",
    "results_folders",
    "shifted",
    "verify",
]
