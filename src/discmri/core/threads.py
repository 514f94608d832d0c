"""Number of threads that numerical libraries start by themselves."""

from __future__ import annotations

from collections.abc import MutableMapping

POOLS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)
"""Environment variables that libraries read once, when they are loaded."""


def limit_library_threads(environ: MutableMapping[str, str]) -> None:
    """Limit each library to one thread, unless the user set its variable.

    The program uses its own ``--threads`` threads.  BLAS threads beside them would only wait for
    each other on small matrices.  If the user set ``OMP_NUM_THREADS``, no variable is changed.

    >>> environ = {"OPENBLAS_NUM_THREADS": "4"}
    >>> limit_library_threads(environ)
    >>> environ["OPENBLAS_NUM_THREADS"], environ["OMP_NUM_THREADS"]
    ('4', '1')
    """
    if "OMP_NUM_THREADS" not in environ:
        for name in POOLS:
            environ.setdefault(name, "1")
