"""Which program made a number: versions, and a hash of the installed files."""

from __future__ import annotations

import base64
import hashlib
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import distribution, version
from pathlib import Path

import discmri

LIBRARIES = ("numpy", "scipy", "pydicom", "nibabel", "scikit-image", "onnxruntime")
"""The libraries that touch numbers."""


@cache
def versions() -> Mapping[str, str]:
    """discmri, Python and the libraries that touch numbers."""
    known = {"discmri": discmri.__version__, "python": platform.python_version()}
    return known | {name: version(name) for name in LIBRARIES}


@cache
def package_sha256() -> str:
    """Hash of every file of the installed package, weights included.

    Two installations with the same hash measure with the same code.
    """
    root = Path(discmri.__file__).parent
    total = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            one = hashlib.sha256(path.read_bytes()).hexdigest()
            total.update(f"{path.relative_to(root).as_posix()}\0{one}\n".encode())
    return total.hexdigest()


def changed_files() -> tuple[int, tuple[str, ...]]:
    """How many installed files have a recorded hash, and which of them no longer have it.

    An installation for development records only a few; :func:`package_sha256` covers all.
    """
    checked, changed = 0, []
    for file in distribution("discmri").files or ():
        if file.hash is None or file.hash.mode != "sha256":
            continue
        path = Path(str(file.locate()))
        found = path.read_bytes() if path.is_file() else b""
        own = base64.urlsafe_b64encode(hashlib.sha256(found).digest()).rstrip(b"=").decode()
        checked += 1
        if own != file.hash.value:
            changed.append(str(file))
    return checked, tuple(changed)
