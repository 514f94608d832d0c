"""``discmri trial``: visits of one subject compared, change per disc beyond noise."""

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
TRIAL is a CSV with one scan a line. Columns: subject, visit, path, and date (2026-03-31) or week;
where wanted treated (discs such as L4-L5, or none), arm, repeat (2 and up for repeat scans of a
visit, which show the noise), repeat_kind (same_session, same_day where the patient was positioned
again, other_day; without it from the days), rest_min (minutes of rest before the scan), rise_time
(clock time of getting up, 07:30), lowest_disc (the reader's name for the lowest disc in the
picture; S1-S2 where that is a residual disc in the sacrum), study_uid, masks, mask_scheme. Paths
are relative to the CSV.
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
exit codes: 0 the trial can be measured (what is missing or not comparable is listed), 2 the list
or a scan is wrong.
"""
_ANALYSE = """\
examples:
  discmri trial analyse values.csv -o analysis
  discmri trial analyse results/long.csv -o again --declaration trial.toml

VALUES is a CSV with one value a line. Columns: subject, visit, level (L4-L5), parameter (a column
of discs.csv, such as height_mm), value, and week or date; where known treated (yes or no), arm,
repeat, repeat_kind (same_session, same_day, other_day), time (09:30), rise_time, sd, method and
the conditions of the scan as long.csv has them. Further columns are kept. long.csv of a run is
such a table and gives the same conclusions.

exit codes: 0 analysed, 2 the call or the table is wrong, 1 an internal error.
"""
_TOML = """\
trial.toml beside TRIAL (or --declaration) declares the questions of the trial before the data are seen:
  estimand = "treated_vs_untreated"   # or "treated_change"
  control_arm = "saline"
  covariates = ["baseline", "level"]
  diurnal = true                      # bands grow with the difference in time of day
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
The numbering of a subject's discs is decided on the first visit and carried to the others by
registering the spine. Run the same command again after an interruption or with more scans: what
has not changed is not measured again.

{_TOML}
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
        help="the analysis of a table of values, without images",
        description="Analyse a table of values as a measured trial is analysed.",
        epilog=_ANALYSE,
    )
    parser.add_argument("list", metavar="VALUES", type=path_argument, help="CSV table of values")
    parser.add_argument(
        "-o", "--output", metavar="DIR", type=path_argument, required=True, help="folder to write"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier analysis")
    parser.add_argument("--name", default="", help="of the trial (default: name of the CSV)")
    _add_questions(parser)
    add_verbosity(parser)
    parser.set_defaults(act=_analyse)


def _add_questions(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--declaration", metavar="TOML", type=path_argument,
        help="what the trial asks (default: trial.toml beside the CSV, where there is one)",
    )  # fmt: skip
    parser.add_argument(
        "--responder", metavar="PARAMETER", action="append", default=[],
        help="in which a responder must gain; repeatable (default: height_mm and adc_disc_um2_ms)",
    )  # fmt: skip
    parser.add_argument(
        "--responder-visit", metavar="VISIT", default="", help="at which (default: the last)"
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
    """Do what was asked for."""
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
    with quiet_progress(args) as steps, resumable("what is measured is"):
        outcome = run_trial(trial, args.output, options, steps, progress_callback(steps))
    _show(outcome, args.output)
    return 0


def _declaration(args: argparse.Namespace, trial: Trial) -> Declaration:
    """What the trial asks: a file, else defaults with what was said on the command line."""
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
    from discmri.trial.reanalysis import analyse_table
    from discmri.trial.tables import LONG
    from discmri.trial.values_table import read_values

    _exists(args.list)
    table = read_values(args.list, tuple(LONG))
    asked = _declaration(args, table.trial)
    name = one_line(args.name) or args.list.stem
    found = analyse_table(table, args.output, asked, name, args.overwrite)
    if table.note and not args.quiet:
        print(table.note)
    _show_analysis(found.analysis)
    print(
        f"Results: {one_line(args.output / 'report.html')} and {len(found.files) - 1} tables beside it"
    )
    return 0


def _show(outcome: TrialResult, root: Path) -> None:
    from discmri.cohort import StudyStatus

    failed = [one for one in outcome.studies if one.status is not StudyStatus.MEASURED]
    if failed:
        show_table(("Scan", "Status", "Why"), [(o.name, o.status.value, o.reason) for o in failed])
        print()
    kept = f" ({outcome.kept} done before)" if outcome.kept else ""
    print(f"{len(outcome.studies) - len(failed)} of {len(outcome.studies)} scans measured{kept}.")
    for note in outcome.notes:
        print(note)
    _show_analysis(outcome.analysis)
    print(
        f"Results: {one_line(root / 'report.html')} and {len(outcome.files) - 1} tables beside it"
    )


def _show_analysis(analysis: Analysis) -> None:
    """The answer, the changes of treated discs, and who responded."""
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
        raise UsageError(f"{path} is not a file; name a CSV list of scans (discmri trial --help)")
