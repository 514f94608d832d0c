"""Lock files: one writer at a time across processes; a lock ends with its process."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from discmri.core.errors import UsageError

if TYPE_CHECKING:
    from filelock import BaseFileLock

_WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP)


@contextmanager
def locked(path: Path, wait: bool = True) -> Iterator[None]:
    """Hold a lock file, whose folder is created; a file system without locks is used without.

    Raises ``UsageError`` if another process holds the lock and ``wait`` is false.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        try:
            lock = acquire(path, wait)
        except OSError as error:
            if error.errno not in _WITHOUT_LOCKS:
                raise
        else:
            if lock is None:
                raise UsageError(
                    f"another run is writing to {path.parent.parent}; wait until it ends or choose "
                    "another output folder with -o"
                )
            held.callback(lock.release)
        yield


def acquire(path: Path, wait: bool) -> BaseFileLock | None:
    """Acquire a lock file in an existing folder; any thread may release it.

    ``None`` if another process holds it and ``wait`` is false.  Raises ``OSError`` if the file
    cannot be written, or its file system has no locks.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(blocking=wait)
    except Timeout:
        return None
    return lock
