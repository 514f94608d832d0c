"""Running a trial: measuring, registration, analysis, report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from discmri.cohort import Limits, StudyStatus, Workers, run_batch
from discmri.cohort.batch import BatchProgress, check_root
from discmri.cohort.measuring import StudyOutcome
from discmri.cohort.workers import run_jobs
from discmri.core.errors import NothingToMeasureError, UsageError
from discmri.core.progress import ProgressCallback
from discmri.core.settings import Settings
from discmri.results.decisions import AppliedDecisions, Decisions
from discmri.trial.analysis import Analysis, analyse
from discmri.trial.change import course_of
from discmri.trial.declaration import Declaration, check_declaration
from discmri.trial.follow_up import FollowUp, SubjectJob, run_job
from discmri.trial.grades import Reads, read_reads
from discmri.trial.outputs import write_outputs
from discmri.trial.plan import Trial
from discmri.trial.values import MeasuredScan, read_scan

MEASURED = "measured"
"""Folder of the batch in the folder of a trial."""
_FORMATS = ("csv", "csv-long", "nifti", "outlines", "png", "html", "json")


@dataclass(frozen=True)
class TrialOptions:
    """Options of a trial.

    Parameters
    ----------
    settings
        Settings of every measurement.
    workers, limits
        Worker processes, and limits of the process of one study.
    reads
        ``reads_long.csv`` of ``discmri grade export``.
    declaration
        Endpoints and estimand; defaults if not given.
    name
        Name of the trial for report and tables.
    decisions
        Decisions of quality control on an earlier run; rejected discs are not compared.
    """

    settings: Settings = field(default_factory=Settings)
    workers: Workers = field(default_factory=Workers)
    limits: Limits = field(default_factory=Limits)
    reads: Path | None = None
    declaration: Declaration | None = None
    name: str = "trial"
    decisions: Decisions | None = None


@dataclass(frozen=True)
class TrialResult:
    """Result of a trial.

    Parameters
    ----------
    analysis
        The analysis.
    studies
        Outcome of each scan.
    kept
        Number of scans measured by an earlier run.
    files
        Names of the files that were written.
    notes
        Notes on missing grades and on decisions of quality control.
    """

    analysis: Analysis
    studies: tuple[StudyOutcome, ...]
    kept: int
    files: tuple[str, ...]
    notes: tuple[str, ...] = ()


def run_trial(
    trial: Trial,
    root: Path,
    options: TrialOptions | None = None,
    progress: ProgressCallback | None = None,
    tally: Callable[[BatchProgress], None] | None = None,
) -> TrialResult:
    """Measure all scans of a trial, compare them and write the report.

    In a folder of an earlier run, only changed scans are measured again.

    Parameters
    ----------
    trial
        From :func:`discmri.trial.read_trial`.
    root
        Output folder.
    options
        Options of measuring and analysis.
    progress, tally
        Called with the present step, and with the progress of measuring.

    Returns
    -------
    TrialResult
        The analysis, and the names of the files that were written.

    Raises
    ------
    UsageError
        If the folder contains something else, or an option is invalid.
    NothingToMeasureError
        If no scan could be measured.

    Examples
    --------
    >>> from discmri.trial import read_trial
    >>> run_trial(read_trial(Path("trial.csv")), Path("out")).files  # doctest: +SKIP
    ('changes.csv', 'long.csv', 'report.html')
    """
    options = options or TrialOptions()
    report = progress or (lambda _text, _share: None)
    if options.declaration is not None:
        check_declaration(options.declaration, trial)
    check_trial_root(root)
    notes: list[str] = []
    reads: Reads = {} if options.reads is None else read_reads(options.reads, notes)
    batch = run_batch(
        replace(trial.cohort(), decisions=options.decisions),
        root / MEASURED,
        _settings(options),
        options.workers,
        options.limits,
        tally,
    )
    if not batch.count(StudyStatus.MEASURED):
        raise NothingToMeasureError(
            f"none of {len(batch.outcomes)} scans could be measured; reason of the first: "
            f"{batch.outcomes[0].reason}"
        )
    measured = _measured(trial, root / MEASURED, batch.outcomes)
    if batch.decisions is not None:
        measured = {name: judged(one, batch.decisions) for name, one in measured.items()}
        notes += batch.decisions.sentences()
    followed = _followed(trial, measured, options, report)
    courses = [
        course_of(one, measured, followed.get(one.name, FollowUp())) for one in trial.subjects
    ]
    report("comparing visits", 0.9)
    analysis = analyse(courses, trial.visits, reads, options.declaration)
    report("writing tables and report", 0.95)
    files = write_outputs(trial, analysis, root, options.name)
    return TrialResult(analysis, batch.outcomes, batch.kept, files, tuple(notes))


def check_trial_root(root: Path) -> None:
    """Check an output folder before the trial is started.

    Raises ``UsageError`` if it is a file, or contains something other than a trial.
    """
    if root.exists() and not root.is_dir():
        raise UsageError(f"the output {root} is a file, not a folder; choose another with -o")
    if root.exists() and any(root.iterdir()) and not (root / MEASURED / ".batch").is_dir():
        raise UsageError(
            f"the folder {root} contains something other than a trial; choose another with -o"
        )
    check_root(root / MEASURED)


def _settings(options: TrialOptions) -> Settings:
    asked = options.settings.formats
    return replace(options.settings, formats=tuple(dict.fromkeys((*_FORMATS, *asked))))


def _measured(
    trial: Trial, root: Path, outcomes: tuple[StudyOutcome, ...]
) -> dict[str, MeasuredScan]:
    found = {}
    for scan, outcome in zip(trial.scans, outcomes, strict=True):
        folder = root / "studies" / scan.entry().folder_name
        reason = "" if outcome.status is StudyStatus.MEASURED else outcome.reason or "no result"
        found[scan.name] = read_scan(scan, folder, reason)
    return found


def judged(measured: MeasuredScan, applied: AppliedDecisions) -> MeasuredScan:
    """A scan with the quality of its discs after decisions."""
    name = measured.scan.name
    discs = {
        level: replace(one, quality=applied.quality(name, level, one.quality))
        for level, one in measured.discs.items()
    }
    return replace(measured, discs=discs)


def _followed(
    trial: Trial,
    measured: Mapping[str, MeasuredScan],
    options: TrialOptions,
    report: ProgressCallback,
) -> dict[str, FollowUp]:
    """Register visits and draw pictures, one process per subject."""
    jobs = []
    for subject in trial.subjects:
        ordered = sorted(subject.scans, key=lambda scan: scan.repeat > 1)
        scans = [
            (replace(scan, path=scan.path.absolute()), measured[scan.name].folder.absolute())
            for scan in ordered
            if not measured[scan.name].reason
        ]
        if scans and scans[0][0].name == subject.baseline.name:
            jobs.append(SubjectJob(subject, tuple(scans), options.limits))
    found = {}
    for done, (n, result) in enumerate(run_jobs(run_job, jobs, options.workers), 1):
        report(f"registering the spines of {done} of {len(jobs)} subjects", 0.9 * done / len(jobs))
        found[jobs[n].subject.name] = result or FollowUp(problem="its workers died")
    return found
