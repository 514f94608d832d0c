"""``discmri grade practice``: synthetic discs of known grade, with feedback."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from discmri.cli._options import add_log, path_argument, positive
from discmri.cli._table import show_table
from discmri.cli._terminal import quiet_progress
from discmri.core.errors import UsageError
from discmri.core.text import one_line

if TYPE_CHECKING:
    from discmri.reading import Session
    from discmri.reading.practice import PracticeResult

TEXT = (
    "practise on synthetic discs of known grade",
    "examples:\n  discmri grade practice practice/\n"
    "  discmri grade practice practice/ --table\n\n"
    "FOLDER gets the synthetic studies and the session practice.session; run again to continue.\n"
    "The viewer shows the true grade after each grade. At the end, a table of true and given\n"
    "grades is printed.\n",
)
_FILE = "practice.session"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "folder", metavar="FOLDER", nargs="?", type=path_argument, default=Path("practice"),
        help="new folder, or one of an earlier practice (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--reader",
        default="practice",
        metavar="NAME",
        help="name of the reader (default: %(default)s)",
    )
    parser.add_argument(
        "--spines", type=positive, default=4, metavar="N",
        help="number of synthetic spines with six discs each (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="random seed (default: 0)")
    parser.add_argument(
        "--table", action="store_true", help="only print the table of true and given grades"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress on standard error")
    add_log(parser)


def run(args: argparse.Namespace, read: Callable[[Session], object]) -> int:
    """Create the session if missing, open the viewer with ``read``, and print the table."""
    from discmri.reading import create_session, open_session
    from discmri.reading.practice import plan_practice, practice_result
    from discmri.reading.verification import verified_entries

    place: Path = args.folder / _FILE
    if not place.exists():
        if args.table:
            raise UsageError(f"{one_line(place)} does not exist; run first without --table")
        if args.folder.exists() and any(args.folder.iterdir()):
            raise UsageError(f"{one_line(args.folder)} is not empty; give a new folder")
        with quiet_progress(args) as steps:
            planned = plan_practice(args.folder, args.reader, args.spines, args.seed, steps)
            create_session(place, planned)
    if not args.table:
        with open_session(place, args.reader) as session:
            read(session)
    from discmri.reading import Store

    rows = verified_entries(Store.open(place))
    if not rows.plan.practice:
        raise UsageError(f"{one_line(place)} is not a practice session")
    _show(practice_result(rows.plan, rows.entries))
    return 0


def _show(found: PracticeResult) -> None:
    graded = len(found.pairs)
    if not graded:
        print("No disc is graded yet.")
        return
    header = ("True grade", *map(str, range(1, 9)), "n.e.")
    rows = [
        [str(grade), *(count if count else "" for count in line)]
        for grade, line in enumerate(found.confusion(), start=1)
    ]
    show_table(header, rows, right=frozenset(range(1, 10)))
    print(
        f"\nFirst grades of {graded} discs: {found.exact} correct, {found.within_one} within one "
        "grade. A double grade is listed by its collapse part. n.e.: not evaluable."
    )
