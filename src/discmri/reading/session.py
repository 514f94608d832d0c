"""A session opened by one reader: recording."""

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
        Store of the session.
    plan
        Plan of the session.
    reader
        Name of the reader or adjudicator.
    journal
        Journal of the reader.
    agenda
        Cases and discs to read.
    root
        Folder of results and images.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release lease and journal.  Unsaved entries stay in the journal for the next opening."""
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
        """Record a judgement; returns when it is safe on disk.

        Parameters
        ----------
        item, disc
            Item of the case and key of the disc.
        judgement
            A grade, or not evaluable.
        comment
            Comment of the reader.
        reason
            Reason for changing a judgement or resolving a conflict; otherwise optional.

        Raises
        ------
        UsageError
            If a change has no reason, or another machine has taken over the session.
        ConflictError
            If this reader judged the disc on another machine meanwhile; this judgement is not used.
        NotSavedYetError
            If the store cannot be written.  The judgement is valid and kept in the journal; it is
            saved with the next one, by :meth:`save`, or when the session is opened again.
        """
        view = self.case(item).disc(disc)
        known = self._history.of(item, disc)
        changes = view.read is not None and view.read.judgement != judgement
        reason = one_line(reason)
        if changes and not reason:
            raise UsageError(
                f"{view.level.value} was already graded; a change to {judgement} needs a reason"
            )
        if view.conflicts and not reason:
            said = ", ".join(map(str, view.conflicts))
            raise UsageError(
                f"{view.level.value} also has a judgement from another machine ({said}); give a "
                f"reason for {judgement}"
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
        """Return the measured values of a disc that was graded in a locked session; record this.

        Raises
        ------
        UsageError
            If the session is not locked, or the disc not graded.
        NotSavedYetError
            As in :meth:`record`.
        """
        view = self.case(item).disc(disc)
        if self.mode is not Mode.LOCKED:
            raise UsageError(f"{self.mode.value} sessions have no reveal")
        if view.state is DiscState.OPEN:
            raise UsageError(f"{view.level.value} has no grade yet; grade it first")
        shown = self._metrics(item).get(disc)
        if view.state is DiscState.GRADED:
            self._add(EntryKind.REVEAL, item, disc, {"level": view.level.value})
        return shown

    def postpone(self, item: str, disc: DiscLevel) -> DiscView:
        """Postpone a disc until its next read.

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
        """Record that the label of a disc was painted, with the values before and after.

        Parameters
        ----------
        item, disc
            Item of the case and key of the disc.
        edited
            Values measured on the painted label, by parameter name, without missing ones.  The
            automatic values are taken from the results.
        reason
            Reason; required.
        labels
            Content of the edited label map (``.nii.gz``), stored with the entry.

        Raises
        ------
        UsageError
            If the reason is missing, or a value is not finite.
        SessionError
            If the results are missing or were changed since planning.
        NotSavedYetError
            As in :meth:`record`.
        """
        view = self.case(item).disc(disc)
        if not one_line(reason):
            raise UsageError(f"an edit of {view.level.value} needs a reason")
        for name, value in edited.items():
            if not math.isfinite(value):
                raise UsageError(f"{name} is {value}; leave out missing values")
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
        """Record the level of the lowest disc of a case; the levels of the others follow.

        Reads stay with their discs; only the levels change.  S1-S2 makes the lowest disc a residual
        disc, which is neither read nor analysed until it gets another level.

        Raises
        ------
        UsageError
            If the reason is missing, there are not enough levels above, or no disc would be left to
            read.
        NotSavedYetError
            As in :meth:`record`.
        """
        if not one_line(reason):
            raise UsageError("a change of the numbering needs a reason")
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
        """Withdraw the last read, edit or numbering of this reader; the entry is kept but not used.

        Raises
        ------
        UsageError
            If there is nothing to undo, or the measured values of the disc were shown since.
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
                    f"the measured values of {last.content['level']} were shown, so its grade "
                    "cannot be undone; change it with a reason"
                )
        content = {"withdraws": last.entry_id, "reason": "undo"}
        self._add(EntryKind.WITHDRAWAL, item, disc, content)
        taken = from_content(last.content) if last.kind is EntryKind.READ else None
        return Undone(last.kind, item, disc, taken)

    # ------------------------------------------------------------------ saving
    def save(self) -> None:
        """Try to save all unsaved entries.

        Raises
        ------
        NotSavedYetError
            If the store cannot be written.
        ConflictError
            If an entry was late and is not used.
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
                f"{self.reader} has opened the session on {self.store.lost_to}; nothing was "
                "recorded here: close this window and continue there"
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
        self._entries.append(pending_entry(draft))
        if kind is EntryKind.WITHDRAWAL:
            self._history = history(self._entries)
        else:
            self._history.add(self._entries[-1])
        self._outbox.add(draft)
        self._check_late()

    def _compared(self, kind: EntryKind, item: str, disc: DiscLevel | None) -> dict[str, Any]:
        """Identifiers of the entries that an entry corrects and resolves, to detect late entries."""
        place = (item, "" if disc is None else disc.value)
        there = [one for one in self._entries if (one.row["item"], one.row["disc"]) == place]
        late = [one.entry_id for one in self._history.conflicting(kind, item, disc)]
        return {"corrects": last_of(there, kind)} | ({"resolves": late} if late else {})

    def _check_late(self) -> None:
        """Load the entries of the same reader on another machine after a conflict."""
        if not (late := self._outbox.late):
            return
        self._entries = self.store.entries(self.reader)
        self._history = history(self._entries)
        self._outbox.late = []
        raise ConflictError("; ".join(map(self._told, late)))
