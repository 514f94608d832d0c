"""``discmri batch``: many studies in, one table and one page about all of them out."""

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

COHORT is a folder, below which every DICOM examination, zip and NIfTI subject is a study, or a
CSV with the column path and, where wanted, id, study_uid, masks, mask_scheme and lowest_disc
(S1-S2 where the lowest visible disc is a residual one in the sacrum); paths are relative to the
CSV. Of a BIDS dataset (a folder with dataset_description.json) every session of every subject is a
study, and -o may lie below its folder derivatives. With --format bids the results of all studies
are in one BIDS dataset as well, RESULTS/bids.

Run the same command again after an interruption of any kind: a study whose files, settings and
program have not changed is not measured again, and the tables become the same bytes.

A Slurm file is TOML with what dask_jobqueue.SLURMCluster takes, such as:
  jobs = 20
  queue = "cpu"
  cores = 2
  processes = 2
  memory = "8GB"
  walltime = "04:00:00"

Anyone who reaches the port of a Dask scheduler or worker can run programs as its user, unless both
sides show certificates. A security file is TOML that names them, paths relative to it:
  tls-ca-file = "ca.pem"
  tls-cert = "me.pem"
  tls-key = "me.key"

exit codes: 0 at least one study was measured (the table says why others were not), 2 the call is
wrong, 3 no study could be measured, 1 an internal error.

Research software, not a medical device.
"""
_DEFAULTS = Settings()


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "batch",
        help="measure many studies, resumably",
        description="Measure every study of a cohort, each in a process of its own, into one "
        "folder with cohort.csv, cohort.parquet and board.html.",
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
        help="folder for all results; an earlier batch in it is picked up",
    )  # fmt: skip
    parser.add_argument(
        "--dry-run", action="store_true",
        help="only list what would be measured, or with --slurm show the job script",
    )  # fmt: skip
    add_decisions(parser)
    add_workers(parser)
    add_settings(parser.add_argument_group("measuring"))
    add_verbosity(parser)


def add_workers(parser: argparse.ArgumentParser) -> None:
    """Add where the work is done and what one study may take."""
    group = parser.add_argument_group("workers")
    where = group.add_mutually_exclusive_group()
    where.add_argument(
        "--workers", type=positive, default=0, metavar="N",
        help="studies at a time on this machine (default: one per processor)",
    )  # fmt: skip
    where.add_argument("--scheduler", metavar="ADDRESS", help="of a running Dask scheduler")
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
        help="minutes after which a study is stopped and reported (default: %(default)g)",
    )  # fmt: skip
    group.add_argument(
        "--memory-limit", type=_above_zero, default=4.0, metavar="GIB",
        help="memory beyond which a study is stopped and reported, on Linux (default: %(default)g)",
    )  # fmt: skip
    group.add_argument(
        "--threads", type=positive, default=1, metavar="N",
        help="threads of one study (default: %(default)s)",
    )  # fmt: skip


def add_settings(group: argparse._ArgumentGroup) -> None:
    """Add how every study is measured."""
    group.add_argument(
        "--segmenter", metavar="NAME", default=_DEFAULTS.segmenter,
        choices=LazyChoices("discmri.measurement.segment", "SEGMENTERS"),
        help="how discs are found; one of: %(choices)s (default: %(default)s); "
        "masks takes label maps from the column masks",
    )  # fmt: skip
    add_mask_scheme(group)
    add_height_method(group)
    group.add_argument(
        "--format", dest="formats", metavar="FORMAT", action="append", default=[],
        choices=LazyChoices("discmri.results.export", "EXPORTERS"),
        help="write only this format per study besides csv and json; repeatable; "
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
        steps("looking for studies", 0.0)
        cohort = replace(find_cohort(args.cohort), decisions=decisions_of(args))
        if args.dry_run:
            plans = _plans(cohort, args, settings)
        else:
            with resumable("what is done is"):
                result = run_batch(
                    cohort,
                    args.output,
                    settings,
                    workers_of(args),
                    limits_of(args),
                    progress_callback(steps),
                )
    if args.dry_run:
        show_table(("Study", "Path", "Would be"), plans)
        return 0
    _show(result, cohort, args.output)
    return _code(result)


def settings_of(args: argparse.Namespace) -> Settings:
    """How every study is measured."""
    return replace(
        _DEFAULTS,
        segmenter=args.segmenter,
        mask_scheme=args.mask_scheme,
        height_method=args.height_method,
        formats=tuple(dict.fromkeys(args.formats)),
        threads=args.threads,
    )


def workers_of(args: argparse.Namespace) -> Workers:
    """Where the work is done."""
    from discmri.cohort import Workers

    if args.security is not None and args.scheduler is None and args.slurm is None:
        raise UsageError("--security needs --scheduler or --slurm; on one machine it has no use")
    return Workers(args.workers, args.scheduler, args.slurm, args.security)


def limits_of(args: argparse.Namespace) -> Limits:
    """What one study may take."""
    from discmri.cohort import Limits

    return Limits(args.time_limit, args.memory_limit, args.threads)


def progress_callback(
    steps: ProgressDisplay, every_s: float = 2.0
) -> Callable[[BatchProgress], None]:
    """Progress of a batch as a bar or lines, not more often than a person reads."""
    next_s = 0.0

    def show(tally: BatchProgress) -> None:
        nonlocal next_s
        if time.monotonic() >= next_s or tally.share == 1.0:
            steps(str(tally), tally.share)
            next_s = time.monotonic() + every_s * (tally.done > 0)

    return show


def counting(steps: ProgressDisplay, what: str) -> Callable[[int, int], None]:
    """Progress of many alike, such as ``3 of 40 phantoms``."""
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
        show_table(("Study", "Status", "Why"), rows)
        print()
    kept = f" ({result.kept} of the studies were done before)" if result.kept else ""
    print(f"{result.count(StudyStatus.MEASURED)} of {len(result.outcomes)} studies measured{kept}.")
    for note in result.decisions.sentences() if result.decisions else ():
        print(note)
    if cohort.unused_columns:
        print(f"Columns of the list that are not used: {', '.join(cohort.unused_columns)}.")
    if "cohort.parquet" not in result.files:
        print("No cohort.parquet: pip install 'discmri[cohort]' adds it.")
    print(f"Results: {', '.join(one_line(root / name) for name in result.files)}")


def _code(result: BatchResult) -> int:
    from discmri.cohort import StudyStatus

    if result.count(StudyStatus.MEASURED):
        return 0
    raise NothingToMeasureError(
        f"none of {len(result.outcomes)} studies could be measured; the first says: "
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
