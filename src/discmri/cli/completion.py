"""``discmri completion``: a script for completion of commands and options in a shell."""

from __future__ import annotations

import argparse
from typing import Any

_EPILOG = """\
examples:
  discmri completion bash > ~/.local/share/bash-completion/completions/discmri
  discmri completion zsh > ~/.zfunc/_discmri
  discmri completion tcsh > ~/.discmri.completion.tcsh
"""


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "completion",
        help="print a script for shell completion",
        description="Print a script for completion of commands, options and files in a shell.",
        epilog=_EPILOG,
    )
    parser.add_argument("shell", choices=("bash", "zsh", "tcsh"), help="the shell")


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    import shtab

    from discmri.cli import make_parser
    from discmri.cli._options import path_argument
    from discmri.cli._site import commands

    parser = make_parser()
    for _, own in commands(parser):
        for action in own._actions:
            if action.type is path_argument:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
    print(shtab.complete(parser, args.shell))
    return 0
