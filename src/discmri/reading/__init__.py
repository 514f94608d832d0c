"""Controlled reading sessions: who reads which disc, seeing what, recorded so that it can be trusted.

This package knows no viewer.  A viewer is a thin shell around one object, :class:`Session`;
what follows is all that its author needs.

**Three layers.**  *Data*: :class:`Plan` (cases, readers, mode, order), :class:`Grade` and
:class:`NotEvaluable` (what a reader may say), rows in a :class:`Store`.  *Annotator*:
:class:`Session`, one reader at work; every rule of reading lives there and is tested there.
*Shell*: draws what the session says may be shown, and passes on what the reader presses.  A
shell that keeps a rule or a state of its own is wrong.

**One case from beginning to end**::

    from discmri import reading

    session = reading.open_session("lumbar.session", reader="ann")
    case = session.next_case()              # None when all is done
    study = session.images(case.item)       # in a worker: reads, and proves that it is the right one
    labels = session.labels_file(case.item) # label map to draw over the images
    mine = session.painted_labels(case.item)  # the same after the reader's edits, or None
    disc = case.discs[0]                    # disc.level is its name, disc.key the handle
    session.record(case.item, disc.key, reading.Grade.parse("4/7"), comment="Schmorl's node")
    session.record(case.item, disc.key, reading.NotEvaluable("metal"), reason="looked again")
    session.undo()                          # the last one counts no more; its row stays
    session.close()

**What may be shown.**  ``case.title`` is the only text about a case: in a blinded session
"Case 7 of 24".  Paths, subject, date, and what :meth:`Session.images` returns besides voxels
are not for the eye then; nor is ``case.item``, which tells a hidden repeat.
:meth:`Session.metrics` gives the measurements of a disc where they may be seen *now*, else
``None``; ask it anew after each step and show nothing else that was measured.  In a locked
session :meth:`Session.reveal` shows them after the disc was graded (:attr:`DiscState.GRADED`),
and records that; a judgement after that needs a reason where it differs, and both count.

**Saving.**  ``record``, ``reveal``, ``edit_label``, ``number`` and ``undo`` return once the row
is safe on disk; they take milliseconds, and 5 s at worst where a server does not answer.  On
:class:`~discmri.core.errors.NotSavedYetError` show its message and go on: the entry counts, it is
kept in the reader's journal, and every later call, :meth:`Session.save` or the next
:func:`open_session` saves it.  After a crash or ``kill -9`` just open the session again.  On
:class:`~discmri.core.errors.UsageError` nothing was recorded; its message is for the reader.

**Two machines.**  A reader has a session open at one machine at a time: a lease in the database
refuses another one, unless it is told to take over.  What was entered at both all the same never
overwrites: what comes late is kept as a conflict that does not count, :attr:`DiscView.conflicts`
shows it, the disc is open again, and the next judgement needs a reason.
:class:`~discmri.core.errors.ConflictError` tells when that comes to light;
:attr:`Session.notices` lists it, with damage of the journal, for whoever opens the session.

**State.**  A session belongs to one thread; only ``images`` may be called from others.  Every
call that records returns the fresh :class:`DiscView` or :class:`CaseView`; old ones never change.
``session.case(item)``, ``session.cases`` and ``session.progress`` are the truth at any time, and
keep up with what is not saved yet.

**Painting and numbering.**  Measure the painted label in the shell's worker, then hand
:meth:`Session.edit_label` the values and the label map as bytes; show the new values only where
:meth:`Session.metrics` shows the old ones.  :func:`shifted` gives the name of the lowest
disc one up or down for :meth:`Session.number`; reads stay with their discs, whatever these are
called.

**Adjudication.**  :func:`open_adjudication` returns a session like any other whose cases hold
the disputed discs only; :meth:`Session.opinions` tells what the readers said, without names.
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
