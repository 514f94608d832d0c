"""``discmri trial power``: power and false positives of a planned trial."""

from __future__ import annotations

import argparse
from typing import Any

from discmri.cli._options import add_verbosity, path_argument, positive
from discmri.cli._table import show_table
from discmri.cli._terminal import quiet_progress
from discmri.core.errors import UsageError
from discmri.core.text import one_line

_EPILOG = """\
examples:
  discmri trial power --subjects 5 -o power
  discmri trial power --subjects 12 --control 12 --effect 0.3 0.6 0.9 --repeats 6 --other-day -o power
  discmri trial power --parameter adc_disc_um2_ms --session-sd 0.02 --day-sd 0.05 --effect 0.1 -o power

Simulates tables of values and analyses them like real trials. DIR gets power.csv, power.png and
power.html for the protocol. Give the noise of your scans: the standard deviation of one disc
between scans of a session (--session-sd) and between days (--day-sd).
"""


def add_action(actions: argparse._SubParsersAction[Any]) -> None:
    """Add the action and its options."""
    parser = actions.add_parser(
        "power",
        help="power and false positives of a planned trial",
        description="Estimate the power and the false positive rate of a planned trial by simulation.",
        epilog=_EPILOG,
    )
    parser.add_argument(
        "-o", "--output", metavar="DIR", type=path_argument, required=True, help="folder to write"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier plan")
    whole: Any = {"type": positive, "metavar": "N"}
    parser.add_argument(
        "--subjects", default=5, help="subjects in the active arm (default: 5)", **whole
    )
    parser.add_argument("--control", type=int, default=0, metavar="N", help="control subjects")
    parser.add_argument("--visits", default=1, help="visits after the first (default: 1)", **whole)
    parser.add_argument(
        "--repeats", type=int, default=0, metavar="N", help="subjects scanned twice at baseline"
    )
    parser.add_argument(
        "--other-day", action="store_true", help="repeats are on another day, not in one session"
    )
    parser.add_argument(
        "--parameter", default="height_mm", help="column of discs.csv (default: %(default)s)"
    )
    number: Any = {"type": float, "metavar": "X"}
    parser.add_argument(
        "--effect", nargs="+", default=[0.25, 0.5, 0.75, 1.0, 1.5],
        help="true changes of treated discs, in the unit of the parameter", **number,
    )  # fmt: skip
    parser.add_argument(
        "--effect-sd", default=0.0, help="SD of the effect between subjects (default: 0)", **number
    )
    parser.add_argument(
        "--session-sd", default=0.1, help="SD within a session (default: %(default)s)", **number
    )
    parser.add_argument(
        "--day-sd", default=0.25, help="SD between days (default: %(default)s)", **number
    )
    parser.add_argument(
        "--shared",
        default=0.0,
        help="share of the noise common to all discs, 0 to 1 (default: 0)",
        **number,
    )
    parser.add_argument(
        "--trials", default=500, help="simulated trials per effect (default: 500)", **whole
    )
    parser.add_argument("--seed", type=int, default=0, help="random seed (default: 0)")
    add_verbosity(parser)
    parser.set_defaults(act=_run)


def _run(args: argparse.Namespace) -> int:
    from discmri.core.files import check_writable
    from discmri.simulation.tables import TableDesign
    from discmri.trial.power import power_curve, write_power
    from discmri.trial.values import TRACKED

    _check(args, [one.name for one in TRACKED])
    check_writable(args.output, args.overwrite)
    design = TableDesign(
        active=args.subjects, control=args.control, visits=args.visits, repeats=args.repeats,
        other_day=args.other_day, session_sd=args.session_sd, day_sd=args.day_sd,
        shared=args.shared, effect_sd=args.effect_sd,
    )  # fmt: skip
    with quiet_progress(args) as steps:
        found = power_curve(design, args.effect, args.trials, args.seed, args.parameter, steps)
    write_power(design, found, args.output, args.seed, args.parameter, args.overwrite)
    header = (
        "True effect",
        "p ≤ 0.05",
        "Treated beyond noise",
        "Responders",
        "Others beyond noise",
    )
    rows = [
        (
            f"{one.effect:g}", *(
                f"{100 * share:.1f} %" for share in
                (one.rejected, one.beyond_treated, one.responders, one.beyond_others)
            ),
        )
        for one in found
    ]  # fmt: skip
    show_table(header, rows, right=frozenset(range(5)))
    print(f"\nPlan: {one_line(args.output / 'power.html')}")
    return 0


def _check(args: argparse.Namespace, known: list[str]) -> None:
    """Check the options."""
    if args.parameter not in known:
        raise UsageError(f"unknown --parameter {args.parameter}; choose from {', '.join(known)}")
    if args.subjects < 3 or args.control < 0 or args.control == 1:
        raise UsageError("--subjects must be 3 or more, --control 0 or 2 or more")
    if not 0 <= args.repeats <= args.subjects + args.control:
        raise UsageError(f"--repeats {args.repeats} is more than the number of subjects")
    for name in ("effect_sd", "session_sd", "day_sd"):
        if not 0 <= getattr(args, name) < 100:
            raise UsageError(f"--{name.replace('_', '-')} must be 0 or more and below 100")
    if not 0 <= args.shared <= 1:
        raise UsageError(f"--shared {args.shared:g} must be 0 to 1")
    if not all(abs(one) < 100 for one in args.effect):
        raise UsageError("--effect must be numbers below 100, in the unit of the parameter")
    if args.seed < 0:
        raise UsageError(f"--seed {args.seed} is below zero; give 0 or more")
