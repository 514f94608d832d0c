"""What a process makes for a while bears its name, so that the next one can sweep up after it.

A process that is killed cannot tidy up.  Age tells nothing of whether it still works: a name with
the process in it does.  Processes of other machines and containers are never judged.
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
    """The beginning of a name that tells which process made it; something random is to follow."""
    process = os.getpid()
    return f"{prefix}{_place()}-{process}-{_start(process) or 0}-"


def temporary_folder() -> Path:
    """A fresh folder for this process alone; those of dead processes are removed."""
    sweep_temporary()
    return Path(tempfile.mkdtemp(prefix=owned_prefix(TEMPORARY)))


def sweep_temporary() -> None:
    """Remove what dead processes left in the system's folder for temporary files."""
    sweep(Path(tempfile.gettempdir()), TEMPORARY)


def sweep(folder: Path, prefix: str) -> None:
    """Remove what dead processes of this machine left half-written in a folder.

    An earlier result that was being replaced is put back where it is missing, else left alone: it
    may hold files of the user.

    Parameters
    ----------
    folder
        Where to look, not below.
    prefix
        ``TEMPORARY`` or ``OUTPUT``.
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
    """Where a folder stands while another takes its name; :func:`sweep` finds it there."""
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
    """Whether the process that had this number and began then still runs; where unsure, yes."""
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
    """When a process began, in clock ticks since the system did; ``None`` where it has ended."""
    try:
        facts = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, *numbers = facts.rpartition(")")[2].split()
    return None if state in "ZX" else int(numbers[18])


@lru_cache
def _place() -> str:
    """The machine, or the container: within it, a number means one process."""
    try:
        space = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - the link leads to no path
    except OSError:
        space = ""
    return sha256(f"{platform.node()} {space}".encode("utf-8", "replace")).hexdigest()[:8]
