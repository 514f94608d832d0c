"""``discmri batch``: measure many studies into one table and one page."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from discmri.cli._options import (
    LazyChoices,
    add_decisions,
    add_height_method,
    add_mask_scheme,
    add_verbosity,
    check_readable,
    decisions_of,
    path_argument,
    positive,
)
from discmri.cli._table import show_table
from discmri.cli._terminal import ProgressDisplay, quiet_progress, resumable
from discmri.core.errors import NothingToMeasureError, UsageError
from discmri.core.progress import CountCallback
from discmri.core.settings import Settings
from discmri.core.text import one_line

if TYPE_CHECKING:
    from discmri.cohort import BatchProgress, BatchResult, Cohort, Limits, Workers

_EPILOG = """\
examples:
  discmri batch scans/ -o results
  discmri batch studies.csv -o results --workers 8 --time-limit 10
  discmri batch dataset/ -o dataset/derivatives/discmri --format bids
  discmri batch scans/ -o results --dry-run
  discmri batch scans/ -o results --scheduler tls://10.0.0.1:8786 --security tls.toml
  discmri batch scans/ -o results --slurm cluster.toml --dry-run

COHORT is a folder in which every DICOM examination, zip and NIfTI subject is a study, or a CSV with
the column path and optionally id, study_uid, masks, mask_scheme and lowest_disc (S1-S2 if the lowest
visible disc is a residual disc in the sacrum); paths are relative to the CSV. In a BIDS dataset (a
folder with dataset_description.json) every session of every subject is a study, and -o may be in its
folder derivatives. With --format bids, OUT/bids is a BIDS dataset of all studies.

Run the same command again after an interruption: studies are measured again only if their files, the
settings or the program have changed.

A Slurm file is TOML with arguments of dask_jobqueue.SLURMCluster, such as:
  jobs = 20
  queue = "cpu"
  cores = 2
  processes = 2
  memory = "8GB"
  walltime = "04:00:00"

Anyone who can reach the port of a Dask scheduler or worker can run programs as its user, unless
certificates are required. A security file is TOML with their paths, relative to it:
  tls-ca-file = "ca.pem"
  tls-cert = "me.pem"
  tls-key = "me.key"

exit codes: 0 at least one study was measured (the table has the reasons of the others), 2 wrong call,
3 no study could be measured, 1 internal error.

Research software, not a medical device.
"""
_DEFAULTS = Settings()


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "batch",
        help="measure many studies; can be continued after an interruption",
        description="Measure every study of a cohort, each in its own process, into one folder "
        "with cohort.csv, cohort.parquet and board.html.",
        epilog=_EPILOG,
    )
    parser.add_argument(
        "cohort",
        metavar="COHORT",
        type=path_argument,
        help="a folder, a BIDS dataset or a CSV list",
    )
    parser.add_argument(
        "-o", "--output", metavar="OUT", type=path_argument, required=True,
        help="folder for all results; an earlier batch in it is continued",
    )  # fmt: skip
    parser.add_argument(
        "--dry-run", action="store_true",
        help="only list what would be measured; with --slurm, print the job script",
    )  # fmt: skip
    add_decisions(parser)
    add_workers(parser)
    add_settings(parser.add_argument_group("measuring"))
    add_verbosity(parser)


def add_workers(parser: argparse.ArgumentParser) -> None:
    """Add the options of workers and limits."""
    group = parser.add_argument_group("workers")
    where = group.add_mutually_exclusive_group()
    where.add_argument(
        "--workers", type=positive, default=0, metavar="N",
        help="parallel studies on this machine (default: one per processor)",
    )  # fmt: skip
    where.add_argument("--scheduler", metavar="ADDRESS", help="running Dask scheduler to use")
    where.add_argument(
        "--slurm",
        metavar="FILE",
        type=path_argument,
        help="TOML file that describes jobs of a Slurm queue",
    )
    group.add_argument(
        "--security", metavar="FILE", type=path_argument,
        help="TOML file with the certificates of a tls:// scheduler or of Slurm jobs",
    )  # fmt: skip
    group.add_argument(
        "--time-limit", type=_above_zero, default=30.0, metavar="MIN",
        help="time limit per study, min; it is then stopped (default: %(default)g)",
    )  # fmt: skip
    group.add_argument(
        "--memory-limit", type=_above_zero, default=4.0, metavar="GIB",
        help="memory limit per study on Linux, GiB; it is then stopped (default: %(default)g)",
    )  # fmt: skip
    group.add_argument(
        "--threads", type=positive, default=1, metavar="N",
        help="threads per study (default: %(default)s)",
    )  # fmt: skip


def add_settings(group: argparse._ArgumentGroup) -> None:
    """Add the settings of measurements."""
    group.add_argument(
        "--segmenter", metavar="NAME", default=_DEFAULTS.segmenter,
        choices=LazyChoices("discmri.measurement.segment", "SEGMENTERS"),
        help="source of disc labels; one of: %(choices)s (default: %(default)s); "
        "masks uses the label maps of the column masks",
    )  # fmt: skip
    add_mask_scheme(group)
    add_height_method(group)
    group.add_argument(
        "--format", dest="formats", metavar="FORMAT", action="append", default=[],
        choices=LazyChoices("discmri.results.export", "EXPORTERS"),
        help="write only this format per study, besides csv and json; repeatable; "
        "one of: %(choices)s",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Measure a cohort."""
    from discmri.cohort import find_cohort, run_batch
    from discmri.cohort.batch import check_root

    check_readable(args.cohort)
    check_root(args.output, args.cohort)
    settings = settings_of(args)
    if args.dry_run and args.slurm:
        _show_script(args.slurm, args.security)
        return 0
    with quiet_progress(args) as steps:
        steps("searching for studies", 0.0)
        cohort = replace(find_cohort(args.cohort), decisions=decisions_of(args))
        if args.dry_run:
            plans = _plans(cohort, args, settings)
        else:
            with resumable("completed studies are"):
                result = run_batch(
                    cohort,
                    args.output,
                    settings,
                    workers_of(args),
                    limits_of(args),
                    progress_callback(steps),
                )
    if args.dry_run:
        show_table(("Study", "Path", "Plan"), plans)
        return 0
    _show(result, cohort, args.output)
    return _code(result)


def settings_of(args: argparse.Namespace) -> Settings:
    """Settings of all studies."""
    return replace(
        _DEFAULTS,
        segmenter=args.segmenter,
        mask_scheme=args.mask_scheme,
        height_method=args.height_method,
        formats=tuple(dict.fromkeys(args.formats)),
        threads=args.threads,
    )


def workers_of(args: argparse.Namespace) -> Workers:
    """Workers from the options."""
    from discmri.cohort import Workers

    if args.security is not None and args.scheduler is None and args.slurm is None:
        raise UsageError("--security needs --scheduler or --slurm")
    return Workers(args.workers, args.scheduler, args.slurm, args.security)


def limits_of(args: argparse.Namespace) -> Limits:
    """Limits from the options."""
    from discmri.cohort import Limits

    return Limits(args.time_limit, args.memory_limit, args.threads)


def progress_callback(
    steps: ProgressDisplay, every_s: float = 2.0
) -> Callable[[BatchProgress], None]:
    """Callback that shows the progress of a batch, at most every two seconds."""
    next_s = 0.0

    def show(tally: BatchProgress) -> None:
        nonlocal next_s
        if time.monotonic() >= next_s or tally.share == 1.0:
            steps(str(tally), tally.share)
            next_s = time.monotonic() + every_s * (tally.done > 0)

    return show


def counting(steps: ProgressDisplay, what: str) -> CountCallback:
    """Callback that shows progress such as ``3 of 40 phantoms``."""
    return lambda done, total: steps(f"{done} of {total} {what}", done / total)


def _plans(cohort: Cohort, args: argparse.Namespace, settings: Settings) -> list[tuple[str, ...]]:
    from discmri.cohort.batch import plan

    batch = plan(cohort, args.output, settings, limits_of(args))
    return [
        (job.entry.name, str(job.entry.path), "kept" if n in batch.known else "measured")
        for n, job in enumerate(batch.jobs)
    ]


def _show_script(file: Path, security: Path | None) -> None:
    from discmri.cohort.workers import slurm_cluster

    with slurm_cluster(file, security) as cluster:
        script = cluster.job_script()
    print(script.rstrip())


def _show(result: BatchResult, cohort: Cohort, root: Path) -> None:
    from discmri.cohort import StudyStatus

    rows = [
        (outcome.name, outcome.status.value, outcome.reason)
        for outcome in result.outcomes
        if outcome.status is not StudyStatus.MEASURED
    ]
    if rows:
        show_table(("Study", "Status", "Reason"), rows)
        print()
    kept = f" ({result.kept} by an earlier run)" if result.kept else ""
    print(f"{result.count(StudyStatus.MEASURED)} of {len(result.outcomes)} studies measured{kept}.")
    for note in result.decisions.sentences() if result.decisions else ():
        print(note)
    if cohort.unused_columns:
        print(f"Columns of the list that are not used: {', '.join(cohort.unused_columns)}.")
    if "cohort.parquet" not in result.files:
        print("cohort.parquet was not written; it needs: pip install 'discmri[cohort]'")
    print(f"Results: {', '.join(one_line(root / name) for name in result.files)}")


def _code(result: BatchResult) -> int:
    from discmri.cohort import StudyStatus

    if result.count(StudyStatus.MEASURED):
        return 0
    raise NothingToMeasureError(
        f"none of {len(result.outcomes)} studies could be measured; reason of the first: "
        f"{result.outcomes[0].reason}"
    )


def _above_zero(text: str) -> float:
    """A number above zero, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above zero, got {text!r}")
    return value
