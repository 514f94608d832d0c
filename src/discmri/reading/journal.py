"""A write-ahead journal: entries are written to it before they go to the database.

An entry is erased once it is in the database; after a crash, a full disk or a server failure, it is
sent again.  Space is reserved when a session is opened, so that the journal can be written when the
disk is full.  The first line is a receipt: the end of the chain after the last saved entry of the
reader, which :mod:`discmri.reading.verification` compares with the database.

Each line has its hash and length, which distinguish a line truncated by a crash (never confirmed as
saved) from later damage.  A damaged journal is copied before it is overwritten, and reported as long
as the copy exists.
"""

from __future__ import annotations

import base64
import json
import os
import re
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from discmri.core.errors import UsageError
from discmri.core.locks import acquire
from discmri.reading.entry import Draft, EntryKind, canonical, sha256
from discmri.reading.store import Head

RESERVED_BYTES = 1 << 16
_SEAL = 16  # characters of the hash before each line
_LINE = re.compile(rb"([0-9a-f]{%d}) (?:(\d+) )?(\{.*)" % _SEAL, re.DOTALL)
_CUT_EARLY = re.compile(rb"[0-9a-f]{0,%d}(?: \d* ?)?" % _SEAL)
_KEPT_ASIDE = ".damaged"


@dataclass(frozen=True)
class JournalContents:
    """Content of a journal."""

    receipt: Head | None  # end of the chain after the last saved entry; None before the first
    pending: list[Draft]  # unsaved drafts, oldest first
    damaged: tuple[bytes, ...]  # complete lines that cannot be read
    end: int  # offset of the next line in bytes


class Journal:
    """The journal of one reader on one machine, locked while it is open.

    ``pending`` are drafts not confirmed by the database, oldest first.  ``receipt`` is the end of
    the chain after the last saved entry; ``None`` before the first.  ``damage`` is a message about
    damaged lines of this journal and its copies; empty if none.

    Raises ``UsageError`` if the file cannot be written, damaged lines cannot be copied, or another
    process has it open.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pending: list[Draft] = []
        self.receipt: Head | None = None
        self.damage = ""
        with ExitStack() as taken:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                lock = acquire(path.with_name(f"{path.name}.lock"), wait=False)
                if lock is None:
                    raise UsageError(
                        f"this reader already has the session open ({path.name} is in use); "
                        "close the other window first"
                    )
                taken.callback(lock.release)
                flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
                self._file = os.open(path, flags, 0o600)
            except OSError as error:
                raise UsageError(
                    f"the journal {path} cannot be written ({error.strerror}); make its folder "
                    "writable"
                ) from error
            taken.callback(os.close, self._file)
            self._load()
            self._taken = taken.pop_all()

    def _load(self) -> None:
        data = _contents(self._file)
        found = _parsed(data)
        if found.damaged:
            _keep_aside(self.path, data)
        self.damage = damage_of(self.path)
        self.receipt, self.pending, self._end = found.receipt, found.pending, found.end
        size = os.fstat(self._file).st_size
        with suppress(OSError):  # a full disk: no reserve
            _write(self._file, size, b"\n" * (RESERVED_BYTES - size))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, draft: Draft) -> None:
        """Add a draft; returns when it is safe on disk.

        Raises ``OSError`` if it cannot be written; the journal is then unchanged.
        """
        line = b"\n" + _sealed(_draft_content(draft))  # the line before may be truncated
        _write(self._file, self._end, line)
        self._end += len(line)
        self.pending.append(draft)

    def settle(self, receipt: Head) -> None:
        """Erase all drafts, which are in the database, and store the receipt.

        Raises ``OSError`` if it cannot be written; remaining drafts do no harm.
        """
        line = _sealed({"receipt": str(receipt)})
        self.receipt = receipt
        self.pending.clear()
        _write(self._file, 0, line.ljust(self._end, b"\n"))
        self._end = len(line)

    def close(self) -> None:
        """Release the lock; the file is kept."""
        self._taken.close()


def read_journal(path: Path) -> JournalContents:
    """Read a journal without locking it; ``UsageError`` if that fails."""
    try:
        return _parsed(path.read_bytes())
    except OSError as error:
        raise UsageError(f"the journal {path} cannot be read ({error.strerror})") from error


def damage_of(path: Path) -> str:
    """Message about damaged lines of a journal and its copies; empty if none.

    Raises ``UsageError`` if a file cannot be read.
    """
    kept = path.parent.glob(f"{path.name}{_KEPT_ASIDE}-*")
    found = {file: read_journal(file).damaged for file in (*sorted(kept), path) if file.is_file()}
    lines = len({line for damaged in found.values() for line in damaged})
    if not lines:
        return ""
    where = ", ".join(file.name for file, damaged in found.items() if damaged)
    return (
        f"{lines} damaged {'line' if lines == 1 else 'lines'} in the journal {where}: unsaved "
        "entries may be missing from the session; check the latest reads, enter missing ones again, "
        "then move the copy away"
    )


def _keep_aside(path: Path, data: bytes) -> None:
    copy = path.with_name(f"{path.name}{_KEPT_ASIDE}-{sha256(data)[:8]}")
    try:
        copy.touch(0o600)
        copy.write_bytes(data)
    except OSError as error:
        raise UsageError(
            f"damaged lines of the journal {path} cannot be copied ({error.strerror}); free "
            "disk space or make its folder writable"
        ) from error


def journal_path(session: Path | None, session_id: str, reader: str) -> Path:
    """Path of a reader's journal: beside the session file, for a server in the user's state folder.

    The name begins with the random identifier of the session, so that renaming the session file has
    no effect.
    """
    readable = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in reader)
    name = f"{session_id}.{readable[:40]}-{sha256(reader.encode())[:8]}.journal"
    return _folder(session) / name


def journals(session: Path | None, session_id: str) -> list[Path]:
    """All journals of a session on this machine."""
    return sorted(_folder(session).glob(f"{session_id}.*.journal"))


def _folder(session: Path | None) -> Path:
    return _state_folder() if session is None else session.parent


def _state_folder() -> Path:
    from platformdirs import user_state_path

    return user_state_path("discmri", appauthor=False)


def _contents(file: int) -> bytes:
    os.lseek(file, 0, os.SEEK_SET)
    return b"".join(iter(lambda: os.read(file, 1 << 20), b""))


def _write(file: int, at: int, data: bytes) -> None:
    os.lseek(file, at, os.SEEK_SET)
    while data:
        data = data[os.write(file, data) :]
    os.fsync(file)


def _sealed(content: dict[str, Any]) -> bytes:
    text = canonical(content).encode()
    return sha256(text)[:_SEAL].encode() + f" {len(text)} ".encode() + text + b"\n"


def _parsed(data: bytes) -> JournalContents:
    receipt: Head | None = None
    drafts: list[Draft] = []
    damaged: list[bytes] = []
    end = at = 0
    filled = len(data.rstrip(b"\n\0"))
    for piece in data.split(b"\n"):
        at += len(piece) + 1
        line = piece.strip(b"\0")  # a crash may leave unwritten blocks
        if not line:
            continue
        end = at
        try:
            content = _unsealed(line)
            if "receipt" in content:
                receipt = Head.parse(str(content["receipt"]))
            else:
                drafts.append(_draft(content))
        except (UsageError, LookupError, TypeError, ValueError):
            if at < filled or not _was_cut_off(line):
                damaged.append(line)
    return JournalContents(receipt, drafts, tuple(damaged), min(end, len(data)))


def _unsealed(line: bytes) -> dict[str, Any]:
    """The content of a line; ``ValueError`` if it is damaged."""
    found = _LINE.fullmatch(line)
    if found is None or sha256(found[3])[:_SEAL].encode() != found[1]:
        raise ValueError("damaged line")
    content: dict[str, Any] = json.loads(found[3])
    return content


def _was_cut_off(line: bytes) -> bool:
    """Whether the last line is truncated by a crash.

    >>> _was_cut_off(b"0123456789abcdef 20 {1"), _was_cut_off(b"0123456789abcdef 3 {1}")
    (True, False)
    """
    found = _LINE.fullmatch(line)
    if found is None:
        return _CUT_EARLY.fullmatch(line) is not None
    return len(found[3]) < int(found[2]) if found[2] else not line.endswith(b"}")


def _draft_content(draft: Draft) -> dict[str, Any]:
    attachment = draft.attachment
    return vars(draft) | {
        "kind": draft.kind.value,
        "content": dict(draft.content),
        "attachment": None if attachment is None else base64.b64encode(attachment).decode(),
    }


def _draft(content: dict[str, Any]) -> Draft:
    attachment = content["attachment"]
    return Draft(
        **{
            **content,
            "kind": EntryKind(content["kind"]),
            "visible": tuple(content["visible"]),
            "attachment": None if attachment is None else base64.b64decode(attachment),
        }
    )
