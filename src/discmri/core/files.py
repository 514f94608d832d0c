"""Atomic writing: files and folders appear complete or not at all."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from discmri.core.errors import UsageError
from discmri.core.leftovers import OUTPUT, owned_prefix, replaced, sweep


def check_writable(folder: Path, overwrite: bool) -> None:
    """Check before the work that a folder can be written.

    Raises ``UsageError`` if it exists without ``overwrite``, is no folder, or cannot be made.
    """
    with _fresh_beside(folder, overwrite):
        pass


def resolved(folder: Path) -> Path:
    """A path with its links followed.

    Raises ``UsageError`` for circular links, or if the current folder was removed.
    """
    try:
        return folder.resolve()
    except (OSError, RuntimeError) as error:
        raise UsageError(
            f"the output folder {folder} cannot be resolved ({error}); choose another with -o"
        ) from error


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """A new hidden path beside the wanted file, renamed to it at the end; its folder must exist.

    On any exception the new file is removed and the wanted file stays unchanged.
    """
    fresh = path.with_name(f"{_fresh_name()}.new")
    try:
        yield fresh
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


@contextmanager
def atomic_folder(
    folder: Path,
    overwrite: bool,
    keep_others: bool = True,
    own_files: Callable[[Path], Collection[str]] = lambda _folder: (),
) -> Iterator[Path]:
    """A new hidden folder beside the wanted one, renamed to it at the end.

    On any exception the new folder is removed and the wanted one stays unchanged.

    Parameters
    ----------
    folder
        The wanted folder; its parents are created.
    overwrite
        Replace an earlier result.
    keep_others
        Keep the other files of an existing folder.
    own_files
        Returns the relative paths that an earlier run wrote to an existing folder; these are
        not kept.

    Raises
    ------
    UsageError
        If the folder exists without ``overwrite``, is no folder, or cannot be written.
    """
    with _fresh_beside(folder, overwrite) as (fresh, target), _as_usage_error(folder):
        yield fresh
        target.parent.mkdir(parents=True, exist_ok=True)
        _publish(fresh, target, overwrite, keep_others, own_files)


def remove_unfinished(folder: Path) -> None:
    """Remove half-written files of killed processes; no other process may write to the folder."""
    sweep(folder, OUTPUT)
    for left in folder.glob(f"{OUTPUT}*"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def _fresh_name() -> str:
    return f"{owned_prefix(OUTPUT)}{secrets.token_hex(6)}"


@contextmanager
def _fresh_beside(folder: Path, overwrite: bool) -> Iterator[tuple[Path, Path]]:
    target = resolved(folder)
    with _as_usage_error(folder):
        _check(target, overwrite)
        near = next(parent for parent in target.parents if parent.exists())
        sweep(near, OUTPUT)
        fresh = near / _fresh_name()
        fresh.mkdir()
    try:
        yield fresh, target
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


@contextmanager
def _as_usage_error(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise UsageError(
            f"the output folder {folder} cannot be written ({why}); choose another with -o"
        ) from error


def _check(target: Path, overwrite: bool) -> None:
    if target.exists() and not target.is_dir():
        raise UsageError(f"the output {target} is a file, not a folder; choose another with -o")
    if target.exists() and not overwrite:
        raise UsageError(
            f"the output folder {target} exists; add --overwrite or choose another with -o"
        )
    if target.exists() and _current().is_relative_to(target):
        raise UsageError(
            f"the output folder {target} is or holds the current folder, which cannot be "
            "replaced; change to another folder or choose another with -o"
        )


def _current() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:  # removed meanwhile
        return Path()


def _publish(
    fresh: Path,
    target: Path,
    overwrite: bool,
    keep_others: bool,
    own_files: Callable[[Path], Collection[str]],
) -> None:
    _check(target, overwrite)
    if not target.exists():
        fresh.rename(target)
        return
    written = {entry.name for entry in fresh.iterdir()}
    written |= {name.split("/")[0] for name in own_files(target)}
    old = replaced(fresh, target)
    try:
        target.rename(old)
        fresh.rename(target)
    except OSError:
        if old.exists():
            old.rename(target)
        old.parent.rmdir()
        raise
    for entry in old.iterdir() if keep_others else ():
        if entry.name not in written:
            entry.rename(target / entry.name)
    shutil.rmtree(old.parent, ignore_errors=True)
