"""Packages that others import without need: loaded when they are first used, or left out.

scipy.ndimage imports all of numpy and scipy.special, half of the time that its import takes.  pydicom
tries every decoder and downloader, also half of its time.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import LazyLoader, find_spec, module_from_spec

_SELDOM_USED = ("numpy.f2py", "numpy.testing", "scipy.special")
_NOT_FOR_PYDICOM = ("gdcm", "requests", "tqdm")  # GDCM is used in a child process only


def defer_seldom_used() -> None:
    """Defer or leave out packages that a measurement seldom uses, unless they are loaded already.

    For programs of their own; a library must not do this to the process that imports it.
    """
    for name in _SELDOM_USED:
        if name in sys.modules:
            continue
        spec = find_spec(name)
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
            sys.modules[name] = module = module_from_spec(spec)
            spec.loader.exec_module(module)
            parent, _, child = name.rpartition(".")
            setattr(sys.modules[parent], child, module)


def import_pydicom() -> None:
    """Import pydicom, unless it is loaded already, without packages that a measurement does not use.

    For programs of their own, as above: in this process pydicom takes them for not installed.
    """
    if "pydicom" in sys.modules:
        return
    hidden = [name for name in _NOT_FOR_PYDICOM if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None stops an import
    try:
        import_module("pydicom")
    finally:
        for name in hidden:
            del sys.modules[name]
