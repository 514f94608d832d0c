"""One reader at work: what comes next, what may be shown, and what is recorded."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from discmri.core.errors import ConflictError, SessionError, UsageError
from discmri.core.levels import DiscLevel
from discmri.core.text import one_line
from discmri.reading import results
from discmri.reading.entry import Draft, Entry, EntryKind, last_of, pending_entry, sha256
from discmri.reading.history import UNDOABLE, DiscHistory, counted, history, names
from discmri.reading.journal import Journal
from discmri.reading.judgement import Judgement, from_content, to_content
from discmri.reading.outbox import Outbox
from discmri.reading.plan import Case, Mode, Plan
from discmri.reading.results import DiscMetrics
from discmri.reading.store import Store
from discmri.reading.views import Agenda, CaseView, DiscState, DiscView, Undone, conflict_text

if TYPE_CHECKING:
    from discmri.study import Study


class Session:
    """A session opened by one reader; close it, or use it in a ``with`` block.

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

    def __init__(
        self, store: Store, plan: Plan, reader: str, journal: Journal, agenda: Agenda, root: Path
    ) -> None:
        self.store = store
        self.plan = plan
        self.reader = reader
        self._agenda = agenda
        self._number = {item: n for n, item in enumerate(agenda.discs, 1)}
        self._root = root
        saved = store.entries(reader)
        self._damage = journal.damage
        self._outbox = Outbox(store, journal, {entry.entry_id for entry in saved})
        self._rows = [*saved, *map(pending_entry, self._outbox.waiting)]
        self._history = history(self._rows)
        self._metrics = lru_cache(maxsize=4)(self._read_metrics)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the journal free.  What is not saved yet stays in it for the next time."""
        self.store.release()
        self._outbox.close()

    # ------------------------------------------------------------------ what there is to read
    @property
    def mode(self) -> Mode:
        """What this reader may see."""
        return self.plan.mode

    @property
    def unsaved(self) -> int:
        """How many entries wait for the store."""
        return len(self._outbox.waiting)

    @property
    def notices(self) -> tuple[str, ...]:
        """What the reader should be told: damage of the journal, and conflicts, one line each."""
        return (*filter(None, [self._damage]), *map(self._told, self._history.conflicts))

    @property
    def progress(self) -> tuple[int, int]:
        """Discs done, and all."""
        discs = [disc for case in self.cases for disc in case.discs]
        return sum(disc.state is DiscState.DONE for disc in discs), len(discs)

    @property
    def cases(self) -> tuple[CaseView, ...]:
        """All cases in this reader's order."""
        return tuple(self.case(item) for item in self._number)

    def case(self, item: str) -> CaseView:
        """One case as it stands now.

        Raises
        ------
        UsageError
            Where this reader does not meet it.
        """
        if item not in self._number:
            raise UsageError(f"{self.reader} has no case {item!r} in this session")
        planned = self.plan.case_of(item)
        called = names(planned, self._history.lowest.get(item))
        discs = [
            self._disc(item, disc.level, called[disc.level], disc.label_id)
            for disc in planned.all_discs
            if disc.level in self._agenda.discs[item]
        ]
        # what readers differ on is decided, whatever it is called
        residual = tuple(
            disc
            for disc in discs
            if not disc.level.is_measured and not self.opinions(item, disc.key)
        )
        number = self._number[item]
        return CaseView(
            item,
            self._title(planned, number),
            number,
            tuple(disc for disc in discs if disc not in residual),
            called[planned.all_discs[-1].level],
            residual,
        )

    def next_case(self, after: str | None = None) -> CaseView | None:
        """The next case with something left to do; ``None`` where all is done.

        Parameters
        ----------
        after
            Begin behind this item and come round to it last; ``None`` begins at the first.
        """
        items = list(self._number)
        start = 0 if after is None else items.index(after) + 1
        for item in items[start:] + items[:start]:
            case = self.case(item)
            if not case.done:
                return case
        return None

    def _disc(self, item: str, key: DiscLevel, level: DiscLevel, label_id: int) -> DiscView:
        known = self._history.of(item, key)
        edit = known.edits[-1] if known.edits else None
        before = known.before_reveal if self.mode is Mode.LOCKED else None
        late = self._history.conflicting(EntryKind.READ, item, key)
        conflicts = tuple(from_content(one.content) for one in late)
        state = DiscState.OPEN if conflicts else self._state(known)
        return DiscView(key, level, label_id, state, known.last, before, edit, conflicts)

    def _state(self, known: DiscHistory) -> DiscState:
        if known.last is None:
            return DiscState.OPEN
        if self.mode is Mode.LOCKED and not known.revealed:
            return DiscState.GRADED
        return DiscState.DONE

    def _title(self, case: Case, number: int) -> str:
        known = ", ".join(filter(None, (one_line(case.subject_id), case.study_date)))
        if known and self.mode.shows_identity:
            return known
        return f"Case {number} of {len(self._number)}"

    # ------------------------------------------------------------------ what may be shown
    def metrics(self, item: str, disc: DiscLevel) -> DiscMetrics | None:
        """What was measured on a disc; ``None`` where this reader may not see it (yet).

        Raises
        ------
        SessionError
            Where the results are gone or changed since the session was planned.
        """
        known = self.case(item).disc(disc)
        if not self.mode.shows_metrics(self._history.of(item, known.key).revealed):
            return None
        return self._metrics(item).get(disc)

    def opinions(self, item: str, disc: DiscLevel) -> tuple[Judgement, ...]:
        """For an adjudicator, what the readers said, without their names; else nothing."""
        return self._agenda.opinions.get((item, disc), ())

    def labels_file(self, item: str) -> Path:
        """The label map of a case, to be drawn over the images.  The path is not for the eye.

        Raises
        ------
        SessionError
            Where it is gone.
        """
        path = self._root / self.plan.case_of(item).results / "labels.nii.gz"
        if not path.is_file():
            raise SessionError(self._blinded(item, f"{path} is gone; restore the results"))
        return path

    def painted_labels(self, item: str) -> bytes | None:
        """The label map of a case as this reader last left it; ``None`` where no edit counts.

        Raises
        ------
        SessionError
            Where the store cannot be read.
        """
        for entry in reversed(self._history.undoable):
            digest = entry.row["attachment_sha256"]
            if entry.kind is EntryKind.LABEL_EDIT and entry.row["item"] == item and digest:
                waiting_ones = (draft.attachment for draft in self._outbox.waiting)
                known = (data for data in waiting_ones if data and sha256(data) == digest)
                return next(known, None) or self.store.attachment(digest)
        return None

    def images(self, item: str) -> Study:
        """The images of a case, which are proven to be those that were measured.

        Takes as long as reading the series: call it in a worker.  Identity and paths are in
        what it returns and are not for the eye where the session is blinded.

        Raises
        ------
        SessionError
            Where the plan names none, they are gone, or they are others.
        """
        case = self.plan.case_of(item)
        if not case.study:
            raise SessionError(
                "the session was planned without images; plan it with --study-root or --studies"
            )
        try:
            return results.open_images(case, self._root / case.study)
        except SessionError as error:
            raise SessionError(self._blinded(item, str(error))) from error

    def _read_metrics(self, item: str) -> dict[DiscLevel, DiscMetrics]:
        case = self.plan.case_of(item)
        try:
            return results.metrics(case, self._root / case.results)
        except SessionError as error:
            raise SessionError(self._blinded(item, str(error))) from error

    def _blinded(self, item: str, message: str) -> str:
        """A message without paths and identities where the session is blinded."""
        if self.mode.shows_identity:
            return message
        title = self.case(item).title
        return f"{title} cannot be shown as it was measured; ask the person who planned the session"

    def _visible(self, revealed: bool) -> tuple[str, ...]:
        """Words for what the reader could see, for the record."""
        words = ["images", "labels"]
        if self._agenda.opinions:
            words.append("opinions")
        if self.mode.shows_identity:
            words += ["date", "identity"]
        if self.mode.shows_metrics(revealed):
            words += ["metrics", "suggestion"]
        return tuple(sorted(words))

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
        content = to_content(judgement) | {
            "level": view.level.value,
            "comment": one_line(comment),
            "reason": reason,
            "after_reveal": known.revealed,
        }
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

    def _told(self, conflict: Entry) -> str:
        item, disc = conflict.row["item"], conflict.row["disc"]
        where = self._title(self.plan.case_of(item), self._number.get(item, 0))
        last = self._history.of(item, DiscLevel(disc)).last if disc else None
        return conflict_text(conflict, where, last)
