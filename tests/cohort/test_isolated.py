"""Real processes that answer, fail, crash, hang and eat."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.cohort import calls

from discmri.cohort.isolated import Limits, ProcessEndedError, _environment, _watch, isolated

BRIEF = Limits(minutes=1.0 / 60, memory_gib=0.25)
LONG_S = 60.0
"""Longer than a process takes to start and to be ended; one that is not ended fails after it."""


def test_it_answers(capfd):
    assert isolated(calls.double, 21, Limits()) == 42
    assert capfd.readouterr() == ("", ""), "what the other process prints reaches nobody"


def test_numerical_libraries_get_the_threads_that_were_allowed():
    assert isolated(calls.environment, "OMP_NUM_THREADS", Limits(threads=3)) == "3"


def test_the_allocator_keeps_its_memory(monkeypatch):
    """Dask sets a threshold that makes a short process a sixth slower."""
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "65536")
    assert "MALLOC_TRIM_THRESHOLD_" not in _environment("scratch", 1)


def test_its_temporary_files_go_with_it():
    assert not Path(isolated(calls.scratch, None, Limits())).exists()


@pytest.mark.parametrize(
    ("function", "argument", "limits", "said"),
    [
        (calls.divide, 1, Limits(), "ZeroDivisionError"),
        (calls.ask_for_too_much, None, Limits(), "memory is too small"),
        (calls.sleep, LONG_S, BRIEF, "longer than its limit of 0.0166667 min"),
        (
            calls.eat,
            (0.5, LONG_S),
            Limits(memory_gib=0.25),
            "more memory than its limit of 0.25 GiB",
        ),
        (calls.crash, None, Limits(), "SIGSEGV"),
        (calls.leave, 7, Limits(), "exit code 7"),
        (calls.leave, 0, Limits(), "exit code 0"),
    ],
    ids=["raises", "asks for too much", "hangs", "eats", "crashes", "leaves", "leaves silently"],
)
def test_what_ends_a_process_is_named(function, argument, limits, said):
    start = time.monotonic()
    with pytest.raises(ProcessEndedError, match=said):
        isolated(function, argument, limits)
    assert time.monotonic() - start < LONG_S, "ended, not waited for"


class Waited:
    """A process with a clock of its own, which runs only while it is waited for."""

    def __init__(self, monkeypatch, ends_s: float) -> None:
        self.pid, self.ends_s, self.now_s = os.getpid(), ends_s, 1000.0
        clock = SimpleNamespace(monotonic=lambda: self.now_s)
        monkeypatch.setattr("discmri.cohort.isolated.time", clock)

    def wait(self, timeout: float) -> None:
        self.now_s += timeout
        if self.now_s < 1000.0 + self.ends_s:
            raise subprocess.TimeoutExpired("waited", timeout)


@pytest.mark.parametrize(("ends_s", "in_time"), [(119.8, True), (120.4, False)])
def test_a_limit_is_in_minutes(monkeypatch, ends_s, in_time):
    said = nullcontext() if in_time else pytest.raises(ProcessEndedError, match="limit of 2 min")
    with said:
        _watch(Waited(monkeypatch, ends_s), Limits(minutes=2.0, memory_gib=1e6), None)


@pytest.mark.parametrize(("share", "enough"), [(0.9, False), (1.1, True)])
def test_a_limit_is_in_gib_of_resident_memory(monkeypatch, share, enough):
    """The kernel tells it in KiB elsewhere."""
    said = Path("/proc/self/status").read_text(encoding="ascii")
    held_gib = int(re.search(r"VmRSS:\s+(\d+) kB", said)[1]) / 2**20
    ended = nullcontext() if enough else pytest.raises(ProcessEndedError, match="more memory")
    with ended:
        _watch(Waited(monkeypatch, 1.0), Limits(memory_gib=share * held_gib), None)


def test_a_process_that_is_not_stopped_goes_on(monkeypatch):
    stop = threading.Event()
    assert _watch(Waited(monkeypatch, 1.0), Limits(memory_gib=1e6), stop) is None
    stop.set()
    with pytest.raises(ProcessEndedError, match="stopped"):
        _watch(Waited(monkeypatch, 1.0), Limits(memory_gib=1e6), stop)


def test_a_study_has_half_an_hour_and_four_gib():
    assert (Limits().minutes, Limits().memory_gib, Limits().threads) == (30.0, 4.0, 1)


def test_it_can_be_stopped():
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    with pytest.raises(ProcessEndedError, match="stopped"):
        isolated(calls.sleep, LONG_S, Limits(), stop)


def test_it_ends_when_the_asker_is_killed(tmp_path):
    """Nothing is left behind that could still write."""
    note = tmp_path / "pid"
    asker = subprocess.Popen(
        [
            sys.executable, "-c",
            "import sys; sys.path.insert(0, sys.argv[2])\n"
            "from tests.cohort import calls\n"
            "from discmri.cohort.isolated import Limits, isolated\n"
            "isolated(calls.write_pid_and_sleep, sys.argv[1], Limits())",
            str(note), str(Path(__file__).parents[2]),
        ]
    )  # fmt: skip
    assert _within(60.0, lambda: note.is_file() and note.read_text())
    pid = int(note.read_text())
    assert _lives(pid), "it sleeps for five minutes"
    asker.kill()
    asker.wait()
    assert _within(60.0, lambda: not _lives(pid))


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (OSError, IndexError):
        return False
    return state != "Z"


def _within(seconds: float, condition) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return bool(condition())
