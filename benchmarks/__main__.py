"""Run the benchmarks: ``python -m benchmarks [NAME …] [--quick]``."""

from __future__ import annotations

import argparse

from benchmarks import (
    accuracy,
    adc,
    cohort,
    inference,
    qualification,
    reading,
    repeat,
    scaling,
    speed,
    trial,
    viewer,
)

BENCHMARKS = {
    "accuracy": accuracy.main,
    "adc": adc.main,
    "speed": speed.main,
    "repeat": repeat.main,
    "scaling": scaling.main,
    "cohort": cohort.main,
    "inference": inference.main,
    "qualification": qualification.main,
    "reading": reading.main,
    "trial": trial.main,
    "viewer": viewer.main,
}


def main() -> None:
    """Run the named benchmarks, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--quick", action="store_true", help="a few cases only")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}")
    for name in arguments.names or BENCHMARKS:
        print(f"\n## {name}\n")
        BENCHMARKS[name](quick=arguments.quick)


if __name__ == "__main__":
    main()
