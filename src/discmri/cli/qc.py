"""``discmri qc``: a page to accept, doubt or reject every disc."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from discmri.cli._options import add_verbosity, check_readable, path_argument
from discmri.cli._terminal import quiet_progress
from discmri.core.text import counted, one_line

_EPILOG = """\
examples:
  discmri qc results -o qc                       (then open qc/qc.html)
  discmri qc demo-out/* -o qc
  discmri batch scans/ -o results --qc decisions.csv

RESULTS is an output folder of discmri batch, trial run or measure, or a folder that contains several
of the latter. The page links to the pictures in RESULTS, so move both together. It saves
decisions.csv for the option --qc of batch, trial run and validate. Its columns are study, level and
decision (accept, doubt, reject); study_uid and height_mm, which, if given, restrict a decision to the
disc as it was measured; comment, reader and decided_utc for the record.
"""


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "qc",
        help="make a page to accept, doubt or reject every disc",
        description="Make an offline page with every disc and its outline, to accept, doubt or "
        "reject it by a key.",
        epilog=_EPILOG,
    )
    parser.add_argument(
        "results", metavar="RESULTS", nargs="+", type=path_argument, help="measured studies"
    )
    parser.add_argument(
        "-o", "--output", metavar="OUT", type=path_argument, default=Path("discmri-out/qc"),
        help="folder to write (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier page")
    add_verbosity(parser)


def run(args: argparse.Namespace) -> int:
    """Make the page."""
    from discmri.cohort.qc import PAGE, write_qc
    from discmri.core.files import check_writable

    for path in args.results:
        check_readable(path)
    check_writable(args.output, args.overwrite)
    with quiet_progress(args) as steps:
        steps("reading results", 0.0)
        studies, discs = write_qc(args.results, args.output, args.overwrite)
    of = "study" if studies == 1 else "studies"
    print(f"{counted(discs, 'disc')} of {studies} {of}: open {one_line(args.output / PAGE)}")
    return 0
