"""How many threads numerical libraries start by themselves."""

from __future__ import annotations

from collections.abc import MutableMapping

POOLS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)
"""Variables of the environment that libraries read once, when they are loaded."""


def limit_library_threads(environ: MutableMapping[str, str]) -> None:
    """Give each library one thread, unless the user said otherwise.

    The program's own threads share the work, so ``--threads`` is all that runs; threads that BLAS
    starts beside them wait for each other on small matrices and cost a quarter of the processor's
    time.  ``OMP_NUM_THREADS`` of the user speaks for every library, any other for its own.

    >>> environ = {"OPENBLAS_NUM_THREADS": "4"}
    >>> limit_library_threads(environ)
    >>> environ["OPENBLAS_NUM_THREADS"], environ["OMP_NUM_THREADS"]
    ('4', '1')
    """
    if "OMP_NUM_THREADS" not in environ:
        for name in POOLS:
            environ.setdefault(name, "1")
