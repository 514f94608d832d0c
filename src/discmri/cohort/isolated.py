"""A function call in its own process, with limits of time and memory.

The process ends when its parent ends, because it waits on a pipe to it.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from discmri.core.errors import DiscmriError
from discmri.core.leftovers import temporary_folder
from discmri.core.threads import POOLS

T = TypeVar("T")
R = TypeVar("R")

_POLL_S = 0.1


@dataclass(frozen=True)
class Limits:
    """Limits of one process.

    Parameters
    ----------
    minutes
        Run time, min.
    memory_gib
        Resident memory, GiB.
    threads
        Threads of numerical libraries.
    """

    minutes: float = 30.0
    memory_gib: float = 4.0
    threads: int = 1


class ProcessEndedError(DiscmriError):
    """The process ended without a result; the message is the reason."""


def isolated(
    function: Callable[[T], R],
    argument: T,
    limits: Limits,
    stop: threading.Event | None = None,
) -> R:
    """Call a function in a new process and return its result.

    The function must be importable; argument and result are pickled, its output is discarded, and
    ``stop`` ends the process early.  Raises ``ProcessEndedError`` if a limit was reached, the
    process died or was stopped, or the function raised an error.
    """
    with ExitStack() as stack:
        scratch = temporary_folder()
        stack.callback(shutil.rmtree, scratch, ignore_errors=True)
        answer = scratch / "answer"
        process = subprocess.Popen(
            [sys.executable, "-m", "discmri.cohort.child", str(answer)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=_environment(str(scratch), limits.threads),
        )
        try:
            with contextlib.suppress(BrokenPipeError):  # it died at once; reported below
                _send(process, function, argument)
            _watch(process, limits, stop)
        finally:
            _end(process)
        if process.returncode != 0 or not answer.is_file():
            raise ProcessEndedError(f"the process died ({_how(process.returncode)})")
        succeeded, value = pickle.loads(answer.read_bytes())
    if not succeeded:
        raise ProcessEndedError(value)
    result: R = value
    return result


def _environment(scratch: str, threads: int) -> dict[str, str]:
    environ = {**os.environ, "TMPDIR": scratch} | dict.fromkeys(POOLS, str(threads))
    # Dask sets a threshold at which the allocator returns memory after every step; page faults
    # then take about a sixth of the time of a short process
    environ.pop("MALLOC_TRIM_THRESHOLD_", None)
    return environ


def _send(process: subprocess.Popen[bytes], function: object, argument: object) -> None:
    assert process.stdin is not None
    pickle.dump(sys.path, process.stdin)  # first, so that the function can be imported
    pickle.dump((function, argument), process.stdin)
    process.stdin.flush()  # stays open, because its end stops the process


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()


def _watch(process: subprocess.Popen[bytes], limits: Limits, stop: threading.Event | None) -> None:
    """Wait for the end, or raise if a limit is reached."""
    ends = time.monotonic() + 60.0 * limits.minutes
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_POLL_S)
            return
        if stop is not None and stop.is_set():
            raise ProcessEndedError("it was stopped")
        if time.monotonic() > ends:
            raise ProcessEndedError(f"it took longer than its limit of {limits.minutes:g} min")
        if _resident_gib(process.pid) > limits.memory_gib:
            raise ProcessEndedError(
                f"it took more memory than its limit of {limits.memory_gib:g} GiB"
            )


def _resident_gib(pid: int) -> float:
    """Resident memory of a process in GiB; 0 if unknown."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):  # it has ended
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**30


def _how(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {-code}, {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
