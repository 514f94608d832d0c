"""``discmri phantom cohort``: a population of synthetic patients with known truth."""

from __future__ import annotations

import argparse
from typing import Any

from discmri.cli._options import LazyChoices, add_verbosity, path_argument, positive
from discmri.cli._terminal import quiet_progress, resumable
from discmri.cli.batch import add_workers, counting, limits_of, workers_of
from discmri.core.errors import UsageError

_EPILOG = """\
examples:
  discmri phantom cohort phantoms --n 100
  discmri phantom cohort phantoms --n 40 --seed 7 --degeneration even --series t2
  discmri batch phantoms/studies.csv -o results
  discmri validate results phantoms -o validation

OUT gets phantoms/ with study, truth and label map of each, studies.csv and
studies_with_masks.csv for discmri batch, and truth.csv for discmri validate. Phantoms depend on
the seed, not on N; existing ones are kept.
"""
_SERIES = ("t2", "t1", "stir", "dwi", "adc", "localizer", "axial_t2")


def add_action(actions: argparse._SubParsersAction[Any]) -> None:
    """Add the action and its options."""
    parser = actions.add_parser(
        "cohort",
        help="make many studies of one population",
        description="Make a population of synthetic patients with degeneration as in symptomatic "
        "patients, scanned as by several vendors.",
        epilog=_EPILOG,
    )
    parser.add_argument("out", metavar="OUT", type=path_argument, help="folder to make")
    parser.add_argument("--n", type=positive, required=True, metavar="N", help="number of patients")
    parser.add_argument("--seed", type=int, default=0, help="random seed (default: %(default)s)")
    parser.add_argument(
        "--degeneration", metavar="NAME", default="symptomatic",
        choices=LazyChoices("discmri.phantoms.population", "DEGENERATIONS"),
        help="distribution of grades; one of: %(choices)s (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--series", metavar="S,S,…", default="t2,dwi,adc",
        help=f"series to make, of {', '.join(_SERIES)} (default: %(default)s)",
    )  # fmt: skip
    add_workers(parser)
    add_verbosity(parser)
    parser.set_defaults(act=run)


def run(args: argparse.Namespace) -> int:
    """Make a cohort."""
    from discmri.phantoms import PulseSequence
    from discmri.phantoms.population import member
    from discmri.simulation.cohort import make_cohort

    names = [part.strip() for part in args.series.split(",") if part.strip()]
    unknown = [name for name in names if name not in _SERIES]
    if unknown or "t2" not in names:
        raise UsageError(
            f"--series {args.series}: "
            + (f"unknown series {unknown[0]!r}" if unknown else "t2 is missing, which is measured")
            + f"; choose from {', '.join(_SERIES)}"
        )
    if args.seed < 0:
        raise UsageError(f"--seed {args.seed} is below zero; give 0 or more")
    sequences = tuple(PulseSequence(name) for name in dict.fromkeys(names))
    members = [
        member(args.seed, number, args.degeneration, sequences) for number in range(1, args.n + 1)
    ]
    with quiet_progress(args) as steps, resumable("completed phantoms are"):
        make_cohort(
            members, args.out, workers_of(args), limits_of(args), counting(steps, "phantoms")
        )
    print(f"{args.out}: {len(members)} phantoms; measure them with")
    print(f"  discmri batch {args.out / 'studies.csv'} -o results")
    return 0
