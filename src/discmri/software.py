"""Which program made a number: versions, and a hash of the installed files."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

import discmri

LIBRARIES = ("numpy", "scipy", "pydicom", "nibabel", "simpleitk", "scikit-image", "onnxruntime")
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
