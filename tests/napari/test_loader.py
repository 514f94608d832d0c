"""Loading the current case and the next one, one job at a time, without a window."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest

from discmri.core.errors import SessionError
from discmri.napari.loader import Loader
from discmri.reading import Mode, open_session


class Jobs:
    """Jobs that are done when the test says so."""

    def __init__(self):
        self.open = []
        self.stopped = 0

    def __call__(self, job, done, failed, said):
        self.open.append((job, done, failed, said))
        return self

    def quit(self):
        self.stopped += 1

    def do(self):
        job, done, failed, said = self.open.pop(0)
        try:
            result = job(said)
        except SessionError as error:
            failed(error)
        else:
            done(result)


@pytest.fixture
def at_work(session_on):
    with open_session(session_on(Mode.OPEN), "ann") as session:
        jobs, told, failures = Jobs(), [], []
        loader = Loader(jobs, list, failures.append, lambda *one: told.append(one))
        yield session, loader, jobs, told, failures


def test_the_case_at_hand_comes_first_and_the_next_one_ahead(at_work):
    session, loader, jobs, told, _ = at_work
    first, second = (case.item for case in session.cases)
    for item, complete in ((first, False), (first, True), (second, False), (second, True)):
        loader.serve(session, (first, second), (first,))
        assert len(jobs.open) == 1, "one at a time"
        loader.serve(session, (first, second), (first,))
        assert len(jobs.open) == 1
        jobs.do()
        case = loader.cases.get(item)
        assert case.complete == complete
        assert case.measured is None, "results are shown, nothing is measured"
    loader.serve(session, (first, second), (first,))
    assert not jobs.open
    assert len(loader.cases) == 2
    assert {one[0] for one in told} == {first, second}
    loader.serve(session, (second,), (second,))
    assert (len(loader.cases), loader.cases.get(first)) == (1, None), "what is far away is let go"


def test_turning_away_stops_a_job_and_nothing_is_heard_of_it(at_work):
    session, loader, jobs, _, _ = at_work
    first, second = (case.item for case in session.cases)
    loader.serve(session, (first,), ())
    loader.serve(session, (second,), ())
    assert jobs.stopped == 1
    jobs.do()
    assert loader.cases.get(first) is None
    jobs.do()
    assert loader.cases.get(second) is not None


@pytest.mark.parametrize("end", ["done", "failed", "stopped"])
def test_slots_that_are_kept_after_their_job_hold_nothing(at_work, end):
    """A worker that is slow to end keeps them; the case they were for is free all the same."""

    class Case:
        def take(self, _result):
            """What a job brings."""

    _, loader, jobs, _, _ = at_work
    case = Case()
    free = weakref.ref(case)
    loader.start(("a", "x"), lambda _progress: None, case.take, lambda _error, case=case: None)
    _, *slots = jobs.open.pop()
    if end == "stopped":
        loader.forget()
    else:
        slots[end == "failed"](None if end == "done" else SessionError("x"))
    del case
    gc.collect()
    assert slots
    assert free() is None


class StoppedError(Exception):
    """What a job is told when it was asked to stop."""


def test_jobs_wait_while_the_reader_paints_and_can_be_stopped_then(at_work):
    _, loader, jobs, _, _ = at_work
    came = []

    def job(progress):
        progress("the only step", 0.0)
        return "done"

    loader.hold(True)
    loader.start(("a", "x"), job, came.append)
    thread = threading.Thread(target=jobs.do)
    thread.start()
    thread.join(0.5)
    assert thread.is_alive(), "the job waits"
    assert came == []
    loader.hold(False)
    thread.join(5.0)
    assert came == ["done"]

    loader.hold(True)
    loader.start(("b", "x"), job, came.append)
    waits, _, _, _ = jobs.open.pop()
    asked = iter((False, False, True))

    def progress(_text, _share):
        if next(asked):
            raise StoppedError

    with pytest.raises(StoppedError):
        waits(progress)


def test_a_case_that_cannot_be_loaded_is_told_once_and_tried_when_met_again(at_work, visits):
    session, loader, jobs, _, failures = at_work
    first, second = (case.item for case in session.cases)
    hidden = visits[0].study.with_name("hidden")
    visits[0].study.rename(hidden)
    try:
        loader.serve(session, (first, second), ())
        jobs.do()
        assert len(failures) == 1
        loader.serve(session, (first, second), ())
        jobs.do()
        assert loader.cases.get(second) is not None, "the next one is loaded all the same"
    finally:
        hidden.rename(visits[0].study)
    loader.serve(session, (second,), ())
    loader.stop()
    jobs.open.clear()
    loader.serve(session, (first,), ())
    jobs.do()
    assert loader.cases.get(first) is not None
