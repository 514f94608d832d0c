"""Jobs in napari's thread workers, with progress and stop."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from napari.qt.threading import WorkerBase
from qtpy.QtCore import QObject, Signal

from discmri.core.progress import ProgressCallback
from discmri.napari.loader import Job


class StoppedError(Exception):
    """The job was stopped."""


class _Signals(QObject):
    started = Signal()
    finished = Signal()
    _finished = Signal(object)
    returned = Signal(object)
    errored = Signal(object)
    warned = Signal(tuple)
    said = Signal(str, float)


class Task(WorkerBase):
    """One job in a worker.

    napari's own workers show failures on the screen, paths included, and change Python's warnings
    filters across threads; this one passes failures to ``failed`` only.

    ``done`` or ``failed`` is called in the viewer's thread with the result or the raised exception,
    ``said`` with the running step and the completed share (0 to 1).
    """

    def __init__(
        self,
        job: Job,
        done: Callable[[Any], None],
        failed: Callable[[Exception], None],
        said: ProgressCallback,
    ) -> None:
        super().__init__(SignalsClass=_Signals)
        self._job: Job | None = job
        self.returned.connect(done)
        self.errored.connect(failed)
        self.said.connect(said)

    def run(self) -> None:
        """Run the job; napari's pool calls this."""
        try:
            self._emit(self.returned, self._result())
        except StoppedError:
            pass
        except Exception as error:  # noqa: BLE001 - any failure is passed to the caller
            with suppress(StoppedError):
                self._emit(self.errored, error)
        with suppress(RuntimeError):
            self._finished.emit(self)

    def _result(self) -> Any:
        """Run the job and release it, since Qt keeps the worker until its loop is idle."""
        assert self._job is not None
        try:
            return self._job(self._report)
        finally:
            self._job = None

    def work(self) -> None:
        """Not used; :meth:`run` replaces it."""

    def _report(self, text: str, share: float) -> None:
        self._emit(self.said, text, share)

    def _emit(self, signal: Any, *what: object) -> None:
        if self.abort_requested:
            raise StoppedError
        try:
            signal.emit(*what)
        except RuntimeError as error:  # the viewer was closed
            raise StoppedError from error


def start(
    job: Job,
    done: Callable[[Any], None],
    failed: Callable[[Exception], None],
    said: ProgressCallback = lambda _text, _share: None,
) -> Task:
    """Start a job in a worker; see :class:`Task`."""
    task = Task(job, done, failed, said)
    task.start()
    return task
