"""``discmri grade``: controlled reading sessions."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from discmri.cli import _grade_practice
from discmri.cli._options import LazyChoices, add_log, path_argument
from discmri.cli._table import show_table
from discmri.cli._terminal import quiet_progress
from discmri.core.errors import SessionError, UsageError
from discmri.core.text import counted, one_line

if TYPE_CHECKING:
    from discmri.reading import Dispute, Head, Session

_EPILOG = """\
examples:
  discmri grade plan lumbar.session results/ --study-root scans/ --reader ann --reader ben \\
      --mode blinded --repeats 0.2 --seed 7
  discmri grade open lumbar.session --reader ann
  discmri grade progress lumbar.session
  discmri grade adjudicate lumbar.session
  discmri grade verify lumbar.session
  discmri grade export lumbar.session -o reads/
  discmri grade practice practice/

SESSION is a file, or the URL of a PostgreSQL database for concurrent readers:
postgresql://user@host/database.

Research software, not a medical device.
"""
_PLAN = """\
examples:
  discmri grade plan lumbar.session results/ --study-root scans/ --reader ann --reader ben
  discmri grade plan trial.session results/ --studies studies.csv --reader ann --reader ben \\
      --mode blinded --repeats 0.2 --order per-reader --seed 7
  discmri grade plan postgresql://reads@db/trial results/ --study-root scans/ --reader ann

The images of each results folder must be given: with --study-root DIR, those of the results folder
NAME are in DIR/NAME; --studies FILE is a CSV with the columns results and study, paths relative to
it. Images are compared with the results.
"""
_SUBCOMMANDS: dict[str, tuple[str, str]] = {
    "plan": ("plan a session from results folders", _PLAN),
    "open": (
        "open a session in napari",
        "examples:\n  discmri grade open lumbar.session --reader ann\n",
    ),
    "progress": (
        "show the progress of each reader",
        "examples:\n  discmri grade progress lumbar.session --json\n",
    ),
    "export": (
        "write the reads as CSV",
        "examples:\n  discmri grade export lumbar.session -o reads/\n"
        "  discmri grade export lumbar.session -o reads/ --dicom\n",
    ),
    "adjudicate": (
        "list, or with --reader open, the discs on which readers differ",
        "examples:\n  discmri grade adjudicate lumbar.session\n"
        "  discmri grade adjudicate lumbar.session --reader zoe\n\n"
        "Lists discs whose grades differ by two or more, are on both sides of 5|6, or that are\n"
        "not evaluable for some readers. A decision is stored as a separate read.\n",
    ),
    "verify": (
        "check that no row was changed, removed or moved",
        "examples:\n  discmri grade verify lumbar.session\n"
        "  discmri grade verify lumbar.session --noted 812:5f0c...\n\n"
        "Keep the printed head outside the session: a person with write access to the database can\n"
        "rewrite the whole chain, which is detected only by comparison with an earlier head.\n",
    ),
}


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command and what it can do."""
    grade = subparsers.add_parser(
        "grade",
        help="plan, read, adjudicate and export grading sessions",
        description="Controlled reading sessions with a tamper-evident record.",
        epilog=_EPILOG,
    )
    actions = grade.add_subparsers(dest="action", required=True, metavar="ACTION")
    made = {name: _add_action(actions, name) for name in _SUBCOMMANDS}
    _add_plan(made["plan"])
    made["open"].add_argument("--reader", metavar="NAME", required=True, help="name of the reader")
    made["adjudicate"].add_argument("--reader", metavar="NAME", help="name of the adjudicator")
    for name in ("open", "adjudicate", "export"):
        made[name].add_argument(
            "--root", metavar="DIR", type=path_argument,
            help="folder of results and images, if they were moved",
        )  # fmt: skip
    for name in ("open", "adjudicate"):
        made[name].add_argument(
            "--take-over", action="store_true",
            help="open the session although the reader has it open on another machine",
        )  # fmt: skip
    practice = actions.add_parser(
        "practice", help=_grade_practice.TEXT[0], epilog=_grade_practice.TEXT[1],
        description=_grade_practice.TEXT[0].capitalize() + ".",
    )  # fmt: skip
    _grade_practice.add_options(practice)
    for name in ("progress", "adjudicate", "verify"):
        made[name].add_argument("--json", action="store_true", help="print JSON instead of text")
    export = made["export"]
    export.add_argument(
        "-o", "--output", metavar="DIR", type=path_argument, required=True, help="folder to write"
    )
    export.add_argument(
        "--dicom", action="store_true",
        help="also write a DICOM structured report per reader and study; needs the images",
    )  # fmt: skip
    export.add_argument("--overwrite", action="store_true", help="replace an earlier export")
    for name in ("progress", "export", "adjudicate"):
        made[name].add_argument(
            "--anyway", action="store_true", help="continue if verification fails"
        )
    made["verify"].add_argument(
        "--noted", metavar="COUNT:HASH", action="append", default=[],
        help="a head printed earlier; repeatable",
    )  # fmt: skip
    made["verify"].add_argument(
        "--journal", metavar="FILE", type=path_argument, action="append", default=[],
        help="journal of a reader from another machine; repeatable",
    )  # fmt: skip


def _add_action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str
) -> argparse.ArgumentParser:
    text, epilog = _SUBCOMMANDS[name]
    parser = actions.add_parser(
        name,
        help=text,
        description=text[0].upper() + text[1:] + ".",
        epilog=epilog,
    )
    parser.add_argument("session", metavar="SESSION", help="a file, or a URL of PostgreSQL")
    add_log(parser)
    return parser


def _add_plan(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "results", metavar="RESULTS", nargs="+", type=path_argument,
        help="results folders of discmri measure, or folders that contain them",
    )  # fmt: skip
    parser.add_argument(
        "--reader", dest="readers", metavar="NAME", action="append", default=[],
        help="name of a reader; repeatable",
    )  # fmt: skip
    parser.add_argument(
        "--mode", default="locked", choices=LazyChoices("discmri.reading.plan", "MODES"),
        metavar="MODE",
        help="information shown to readers; one of: %(choices)s: all; measured values after "
        "grading; no measured values, identity or date (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--order", default="per-reader", choices=LazyChoices("discmri.reading.plan", "ORDERS"),
        metavar="ORDER",
        help="order of the cases; one of: %(choices)s (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--repeats", type=float, default=0.0, metavar="SHARE",
        help="share of cases shown twice to each reader, 0 to 0.5 (default: 0)",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="random seed (default: 0)")
    parser.add_argument("--title", default="", help="title of the session")
    parser.add_argument("--planner", default="planner", metavar="NAME", help="name of the planner")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--study-root",
        metavar="DIR",
        type=path_argument,
        help="folder with the images of all results",
    )
    where.add_argument(
        "--studies",
        metavar="FILE",
        type=path_argument,
        help="CSV with the columns results and study",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress on standard error")


def run(args: argparse.Namespace) -> int:
    """Run the action."""
    from discmri.reading.database import require

    if args.action == "open":
        require_viewer()  # its extra includes the packages of sessions
    require("sqlalchemy", "reading")
    return _ACTIONS[args.action](args)


# ------------------------------------------------------------------ plan
def _plan(args: argparse.Namespace) -> int:
    from discmri import reading
    from discmri.reading.database import parse_locator
    from discmri.reading.store import refuse_existing

    locator = parse_locator(args.session)
    if locator.path is not None:
        refuse_existing(locator.path)
    options = reading.SessionOptions(
        readers=tuple(args.readers),
        mode=reading.Mode(args.mode),
        order=reading.Order(args.order),
        repeats=args.repeats,
        seed=args.seed,
        title=args.title,
        planner=args.planner,
    )
    studies = _studies(args)
    beside = None if locator.path is None else locator.path.parent
    with quiet_progress(args) as steps:
        planned = reading.plan_session(studies, options, beside, steps)
        reading.create_session(args.session, planned)
    plan = planned.plan
    showings = len(plan.showings(plan.readers[0]))
    discs = sum(len(case.discs) for case in plan.cases)
    for folder in planned.left_out:
        print(f"ignored, because nothing was measured: {one_line(folder)}")
    print(
        f"{locator.name}: {len(plan.cases)} studies with {discs} discs, {showings} presentations to "
        f"each of {', '.join(plan.readers)} ({plan.mode.value}, order {plan.order.value})"
    )
    return 0


def _studies(args: argparse.Namespace) -> Mapping[Path, Path | None]:
    """Path of the images of each results folder."""
    from discmri.reading import find_study, results_folders

    folders = results_folders(args.results)
    if args.study_root is not None:
        return {folder: find_study(folder, args.study_root) for folder in folders}
    if args.studies is None:
        raise UsageError(
            "the images of the results are unknown; give --study-root DIR, or --studies FILE with the "
            "columns results and study"
        )
    table = _table_of_studies(args.studies)
    missing = [folder for folder in folders if folder not in table]
    if missing:
        raise UsageError(f"{args.studies} has no row for {missing[0]}; add it")
    return {folder: table[folder] for folder in folders}


def _table_of_studies(path: Path) -> dict[Path, Path]:
    from discmri.core.tables import read_table

    found: dict[Path, Path] = {}
    for row in read_table(path, ("results", "study")).rows:
        results = (path.parent / row.filled("results")).resolve()
        if results in found:
            raise row.error("results", f"{results.name} is listed twice; keep one row")
        found[results] = (path.parent / row.filled("study")).resolve()
    return found


# ------------------------------------------------------------------ read
def _practice(args: argparse.Namespace) -> int:
    if not args.table:
        require_viewer()
    return _grade_practice.run(args, _read)


def _open(args: argparse.Namespace) -> int:
    from discmri.reading import open_session

    with open_session(args.session, args.reader, args.root, args.take_over) as session:
        return _read(session)


def _adjudicate(args: argparse.Namespace) -> int:
    from discmri.reading import Store, disputes, open_adjudication
    from discmri.reading.verification import verified_entries

    if args.reader is not None:
        if args.anyway:
            raise UsageError(
                "decisions are not possible in a session that fails verification; leave out --anyway"
            )
        require_viewer()
        opened = open_adjudication(args.session, args.reader, args.root, args.take_over)
        with opened as session:
            return _read(session)
    rows_of = verified_entries(Store.open(args.session), args.anyway)
    plan = rows_of.plan
    found = disputes(plan, rows_of.entries)
    _tell_fault(rows_of.verification.summary)
    if args.json:
        _print_json([_account(one) for one in found])
        return 0
    if not found:
        print("The readers agree on all discs read so far.")
        return 0
    header = ("Subject", "Date", "Level", *plan.readers, "Reason", "Decision")
    rows = [
        [
            one.case.subject_id,
            one.case.study_date,
            one.disc.value,
            *(str(one.judgements.get(reader, "-")) for reader in plan.readers),
            ", ".join(one.reasons),
            "-" if one.decision is None else f"{one.decision} ({one.adjudicator})",
        ]
        for one in found
    ]
    show_table(header, rows)
    open_ = sum(one.decision is None for one in found)
    print(f"\n{len(found)} disputed discs, {open_} without a decision.")
    return 0


def _account(one: Dispute) -> dict[str, object]:
    return {
        "subject_id": one.case.subject_id,
        "study_date": one.case.study_date,
        "study_uid": one.case.study_uid,
        "level_automatic": one.disc.value,
        "reasons": list(one.reasons),
        "judgements": {reader: str(said) for reader, said in one.judgements.items()},
        "decision": None if one.decision is None else str(one.decision),
        "adjudicator": one.adjudicator,
    }


def require_viewer() -> None:
    """Check that the viewer is installed; ``UsageError`` says how to install it."""
    if find_spec("discmri.napari") is None or find_spec("napari") is None:
        raise UsageError(
            "reading needs the viewer napari; install it with: pip install 'discmri[napari]'"
        )


def _read(session: Session) -> int:
    from importlib import import_module

    launch: Callable[[Session], object] = import_module("discmri.napari").launch
    launch(session)
    return 0


# ------------------------------------------------------------------ look after
def _progress(args: argparse.Namespace) -> int:
    from discmri.reading import Store, progress_of

    found = progress_of(Store.open(args.session), args.anyway)
    _tell_fault(found.fault)
    if args.json:
        readers = [vars(one) for one in found.readers]
        counts = {"disputed": found.disputed, "decided": found.decided, "fault": found.fault}
        _print_json({"readers": readers, **counts})
        return 0
    rows = [
        [
            one.reader,
            f"{one.cases_done} / {one.cases}",
            f"{one.discs_done} / {one.discs}",
            one.not_evaluable,
            one.corrections,
            one.conflicts,
            one.waiting,
            f"{one.repeats_equal} / {one.repeats}" if one.repeats else "",
            one.last_at[:16].replace("T", " "),
        ]
        for one in found.readers
    ]
    header = (
        "Reader", "Cases", "Discs", "Not evaluable", "Corrected", "Conflicts", "Not saved",
        "Repeats equal", "Last (UTC)",
    )  # fmt: skip
    show_table(header, rows, right=frozenset(range(1, 9)))
    print(f"\n{found.disputed} disputed discs, {found.decided} decided.")
    for one in found.readers:
        if one.damage:
            print(f"{one.reader}: {one.damage}.")
    return 0


def _tell_fault(fault: str) -> None:
    """Warn on standard error, separate from JSON output."""
    if fault:
        print(f"warning: the session failed verification: {fault}", file=sys.stderr)


def _export(args: argparse.Namespace) -> int:
    from discmri.reading import Store, export_session
    from discmri.reading.opening import data_root

    store = Store.open(args.session)
    images = (args.root or data_root(store, store.plan())) if args.dicom else None
    verdict = export_session(store, args.output, args.overwrite, args.anyway, images)
    _tell_fault(verdict.summary)
    print(f"Reads: {one_line(args.output)}; head of the chain: {verdict.head}")
    return 0


def _verify(args: argparse.Namespace) -> int:
    from discmri.reading import Store, verify

    store = Store.open(args.session)
    verdict = verify(store, _witnesses(args.noted, args.journal))
    if args.json:
        problems = [vars(one) for one in verdict.problems]
        notices = [vars(one) for one in verdict.notices]
        facts = {"head": str(verdict.head), "witnesses": verdict.witnesses}
        _print_json({**facts, "problems": problems, "notices": notices})
    else:
        for problem in verdict.problems:
            print(problem.text)
        for notice in verdict.notices:
            print(f"note: {notice.text}")
        print(
            f"{verdict.head.count} entries, compared with {counted(verdict.witnesses, 'external receipt')}"
        )
        print(f"head {verdict.head}")
    if not verdict.sound:
        raise SessionError(
            f"{store.locator.name} failed verification ({len(verdict.problems)} problems); restore a "
            "copy"
        )
    return 0


def _witnesses(noted: Sequence[str], journals: Sequence[Path]) -> dict[str, Head]:
    from discmri.reading import Head
    from discmri.reading.journal import read_journal

    found = {f"the noted head {text[:20]}": Head.parse(text) for text in noted}
    for path in journals:
        receipt = read_journal(path).receipt
        if receipt is None:
            raise UsageError(f"{path} has no receipt; give the journal of a reader")
        found[str(path)] = receipt
    return found


def _print_json(data: object) -> None:
    import json

    print(json.dumps(data, ensure_ascii=False, indent=1))


_ACTIONS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "plan": _plan,
    "open": _open,
    "progress": _progress,
    "export": _export,
    "adjudicate": _adjudicate,
    "verify": _verify,
    "practice": _practice,
}
