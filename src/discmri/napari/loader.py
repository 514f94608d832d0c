"""Load the current case first, then the next one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any, Protocol

from discmri.core.errors import SessionError
from discmri.core.levels import DiscLevel
from discmri.core.progress import ProgressCallback
from discmri.measurement.pipeline import StudySteps
from discmri.napari.case import LoadedCase
from discmri.napari.loading import (
    LoadedStudy,
    load_adc,
    load_images,
    measure_loaded,
)
from discmri.reading import Session
from discmri.reading.results import read_record

Job = Callable[[ProgressCallback], Any]
Name = tuple[str, str]
"""Of a job: the case it is for, and which step."""

IMAGES, ADC, MEASURES = "images", "adc", "measures"
_WAIT_S = 0.2


class Running(Protocol):
    """A started job."""

    def quit(self) -> None:
        """Request a stop; the job calls nothing afterwards."""


JobStarter = Callable[
    [Job, Callable[[Any], None], Callable[[Exception], None], ProgressCallback], Running
]
"""Starts a job; one of two functions is called with what came of it, a third with how far it is."""


@dataclass(frozen=True, eq=False)
class _Started:
    """A running job and the handler of its result."""

    token: object
    job: Running
    done: Callable[[Any], None]
    failed: Callable[[Exception], None]


class Loader:
    """Loads cases, one job at a time, into a small cache.

    ``work`` starts a job in a worker.  ``moved`` is called after each loading step and each
    failure, ``failed`` with an error, before ``moved``, and ``said`` with the case, the running
    step and the completed share (0 to 1).
    """

    def __init__(
        self,
        work: JobStarter,
        moved: Callable[[], None],
        failed: Callable[[Exception], None],
        said: Callable[[str, str, float], None],
    ) -> None:
        self.cases: dict[str, LoadedCase] = {}  # those whose images are loaded, by item
        self._work, self._moved, self._fail, self._said = work, moved, failed, said
        self._running: dict[Name, _Started] = {}
        self._failed: set[Name] = set()
        self._going_on = Event()
        self._going_on.set()

    @property
    def busy(self) -> bool:
        """Whether a job runs."""
        return bool(self._running)

    def hold(self, held: bool) -> None:
        """Pause jobs at their next step while the reader needs the processor, or resume them."""
        if held:
            self._going_on.clear()
        else:
            self._going_on.set()

    def stop(self) -> None:
        """Stop all jobs."""
        for started in self._running.values():
            started.job.quit()
        self._running = {}

    def forget(self) -> None:
        """Stop all jobs and remove all cases."""
        self.stop()
        self.cases.clear()
        self._failed = set()

    def start(
        self,
        name: Name,
        job: Job,
        done: Callable[[Any], None],
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        """Start a job and report its end; a stopped job reports nothing."""
        token = object()  # the slots refer to this token only: Qt keeps them after the job ends

        def ended() -> _Started | None:
            """Return the ended job, or ``None`` if it was stopped."""
            running = self._running.get(name)
            if running is None or running.token is not token:
                return None
            return self._running.pop(name)

        def finished(result: Any) -> None:
            started = ended()
            if started is not None:
                started.done(result)
                self._moved()

        def broken(error: Exception) -> None:
            started = ended()
            if started is not None:
                self._failed.add(name)
                started.failed(error)
                self._moved()

        waiting = partial(_in_steps, job, self._going_on)
        running = self._work(waiting, finished, broken, partial(self._said, name[0]))
        self._running[name] = _Started(token, running, done, failed or self._fail)

    def serve(self, session: Session, wanted: Sequence[str], kept: Collection[str]) -> None:
        """Start the most urgent job that is not done.

        ``wanted`` are items to load, the most urgent first; a job for any other is stopped.  Items
        in ``kept`` stay in the cache.
        """
        near = {*wanted, *kept}
        for item in self.cases.keys() - near:
            del self.cases[item]
        self._failed = {name for name in self._failed if name[0] in near}  # retry the others
        for name in [one for one in self._running if one[0] not in wanted]:
            self._running.pop(name).job.quit()
        for item in wanted:
            if any(running == item for running, _ in self._running):
                return
            if self._next_step(session, item):
                return

    def _next_step(self, session: Session, item: str) -> bool:
        """Start the next step of loading a case; return whether there was one."""
        case = self.cases.get(item)
        if case is None:
            return self._load_images(session, item)
        if case.to_measure and case.measured is None:
            return self._try((item, MEASURES), partial(_measured, case.loaded), case.set_measured)
        if not case.complete:
            return self._try((item, ADC), partial(load_adc, case.loaded), case.set_adc)
        return False

    def _load_images(self, session: Session, item: str) -> bool:
        name = (item, IMAGES)
        if name in self._failed:
            return False
        view = session.case(item)
        numbers = {disc.key: disc.label_id for disc in (*view.discs, *view.residual)}
        # shown only below certain names, which the reader may give later
        numbers |= {disc.level: disc.label_id for disc in session.plan.case_of(item).remnants}
        try:
            folder = session.labels_file(item).parent
            job = partial(_images, session, item, folder, numbers)
        except SessionError as error:
            self._failed.add(name)
            self._fail(error)
            return False
        self.start(name, job, partial(self.cases.__setitem__, item))
        return True

    def _try(self, name: Name, job: Job, done: Callable[[Any], None]) -> bool:
        if name in self._failed:
            return False
        self.start(name, job, done)
        return True


def _in_steps(job: Job, going_on: Event, progress: ProgressCallback) -> Any:
    """Run a job that pauses at each step while jobs are held; a stop ends the pause."""

    def step(text: str, share: float) -> None:
        progress(text, share)
        while not going_on.wait(_WAIT_S):
            progress(text, share)

    return job(step)


def _images(
    session: Session,
    item: str,
    folder: Path,
    numbers: Mapping[DiscLevel, int],
    progress: ProgressCallback,
) -> LoadedCase:
    progress("reading the images", 0.0)
    study = session.images(item)
    progress("reading the results", 0.6)
    return LoadedCase.of(load_images(study, folder, numbers), numbers)


def _measured(loaded: LoadedStudy, progress: ProgressCallback) -> StudySteps:
    folder = Path() if loaded.labels_file is None else loaded.labels_file.parent
    result, _ = read_record(folder)
    return measure_loaded(loaded, result, progress)
