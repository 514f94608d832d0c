"""``discmri trial``: change per disc between visits, beyond noise."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from discmri.cli._options import add_decisions, add_verbosity, decisions_of, path_argument
from discmri.cli._table import show_table
from discmri.cli._terminal import quiet_progress, resumable
from discmri.cli._trial_power import add_action as add_power
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
    from discmri.trial import Analysis, Declaration, Issue, Trial, TrialResult

_LIST = """\
TRIAL is a CSV with one scan per line. Columns: subject, visit, path, and date (2026-03-31) or week;
optional are treated (discs such as L4-L5, or none), arm, repeat (2 or more for repeat scans of a
visit, from which noise is estimated), repeat_kind (same_session, same_day if the patient was
positioned again, or other_day; default: from the dates), rest_min (minutes of rest before the scan),
rise_time (clock time of rising, 07:30), lowest_disc (level of the lowest visible disc; S1-S2 for a
residual disc in the sacrum), study_uid, masks, mask_scheme. Paths are relative to the CSV.
"""
_EPILOG = f"""\
examples:
  discmri phantom trial demo
  discmri trial check demo/trial.csv
  discmri trial run demo/trial.csv -o results
  discmri trial analyse values.csv -o analysis
  discmri trial power --subjects 10 --control 10 -o power

{_LIST}"""
_CHECK = f"""\
examples:
  discmri trial check trial.csv
  discmri trial check trial.csv --list-only

{_LIST}
exit codes: 0 the trial can be measured (missing or not comparable scans are listed), 2 the list or a
scan has errors.
"""
_ANALYSE = """\
examples:
  discmri trial analyse values.csv -o analysis
  discmri trial analyse results/long.csv -o again --declaration trial.toml

VALUES is a CSV with one value per line. Columns: subject, visit, level (L4-L5), parameter (a column
of discs.csv, such as height_mm), value, and week or date; optional are treated (yes or no), arm,
repeat, repeat_kind (same_session, same_day, other_day), time (09:30), rise_time, sd, method and the
scan conditions as in long.csv. Further columns are kept. long.csv of a run is such a table and gives
the same results.

exit codes: 0 analysed, 2 wrong call or table, 1 internal error.
"""
_TOML = """\
trial.toml beside TRIAL (or --declaration) declares endpoints and rules before the data are seen:
  estimand = "treated_vs_untreated"   # or "treated_change"
  control_arm = "saline"
  covariates = ["baseline", "level"]
  diurnal = true                      # noise bands include the difference in time of day
  [primary]
  parameter = "height_mm"
  visit = "week 24"
  [[secondary]]
  parameter = "adc_disc_um2_ms"
  visit = "week 24"
  [responder]
  parameters = ["height_mm", "adc_disc_um2_ms"]
  visit = "week 24"
"""
_RUN = f"""\
examples:
  discmri trial run trial.csv -o results
  discmri trial run trial.csv -o results --reads reads/reads_long.csv --name ABC-01
  discmri trial run trial.csv -o results --responder height_mm --responder-visit "week 12"

{_LIST}
Levels of a subject are determined at the first visit and carried to the others by registration of the
spine. Run the same command again after an interruption or with more scans: only new or changed scans
are measured.

{_TOML}
exit codes: 0 measured and compared, 2 wrong call or list, 3 no scan could be measured, 1 internal
error.

Research software, not a medical device.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its actions."""
    trial = subparsers.add_parser(
        "trial",
        help="compare visits: change per disc beyond noise",
        description="Compare the visits of the subjects of a trial, disc by disc.",
        epilog=_EPILOG,
    )
    actions = trial.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = _action(actions, "check", "list missing, wrong or not comparable scans", _CHECK)
    check.add_argument(
        "--list-only", action="store_true", help="check only the list, not the scans"
    )
    check.add_argument(
        "--masks", action="store_true", dest="needs_masks", help="require a label map of every scan"
    )
    add_verbosity(check)
    check.set_defaults(act=_check)
    run_ = _action(actions, "run", "measure, compare and report", _RUN)
    run_.add_argument(
        "-o", "--output", metavar="OUT", type=path_argument, required=True,
        help="folder for all results; an earlier run in it is continued",
    )  # fmt: skip
    run_.add_argument("--name", default="", help="name of the trial (default: name of the CSV)")
    run_.add_argument(
        "--reads", metavar="CSV", type=path_argument,
        help="grades of readers: reads_long.csv of discmri grade export",
    )  # fmt: skip
    add_decisions(run_)
    _add_questions(run_)
    add_workers(run_)
    add_settings(run_.add_argument_group("measuring"))
    add_verbosity(run_)
    run_.set_defaults(act=_run)
    _add_analyse(actions)
    add_power(actions)


def _add_analyse(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = actions.add_parser(
        "analyse",
        help="analyse a table of values, without images",
        description="Analyse a table of values like a measured trial.",
        epilog=_ANALYSE,
    )
    parser.add_argument("list", metavar="VALUES", type=path_argument, help="CSV table of values")
    parser.add_argument(
        "-o", "--output", metavar="DIR", type=path_argument, required=True, help="folder to write"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier analysis")
    parser.add_argument("--name", default="", help="name of the trial (default: name of the CSV)")
    _add_questions(parser)
    add_verbosity(parser)
    parser.set_defaults(act=_analyse)


def _add_questions(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--declaration", metavar="TOML", type=path_argument,
        help="declaration of the trial (default: trial.toml beside the CSV, if it exists)",
    )  # fmt: skip
    parser.add_argument(
        "--responder", metavar="PARAMETER", action="append", default=[],
        help="parameter that must increase in a responder; repeatable (default: height_mm and "
        "adc_disc_um2_ms)",
    )  # fmt: skip
    parser.add_argument(
        "--responder-visit",
        metavar="VISIT",
        default="",
        help="visit of the responder rule (default: the last)",
    )


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
    """Run the action."""
    return int(args.act(args))


def _check(args: argparse.Namespace) -> int:
    from discmri.trial import IssueSeverity, check_trial, read_declaration, read_listing

    _exists(args.list)
    listing = read_listing(args.list)
    issues = list(listing.issues)
    declared = args.list.with_name("trial.toml")
    if declared.is_file():
        read_declaration(declared, listing.trial)
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
        raise UsageError(f"{args.list} has errors that must be corrected: {first}")
    return 0


def _show_issues(issues: list[Issue]) -> None:
    from discmri.trial import IssueSeverity

    order = list(IssueSeverity)
    rows = [
        (one.severity.value, one.where, one.text)
        for one in sorted(issues, key=lambda one: order.index(one.severity))
    ]
    if rows:
        show_table(("", "Where", "Issue"), rows)
        print()


def _run(args: argparse.Namespace) -> int:
    from discmri.trial import TrialOptions, read_trial, run_trial

    _exists(args.list)
    trial = read_trial(args.list)
    asked = _declaration(args, trial)
    options = TrialOptions(
        settings=settings_of(args),
        workers=workers_of(args),
        limits=limits_of(args),
        reads=args.reads,
        declaration=asked,
        name=one_line(args.name) or args.list.stem,
        decisions=decisions_of(args),
    )
    with quiet_progress(args) as steps, resumable("completed scans are"):
        outcome = run_trial(trial, args.output, options, steps, progress_callback(steps))
    _show(outcome, args.output)
    return 0


def _declaration(args: argparse.Namespace, trial: Trial) -> Declaration:
    """The declaration: a file, otherwise defaults with the options of the command line."""
    from discmri.trial import default_declaration, read_declaration
    from discmri.trial.declaration import check_declaration
    from discmri.trial.responders import PRIMARY

    beside = args.list.with_name("trial.toml")
    path = args.declaration or (beside if beside.is_file() else None)
    if path is None:
        parameters = tuple(dict.fromkeys(args.responder)) or PRIMARY
        asked = default_declaration(trial.visits, parameters, args.responder_visit, trial.arms)
        check_declaration(asked, trial)
        return asked
    if args.responder or args.responder_visit:
        raise UsageError(
            f"{path} declares the responder rule; leave out --responder and --responder-visit"
        )
    return read_declaration(path, trial)


def _analyse(args: argparse.Namespace) -> int:
    from discmri.trial.outputs import analyse_table
    from discmri.trial.tables import LONG
    from discmri.trial.values_table import read_values

    _exists(args.list)
    table = read_values(args.list, tuple(LONG))
    asked = _declaration(args, table.trial)
    name = one_line(args.name) or args.list.stem
    analysis, files = analyse_table(table, args.output, asked, name, args.overwrite)
    if table.note and not args.quiet:
        print(table.note)
    _show_analysis(analysis)
    print(f"Results: {one_line(args.output / 'report.html')} and {len(files) - 1} other files")
    return 0


def _show(outcome: TrialResult, root: Path) -> None:
    from discmri.cohort import StudyStatus

    failed = [one for one in outcome.studies if one.status is not StudyStatus.MEASURED]
    if failed:
        show_table(
            ("Scan", "Status", "Reason"), [(o.name, o.status.value, o.reason) for o in failed]
        )
        print()
    kept = f" ({outcome.kept} by an earlier run)" if outcome.kept else ""
    print(f"{len(outcome.studies) - len(failed)} of {len(outcome.studies)} scans measured{kept}.")
    for note in outcome.notes:
        print(note)
    _show_analysis(outcome.analysis)
    print(f"Results: {one_line(root / 'report.html')} and {len(outcome.files) - 1} other files")


def _show_analysis(analysis: Analysis) -> None:
    """Print the answer, the changes of treated discs, and the responders."""
    from discmri.trial.answer import answers

    print("\n".join(answers(analysis)))
    print()
    _show_changes(analysis)
    print(analysis.rule)
    named = [
        f"{one.subject} ({one.level.value})"
        for one in analysis.judged
        if one.response.value == "responder"
    ]
    print(f"Responders: {', '.join(named) or 'none'}")


def _show_changes(analysis: Analysis) -> None:
    """Print changes of treated discs in the parameters of the rule, at its visit."""
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
        header = ("Subject", "Disc", "Visit", "Parameter", "Change", "Noise", "Source", "Verdict")
        show_table(header, rows, right=frozenset({4, 5}))
        print()


def _exists(path: Path) -> None:
    if not path.is_file():
        raise UsageError(f"{path} is not a file; give a CSV list of scans (discmri trial --help)")
