"""What other processes are asked to do in these tests; they must be able to import it."""

from __future__ import annotations

import ctypes
import os
import threading
import time
from pathlib import Path


def double(number: int) -> int:
    os.write(1, b"libraries print what they like")
    return 2 * number


def environment(name: str) -> str:
    return os.environ[name]


def scratch(_: None) -> str:
    import tempfile

    folder = tempfile.mkdtemp()
    (Path(folder) / "left.bin").write_bytes(b"x")
    return folder


def divide(number: int) -> float:
    return number / 0


def sleep(seconds: float) -> None:
    time.sleep(seconds)


def eat(much: tuple[float, float]) -> None:
    """So many GiB, held for so many seconds."""
    gib, seconds = much
    held = bytearray()
    while len(held) < gib * 2**30:
        held += bytes(2**24)
    time.sleep(seconds)


def ask_for_too_much(_: None) -> bytearray:
    return bytearray(2**60)


def crash(_: None) -> None:
    ctypes.string_at(0)


def leave(code: int) -> None:
    os._exit(code)


def write_pid_and_sleep(path: str) -> None:
    Path(path).write_text(str(os.getpid()))
    time.sleep(300)


def doubled(number: int, stop: threading.Event | None = None) -> int:
    assert stop is None or not stop.is_set()
    return 2 * number


def wait_for_stop(seconds: float, stop: threading.Event) -> str:
    stop.wait(seconds)
    return "waited"


def die(_: int, __: None) -> None:
    os._exit(9)
