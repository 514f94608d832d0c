"""Killed in the middle, with real processes: the next run finishes, and the tables are the
same bytes as those of an undisturbed run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

NAMES = [f"s{n}" for n in range(3)]
TABLES = ("cohort.csv", "cohort.parquet", "board.html", "batch.json")
PROGRAM = (sys.executable, "-m", "discmri", "batch")
PATIENCE_S = 600.0  # only ends a test that would hang
OPTIONS = ("--segmenter", "masks", "--format", "csv", "--quiet")


def started(listed: Path, out: Path, *options: str) -> subprocess.Popen[str]:
    """The command in a session of its own, so that all of it can be killed at once."""
    return subprocess.Popen(
        [*PROGRAM, str(listed), "-o", str(out), *OPTIONS, *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def finished(listed: Path, out: Path, *options: str) -> str:
    process = started(listed, out, *options)
    said, error = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, error) == (0, ""), error
    return said


def tables(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in TABLES}


def done(out: Path) -> set[str]:
    return {path.stem for path in (out / ".batch").glob("*.json")}


def until(condition: Callable[[], object], seconds: float = PATIENCE_S) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def listed(tiny, tmp_path_factory) -> Path:
    return tiny.listed(tmp_path_factory.mktemp("list") / "list.csv", NAMES)


@pytest.fixture(scope="module")
def undisturbed(listed, tmp_path_factory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    assert "3 of 3 studies measured" in finished(listed, out, "--workers", "2")
    return tables(out)


@contextmanager
def dask(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "dask", *arguments],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        kill(process)


def kill(process: subprocess.Popen) -> None:
    """``kill -9`` to it and everything it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


@contextmanager
def scheduler(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    note = folder / "scheduler.json"
    options = (
        "--port",
        "0",
        "--host",
        "127.0.0.1",
        "--no-dashboard",
        "--scheduler-file",
        str(note),
    )
    with dask("scheduler", *options) as process:
        until(note.is_file)
        until(lambda: note.read_text().endswith("}"))  # written, not just begun
        yield process, json.loads(note.read_text())["address"]


def worker(address: str, folder: Path):
    options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--death-timeout", "300")
    return dask("worker", address, *options, "--local-directory", str(folder))


def test_everything_is_killed(listed, undisturbed, tmp_path):
    out = tmp_path / "out"
    process = started(listed, out, "--workers", "2")
    until(lambda: done(out))
    kill(process)
    before = {name: (out / "studies" / name / "study.json").stat().st_ino for name in done(out)}
    assert 1 <= len(before) < len(NAMES)
    assert not (out / "cohort.csv").exists()
    said = finished(listed, out, "--workers", "2")
    assert "3 of 3 studies measured" in said
    assert f"({len(before)} by an earlier run)" in said
    for name, inode in before.items():
        assert (out / "studies" / name / "study.json").stat().st_ino == inode, "measured again"
    assert tables(out) == undisturbed


def test_only_the_command_is_killed_and_nothing_is_left_running(listed, tmp_path):
    out = tmp_path / "out"
    process = started(listed, out, "--workers", "2")
    until(lambda: done(out))
    process.kill()
    process.communicate()
    until(lambda: not alive(process.pid))
    assert len(done(out)) < len(NAMES)


def alive(session: int) -> list[int]:
    """Processes of a session that have not ended."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, own = path.read_text().rsplit(")", 1)[1].split()[:4]
        except OSError:
            continue
        if int(own) == session and state != "Z":
            found.append(int(path.parent.name))
    return found


def test_a_worker_is_killed_and_another_takes_over(listed, undisturbed, tmp_path):
    out = tmp_path / "out"
    with (
        scheduler(tmp_path) as (_, address),
        worker(address, tmp_path / "a") as first,
        worker(address, tmp_path / "b"),
    ):
        process = started(listed, out, "--scheduler", address)
        until(lambda: done(out))
        kill(first)
        said, error = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, error) == (0, "")
    assert "3 of 3 studies measured" in said
    assert tables(out) == undisturbed


def test_the_scheduler_is_killed(listed, undisturbed, tmp_path):
    out = tmp_path / "out"
    with scheduler(tmp_path) as (process, address), worker(address, tmp_path / "a"):
        batch = started(listed, out, "--scheduler", address)
        until(lambda: done(out))
        kill(process)
        said, error = batch.communicate(timeout=PATIENCE_S)
    assert (batch.returncode, said) == (1, "")
    assert error.count("\n") == 1
    assert "connection to the Dask scheduler was lost; completed studies are kept" in error
    finished(listed, out, "--workers", "2")
    assert tables(out) == undisturbed


def test_interrupted_by_hand(listed, tmp_path):
    out = tmp_path / "out"
    process = started(listed, out, "--workers", "2")
    until(lambda: done(out))
    process.send_signal(signal.SIGINT)
    said, error = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, said) == (130, "")
    assert error == (
        "discmri: interrupted; completed studies are kept; run the same command again to continue\n"
    )
    until(lambda: not alive(process.pid))
