"""``discmri dicom``: read DICOM objects of results."""

from __future__ import annotations

import argparse
from typing import Any

from discmri.cli._options import path_argument

_EPILOG = """\
examples:
  discmri measure study/ -o out/ --format dicom --format csv
  discmri dicom show out/dicom/values_sr.dcm
  discmri dicom show out/dicom/values_sr.dcm > discs.csv

exit codes: 0 done, 2 wrong call, 3 not a report of discmri.
"""


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "dicom",
        help="read DICOM objects of results",
        description="Read DICOM objects written by discmri measure --format dicom.",
        epilog=_EPILOG,
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    show = actions.add_parser(
        "show", help="print a values_sr.dcm as the table discs.csv",
        description="Print a values_sr.dcm as the table discs.csv.",
    )  # fmt: skip
    show.add_argument("file", metavar="FILE", type=path_argument, help="a values_sr.dcm")


def run(args: argparse.Namespace) -> int:
    """Print the table."""
    import csv
    import sys

    from discmri.results.dicom.show import wide_table

    header, rows = wide_table(args.file)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return 0
