"""Workers: processes on this machine, a Dask scheduler, or a Slurm queue.

On this machine, each call runs in its own process, and no port is opened.  Across machines, Dask
distributes the work and repeats that of a worker that died.  Anyone who can reach the port of a
scheduler or worker can run programs as its user, unless certificates are required by a security file.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import threading
import tomllib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from discmri.core.errors import UnfinishedError, UsageError

if TYPE_CHECKING:
    from distributed import Client, Security

J = TypeVar("J")
R = TypeVar("R")

Work = Callable[[J, threading.Event | None], R]
"""A function of one job and an event that stops it early (``None`` with Dask)."""

SLURM_KEYS = (
    "queue", "account", "cores", "processes", "memory", "walltime", "job_cpu", "job_mem",
    "job_extra_directives", "job_directives_skip", "job_script_prologue", "interface", "python",
    "local_directory", "log_directory", "shared_temp_directory", "death_timeout",
    "worker_extra_args", "scheduler_options", "shebang", "nanny",
)  # fmt: skip
"""Arguments of ``dask_jobqueue.SLURMCluster`` allowed in a Slurm file, besides ``jobs``."""

_SECURITY_KEYS = ("tls-ca-file", "tls-cert", "tls-key")
_CONNECT_S = 10.0  # time limit for the connection to a scheduler
_FIRST_WORKER_S = 60.0
_MISSING = (
    "{what} needs Dask, which is not installed; run pip install 'discmri[cohort]' "
    "or leave the option out"
)


@dataclass(frozen=True)
class Workers:
    """Worker processes of a batch.

    Parameters
    ----------
    count
        Number of parallel processes on this machine; 0 for one per processor.
    scheduler
        Address of a running Dask scheduler, used instead.
    slurm
        TOML file that describes the jobs of a Slurm queue, used instead.
    security
        TOML file with the certificates of scheduler, workers and this process:
        ``tls-ca-file``, ``tls-cert`` and ``tls-key``, named as in the commands of Dask.
    """

    count: int = 0
    scheduler: str | None = None
    slurm: Path | None = None
    security: Path | None = None

    @property
    def local_count(self) -> int:
        """Number of parallel processes on this machine."""
        return self.count or _processors()


def run_jobs(
    work: Work[J, R], jobs: Sequence[J], workers: Workers
) -> Iterator[tuple[int, R | None]]:
    """Run all jobs; yield number and result of each when it is completed.

    ``work`` is importable and raises no errors about a single job.  A result is ``None`` if Dask
    gave up because its workers died repeatedly.  Raises ``UsageError`` if Dask is needed and
    missing, the scheduler cannot be reached, or has no workers, and ``UnfinishedError`` if the
    connection to the scheduler is lost.
    """
    if not jobs:
        return
    if workers.scheduler is None and workers.slurm is None:
        yield from _in_a_pool(work, jobs, workers.local_count)
        return
    with _client(workers) as client:
        yield from _on_dask(client, work, jobs)


def _processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def has_dask() -> bool:
    """Whether Dask is installed."""
    return find_spec("distributed") is not None


# ------------------------------------------------------------------ this machine alone
def _in_a_pool(work: Work[J, R], jobs: Sequence[J], count: int) -> Iterator[tuple[int, R]]:
    """Run jobs in threads, each of which waits for its own process."""
    stop = threading.Event()
    with ThreadPoolExecutor(count) as executor:
        numbers = {executor.submit(work, job, stop): n for n, job in enumerate(jobs)}
        try:
            for future in as_completed(numbers):
                yield numbers[future], future.result()
        finally:
            stop.set()
            executor.shutdown(cancel_futures=True)


# ------------------------------------------------------------------ Dask
def _on_dask(client: Client, work: Work[J, R], jobs: Sequence[J]) -> Iterator[tuple[int, R | None]]:
    from distributed import CancelledError, KilledWorker, as_completed
    from distributed.comm import CommClosedError

    futures = client.map(work, jobs, [None] * len(jobs), pure=False)
    numbers = {future.key: n for n, future in enumerate(futures)}
    try:
        for future in as_completed(futures):
            try:
                result = future.result()
            except KilledWorker:
                result = None
            yield numbers[future.key], result
            future.release()
    except (CancelledError, CommClosedError, TimeoutError) as error:
        raise UnfinishedError(
            "the connection to the Dask scheduler was lost; completed studies are kept: start the "
            "scheduler and run the same command again"
        ) from error
    except ModuleNotFoundError as error:
        raise UsageError(
            f"a worker cannot import {error.name}; install discmri of the same version where the "
            "workers run"
        ) from error


@contextmanager
def _client(workers: Workers) -> Iterator[Client]:
    what = "--slurm" if workers.slurm else "--scheduler"
    if not has_dask():
        raise UsageError(_MISSING.format(what=what))
    from distributed import Client

    for name in ("distributed", "asyncio", "tornado"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    gc.collect()  # a client that failed before, collected while the next one starts, would deadlock
    with ExitStack() as stack:
        if workers.slurm is not None:
            cluster = stack.enter_context(slurm_cluster(workers.slurm, workers.security))
            cluster.scale(jobs=_slurm_jobs(workers.slurm))
            yield stack.enter_context(Client(cluster))
        elif workers.scheduler is not None:
            security = None if workers.security is None else _security(workers.security)
            yield stack.enter_context(_connected(workers.scheduler, security))


def _security(file: Path) -> Security:
    """The certificates listed in a TOML file, with paths relative to it."""
    from distributed import Security

    options = _toml(file)
    if set(options) != set(_SECURITY_KEYS) or not all(map(_is_path, options.values())):
        raise UsageError(f"{file}: a security file needs the keys {', '.join(_SECURITY_KEYS)}")
    authority, certificate, key = (str(file.parent / options[name]) for name in _SECURITY_KEYS)
    roles = ("client", "scheduler", "worker")
    security = Security(
        require_encryption=True,
        tls_ca_file=authority,
        **{f"tls_{role}_cert": certificate for role in roles},
        **{f"tls_{role}_key": key for role in roles},
    )
    try:
        security.get_connection_args("client")
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{file}: the certificates cannot be used ({error}); they must be PEM files"
        ) from error
    return security


def _is_path(value: object) -> bool:
    return isinstance(value, str) and "\0" not in value


@contextmanager
def _connected(address: str, security: Security | None) -> Iterator[Client]:
    """A running scheduler that has at least one worker."""
    from distributed import Client

    if address.startswith("tls://") != (security is not None):
        raise UsageError(
            f"the scheduler {address} does not fit --security FILE: give it for tls:// addresses, "
            "and only for these"
        )
    try:
        client = Client(address, timeout=_CONNECT_S, security=security)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"no response from a Dask scheduler at {address}; start one with dask scheduler and give "
            "its address, such as tls://10.0.0.1:8786, and its certificates (--security)"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=_FIRST_WORKER_S)
        except TimeoutError as error:
            raise UsageError(
                f"the scheduler at {address} has no worker; start some with dask worker {address}"
            ) from error
        yield client


# ------------------------------------------------------------------ Slurm
@contextmanager
def slurm_cluster(file: Path, security: Path | None = None) -> Iterator[Any]:
    """The Slurm queue described by a TOML file; nothing is submitted yet.

    A security file must be on a path that the jobs can read.  Raises ``UsageError`` if
    dask-jobqueue is missing or the file does not describe a job.
    """
    if find_spec("dask_jobqueue") is None:
        raise UsageError(_MISSING.format(what="--slurm"))
    from dask.utils import parse_bytes

    with _same_handlers():
        from dask_jobqueue import SLURMCluster

    options = {key: value for key, value in _slurm_file(file).items() if key != "jobs"}
    own_port = {"dashboard_address": ":0"}  # a free port
    quiet = {**own_port, **options.pop("scheduler_options", {})}
    if security is not None:
        options |= {"security": _security(security.absolute()), "protocol": "tls://"}
    try:
        parse_bytes(options["memory"])
        cluster = SLURMCluster(**options, scheduler_options=quiet)
    except (TypeError, ValueError, OSError, RuntimeError) as error:
        raise UsageError(f"{file} is not a valid description of Slurm jobs ({error})") from error
    with cluster:
        yield cluster


@contextmanager
def _same_handlers() -> Iterator[None]:
    """Restore signal handlers, which the import of dask-jobqueue changes."""
    known = (signal.SIGINT, signal.SIGTERM)
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = [signal.getsignal(one) for one in known]
    try:
        yield
    finally:
        for one, handler in zip(known, before, strict=True):
            signal.signal(one, handler)


def _slurm_jobs(file: Path) -> int:
    return int(_slurm_file(file).get("jobs", 1))


def _slurm_file(file: Path) -> dict[str, Any]:
    options = _toml(file)
    unknown = [key for key in options if key not in (*SLURM_KEYS, "jobs")]
    if unknown:
        raise UsageError(
            f"{file}: {unknown[0]} is not an option of a Slurm job; choose from jobs, "
            f"{', '.join(SLURM_KEYS)}"
        )
    missing = [key for key in ("cores", "memory") if key not in options]
    if missing:
        raise UsageError(f"{file}: {missing[0]} of a job is missing; see --help")
    jobs = options.get("jobs", 1)
    if not isinstance(jobs, int) or isinstance(jobs, bool) or jobs < 1:
        raise UsageError(f"{file}: jobs must be a whole number above 0, got {jobs!r}")
    return options


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read as TOML ({error})") from error
