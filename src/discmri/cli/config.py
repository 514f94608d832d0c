"""``discmri config``: the defaults in force, and where they come from."""

from __future__ import annotations

import argparse
from typing import Any

from discmri.cli._table import show_table

_EPILOG = """\
examples:
  discmri config              every option that has a value, by command
  discmri config measure      those of one command
  discmri config --site       those of the site's file alone

A site sets options once for all in discmri.toml, looked for in the current folder and then in the
user's folder for settings; DISCMRI_CONFIG=FILE names another. An option that is typed overrides it. Such a file:
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
        help="show the defaults in force",
        description="Show the options that have a value, and whether it is the program's or the "
        "site's.",
        epilog=_EPILOG,
    )
    parser.add_argument("of", metavar="COMMAND", nargs="*", help="such as measure or trial run")
    parser.add_argument("--site", action="store_true", help="only what discmri.toml sets")


def run(args: argparse.Namespace) -> int:
    """Show them."""
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
        show_table(("Command", "Option", "Value", "From"), rows)
    file = site_file()
    print(f"Site: {file or 'no file; looked for ' + ', '.join(map(str, places()))}")
    return 0


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
