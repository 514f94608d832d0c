"""The command line.

To add a command, write one file with ``add_parser(subparsers)`` and ``run(args) -> int``, and add its
name to :data:`COMMANDS`.  Commands import heavy packages inside ``run``, so that ``discmri --help`` is
fast.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

import discmri
from discmri.cli._site import apply_site
from discmri.cli._terminal import (
    discard_output,
    log_file,
    open_standard_streams,
    terminated_as_interrupt,
)
from discmri.core.leftovers import sweep_temporary
from discmri.core.text import one_line, without_passwords
from discmri.core.threads import limit_library_threads
from discmri.measurement.recording import describe_error

COMMANDS = (
    "inspect", "measure", "batch", "qc", "trial", "grade", "agreement", "dicom", "phantom", "validate",
    "qualify", "doctor", "config", "completion",
)  # fmt: skip

_EPILOG = """\
examples:
  discmri inspect study/            list the series and what would be measured
  discmri measure study/ -o out/    measure the study
  discmri measure --help            all options of a command

Research software, not a medical device.
"""


def program() -> int:
    """Run one command and end the process soon: nothing is collected any more."""
    code = main()
    gc.freeze()
    return code


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code.

    0 done, 2 wrong call, 3 nothing that can be measured, 1 internal error, 130 interrupted.
    """
    open_standard_streams()
    debug = "--debug" in (sys.argv[1:] if argv is None else argv)
    try:
        with terminated_as_interrupt():
            code = _call(argv)
            sys.stdout.flush()
    except BrokenPipeError:
        # the reader of the output has closed it; the results are on disk
        discard_output(sys.stdout)
        return 0
    except KeyboardInterrupt as stop:
        return _print_error(f"interrupted; {str(stop) or 'nothing was written'}", 130, debug)
    except Exception as error:  # noqa: BLE001 - top level
        return _print_error(*describe_error(error), debug)
    return code


def _call(argv: Sequence[str] | None) -> int:
    limit_library_threads(os.environ)  # before the choices of an option or a command load numpy
    try:
        parser = make_parser()
        apply_site(parser, sys.argv[1:] if argv is None else argv)
        args = parser.parse_args(argv)
    except SystemExit as stop:  # --help, --version and wrong arguments
        return int(stop.code or 0)
    sweep_temporary()
    module = import_module(f"discmri.cli.{args.command}")
    with log_file(args, sys.argv[1:] if argv is None else argv):
        return int(module.run(args))


def _print_error(what: object, code: int, debug: bool) -> int:
    if debug:
        import traceback

        print(without_passwords(traceback.format_exc()), file=sys.stderr)
    try:
        print(f"discmri: {without_passwords(one_line(what))}", file=sys.stderr, flush=True)
    except OSError:  # standard error is closed
        discard_output(sys.stderr)
    return code


class _Parser(argparse.ArgumentParser):
    """A parser with one-line error messages and preformatted help."""

    def __init__(self, *, allow_abbrev: bool = False, **options: Any) -> None:
        layout = argparse.RawDescriptionHelpFormatter
        super().__init__(formatter_class=layout, allow_abbrev=allow_abbrev, **options)

    def error(self, message: str) -> NoReturn:
        """Print one line and exit with code 2."""
        self.exit(
            2, f"{self.prog}: {without_passwords(one_line(message))}; see {self.prog} --help\n"
        )


class _Version(argparse.Action):
    """Print the version, which is looked up only on demand."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        print(f"discmri {discmri.__version__}")
        parser.exit()


def make_parser() -> argparse.ArgumentParser:
    """The parser of the whole program."""
    parser = _Parser(
        prog="discmri",
        description="Disc height, diffusion and modified Pfirrmann grade of lumbar discs on MRI.",
        epilog=_EPILOG,
    )
    parser.add_argument(
        "--version", action=_Version, nargs=0, help="show program's version number and exit"
    )
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        import_module(f"discmri.cli.{name}").add_parser(subparsers)
    return parser
