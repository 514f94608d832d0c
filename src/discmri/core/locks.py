"""One writer at a time, across processes; a lock ends with the process that holds it."""

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
    """Hold a lock file; on a file system without locks, go on without.

    Parameters
    ----------
    path
        The lock file; its folder is made.
    wait
        Until whoever holds it is done; otherwise refuse.

    Raises
    ------
    UsageError
        Where another process holds it and ``wait`` is not given.
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
                    f"another run is writing to {path.parent.parent}; wait for it or choose "
                    "another output folder with -o"
                )
            held.callback(lock.release)
        yield


def acquire(path: Path, wait: bool) -> BaseFileLock | None:
    """Take a lock file until the caller releases it, from whichever thread.

    Parameters
    ----------
    path
        The lock file, in an existing folder.
    wait
        Until whoever holds it is done.

    Returns
    -------
    filelock.BaseFileLock or None
        ``None`` where another holds it and ``wait`` is not given.

    Raises
    ------
    OSError
        Where the file cannot be written, or its file system has no locks.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(blocking=wait)
    except Timeout:
        return None
    return lock
