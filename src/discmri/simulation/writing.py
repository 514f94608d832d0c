"""Many phantoms written into one folder, each in a process of its own, resumably."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from discmri.cohort.isolated import Limits, ProcessEndedError, isolated
from discmri.cohort.workers import Workers, run_jobs
from discmri.core.errors import UnfinishedError, UsageError
from discmri.core.progress import CountCallback
from discmri.phantoms import Protocol, SpineSpec, make_phantom
from discmri.phantoms.folder import write_phantom


@dataclass(frozen=True)
class PhantomJob:
    """One phantom to write: its absolute folder, and what goes into it."""

    folder: Path
    spec: SpineSpec
    vendor: str
    protocol: Protocol
    compression: str = "none"


def is_new(root: Path) -> bool:
    """Whether a folder holds nothing yet; ``UsageError`` where it is a file."""
    if root.exists() and not root.is_dir():
        raise UsageError(f"{root} is a file, not a folder; choose another")
    return not root.exists() or {path.name for path in root.iterdir()} <= {".batch"}


def write_phantoms(
    jobs: Sequence[PhantomJob],
    workers: Workers | None,
    limits: Limits | None,
    progress: CountCallback | None,
) -> None:
    """Write phantoms, but for those that are there already; ``UnfinishedError`` if one fails."""
    to_do = [(job, limits or Limits()) for job in jobs if not job.folder.is_dir()]
    failures = []
    for done, (n, failure) in enumerate(run_jobs(_work, to_do, workers or Workers()), 1):
        if failure != "":
            failures.append(f"{to_do[n][0].folder.name}: {failure or 'its workers died'}")
        if progress is not None:
            progress(len(jobs) - len(to_do) + done, len(jobs))
    if failures:
        raise UnfinishedError(
            f"{len(failures)} of {len(jobs)} {jobs[0].folder.parent.name} could not be made "
            f"({failures[0]}); run the same command again"
        )


def _work(job: tuple[PhantomJob, Limits], stop: threading.Event | None = None) -> str:
    """Make one phantom in a process of its own; what went wrong, or nothing."""
    try:
        isolated(_make, *job, stop)
    except ProcessEndedError as error:
        return str(error)
    return ""


def _make(job: PhantomJob) -> None:
    write_phantom(make_phantom(job.spec), job.folder, job.vendor, job.protocol, job.compression)
