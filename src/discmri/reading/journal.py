"""A small file beside the session in which everything a reader enters is written first.

What stands in it goes to the database next, and is crossed out once it is safe there.  After a
crash, a full disk or a dead server it is what is tried again.  Its space is taken when a session
is opened, so that it can be written while the disk is full.  Its first line is a receipt: where
the chain ended when this reader's last row was saved, which :mod:`discmri.reading.verification` holds
against the database.
"""

from __future__ import annotations

import base64
import json
import os
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self

from discmri.core.errors import UsageError
from discmri.core.locks import acquire
from discmri.reading.entry import Draft, EntryKind, canonical, sha256
from discmri.reading.store import Head

RESERVED_BYTES = 1 << 16
_SEAL = 16  # characters of the hash before each line


class Journal:
    """One reader's journal on one machine, locked while it is open.

    Parameters
    ----------
    path
        Made where it does not exist.

    Attributes
    ----------
    pending
        What is not known to be in the database, oldest first.
    receipt
        Where the chain ended when the last row was saved; ``None`` before the first.

    Raises
    ------
    UsageError
        Where it cannot be written, or another process has it open.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pending: list[Draft] = []
        self.receipt: Head | None = None
        with ExitStack() as taken:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                lock = acquire(path.with_name(f"{path.name}.lock"), wait=False)
                if lock is None:
                    raise UsageError(
                        f"this reader has the session open already ({path.name} is in use); "
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
        self.receipt, self.pending, self._end = _parsed(_contents(self._file))
        size = os.fstat(self._file).st_size
        with suppress(OSError):  # a full disk: it will do without a reserve
            _write(self._file, size, b"\n" * (RESERVED_BYTES - size))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, draft: Draft) -> None:
        """Write down what is about to be saved; returns once it is safe on disk.

        Raises
        ------
        OSError
            Where the disk refuses; the journal is then as it was.
        """
        line = b"\n" + _sealed(_draft_content(draft))  # what stands before may be cut off
        _write(self._file, self._end, line)
        self._end += len(line)
        self.pending.append(draft)

    def settle(self, receipt: Head) -> None:
        """Cross everything out, because it is safe in the database, and note the receipt.

        Raises
        ------
        OSError
            Where the disk refuses; what is not crossed out does no harm.
        """
        line = _sealed({"receipt": str(receipt)})
        self.receipt = receipt
        self.pending.clear()
        _write(self._file, 0, line.ljust(self._end, b"\n"))
        self._end = len(line)

    def close(self) -> None:
        """Give the file free; it stays where it is."""
        self._taken.close()


def read_receipt(path: Path) -> Head | None:
    """The receipt in a journal, without taking it; ``None`` where there is none.

    Raises
    ------
    UsageError
        Where the file cannot be read.
    """
    return _read(path)[0]


def read_pending(path: Path) -> list[Draft]:
    """What waits in a journal, without taking it.

    Raises
    ------
    UsageError
        Where the file cannot be read.
    """
    return _read(path)[1]


def _read(path: Path) -> tuple[Head | None, list[Draft], int]:
    try:
        return _parsed(path.read_bytes())
    except OSError as error:
        raise UsageError(f"the journal {path} cannot be read ({error.strerror})") from error


def journal_path(session: Path | None, session_id: str, reader: str) -> Path:
    """Where a reader's journal stands: beside the session's file, else with the user's state.

    It is named after the session's own random name, so that it stays with the session when the
    file is renamed, and is not taken for that of another session under the same name.

    Parameters
    ----------
    session
        The session's file; ``None`` for a database server.
    session_id
        Random name of the session.
    reader
        Name.
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
    return sha256(text)[:_SEAL].encode() + b" " + text + b"\n"


def _parsed(data: bytes) -> tuple[Head | None, list[Draft], int]:
    """Receipt, drafts and where the next line goes; a line cut off by a crash is passed over."""
    receipt: Head | None = None
    drafts: list[Draft] = []
    end = at = 0
    for line in data.split(b"\n"):
        at += len(line) + 1
        seal, _, text = line.partition(b" ")
        if not text or sha256(text)[:_SEAL].encode() != seal:
            end = at if line else end
            continue
        end = at
        content = json.loads(text)
        if "receipt" in content:
            receipt = Head.parse(content["receipt"])
        else:
            drafts.append(_draft(content))
    return receipt, drafts, min(end, len(data))


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
