"""One writer at a time, across processes; a lock ends with the process that holds it."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from discmri.core.errors import UsageError


@contextmanager
def locked(path: Path, wait: bool = True) -> Iterator[None]:
    """Hold a lock file.

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
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            raise UsageError(
                f"another run is writing to {path.parent.parent}; wait for it or choose another "
                "output folder with -o"
            ) from error
        except OSError:  # a file system without locks
            pass
        yield
