"""``discmri phantom trial``: a synthetic phase I trial with known truth."""

from __future__ import annotations

import argparse
from typing import Any

from discmri.cli._options import add_verbosity, path_argument
from discmri.cli._terminal import quiet_progress, resumable
from discmri.cli.batch import add_workers, counting, limits_of, workers_of
from discmri.core.errors import UsageError

_EPILOG = """\
examples:
  discmri phantom trial demo
  discmri trial check demo/trial.csv
  discmri trial run demo/trial.csv -o results

Five subjects with one treated disc each, scanned at baseline (twice, to estimate noise) and after
4, 12 and 24 weeks. Two are true responders in height and ADC, three are not; of these, one has the
last scan on another scanner and one an earlier scan late in the day. Positions vary between scans.
OUT gets studies/ with study, truth and label map of each scan, trial.csv and
trial_with_masks.csv for discmri trial, and truth.csv with the true responses.
"""


def add_action(actions: argparse._SubParsersAction[Any]) -> None:
    """Add the action and its options."""
    parser = actions.add_parser(
        "trial",
        help="make the studies of a synthetic trial",
        description="Make a synthetic phase I trial with known responders.",
        epilog=_EPILOG,
    )
    parser.add_argument("out", metavar="OUT", type=path_argument, help="folder to make")
    parser.add_argument("--seed", type=int, default=0, help="random seed (default: %(default)s)")
    parser.add_argument(
        "--gain-height", type=float, default=1.0, metavar="MM",
        help="true gain in height of a responder at the last visit (default: %(default)g)",
    )  # fmt: skip
    parser.add_argument(
        "--gain-adc", type=float, default=0.2, metavar="UM2_MS",
        help="true gain in ADC, µm²/ms (default: %(default)g)",
    )  # fmt: skip
    add_workers(parser)
    add_verbosity(parser)
    parser.set_defaults(act=run)


def run(args: argparse.Namespace) -> int:
    """Make a trial."""
    from discmri.simulation.trial import Effect, make_trial, trial_scans

    if args.seed < 0:
        raise UsageError(f"--seed {args.seed} is below zero; give 0 or more")
    if not (0 <= args.gain_height <= 4 and 0 <= args.gain_adc <= 0.8):
        raise UsageError("--gain-height must be 0 to 4 mm, --gain-adc 0 to 0.8 µm²/ms")
    scans = trial_scans(args.seed, Effect(args.gain_height, args.gain_adc))
    with quiet_progress(args) as steps, resumable("completed studies are"):
        make_trial(scans, args.out, workers_of(args), limits_of(args), counting(steps, "studies"))
    print(f"{args.out}: {len(scans)} studies; compare their visits with")
    print(f"  discmri trial run {args.out / 'trial.csv'} -o results")
    return 0
