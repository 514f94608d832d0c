"""``discmri trial``: visits of one subject compared, change per disc beyond noise."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from discmri.cli._options import add_verbosity, path_argument
from discmri.cli._table import show_table
from discmri.cli._terminal import quiet_progress, resumable
from discmri.cli.batch import (
    add_settings,
    add_workers,
    limits_of,
    progress_callback,
    settings_of,
    workers_of,
)
from discmri.core.errors import UsageError
from discmri.core.text import one_line

if TYPE_CHECKING:
    from discmri.trial import Analysis, Issue, TrialResult

_LIST = """\
TRIAL is a CSV with one scan a line. Columns: subject, visit, path, and date (2026-03-31) or week;
where wanted treated (discs such as L4-L5, or none), arm, repeat (2 and up for repeat scans of a
visit, which show the noise), rest_min (minutes of rest before the scan), lowest_disc (the
reader's name for the lowest disc in the picture; S1-S2 where that is a residual disc in the
sacrum), study_uid, masks, mask_scheme. Paths are relative to the CSV.
"""
_EPILOG = f"""\
examples:
  discmri phantom trial demo
  discmri trial check demo/trial.csv
  discmri trial run demo/trial.csv -o results

{_LIST}"""
_CHECK = f"""\
examples:
  discmri trial check trial.csv
  discmri trial check trial.csv --list-only

{_LIST}
exit codes: 0 the trial can be measured (what is missing or not comparable is said), 2 the list
or a scan is wrong.
"""
_RUN = f"""\
examples:
  discmri trial run trial.csv -o results
  discmri trial run trial.csv -o results --reads reads/reads_long.csv --name ABC-01
  discmri trial run trial.csv -o results --responder height_mm --responder-visit "week 12"

{_LIST}
The numbering of a subject's discs is decided on the first visit and carried to the others by
registering the spine. Run the same command again after an interruption or with more scans: what
has not changed is not measured again.

exit codes: 0 measured and compared, 2 the call or the list is wrong, 3 no scan could be measured,
1 an internal error.

Research software, not a medical device.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its actions."""
    trial = subparsers.add_parser(
        "trial",
        help="compare visits: change per disc beyond noise",
        description="Compare the visits of a trial's subjects, disc by disc.",
        epilog=_EPILOG,
    )
    actions = trial.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = _action(actions, "check", "say what is missing, wrong or not comparable", _CHECK)
    check.add_argument(
        "--list-only", action="store_true", help="look at the list alone, not at the scans"
    )
    check.add_argument(
        "--masks", action="store_true", dest="needs_masks", help="label maps are to be measured"
    )
    add_verbosity(check)
    check.set_defaults(act=_check)
    run_ = _action(actions, "run", "measure, compare and report", _RUN)
    run_.add_argument(
        "-o", "--output", metavar="OUT", type=path_argument, required=True,
        help="folder for all results; an earlier run in it is picked up",
    )  # fmt: skip
    run_.add_argument("--name", default="", help="of the trial (default: name of the CSV)")
    run_.add_argument(
        "--reads", metavar="CSV", type=path_argument,
        help="reads_long.csv of discmri grade export: readers' grades",
    )  # fmt: skip
    run_.add_argument(
        "--responder", metavar="PARAMETER", action="append", default=[],
        help="in which a responder must gain; repeatable (default: height_mm and adc_disc_um2_ms)",
    )  # fmt: skip
    run_.add_argument(
        "--responder-visit", metavar="VISIT", default="", help="at which (default: the last)"
    )
    add_workers(run_)
    add_settings(run_.add_argument_group("measuring"))
    add_verbosity(run_)
    run_.set_defaults(act=_run)


def _action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, help_: str, epilog: str
) -> argparse.ArgumentParser:
    parser = actions.add_parser(
        name,
        help=help_,
        description=f"{help_[0].upper()}{help_[1:]}.",
        epilog=epilog,
    )
    parser.add_argument("list", metavar="TRIAL", type=path_argument, help="CSV list of scans")
    return parser


def run(args: argparse.Namespace) -> int:
    """Do what was asked for."""
    return int(args.act(args))


def _check(args: argparse.Namespace) -> int:
    from discmri.trial import IssueSeverity, check_trial, read_listing

    _exists(args.list)
    listing = read_listing(args.list)
    issues = list(listing.issues)
    if not args.list_only:
        with quiet_progress(args) as steps:
            issues += check_trial(listing.trial, args.needs_masks, steps)
    _show_issues(issues)
    counts = {
        severity: sum(one.severity is severity for one in issues) for severity in IssueSeverity
    }
    scans, subjects = len(listing.trial.scans), len(listing.trial.subjects)
    print(
        f"{subjects} subjects, {scans} scans: {counts[IssueSeverity.ERROR]} errors, "
        f"{counts[IssueSeverity.WARNING]} warnings, {counts[IssueSeverity.NOTE]} notes."
    )
    if counts[IssueSeverity.ERROR]:
        first = next(one for one in issues if one.severity is IssueSeverity.ERROR)
        raise UsageError(f"{args.list} cannot be measured as it stands: {first}")
    return 0


def _show_issues(issues: list[Issue]) -> None:
    from discmri.trial import IssueSeverity

    order = list(IssueSeverity)
    rows = [
        (one.severity.value, one.where, one.text)
        for one in sorted(issues, key=lambda one: order.index(one.severity))
    ]
    if rows:
        show_table(("", "Where", "What"), rows)
        print()


def _run(args: argparse.Namespace) -> int:
    from discmri.trial import TrialOptions, read_trial, run_trial
    from discmri.trial.responders import PRIMARY

    _exists(args.list)
    trial = read_trial(args.list)
    options = TrialOptions(
        settings=settings_of(args),
        workers=workers_of(args),
        limits=limits_of(args),
        reads=args.reads,
        responder_parameters=tuple(dict.fromkeys(args.responder)) or PRIMARY,
        responder_visit=args.responder_visit,
        name=one_line(args.name) or args.list.stem,
    )
    with quiet_progress(args) as steps, resumable("what is measured is"):
        outcome = run_trial(trial, args.output, options, steps, progress_callback(steps))
    _show(outcome, args.output)
    return 0


def _show(outcome: TrialResult, root: Path) -> None:
    from discmri.cohort import StudyStatus

    failed = [one for one in outcome.studies if one.status is not StudyStatus.MEASURED]
    if failed:
        show_table(("Scan", "Status", "Why"), [(o.name, o.status.value, o.reason) for o in failed])
        print()
    _show_changes(outcome.analysis)
    kept = f" ({outcome.kept} done before)" if outcome.kept else ""
    print(f"{len(outcome.studies) - len(failed)} of {len(outcome.studies)} scans measured{kept}.")
    for note in outcome.notes:
        print(note)
    print(outcome.analysis.rule)
    named = [
        f"{one.subject} ({one.level.value})"
        for one in outcome.analysis.judged
        if one.response.value == "responder"
    ]
    print(f"Responders: {', '.join(named) or 'none'}")
    print(
        f"Results: {one_line(root / 'report.html')} and {len(outcome.files) - 1} tables beside it"
    )


def _show_changes(analysis: Analysis) -> None:
    """Changes of treated discs in the parameters of the rule, at its visit."""
    rule = analysis.rule
    rows = [
        (
            one.subject, one.level.value, one.visit, one.parameter, f"{one.change:+.3f}",
            "" if one.band is None else f"±{one.band.half:.3f}",
            "" if one.band is None else one.band.origin.value, one.verdict.value,
        )
        for one in analysis.changes
        if one.treated and one.parameter in rule.parameters and one.visit == rule.visit
    ]  # fmt: skip
    if rows:
        header = ("Subject", "Disc", "Visit", "Parameter", "Change", "Noise", "From", "Verdict")
        show_table(header, rows, right=frozenset({4, 5}))
        print()


def _exists(path: Path) -> None:
    if not path.is_file():
        raise UsageError(f"{path} is no file; name a CSV list of scans (discmri trial --help)")
