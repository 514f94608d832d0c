"""Measurement of many studies into one folder; interrupted runs can be continued."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from discmri.cohort.bids import DATASET, write_dataset
from discmri.cohort.board import write_board
from discmri.cohort.isolated import Limits
from discmri.cohort.measuring import (
    NEEDED_FORMATS,
    StudyJob,
    StudyOutcome,
    StudyStatus,
    context_of,
    earlier_outcome,
    run_job,
)
from discmri.cohort.studies import Cohort, is_bids_dataset
from discmri.cohort.tables import (
    StudyRows,
    after_decisions,
    collect,
    judged_discs,
    write_csv,
    write_parquet,
)
from discmri.cohort.workers import Workers, run_jobs
from discmri.core.errors import UsageError
from discmri.core.files import atomic_file, remove_unfinished
from discmri.core.locks import locked
from discmri.core.settings import Settings
from discmri.core.software import package_sha256, versions
from discmri.results.decisions import AppliedDecisions
from discmri.results.jsonable import dumps, jsonable

SCHEMA_NAME = "discmri-batch-1"
_LOST = "its worker was killed several times, perhaps because memory was exhausted"


@dataclass(frozen=True)
class BatchProgress:
    """Progress of a batch.

    Parameters
    ----------
    total
        Number of studies in the cohort.
    kept
        Number of studies completed by an earlier run.
    done
        Number of studies completed by this run.
    without_result
        Number of completed studies without result.
    seconds
        Time since this run began to measure.
    """

    total: int
    kept: int
    done: int
    without_result: int
    seconds: float

    @property
    def share(self) -> float:
        """Fraction of studies completed, 0 to 1."""
        return (self.kept + self.done) / self.total if self.total else 1.0

    def __str__(self) -> str:
        """One line with rate and time left.

        >>> str(BatchProgress(total=40, kept=10, done=6, without_result=1, seconds=90.0))
        '16 of 40 studies (10 kept, 1 without result), 4.0 a minute, 6 min left'
        """
        notes = [f"{self.kept} kept"] if self.kept else []
        notes += [f"{self.without_result} without result"] if self.without_result else []
        text = f"{self.kept + self.done} of {self.total} studies"
        text += f" ({', '.join(notes)})" if notes else ""
        left = self.total - self.kept - self.done
        if self.done and left:
            per_study_s = self.seconds / self.done
            text += (
                f", {60 / max(per_study_s, 1e-3):.1f} a minute, {_span(left * per_study_s)} left"
            )
        return text


@dataclass(frozen=True)
class Batch:
    """Studies to measure, with the outcomes of an earlier run."""

    jobs: tuple[StudyJob, ...]  # one per study, in the order of the tables
    known: Mapping[int, StudyOutcome]  # valid outcomes of an earlier run, by number

    @property
    def to_do(self) -> tuple[int, ...]:
        """Numbers of the studies to measure."""
        return tuple(n for n in range(len(self.jobs)) if n not in self.known)


@dataclass(frozen=True)
class BatchResult:
    """Result of a batch.

    Parameters
    ----------
    outcomes
        One per study, in the order of the tables.
    kept
        Number of studies completed by an earlier run.
    files
        Names of the files about the whole cohort.
    decisions
        Applied decisions of quality control; ``None`` without decisions.
    """

    outcomes: tuple[StudyOutcome, ...]
    kept: int
    files: tuple[str, ...]
    decisions: AppliedDecisions | None = None

    def count(self, status: StudyStatus) -> int:
        """Number of studies with a status."""
        return sum(outcome.status is status for outcome in self.outcomes)


def plan(cohort: Cohort, root: Path, settings: Settings, limits: Limits) -> Batch:
    """Plan a batch, with the outcomes of an earlier run in the same folder.

    Masks and lowest disc of a study come from the list.  Raises ``UsageError`` if a study has no
    label map with ``segmenter="masks"``, or contains the output folder.
    """
    formats = tuple(dict.fromkeys((*settings.formats, *NEEDED_FORMATS))) if settings.formats else ()
    shared = replace(settings, formats=formats, threads=limits.threads)
    jobs = []
    for entry in cohort.entries:
        here = replace(
            entry,
            path=entry.path.absolute(),
            masks=None if entry.masks is None else entry.masks.absolute(),
        )
        if root.absolute().is_relative_to(here.path):
            raise UsageError(
                f"the output folder {root} is inside study {entry.name}; choose another with -o"
            )
        own = here.settings(shared)
        if own.segmenter == "masks" and own.masks is None:
            raise UsageError(
                f"study {entry.name} has no label map; --segmenter masks needs the column masks "
                "in a CSV list"
            )
        jobs.append(StudyJob(here, own, root.absolute(), limits, context_of(here, own)))
    found = ((n, earlier_outcome(job)) for n, job in enumerate(jobs))
    return Batch(tuple(jobs), {n: outcome for n, outcome in found if outcome is not None})


def check_root(root: Path, cohort: Path | None = None) -> None:
    """Check an output folder before the batch is started.

    Raises ``UsageError`` if it is among the studies below ``cohort`` (``derivatives`` of a BIDS
    dataset is allowed), is a file, or contains something other than a batch.
    """
    if cohort is not None and _lies_among(root.resolve(), cohort.resolve()):
        raise UsageError(f"the output folder {root} is inside the cohort; choose another with -o")
    if root.exists() and not root.is_dir():
        raise UsageError(f"the output {root} is a file, not a folder; choose another with -o")
    if root.exists() and any(root.iterdir()) and not (root / ".batch").is_dir():
        raise UsageError(
            f"the folder {root} contains something other than a batch; choose another with -o"
        )


def _lies_among(root: Path, cohort: Path) -> bool:
    """Whether the output would be found as a study."""
    if is_bids_dataset(cohort) and root.is_relative_to(cohort / "derivatives"):
        return root == cohort / "derivatives"
    return cohort.is_dir() and root.is_relative_to(cohort)


def run_batch(
    cohort: Cohort,
    root: Path,
    settings: Settings,
    workers: Workers | None = None,
    limits: Limits | None = None,
    progress: Callable[[BatchProgress], None] | None = None,
) -> BatchResult:
    """Measure a cohort, or continue an interrupted run in the same folder.

    Parameters
    ----------
    cohort
        From :func:`discmri.cohort.studies.find_cohort`.
    root
        Output folder.
    settings
        Settings of all studies.
    workers, limits
        Worker processes, and limits of the process of one study.
    progress
        Called at the beginning and after each study.

    Returns
    -------
    BatchResult
        Outcome of each study, and the files that were written.

    Raises
    ------
    UsageError
        If the folder is in use, contains something else or cannot be written, or no worker can
        be started.  A folder made by this call without any results is removed again.
    UnfinishedError
        If the connection to the scheduler is lost; completed studies are kept.

    Examples
    --------
    >>> from discmri.cohort import find_cohort
    >>> run_batch(find_cohort(Path("scans")), Path("out"), Settings()).files  # doctest: +SKIP
    ('cohort.csv', 'cohort_long.csv', 'cohort.parquet', 'board.html', 'batch.json')
    """
    check_root(root)
    is_new = not root.exists()
    try:
        return _run(cohort, root, settings, (workers or Workers(), limits or Limits()), progress)
    except UsageError:
        if is_new and root.is_dir() and not any((root / "studies").glob("*")):
            shutil.rmtree(root)
        raise


def _run(
    cohort: Cohort,
    root: Path,
    settings: Settings,
    how: tuple[Workers, Limits],
    progress: Callable[[BatchProgress], None] | None,
) -> BatchResult:
    workers, limits = how
    try:
        for name in (".batch", "studies"):  # the first marks the folder of a batch
            (root / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise UsageError(f"the output folder {root} cannot be written ({why})") from error
    with locked(root / ".batch" / "lock", wait=False):
        for name in (".batch", "studies"):
            remove_unfinished(root / name)
        batch = plan(cohort, root, settings, limits)
        outcomes = _outcomes(batch, workers, progress)
        studies = [collect(job, one) for job, one in zip(batch.jobs, outcomes, strict=True)]
        applied = None
        if cohort.decisions is not None:
            every = (disc for study in studies for disc in judged_discs(study))
            applied = cohort.decisions.applied(every)
            studies = [after_decisions(study, applied) for study in studies]
        files = _write(studies, batch, root, settings, applied)
    return BatchResult(outcomes, len(batch.known), files, applied)


def _outcomes(
    batch: Batch, workers: Workers, progress: Callable[[BatchProgress], None] | None
) -> tuple[StudyOutcome, ...]:
    outcomes = dict(batch.known)
    to_do = batch.to_do
    started = time.monotonic()

    def notify() -> None:
        if progress is not None:
            kept = len(batch.known)
            without = sum(one.status is not StudyStatus.MEASURED for one in outcomes.values())
            spent = time.monotonic() - started
            progress(BatchProgress(len(batch.jobs), kept, len(outcomes) - kept, without, spent))

    notify()
    for n, outcome in run_jobs(run_job, [batch.jobs[n] for n in to_do], workers):
        lost = StudyOutcome(batch.jobs[to_do[n]].entry.name, StudyStatus.FAILED, _LOST)
        outcomes[to_do[n]] = outcome or lost
        notify()
    return tuple(outcomes[n] for n in range(len(batch.jobs)))


def _write(
    studies: Sequence[StudyRows],
    batch: Batch,
    root: Path,
    settings: Settings,
    applied: AppliedDecisions | None,
) -> tuple[str, ...]:
    names = ["cohort.csv", "cohort.parquet", "board.html", "batch.json"]
    write_csv(studies, root / names[0])
    if not write_parquet(studies, root / names[1]):
        (root / names[1]).unlink(missing_ok=True)
        names.remove("cohort.parquet")
    write_board(studies, root / "board.html", applied.sentences() if applied else ())
    if write_dataset(studies, [job.folder for job in batch.jobs], root / DATASET):
        names.append(DATASET)
    record = {
        "schema": SCHEMA_NAME,
        "versions": dict(versions()),
        "package_sha256": package_sha256(),
        "settings": {one.name: jsonable(getattr(settings, one.name)) for one in fields(settings)},
        "studies": [
            {
                "study": jsonable(study.outcome.name),
                "folder": job.folder.relative_to(job.root).as_posix(),
                "status": study.outcome.status.value,
                "reason": jsonable(study.outcome.reason),
            }
            for job, study in zip(batch.jobs, studies, strict=True)
        ],
    } | ({"decisions": applied.record()} if applied else {})
    with atomic_file(root / "batch.json") as fresh:
        fresh.write_text(dumps(record), encoding="utf-8", newline="\n")
    return tuple(names)


def _span(seconds: float) -> str:
    """A duration with a suitable unit.

    >>> _span(42), _span(360), _span(9000)
    ('42 s', '6 min', '2 h 30 min')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
