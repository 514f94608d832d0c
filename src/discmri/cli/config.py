"""``discmri config``: defaults of options and their source."""

from __future__ import annotations

import argparse
from typing import Any

from discmri.cli._table import show_table

_EPILOG = """\
examples:
  discmri config              all options with a default, by command
  discmri config measure      options of one command
  discmri config --site       only options set by discmri.toml

A site can set defaults in discmri.toml in the current folder or in the configuration folder of the
user, or in another file by DISCMRI_CONFIG=FILE. The command line has priority. Example:
  [measure]
  height-method = "dabbs"
  threads = 4
  [batch]
  format = ["csv", "html"]
  time-limit = 10
  [trial.run]
  workers = 8
"""


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "config",
        help="show defaults of options",
        description="Show the defaults of options, and whether they are set by the program or by "
        "discmri.toml.",
        epilog=_EPILOG,
    )
    parser.add_argument(
        "of", metavar="COMMAND", nargs="*", help="a command, such as measure or trial run"
    )
    parser.add_argument("--site", action="store_true", help="show only options set by discmri.toml")


def run(args: argparse.Namespace) -> int:
    """Show the defaults."""
    from discmri.cli import make_parser
    from discmri.cli._site import apply_site, commands, in_force, places, site_file
    from discmri.core.errors import UsageError

    parser = make_parser()
    apply_site(parser, None)
    wanted = " ".join(args.of)
    names = [name for name, _ in commands(parser)]
    if wanted and wanted not in names:
        raise UsageError(f"there is no command {wanted!r}; choose from {', '.join(names)}")
    rows = [
        (one.command, one.option, _text(one.value), one.source)
        for one in in_force(parser)
        if (not wanted or f"{one.command} ".startswith(f"{wanted} "))
        and (not args.site or one.source != "program")
    ]
    if rows:
        show_table(("Command", "Option", "Value", "Source"), rows)
    file = site_file()
    print(f"Site file: {file or 'none of ' + ', '.join(map(str, places()))}")
    return 0


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
