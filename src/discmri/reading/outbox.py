"""Entries on their way to the store: first to the journal, then to the database."""

from __future__ import annotations

import logging
from collections.abc import Container

from discmri.core.errors import NotSavedYetError
from discmri.reading.database import UnavailableError
from discmri.reading.entry import Draft, EntryKind, SessionEntry
from discmri.reading.journal import Journal
from discmri.reading.store import Head, Store

_log = logging.getLogger(__name__)


class Outbox:
    """Drafts that are kept in a journal until they are in the store.

    Pending drafts of the journal are taken over, unless their entries ``arrived`` in the store.
    ``waiting`` are unsaved drafts, oldest first; ``late`` are entries that were saved as conflicts,
    emptied by the caller.
    """

    def __init__(self, store: Store, journal: Journal, arrived: Container[str]) -> None:
        self._store = store
        self._journal = journal
        self.late: list[SessionEntry] = []
        self.waiting = [draft for draft in journal.pending if draft.entry_id not in arrived]

    def add(self, draft: Draft) -> None:
        """Add a draft and save all drafts.

        Raises ``NotSavedYetError`` if the store cannot be written; the draft is kept.
        """
        try:
            self._journal.add(draft)
        except OSError as error:
            _log.warning("the journal %s could not be written: %s", self._journal.path, error)
        self.waiting.append(draft)
        self.save()

    def save(self) -> None:
        """Try to save all drafts; ``NotSavedYetError`` if the store cannot be written."""
        head: Head | None = None
        while self.waiting:
            try:
                entry = self._store.append(self.waiting[0])
            except UnavailableError as error:
                raise NotSavedYetError(self._kept(error)) from error
            head = Head(entry.seq, entry.sha256)
            if entry.kind is EntryKind.CONFLICT:
                self.late.append(entry)
            del self.waiting[0]
        if head is not None:
            self._settle(head)

    def close(self) -> None:
        """Close the journal; unsaved drafts stay in it."""
        self._journal.close()

    def _settle(self, head: Head) -> None:
        try:
            self._journal.settle(head)
        except OSError as error:  # all is saved; the journal keeps superfluous drafts
            _log.warning(
                "saved entries could not be removed from the journal %s: %s",
                self._journal.path,
                error,
            )

    def _kept(self, error: Exception) -> str:
        written = {draft.entry_id for draft in self._journal.pending}
        where = f"kept in {self._journal.path.name} and saved later"
        if not all(draft.entry_id in written for draft in self.waiting):
            where = "kept in memory only, so do not close the session"
        some = "1 entry is" if len(self.waiting) == 1 else f"{len(self.waiting)} entries are"
        return (
            f"the session cannot be written ({error}); {some} {where}: "
            "free disk space or restore the server, then continue"
        )
