"""A second process computes the same as this one, also where it fails or dies."""

import os
import signal
import sys
import threading
from functools import partial

import pytest

from discmri.core.errors import NothingToMeasureError
from discmri.core.findings import Code, MeasurementError
from discmri.core.second_process import second_process


@pytest.fixture(scope="module")
def second():
    with second_process(["numpy"]) as started:
        yield started


def test_calls_run_in_another_process(second):
    assert second.call(os.getpid) not in {0, os.getpid()}
    assert second.call(divmod, 17, 5) == (3, 2)


def test_results_of_shared_items_keep_their_order(second):
    assert second.map(abs, [-1, 2, -3, 4, -5]) == [1, 2, 3, 4, 5]
    assert second.map(abs, [-7]) == [7]
    assert second.map(abs, []) == []


def test_a_third_of_the_items_is_computed_here(second):
    found = second.map(eval, ["__import__('os').getpid()"] * 6)
    assert [one == os.getpid() for one in found] == [True, False, False, True, False, False]


def test_a_busy_process_gets_no_items(second):
    busy, release = threading.Event(), threading.Event()

    def hold():
        with second._turn:
            busy.set()
            release.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    busy.wait(60)
    found = second.map(eval, ["__import__('os').getpid()"] * 3)
    release.set()
    thread.join()
    assert set(found) == {os.getpid()}


@pytest.mark.parametrize(
    "error",
    [NothingToMeasureError("no disc"), MeasurementError(Code.ADC_MISALIGNED, "4 mm", ("adc",))],
)
def test_errors_are_raised_here_with_their_facts(second, error):
    with pytest.raises(type(error), match=str(error)) as raised:
        second.call(partial(_throw, error))
    assert {**vars(raised.value), "__notes__": None} == {**vars(error), "__notes__": None}


def _throw(error):
    raise error


def test_a_result_that_cannot_be_sent_is_an_error_and_the_next_call_works(second):
    with pytest.raises((TypeError, AttributeError)):
        second.call(threading.Lock)
    assert second.call(abs, -1) == 1


def test_output_of_a_function_does_not_disturb(second):
    assert second.call(print, "text of a library") is None
    assert second.call(os.system, "echo text of a program") == 0
    assert second.call(abs, -2) == 2


def test_a_process_that_dies_is_replaced_by_this_one():
    with second_process() as own:
        other = own.call(os.getpid)
        os.kill(other, signal.SIGKILL)
        assert own.call(os.getpid) == os.getpid()
        assert own.map(abs, [-1, -2]) == [1, 2]


def test_a_process_that_cannot_start_is_replaced_by_this_one(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with second_process() as own:
        assert own.call(os.getpid) == os.getpid()


def test_it_ends_with_its_user():
    with second_process() as own:
        other = own.call(os.getpid)
    with pytest.raises(ProcessLookupError):
        os.kill(other, 0)
    assert own.call(os.getpid) == os.getpid(), "later calls are made here"
