"""``discmri validate``: compare results with the truth."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from discmri.cli._options import (
    add_decisions,
    add_verbosity,
    check_readable,
    decisions_of,
    path_argument,
)
from discmri.cli._table import show_table
from discmri.cli._terminal import quiet_progress
from discmri.core.text import number, one_line

if TYPE_CHECKING:
    from discmri.validation.validate import Validation

_EPILOG = """\
examples:
  discmri validate results phantoms
  discmri validate results phantoms -o validation --overwrite
  discmri validate results/cohort.csv truth.csv -o validation

RESULTS is the output folder of a batch, or its cohort.csv. TRUTH is a folder of discmri phantom cohort,
or a CSV with the columns study and level and those columns of discs.csv whose values are known.
Discs are matched by position if label maps and true positions are available, otherwise by level.

OUT gets validation.html, validation.csv (bias, limits of agreement and coverage by value, level,
grade and scanner) and pairs.csv (every pair).
"""


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "validate",
        help="compare results with the truth",
        description="Compute bias, limits of agreement, coverage of the stated uncertainty and wrong "
        "levels, by height definition, level and grade.",
        epilog=_EPILOG,
    )
    parser.add_argument(
        "results", metavar="RESULTS", type=path_argument, help="results of discmri batch"
    )
    parser.add_argument(
        "truth",
        metavar="TRUTH",
        type=path_argument,
        help="folder of discmri phantom cohort, or CSV",
    )
    parser.add_argument(
        "-o", "--output", metavar="OUT", type=path_argument, default=Path("discmri-out/validation"),
        help="folder to write (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--overwrite", action="store_true", help="replace earlier results")
    add_decisions(parser)
    add_verbosity(parser)


def run(args: argparse.Namespace) -> int:
    """Compare."""
    from discmri.core.files import check_writable
    from discmri.validation.validate import validate, write_validation

    check_readable(args.results)
    check_readable(args.truth)
    check_writable(args.output, args.overwrite)
    with quiet_progress(args) as steps:
        steps("matching discs", 0.0)
        validation = validate(args.results, args.truth, decisions_of(args))
        steps("drawing", 0.5)
        write_validation(validation, args.output, args.overwrite)
    _show(validation)
    print(f"Results: {one_line(args.output)}")
    return 0


def _show(validation: Validation) -> None:
    from discmri.validation.validate import span

    header = ("Value", "Discs", "Bias", "SD", "Limits of agreement", "Within 1 / 2 stated (%)")
    rows = []
    for one in validation.overall():
        covered = ""
        if one.within_1_sd is not None and one.within_2_sd is not None:
            covered = f"{100 * one.within_1_sd:.0f} / {100 * one.within_2_sd:.0f}"
        rows.append(
            (
                one.parameter, str(one.discs), number(one.bias, 3),
                "" if one.sd is None else number(one.sd, 3),
                span(one.limit_low, one.limit_high, 3), covered,
            )
        )  # fmt: skip
    show_table(header, rows, right=frozenset({1, 2, 3, 4, 5}))
    for note in validation.comparison.notes:
        print(note)
    naming = validation.naming
    print(
        f"\n{naming.studies} studies, {naming.found} of {naming.discs} discs found, "
        f"{naming.extra} false discs, {naming.misnamed} with a wrong level, "
        f"{len(naming.failed)} studies without a result."
    )
    if validation.grades is not None:
        print(
            f"Suggested grade: {100 * validation.grades.exact:.0f} % the same, "
            f"{100 * validation.grades.within_one:.0f} % at most one grade different."
        )
