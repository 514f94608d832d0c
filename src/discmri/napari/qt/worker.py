"""Jobs in napari's thread workers: they tell how far they are, and stop when asked to."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from napari.qt.threading import WorkerBase
from qtpy.QtCore import QObject, Signal

from discmri.napari.loader import Job


class StoppedError(Exception):
    """The job is not wanted any more."""


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

    napari's own workers put what goes wrong on the screen, paths included, and hide Python's
    warnings filters from each other's threads; this one hands failures to ``failed`` alone.

    Parameters
    ----------
    job
        What to do; it is given a function to say how far it is.
    done, failed
        Called in the viewer's thread with the result, or with what was raised.
    said
        Called there with what is being done and which share is behind.
    """

    def __init__(
        self,
        job: Job,
        done: Callable[[Any], None],
        failed: Callable[[Exception], None],
        said: Callable[[str, float], None],
    ) -> None:
        super().__init__(SignalsClass=_Signals)
        self._job: Job | None = job
        self.returned.connect(done)
        self.errored.connect(failed)
        self.said.connect(said)

    def run(self) -> None:
        """Do the job; napari's pool calls this."""
        try:
            self._emit(self.returned, self._result())
        except StoppedError:
            pass
        except Exception as error:  # noqa: BLE001 - any failure belongs to whoever asked
            with suppress(StoppedError):
                self._emit(self.errored, error)
        with suppress(RuntimeError):
            self._finished.emit(self)

    def _result(self) -> Any:
        """What comes of the job, which is let go: Qt keeps the worker until its loop is idle."""
        assert self._job is not None
        try:
            return self._job(self._report)
        finally:
            self._job = None

    def work(self) -> None:
        """Not used: :meth:`run` does it all."""

    def _report(self, text: str, share: float) -> None:
        self._emit(self.said, text, share)

    def _emit(self, signal: Any, *what: object) -> None:
        if self.abort_requested:
            raise StoppedError
        try:
            signal.emit(*what)
        except RuntimeError as error:  # the viewer is gone
            raise StoppedError from error


def start(
    job: Job,
    done: Callable[[Any], None],
    failed: Callable[[Exception], None],
    said: Callable[[str, float], None] = lambda _text, _share: None,
) -> Task:
    """Start a job in a worker; see :class:`Task`."""
    task = Task(job, done, failed, said)
    task.start()
    return task
