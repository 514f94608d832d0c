"""``discmri qualify``: test of an installation with phantoms."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from discmri.cli._options import add_verbosity, path_argument, positive
from discmri.cli._table import show_table
from discmri.cli._terminal import quiet_progress
from discmri.core.text import one_line

_EPILOG = """\
examples:
  discmri qualify -o qualification
  discmri qualify -o qualification --site "Radiology, scanner room 2" --workers 4

OUT gets qualification.html to print and sign, qualification.json, the phantoms and all results.

exit codes: 0 all checks passed, 1 a check failed, 2 wrong call.
"""


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "qualify",
        help="test this installation on phantoms and write a protocol",
        description="Measure a fixed set of phantoms, compare bias, scatter and levels with limits, "
        "and write a protocol for installation and operational qualification.",
        epilog=_EPILOG,
    )
    parser.add_argument(
        "-o", "--output", metavar="OUT", type=path_argument, default=Path("discmri-out/qualification"),
        help="folder to write (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--overwrite", action="store_true", help="remove an earlier test first")
    parser.add_argument("--site", metavar="TEXT", default="", help="site, for the protocol")
    parser.add_argument(
        "--workers", type=positive, default=0, metavar="N",
        help="parallel phantoms (default: one per processor)",
    )  # fmt: skip
    add_verbosity(parser)


def run(args: argparse.Namespace) -> int:
    """Test the installation."""
    from discmri.cohort import Workers
    from discmri.validation.qualify import clear, qualify

    if args.overwrite:
        clear(args.output)
    with quiet_progress(args) as steps:
        done = qualify(args.output, one_line(args.site), Workers(args.workers), steps)
    rows = [
        (check.part, check.name, check.wanted, check.found, "pass" if check.passed else "FAIL")
        for check in done.checks
    ]
    show_table(("Part", "Check", "Expected", "Found", ""), rows)
    sheet = one_line(args.output / "qualification.html")
    if done.passed:
        print(f"\nPassed: all {len(done.checks)} checks passed. Protocol: {sheet}")
        return 0
    failed = sum(not check.passed for check in done.checks)
    print(f"discmri: {failed} of {len(done.checks)} checks failed; see {sheet}", file=sys.stderr)
    return 1
