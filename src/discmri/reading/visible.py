"""A session opened by one reader: what may be shown."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from discmri.core.errors import SessionError, UsageError
from discmri.core.grade import Grade
from discmri.core.levels import DiscLevel, Vertebra
from discmri.core.text import one_line
from discmri.reading import results
from discmri.reading.entry import EntryKind, SessionEntry, pending_entry, sha256
from discmri.reading.history import DiscHistory, history, names
from discmri.reading.journal import Journal
from discmri.reading.judgement import Judgement, from_content
from discmri.reading.outbox import Outbox
from discmri.reading.plan import Case, Mode, Plan
from discmri.reading.results import DiscMetrics
from discmri.reading.store import Store
from discmri.reading.views import Agenda, CaseView, DiscState, DiscView, conflict_text

if TYPE_CHECKING:
    from discmri.study import Study


class VisibleSession:
    """Cases, discs and values that one reader may see; the parameters are those of ``Session``.

    Attributes
    ----------
    viewing
        Present display settings, and ``seconds`` of viewing the disc, JSON-like; set by the viewer
        and stored with each read.
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
        self._entries = [*saved, *map(pending_entry, self._outbox.waiting)]
        self._history = history(self._entries)
        self._metrics = lru_cache(maxsize=4)(self._read_metrics)
        self.viewing: Mapping[str, Any] = {}

    # ------------------------------------------------------------------ cases and progress
    @property
    def mode(self) -> Mode:
        """Mode of the session."""
        return self.plan.mode

    @property
    def unsaved(self) -> int:
        """Number of unsaved entries."""
        return len(self._outbox.waiting)

    @property
    def notices(self) -> tuple[str, ...]:
        """Messages for the reader about damage of the journal and conflicts, one line each."""
        return (*filter(None, [self._damage]), *map(self._told, self._history.conflicts))

    @property
    def last_viewing(self) -> Mapping[str, Any]:
        """Display settings of the last read; empty before the first."""
        found = (entry.content.get("viewing") for entry in reversed(self._entries))
        return next(filter(None, found), {})

    @property
    def progress(self) -> tuple[int, int]:
        """Numbers of completed and of all discs."""
        discs = [disc for case in self.cases for disc in case.discs]
        return sum(disc.state is DiscState.DONE for disc in discs), len(discs)

    @property
    def cases(self) -> tuple[CaseView, ...]:
        """All cases in the order of this reader."""
        return tuple(self.case(item) for item in self._number)

    def case(self, item: str) -> CaseView:
        """The present state of one case.

        Raises
        ------
        UsageError
            If this reader has no such case.
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
        # a disputed disc is decided even if its level is S1-S2
        residual = tuple(
            disc
            for disc in discs
            if not disc.level.is_measured and not self.opinions(item, disc.key)
        )
        number, lowest = self._number[item], called[planned.all_discs[-1].level]
        remnants = (
            self._disc(item, disc.level, disc.level, disc.label_id)
            for disc in planned.remnants
            if lowest.is_measured and lowest.below is Vertebra.SACRUM  # otherwise it is no S1-S2
        )
        return CaseView(
            item,
            self._title(planned, number),
            number,
            tuple(disc for disc in discs if disc not in residual),
            lowest,
            (*residual, *remnants),
        )

    def next_case(self, after: str | None = None) -> CaseView | None:
        """The next case that is not done; ``None`` if all are done.

        Cases with only postponed discs come last.

        Parameters
        ----------
        after
            Start after this item and end with it; ``None`` starts at the first case.
        """
        items = list(self._number)
        start = 0 if after is None else items.index(after) + 1
        postponed = None
        for item in items[start:] + items[:start]:
            case = self.case(item)
            if case.done:
                continue
            if not case.postponed:
                return case
            postponed = postponed or case
        return postponed

    def _disc(self, item: str, key: DiscLevel, level: DiscLevel, label_id: int) -> DiscView:
        known = self._history.of(item, key)
        edit = known.edits[-1] if known.edits else None
        before = known.before_reveal if self.mode is Mode.LOCKED else None
        late = self._history.conflicting(EntryKind.READ, item, key)
        conflicts = tuple(from_content(one.content) for one in late)
        state = DiscState.OPEN if conflicts else self._state(known)
        postponed = known.postponed
        return DiscView(key, level, label_id, state, known.last, before, edit, conflicts, postponed)

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
        """Measured values of a disc; ``None`` if this reader may not see them at present.

        Raises
        ------
        SessionError
            If the results are missing or were changed since planning.
        """
        known = self.case(item).disc(disc)
        if not self.mode.shows_metrics(self._history.of(item, known.key).revealed):
            return None
        return self._metrics(item).get(disc)

    def truth(self, item: str, disc: DiscLevel) -> Grade | None:
        """In a practice session, the true grade of a disc that was graded; otherwise ``None``."""
        if not self.plan.practice or self._history.of(item, disc).last is None:
            return None
        planned = next(one for one in self.plan.case_of(item).discs if one.level is disc)
        return Grade.parse(planned.suggested_grade)

    def opinions(self, item: str, disc: DiscLevel) -> tuple[Judgement, ...]:
        """For an adjudicator, the judgements of the readers without names; otherwise empty."""
        return self._agenda.opinions.get((item, disc), ())

    def labels_file(self, item: str) -> Path:
        """Path of the label map of a case; the path must not be displayed.

        Raises
        ------
        SessionError
            If it is missing.
        """
        path = self._root / self.plan.case_of(item).results / "labels.nii.gz"
        if not path.is_file():
            raise SessionError(self._blinded(item, f"{path} is missing; restore the results"))
        return path

    def painted_labels(self, item: str) -> bytes | None:
        """Label map after the last edit of this reader; ``None`` without edits.

        Raises
        ------
        SessionError
            If the store cannot be read.
        """
        for entry in reversed(self._history.undoable):
            digest = entry.row["attachment_sha256"]
            if entry.kind is EntryKind.LABEL_EDIT and entry.row["item"] == item and digest:
                waiting_ones = (draft.attachment for draft in self._outbox.waiting)
                known = (data for data in waiting_ones if data and sha256(data) == digest)
                return next(known, None) or self.store.attachment(digest)
        return None

    def images(self, item: str) -> Study:
        """Read the images of a case and verify that they are the measured ones.

        Call it in a worker, because it reads the whole series.  The study contains identity and
        paths, which must not be displayed in a blinded session.

        Raises
        ------
        SessionError
            If the session was planned without images, or they are missing or differ.
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
        """A message, without paths and identities in a blinded session."""
        if self.mode.shows_identity:
            return message
        title = self.case(item).title
        return (
            f"the files of {title} are missing or changed; ask the person who planned the session"
        )

    def _visible(self, revealed: bool) -> tuple[str, ...]:
        """What is visible to the reader, for the record."""
        words = ["images", "labels"]
        if self._agenda.opinions:
            words.append("opinions")
        if self.mode.shows_identity:
            words += ["date", "identity"]
        if self.mode.shows_metrics(revealed):
            words += ["metrics", "suggestion"]
        return tuple(sorted(words))

    def _told(self, conflict: SessionEntry) -> str:
        item, disc = conflict.row["item"], conflict.row["disc"]
        where = self._title(self.plan.case_of(item), self._number.get(item, 0))
        last = self._history.of(item, DiscLevel(disc)).last if disc else None
        return conflict_text(conflict, where, last)
