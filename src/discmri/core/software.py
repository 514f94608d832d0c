"""Versions of the software, and a hash of the installed files."""

from __future__ import annotations

import base64
import hashlib
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackagePath, distribution, version
from pathlib import Path

import discmri

LIBRARIES = ("numpy", "scipy", "pydicom", "nibabel", "scikit-image", "onnxruntime")
"""Libraries that can change measured values."""


@cache
def versions() -> Mapping[str, str]:
    """Versions of discmri, Python and :data:`LIBRARIES`, by name."""
    known = {"discmri": discmri.__version__, "python": platform.python_version()}
    return known | {name: version(name) for name in LIBRARIES}


@cache
def package_sha256() -> str:
    """Hash of every file of the installed package, weights included.

    Two installations with the same hash measure with the same code.
    """
    root = _package()
    total = hashlib.sha256()
    for path in _package_files():
        one = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.relative_to(root).as_posix()}\0{one}\n".encode())
    return total.hexdigest()


def changed_files() -> tuple[int, tuple[str, ...]]:
    """Number of installed files with a recorded hash, and the files that differ from it.

    An editable installation records only a few hashes: see :func:`unrecorded_files`.
    """
    checked, changed = 0, []
    for file in _recorded():
        path = Path(str(file.locate()))
        found = path.read_bytes() if path.is_file() else b""
        own = base64.urlsafe_b64encode(hashlib.sha256(found).digest()).rstrip(b"=").decode()
        checked += 1
        if file.hash is None or own != file.hash.value:
            changed.append(str(file))
    return checked, tuple(changed)


def unrecorded_files() -> tuple[int, tuple[str, ...]]:
    """Number of files of the running package, and the files without a recorded hash.

    No file has one in an editable installation, or if ``PYTHONPATH`` leads to another copy.
    """
    root = _package()
    recorded = {Path(str(file.locate())).resolve() for file in _recorded()}
    files = _package_files()
    missing = [path for path in files if path.resolve() not in recorded]
    return len(files), tuple(path.relative_to(root).as_posix() for path in missing)


def _package() -> Path:
    return Path(discmri.__file__).parent


def _package_files() -> list[Path]:
    found = sorted(_package().rglob("*"))
    return [path for path in found if path.is_file() and "__pycache__" not in path.parts]


def _recorded() -> list[PackagePath]:
    files = distribution("discmri").files or ()
    return [file for file in files if file.hash is not None and file.hash.mode == "sha256"]
