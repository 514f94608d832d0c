"""One reader at work: what is recorded of what they say and do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Self

from discmri.core.errors import ConflictError, UsageError
from discmri.core.levels import DiscLevel
from discmri.core.text import one_line
from discmri.reading.entry import Draft, EntryKind, last_of, pending_entry
from discmri.reading.history import UNDOABLE, counted, history, names
from discmri.reading.judgement import Judgement, from_content, to_content
from discmri.reading.plan import Mode
from discmri.reading.results import DiscMetrics
from discmri.reading.views import CaseView, DiscState, DiscView, Undone
from discmri.reading.visible import VisibleSession


class Session(VisibleSession):
    """A session opened by one reader; close it, or use it in a ``with`` block.

    Made by :func:`discmri.reading.open_session`.

    Parameters
    ----------
    store
        Where rows go.
    plan
        The session as planned.
    reader
        Who reads.
    journal
        This reader's.
    agenda
        What is to be read.
    root
        Folder of results and images.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the journal free.  What is not saved yet stays in it for the next time."""
        self.store.release()
        self._outbox.close()

    # ------------------------------------------------------------------ what is recorded
    def record(
        self,
        item: str,
        disc: DiscLevel,
        judgement: Judgement,
        comment: str = "",
        reason: str = "",
    ) -> DiscView:
        """Record a judgement; returns once it is safe.

        Parameters
        ----------
        item, disc
            Which one, by the case's item and the disc's key.
        judgement
            A grade, or that it is not evaluable.
        comment
            In the reader's words.
        reason
            Why an earlier judgement is changed, or one of two that conflict holds; else not needed.

        Raises
        ------
        UsageError
            Where a change has no reason, or another machine has taken the session over.
        ConflictError
            Where this reader has judged the disc at another machine meanwhile; this one does not count.
        NotSavedYetError
            Where the store cannot be written.  The judgement counts and is kept; it is saved
            with the next one, by :meth:`save`, or when the session is opened again.
        """
        view = self.case(item).disc(disc)
        known = self._history.of(item, disc)
        changes = view.read is not None and view.read.judgement != judgement
        reason = one_line(reason)
        if changes and not reason:
            raise UsageError(
                f"{view.level.value} was graded already; a change to {judgement} needs a reason"
            )
        if view.conflicts and not reason:
            said = ", ".join(map(str, view.conflicts))
            raise UsageError(
                f"{view.level.value} has a judgement from another machine as well ({said}); give "
                f"the reason why {judgement} holds"
            )
        content = (
            to_content(judgement)
            | {
                "level": view.level.value,
                "comment": one_line(comment),
                "reason": reason,
                "after_reveal": known.revealed,
            }
            | ({"viewing": dict(self.viewing)} if self.viewing else {})
        )
        self._add(EntryKind.READ, item, disc, content)
        return self.case(item).disc(disc)

    def reveal(self, item: str, disc: DiscLevel) -> DiscMetrics | None:
        """Show the metrics of a disc that was graded in a locked session, and record that.

        Raises
        ------
        UsageError
            Where the session is not locked, or the disc not graded.
        NotSavedYetError
            As in :meth:`record`.
        """
        view = self.case(item).disc(disc)
        if self.mode is not Mode.LOCKED:
            raise UsageError(f"nothing is revealed in {self.mode.value} sessions")
        if view.state is DiscState.OPEN:
            raise UsageError(f"{view.level.value} is not graded yet; grade it first")
        shown = self._metrics(item).get(disc)
        if view.state is DiscState.GRADED:
            self._add(EntryKind.REVEAL, item, disc, {"level": view.level.value})
        return shown

    def postpone(self, item: str, disc: DiscLevel) -> DiscView:
        """Record that the reader wants to come back to a disc; its next read ends that.

        Raises
        ------
        NotSavedYetError
            As in :meth:`record`.
        """
        view = self.case(item).disc(disc)
        if not view.postponed:
            self._add(EntryKind.POSTPONED, item, disc, {"level": view.level.value})
        return self.case(item).disc(disc)

    def edit_label(
        self,
        item: str,
        disc: DiscLevel,
        edited: Mapping[str, float],
        reason: str,
        labels: bytes | None = None,
    ) -> DiscView:
        """Record that a disc's label was painted, and what was measured on it before and after.

        Parameters
        ----------
        item, disc
            Which one.
        edited
            Values measured on the painted label, by parameter name; leave out what could not be
            measured.  The automatic ones are taken from the results.
        reason
            Why; needed.
        labels
            The edited label map as a file (``.nii.gz``), kept with the row.

        Raises
        ------
        UsageError
            Without a reason, or for a value that is no number.
        SessionError
            Where the results are gone or changed since the session was planned.
        NotSavedYetError
            As in :meth:`record`.
        """
        view = self.case(item).disc(disc)
        if not one_line(reason):
            raise UsageError(f"an edit of {view.level.value} needs a reason")
        for name, value in edited.items():
            if not math.isfinite(value):
                raise UsageError(f"{name} is {value}; leave out what could not be measured")
        measured = self._metrics(item).get(disc, DiscMetrics({}))
        automatic = {name: measured.number(name) for name in edited}
        content = {
            "level": view.level.value,
            "automatic": {name: value for name, value in automatic.items() if value is not None},
            "edited": {name: float(value) for name, value in edited.items()},
            "reason": one_line(reason),
        }
        self._add(EntryKind.LABEL_EDIT, item, disc, content, labels)
        return self.case(item).disc(disc)

    def number(self, item: str, lowest: DiscLevel, reason: str) -> CaseView:
        """Record the reader's name for the lowest disc of a case; the others follow.

        Reads stay with their discs: only the names change.  S1-S2 makes a residual disc of the
        lowest one: it is neither read nor counted until it has another name.

        Raises
        ------
        UsageError
            Without a reason, or where the names would not reach up to the highest disc or leave
            no disc to read.
        NotSavedYetError
            As in :meth:`record`.
        """
        if not one_line(reason):
            raise UsageError("another numbering needs a reason")
        planned = self.plan.case_of(item)
        before = names(planned, self._history.lowest.get(item))
        try:
            if not counted(planned, lowest):
                raise ValueError("no disc would be left to read")
        except ValueError as error:
            raise UsageError(f"the lowest disc cannot be {lowest.value}: {error}") from error
        content = {
            "lowest_before": before[planned.all_discs[-1].level].value,
            "lowest": lowest.value,
            "reason": one_line(reason),
        }
        self._add(EntryKind.NUMBERING, item, None, content)
        return self.case(item)

    def undo(self) -> Undone:
        """Withdraw this reader's last read, edit or numbering; its row stays and counts no more.

        Raises
        ------
        UsageError
            Where there is nothing, or the metrics of the disc were shown since.
        NotSavedYetError
            As in :meth:`record`.
        """
        if not self._history.undoable:
            raise UsageError("there is nothing to undo")
        last = self._history.undoable[-1]
        item = last.row["item"]
        disc = DiscLevel(last.row["disc"]) if last.row["disc"] else None
        if last.kind is EntryKind.READ and disc is not None:
            sealed = self._history.of(item, disc).revealed and not last.content["after_reveal"]
            if sealed:
                raise UsageError(
                    f"the metrics of {last.content['level']} were shown since, so its grade "
                    "cannot be undone; change it and give the reason"
                )
        content = {"withdraws": last.entry_id, "reason": "undo"}
        self._add(EntryKind.WITHDRAWAL, item, disc, content)
        taken = from_content(last.content) if last.kind is EntryKind.READ else None
        return Undone(last.kind, item, disc, taken)

    # ------------------------------------------------------------------ saving
    def save(self) -> None:
        """Try to save what waits; returns where nothing waits any more.

        Raises
        ------
        NotSavedYetError
            Where the store still cannot be written.
        ConflictError
            Where something of it came late and does not count.
        """
        self._outbox.save()
        self._check_late()

    def _add(
        self,
        kind: EntryKind,
        item: str,
        disc: DiscLevel | None,
        content: Mapping[str, Any],
        attachment: bytes | None = None,
    ) -> None:
        if self.store.lost_to:
            raise UsageError(
                f"{self.reader} has opened the session on {self.store.lost_to} since; nothing was "
                "recorded here, close this window and go on there"
            )
        revealed = disc is not None and self._history.of(item, disc).revealed
        if kind in UNDOABLE:
            content = {**content, **self._compared(kind, item, disc)}
        draft = Draft(
            kind=kind,
            reader=self.reader,
            mode=self.mode.value,
            item=item,
            disc="" if disc is None else disc.value,
            visible=self._visible(revealed or kind is EntryKind.REVEAL),
            input_sha256=self.plan.case_of(item).input_sha256,
            content=content,
            attachment=attachment,
        )
        self._rows.append(pending_entry(draft))
        if kind is EntryKind.WITHDRAWAL:
            self._history = history(self._rows)
        else:
            self._history.add(self._rows[-1])
        self._outbox.add(draft)
        self._check_late()

    def _compared(self, kind: EntryKind, item: str, disc: DiscLevel | None) -> dict[str, Any]:
        """What a row corrects, by which the store tells one that comes late, and resolves."""
        place = (item, "" if disc is None else disc.value)
        rows = [row for row in self._rows if (row.row["item"], row.row["disc"]) == place]
        late = [one.entry_id for one in self._history.conflicting(kind, item, disc)]
        return {"corrects": last_of(rows, kind)} | ({"resolves": late} if late else {})

    def _check_late(self) -> None:
        """Take in what the same reader did elsewhere, where that has come to light."""
        if not (late := self._outbox.late):
            return
        self._rows = self.store.entries(self.reader)
        self._history = history(self._rows)
        self._outbox.late = []
        raise ConflictError("; ".join(map(self._told, late)))
