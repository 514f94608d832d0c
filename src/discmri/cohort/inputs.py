"""Whether the bytes of a study are still those that were measured.

A *digest* is a hash of every byte.  A *stamp* is a hash of names, sizes and times of the
files: while it stays the same, nobody has written to them, and they need not be read again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from discmri.study.source import open_source

_CHUNK = 2**20


def input_files(path: Path, masks: Path | None = None) -> list[tuple[str, Path]]:
    """Name and place of every file that a measurement reads.

    Parameters
    ----------
    path
        Folder, zip or NIfTI file.
    masks
        A label map that is measured instead of what a segmenter finds.

    Raises
    ------
    UsageError
        Where the path does not exist or cannot be read.
    """
    single = path.is_file() and not path.name.lower().endswith((".nii", ".nii.gz"))
    if single and path.name.upper() != "DICOMDIR":  # a zip is one file, packed as it is
        files = [(path.name, path)]
    else:
        files = [(file.name, file.path) for file in open_source(path).files]
    return files if masks is None else [*files, (f"masks: {masks.name}", masks)]


def stamp(files: Sequence[tuple[str, Path]]) -> str:
    """Hash of names, sizes and times of change.

    Raises
    ------
    OSError
        Where a file is gone.
    """
    total = hashlib.sha256()
    for name, path in files:
        facts = path.stat()
        times = f"{facts.st_size} {facts.st_mtime_ns} {facts.st_ctime_ns}"
        total.update(_line(name, times))
    return total.hexdigest()


def digest(files: Sequence[tuple[str, Path]]) -> str:
    """Hash of names and bytes.

    Raises
    ------
    OSError
        Where a file is gone.
    """
    total = hashlib.sha256()
    for name, path in files:
        one = hashlib.sha256()
        for chunk in _chunks(path):
            one.update(chunk)
        total.update(_line(name, one.hexdigest()))
    return total.hexdigest()


def _line(name: str, facts: str) -> bytes:
    return f"{name}\0{facts}\n".encode("utf-8", "surrogateescape")


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk
