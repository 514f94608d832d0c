"""Removal of the temporary files of killed processes.

Names of temporary files contain the process that made them, so that a later process can check
whether it still runs.  Files of processes on other machines and in other containers are kept.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import tempfile
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

TEMPORARY = "discmri-"
"""How names in the system's folder for temporary files begin."""

OUTPUT = ".discmri-"
"""How names of unfinished outputs begin, beside where they will be."""

_RENAMED = "-old"
_NAME = re.compile(
    r"\.?discmri-(?P<place>[0-9a-f]{8})-(?P<process>\d+)-(?P<start>\d+)-\w+"
    rf"(?P<kind>\.new|{_RENAMED})?"
)


def owned_prefix(prefix: str) -> str:
    """The beginning of a file name that contains this process; the caller adds a random part."""
    process = os.getpid()
    return f"{prefix}{_place()}-{process}-{_start(process) or 0}-"


def temporary_folder() -> Path:
    """A new folder for this process alone; those of dead processes are removed."""
    sweep_temporary()
    return Path(tempfile.mkdtemp(prefix=owned_prefix(TEMPORARY)))


def sweep_temporary() -> None:
    """Remove what dead processes left in the system's folder for temporary files."""
    sweep(Path(tempfile.gettempdir()), TEMPORARY)


def sweep(folder: Path, prefix: str) -> None:
    """Remove what dead processes of this machine left half-written directly in a folder.

    ``prefix`` is ``TEMPORARY`` or ``OUTPUT``.  An earlier result that was being replaced is put
    back if no new one exists.  Otherwise it is left alone, because it may hold files of the user.
    """
    for left in folder.glob(f"{prefix}{_place()}-*"):
        found = _NAME.fullmatch(left.name)
        if found is None or _is_alive(int(found["process"]), int(found["start"])):
            continue
        if found["kind"] == _RENAMED:
            _put_back(left)
        elif left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        else:
            _unlink(left)


def replaced(fresh: Path, target: Path) -> Path:
    """Place for an old folder while its replacement is renamed; :func:`sweep` finds it there."""
    aside = target.parent / f"{fresh.name}{_RENAMED}"
    aside.mkdir()
    return aside / target.name


def _put_back(aside: Path) -> None:
    for earlier in aside.iterdir():
        if not (aside.parent / earlier.name).exists():
            earlier.rename(aside.parent / earlier.name)
    if not any(aside.iterdir()):
        aside.rmdir()


def _unlink(left: Path) -> None:
    try:
        left.unlink(missing_ok=True)
    except OSError:  # another user's
        return


def _is_alive(process: int, start: int) -> bool:
    """Whether the process with this number and start time still runs; true if unknown."""
    if Path("/proc/self/stat").exists():
        return _start(process) == start
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _start(process: int) -> int | None:
    """Start of a process in clock ticks since boot; ``None`` if it has ended."""
    try:
        facts = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, *numbers = facts.rpartition(")")[2].split()
    return None if state in "ZX" else int(numbers[18])


@lru_cache
def _place() -> str:
    """Hash of the machine or container in which process numbers are unique."""
    try:
        space = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - the link leads to no path
    except OSError:
        space = ""
    return sha256(f"{platform.node()} {space}".encode("utf-8", "replace")).hexdigest()[:8]
