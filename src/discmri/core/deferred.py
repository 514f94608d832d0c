"""Packages that others import without need, loaded when they are first used.

scipy.ndimage imports all of numpy and scipy.special, half of the time that its import takes.
"""

from __future__ import annotations

import sys
from importlib.util import LazyLoader, find_spec, module_from_spec

_SELDOM_USED = ("numpy.f2py", "numpy.testing", "scipy.special")


def defer_seldom_used() -> None:
    """Defer packages that a measurement seldom uses, unless they are loaded already.

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
