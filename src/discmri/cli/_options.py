"""Options that several commands share, and how their texts become values."""

from __future__ import annotations

import argparse
from collections.abc import Container, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from discmri.core.errors import UsageError
from discmri.core.settings import Settings

if TYPE_CHECKING:
    from discmri.results.decisions import Decisions

_DEFAULTS = Settings()


class LazyChoices(Container[str]):
    """Choices of an option, loaded from a package's list only when they are needed.

    >>> list(LazyChoices("discmri.results.export", "EXPORTERS"))[:2]
    ['csv', 'csv-long']
    """

    def __init__(self, module: str, name: str) -> None:
        self._module, self._name = module, name

    def __iter__(self) -> Iterator[str]:
        return iter(getattr(import_module(self._module), self._name))

    def __contains__(self, choice: object) -> bool:
        return choice in getattr(import_module(self._module), self._name)


def path_argument(text: str) -> Path:
    """A path, for argparse; an empty one is a mistake, not the current folder."""
    if not text:
        raise argparse.ArgumentTypeError("expected a path, got an empty text")
    return Path(text)


def positive(text: str) -> int:
    """A whole number above zero, for argparse.

    >>> positive("3")
    3
    """
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number above zero, got {text!r}")
    return int(text)


def check_readable(path: Path) -> None:
    """Refuse a path that is not there before anything heavy is loaded.

    Raises
    ------
    UsageError
        Where it does not exist or cannot be read.
    """
    try:
        found = path.exists()
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read ({error}); name a study") from error
    if not found:
        raise UsageError(f"{path} does not exist; name a study folder, a .zip or a NIfTI file")


def add_study(parser: argparse.ArgumentParser) -> None:
    """Add what every command that reads a study takes."""
    parser.add_argument(
        "path",
        metavar="STUDY",
        type=path_argument,
        help="a folder (searched recursively), a .zip of one, or a NIfTI file",
    )
    parser.add_argument(
        "--study", dest="study_uid", metavar="UID", help="which study, where there are several"
    )
    parser.add_argument(
        "--threads",
        type=positive,
        default=_DEFAULTS.threads,
        metavar="N",
        help="how many threads read and compute (default: %(default)s)",
    )
    add_verbosity(parser)


def add_verbosity(parser: argparse.ArgumentParser) -> None:
    """Add how much is said."""
    parser.add_argument("--quiet", action="store_true", help="no progress on standard error")
    add_log(parser)


def add_log(parser: argparse.ArgumentParser) -> None:
    """Add where the log goes."""
    parser.add_argument("--verbose", action="store_true", help="print the log on standard error")
    parser.add_argument(
        "--log-file", metavar="FILE", type=path_argument, help="append the whole log to a file"
    )
    parser.add_argument("--debug", action="store_true", help="log, and a traceback on errors")


def add_decisions(parser: argparse.ArgumentParser) -> None:
    """Add what a person decided on the discs."""
    parser.add_argument(
        "--qc", metavar="CSV", type=path_argument,
        help="decisions.csv that was saved in the page of discmri qc: rejected discs are left out "
        "and counted",
    )  # fmt: skip


def decisions_of(args: argparse.Namespace) -> Decisions | None:
    """What a person decided, where that was given."""
    from discmri.results.decisions import read_decisions

    return None if args.qc is None else read_decisions(args.qc)


def add_mask_scheme(group: argparse._ArgumentGroup) -> None:
    """Add how the numbers of a label map are read."""
    group.add_argument(
        "--mask-scheme", metavar="SCHEME", default=_DEFAULTS.mask_scheme,
        choices=LazyChoices("discmri.measurement.segment.schemes", "SCHEMES"),
        help="what the numbers of a label map mean; one of: %(choices)s (default: %(default)s)",
    )  # fmt: skip


def add_height_method(group: argparse._ArgumentGroup) -> None:
    """Add which definition of height is the primary one."""
    group.add_argument(
        "--height-method", metavar="METHOD", default=_DEFAULTS.height_method,
        choices=LazyChoices("discmri.results.height", "HEIGHT_METHODS"),
        help="which definition feeds height_mm; one of: %(choices)s (default: %(default)s)",
    )  # fmt: skip
