"""``discmri doctor``: check of the installation."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from discmri.cli._options import add_verbosity
from discmri.cli._table import show_table
from discmri.cli._terminal import quiet_progress

_EPILOG = """\
examples:
  discmri doctor            check the installation and measure a phantom
  discmri doctor --quiet    without progress on standard error

Nothing is written. discmri qualify is a more thorough test with a protocol to sign.

exit codes: 0 discmri can be used (extras may be missing), 1 it cannot be used.
"""


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "doctor",
        help="check the installation and measure a phantom",
        description="List versions, extras, screen and threads, and measure one phantom.",
        epilog=_EPILOG,
    )
    add_verbosity(parser)


def run(args: argparse.Namespace) -> int:
    """Run the checks."""
    from discmri.validation.doctor import Health, examine

    with quiet_progress(args) as steps:
        steps("measuring a phantom", 0.0)
        checks = examine()
    show_table(("Item", "State", "Found"), [(one.name, one.health, one.found) for one in checks])
    failed = [one.name for one in checks if one.health is Health.FAILED]
    if failed:
        print(f"discmri: failed checks: {', '.join(failed)}; see above", file=sys.stderr)
    return 1 if failed else 0
