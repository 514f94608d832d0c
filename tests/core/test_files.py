"""Files and folders that appear whole or not at all, and locks between processes."""

from __future__ import annotations

import errno
import subprocess
import sys
from contextlib import suppress

import pytest

from discmri.core.errors import UsageError
from discmri.core.files import atomic_file, atomic_folder, remove_unfinished
from discmri.core.locks import acquire, locked


class _StopError(Exception):
    pass


def test_a_file_that_was_not_finished_leaves_the_earlier_one(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("before")
    with suppress(_StopError), atomic_file(path) as fresh:
        fresh.write_text("half")
        assert path.read_text() == "before"
        raise _StopError
    assert path.read_text() == "before"
    with atomic_file(path) as fresh:
        fresh.write_text("after")
    assert path.read_text() == "after"
    assert [one.name for one in tmp_path.iterdir()] == ["table.csv"]


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    with atomic_file(tmp_path / "x") as one, atomic_file(tmp_path / "x") as other:
        one.write_text("one")
        other.write_text("other")
    assert (tmp_path / "x").read_text() == "one", "the outer one ends last"


@pytest.mark.parametrize(("keep", "left"), [(True, {"new", "mine"}), (False, {"new"})])
def test_what_another_hand_put_into_a_folder_is_kept_unless_told_otherwise(tmp_path, keep, left):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "mine").write_text("")
    with atomic_folder(folder, overwrite=True, keep_others=keep) as fresh:
        (fresh / "new").write_text("")
    assert {one.name for one in folder.iterdir()} == left
    assert [one.name for one in tmp_path.iterdir()] == ["out"]


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path):
    (tmp_path / ".discmri-ab").mkdir()
    (tmp_path / ".discmri-cd.new").write_text("")
    (tmp_path / "discs.csv").write_text("")
    remove_unfinished(tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["discs.csv"]


# ------------------------------------------------------------------ locks
_HOLD = """
import sys
from pathlib import Path
from discmri.core.locks import acquire
lock = acquire(Path(sys.argv[1]), wait=False)
print(lock is not None, flush=True)
sys.stdin.read()
"""


def _holder(path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_a_lock_ends_with_the_process_that_holds_it(tmp_path):
    path = tmp_path / "a" / "lock"
    path.parent.mkdir()
    with _holder(path) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        assert acquire(path, wait=False) is None
        with pytest.raises(UsageError, match="another run is writing"), locked(path, wait=False):
            pytest.fail("held twice")
        other.kill()
    with locked(path, wait=False):
        assert acquire(path, wait=False) is None, "held twice within one process"
    with locked(path, wait=False):
        pass


@pytest.mark.parametrize(
    ("number", "goes_on"), [(errno.ENOLCK, True), (errno.EOPNOTSUPP, True), (errno.EROFS, False)]
)
def test_a_file_system_without_locks_is_no_obstacle(tmp_path, monkeypatch, number, goes_on):
    import filelock

    def refuse(*_args, **_options):
        raise OSError(number, "no")

    monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
    entered = False
    with suppress(OSError), locked(tmp_path / "lock"):
        entered = True
    assert entered == goes_on


@pytest.mark.parametrize("package", ["trial", "cohort", "simulation", "reading", "agreement"])
def test_packages_import_where_there_is_no_fcntl(package):
    code = (
        "import sys; sys.modules['fcntl'] = None\n"
        f"import importlib, pkgutil, discmri.{package} as p\n"
        "for m in pkgutil.iter_modules(p.__path__, p.__name__ + '.'):\n"
        "    importlib.import_module(m.name) if m.name.count('migrations') == 0 else None\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
