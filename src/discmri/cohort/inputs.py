"""Detection of changes of the input files of a study.

A *digest* is a hash of every byte.  A *stamp* is a hash of names, sizes and times of the files; if it
is unchanged, the files need not be read again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from discmri.study.source import open_source


def input_files(path: Path, masks: Path | None = None) -> list[tuple[str, Path]]:
    """Name and path of every file that a measurement reads, the label map included.

    Raises ``UsageError`` if the path does not exist or cannot be read.
    """
    single = path.is_file() and not path.name.lower().endswith((".nii", ".nii.gz"))
    if single and path.name.upper() != "DICOMDIR":  # a zip is one file, packed as it is
        files = [(path.name, path)]
    else:
        files = [(file.name, file.path) for file in open_source(path).files]
    return files if masks is None else [*files, (f"masks: {masks.name}", masks)]


def stamp(files: Sequence[tuple[str, Path]]) -> str:
    """Hash of names, sizes and modification times; ``OSError`` if a file is missing."""
    return _hash(files, _times)


def digest(files: Sequence[tuple[str, Path]]) -> str:
    """Hash of names and bytes; ``OSError`` if a file is missing."""
    return _hash(files, _bytes)


def _hash(files: Sequence[tuple[str, Path]], facts_of: Callable[[Path], str]) -> str:
    total = hashlib.sha256()
    for name, path in files:
        total.update(f"{name}\0{facts_of(path)}\n".encode("utf-8", "surrogateescape"))
    return total.hexdigest()


def _times(path: Path) -> str:
    facts = path.stat()
    return f"{facts.st_size} {facts.st_mtime_ns} {facts.st_ctime_ns}"


def _bytes(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
