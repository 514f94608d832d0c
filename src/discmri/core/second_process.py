"""A second Python process that computes functions beside the first one.

It is started like a command, so it works where ``fork`` does not.  It ends with the first process,
because it waits on a pipe to it.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, TypeVar

from discmri.core.deferred import defer_seldom_used

T = TypeVar("T")
R = TypeVar("R")
_HERE = 3
"""Of the items that are shared, the first process computes every third, because it has other threads."""


class SecondProcess:
    """The second process, as the first one sees it.

    It computes one function at a time.  Functions must be importable; they and their arguments are
    pickled.  If the process cannot be started or dies, the first process computes them.

    Examples
    --------
    >>> with second_process() as second:
    ...     second.call(divmod, 17, 5), second.map(abs, [-1, 2, -3])
    ((3, 2), [1, 2, 3])
    """

    def __init__(self, process: subprocess.Popen[bytes] | None) -> None:
        self._process = process
        self._turn = threading.Lock()

    def call(self, function: Callable[..., R], *arguments: Any) -> R:
        """Call a function there and wait for its result.

        Parameters
        ----------
        function
            An importable function.
        *arguments
            Its arguments.

        Raises
        ------
        Exception
            That of the function.
        """
        with self._turn:
            return self._begin(function, *arguments)()

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """Results for all items, two thirds of them from there unless the process is busy.

        Parameters
        ----------
        function
            An importable function that raises no error.
        items
            Its arguments.
        """
        given = list(items)
        if not self._turn.acquire(blocking=False):
            return _each(function, given)
        try:
            there = [one for n, one in enumerate(given) if n % _HERE]
            others = self._begin(_each, function, there)
            here = iter(_each(function, given[::_HERE]))
            found = iter(others())
            return [next(found if n % _HERE else here) for n in range(len(given))]
        finally:
            self._turn.release()

    def leave(self) -> None:
        """Compute everything in the first process from now on."""
        self._process = None

    def _begin(self, function: Callable[..., R], *arguments: Any) -> Callable[[], R]:
        """Send a call; the returned function waits for its result."""
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            return lambda: function(*arguments)
        answers = process.stdout
        with suppress(OSError):  # it died; noticed below
            _send(process.stdin, (function, arguments))

        def result() -> R:
            try:
                error, value = pickle.load(answers)
            except (OSError, EOFError, pickle.UnpicklingError):
                self.leave()
                return function(*arguments)
            if error is not None:
                raise error
            found: R = value
            return found

        return result


@contextmanager
def second_process(modules: Sequence[str] = ()) -> Iterator[SecondProcess]:
    """Start a second process, and end it at the end.

    Parameters
    ----------
    modules
        Modules that it imports at once.
    """
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, *modules],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError:
        yield SecondProcess(None)
        return
    second = SecondProcess(process)
    try:
        with suppress(OSError):
            _send(process.stdin, sys.path)  # first, so that it imports the same
        yield second
    finally:
        second.leave()
        process.kill()
        with suppress(OSError):  # what was not sent any more
            process.communicate()


def _each(function: Callable[[T], R], items: Sequence[T]) -> list[R]:
    return [function(one) for one in items]


def _send(stream: Any, what: object) -> None:
    stream.write(pickle.dumps(what, pickle.HIGHEST_PROTOCOL))  # all of it or nothing
    stream.flush()


def _serve(modules: Sequence[str]) -> None:
    """The other side: compute until the first process ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process ends this one
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # output of libraries
    sys.path[:] = pickle.load(sys.stdin.buffer)
    defer_seldom_used()
    for module in modules:
        import_module(module)
    while True:
        try:
            function, arguments = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            _send(answers, (None, function(*arguments)))
        except Exception as error:  # noqa: BLE001 - raised by the first process
            error.add_note(traceback.format_exc())
            _send(answers, (error, None))


if __name__ == "__main__":
    _serve(sys.argv[1:])
