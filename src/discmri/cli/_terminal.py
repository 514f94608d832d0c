"""Progress, logging and standard streams; output of libraries is suppressed."""

from __future__ import annotations

import argparse
import io
import logging
import os
import shlex
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import discmri
from discmri.core.errors import UsageError
from discmri.core.text import one_line, without_passwords

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_PATIENCE_S = 5.0
_log = logging.getLogger(__name__)


class ProgressDisplay:
    """Progress on standard error: a bar on a terminal, plain lines otherwise.

    Plain lines are held back for ``patience_s``, so that a call that fails at once prints only its
    error message.  Without a stream nothing is printed.
    """

    def __init__(self, stream: TextIO | None, patience_s: float = 0.0) -> None:
        self._stream = stream
        self._until_s = time.monotonic() + patience_s
        self._held: list[str] = []
        self._last = ""
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        if stream is not None and stream.isatty():
            self._bar, self._task = _bar(stream)

    def __call__(self, text: str, fraction: float) -> None:
        """Show the present step and the fraction done, 0 to 1."""
        text = one_line(text)
        if text != self._last:
            _log.info("%3.0f %% %s", 100 * fraction, text)
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description=text, completed=fraction)
        elif self._stream is not None and text != self._last:
            self._held.append(f"{100 * fraction:3.0f} %  {text}")
            if time.monotonic() >= self._until_s:
                self.show()
        self._last = text

    def show(self) -> None:
        """Print lines that were held back; stop printing if the stream is closed."""
        if self._stream is None:
            return
        try:
            for line in self._held:
                print(line, file=self._stream, flush=True)
        except OSError:
            discard_output(self._stream)
            self._stream = None
        self._held.clear()

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()


def _bar(stream: TextIO) -> tuple[Progress, TaskID]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TimeElapsedColumn(),
        console=Console(file=stream),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    task = bar.add_task("starting", total=1.0)
    bar.start()
    return bar, task


def open_standard_streams() -> None:
    """Open closed standard streams on the null device.

    Otherwise the next opened file would get the descriptor of standard output, and output of
    libraries would be written to it.  Text that a stream cannot encode is escaped.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", closefd=False)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def discard_output(stream: TextIO) -> None:
    """Redirect a broken stream to the null device, so that it does not fail again at exit."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


@contextmanager
def quiet_progress(args: argparse.Namespace) -> Iterator[ProgressDisplay]:
    """Suppress output of libraries at the level of file descriptors; yield a progress display.

    With ``--debug`` nothing is suppressed and the log is printed on standard error; with
    ``--verbose`` only the log is printed.
    """
    with ExitStack() as stack:
        if args.debug:
            stack.enter_context(_logged(logging.StreamHandler(sys.stderr), logging.DEBUG))
            own: TextIO | None = sys.stderr
        else:
            own = stack.enter_context(_libraries_silenced())
            if args.verbose:
                stack.enter_context(_logged(logging.StreamHandler(own), logging.INFO))
        steps = ProgressDisplay(None if args.quiet else own, 0.0 if args.debug else _PATIENCE_S)
        stack.callback(steps.close)
        yield steps
        steps.show()


@contextmanager
def log_file(args: argparse.Namespace, argv: Sequence[str]) -> Iterator[None]:
    """Write call, steps and outcome to ``--log-file``; ``UsageError`` if it cannot be written."""
    path = getattr(args, "log_file", None)
    if path is None:
        yield
        return
    with _logged(_file_handler(path), logging.DEBUG):
        _log.info("discmri %s: %s", discmri.__version__, without_passwords(shlex.join(argv)))
        try:
            yield
        except BaseException:
            _log.error("%s", without_passwords(traceback.format_exc()))
            raise
        _log.info("done")


def _file_handler(path: Path) -> logging.Handler:
    try:
        return logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"the log {path} cannot be written ({error.strerror}); choose another --log-file"
        ) from error


@contextmanager
def _logged(handler: logging.Handler, level: int) -> Iterator[None]:
    """Attach a handler to the log of discmri from a level on, and to that of libraries from INFO."""
    root, own = logging.getLogger(), logging.getLogger("discmri")
    before = root.level, own.level
    handler.setLevel(level)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root.addHandler(handler)
    own.setLevel(min(level, own.level or level))
    root.setLevel(min(logging.INFO, root.level))
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()
        root.setLevel(before[0])
        own.setLevel(before[1])


@contextmanager
def resumable(what: str) -> Iterator[None]:
    """On an interruption, say what is kept, such as ``completed studies are``."""
    try:
        yield
    except KeyboardInterrupt:
        text = f"{what} kept; run the same command again to continue"
        raise KeyboardInterrupt(text) from None


@contextmanager
def _libraries_silenced() -> Iterator[TextIO]:
    """Redirect file descriptors 1 and 2 to the null device; yield the original standard error."""
    with ExitStack() as stack:
        own = sys.stderr
        with suppress(OSError):  # a stream of a test or a notebook has no descriptor
            if own.fileno() == 2:
                own = stack.enter_context(
                    os.fdopen(os.dup(2), "w", encoding=own.encoding, errors="backslashreplace")
                )
        for descriptor, stream in ((1, sys.stdout), (2, sys.stderr)):
            stream.flush()
            stack.callback(_restore, os.dup(descriptor), descriptor, stream)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, descriptor)
            os.close(nowhere)
        yield own


def _restore(saved: int, descriptor: int, stream: TextIO) -> None:
    stream.flush()
    os.dup2(saved, descriptor)
    os.close(saved)


@contextmanager
def terminated_as_interrupt() -> Iterator[None]:
    """Treat SIGTERM like Ctrl-C, so that no incomplete files are left."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
