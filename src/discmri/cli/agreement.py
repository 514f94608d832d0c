"""``discmri agreement``: agreement of readers, repeats and automatic values."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from discmri.cli._options import add_log, path_argument, positive
from discmri.cli._table import show_table
from discmri.core.errors import UsageError
from discmri.core.text import number, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from discmri.agreement import AgreementResult
    from discmri.agreement.sources import RatingSource

_EPILOG = """\
examples:
  discmri agreement lumbar.session -o agreement/
  discmri agreement reads/reads_long.csv reads/label_edits.csv -o agreement/
  discmri agreement scan1=out-1/ scan2=out-2/ --match subject -o repeatability/
  discmri agreement v1=batch-1/ v2=batch-2/ -o versions/
  discmri agreement postgresql://reads@db/trial -o agreement/ --resamples 5000

SOURCE is a session (a file or a URL of PostgreSQL), a CSV that discmri grade export wrote, or a
table of values with the columns subject_id, study_uid, level, parameter, value and rater, such as
measurements.csv; where it has no rater, NAME=FILE names one. A folder is all measurements.csv in
it: a results folder, or that of a batch. Several sources are taken together.

DIR gets report.html (offline, results first, then the items of GRRAS), agreement.csv and confusion.csv.

Research software, not a medical device.
"""


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "agreement",
        help="agreement of readers, repeats and automatic values",
        description="Agreement and reliability of grades and measured values, per level and "
        "pooled, with intervals by bootstrap over subjects.",
        epilog=_EPILOG,
    )
    parser.add_argument("sources", metavar="SOURCE", nargs="+", help="sources of values")
    parser.add_argument(
        "-o", "--output", metavar="DIR", type=path_argument, required=True, help="folder to write"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier report")
    parser.add_argument(
        "--match", choices=("study", "subject"), default="study",
        help="match discs by study or, for repeat scans, by subject (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--resamples", type=positive, default=2000, metavar="N",
        help="bootstrap samples (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, default=0, help="random seed of the bootstrap (default: 0)"
    )
    parser.add_argument(
        "--anyway", action="store_true",
        help="continue if a session fails verification; the report has a note",
    )  # fmt: skip
    add_log(parser)


def run(args: argparse.Namespace) -> int:
    """Analyse, write, and print the statistics of all levels together."""
    from dataclasses import replace

    from discmri.agreement import Resampling
    from discmri.agreement.ratings import unpaired
    from discmri.agreement.report import write_report
    from discmri.agreement.sources import matched_by_subject

    sources = [_source(text, args.anyway) for text in args.sources]
    if args.match == "subject":
        sources = [replace(one, ratings=tuple(matched_by_subject(one.ratings))) for one in sources]
    resampling = Resampling(args.resamples, seed=args.seed)
    rescans = args.match == "subject"
    _show(write_report(sources, args.output, resampling, args.overwrite, rescans))
    for one in sources:
        if one.note:
            print(f"\n{one.note}")
    alone = unpaired(rating for one in sources for rating in one.ratings)
    if alone:
        listed = ", ".join(f"{name} ({discs})" for name, discs in sorted(alone.items()))
        print(f"\nDiscs with only one value, which are not compared: {listed}")
    print(f"\nReport: {one_line(args.output / 'report.html')}")
    return 0


def _source(text: str, anyway: bool) -> RatingSource:
    from discmri.agreement.sources import from_table

    rater, separator, place = text.partition("=")
    if separator and "://" not in rater and not Path(text).exists():
        return from_table(_existing(place), rater)
    if "://" in text or _is_session(Path(text)):
        from discmri.reading import Store
        from discmri.reading.ratings import from_session

        return from_session(Store.open(text), anyway)
    return from_table(_existing(text))


def _existing(place: str) -> Path:
    path = Path(place)
    if not path.exists():
        raise UsageError(f"{place} does not exist; give a session, a CSV or NAME=FILE")
    return path


def _is_session(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(6) == b"SQLite"


def _show(found: Sequence[AgreementResult]) -> None:
    from discmri.agreement.ratings import ALL_LEVELS

    rows = []
    for one in found:
        for estimate in one.of(ALL_LEVELS):
            ends = estimate.interval
            rows.append(
                [
                    one.comparison.parameter,
                    one.comparison.name,
                    estimate.statistic,
                    "-" if estimate.value is None else number(estimate.value, 3),
                    "" if ends is None else f"{number(ends[0], 3)} to {number(ends[1], 3)}",
                    "" if ends is None else estimate.raters + (" †" if estimate.few else ""),
                    estimate.unit,
                    estimate.discs,
                ]
            )
    header = (
        "Parameter",
        "Comparison",
        "Statistic",
        "Value",
        "Interval",
        "Raters",
        "Unit",
        "Discs",
    )
    show_table(header, rows, right=frozenset({3, 7}))
    if any(one.few for each in found for one in each.of(ALL_LEVELS)):
        print("† fewer than ten subjects")
