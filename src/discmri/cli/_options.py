"""Options of several commands, and conversion of their values."""

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
    """Choices of an option, loaded only when needed.

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
    """A path, for argparse; an empty text is refused."""
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
    """Check that a path can be read, before heavy packages are imported; ``UsageError`` if not."""
    try:
        found = path.exists()
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read ({error}); give a study") from error
    if not found:
        raise UsageError(f"{path} does not exist; give a study folder, a .zip or a NIfTI file")


def add_study(parser: argparse.ArgumentParser) -> None:
    """Add the options of commands that read a study."""
    parser.add_argument(
        "path",
        metavar="STUDY",
        type=path_argument,
        help="a folder (searched recursively), a .zip of one, or a NIfTI file",
    )
    parser.add_argument(
        "--study", dest="study_uid", metavar="UID", help="study to use if there are several"
    )
    parser.add_argument(
        "--threads",
        type=positive,
        default=_DEFAULTS.threads,
        metavar="N",
        help="number of threads (default: %(default)s)",
    )
    add_verbosity(parser)


def add_verbosity(parser: argparse.ArgumentParser) -> None:
    """Add the options of progress and logging."""
    parser.add_argument("--quiet", action="store_true", help="no progress on standard error")
    add_log(parser)


def add_log(parser: argparse.ArgumentParser) -> None:
    """Add the options of logging."""
    parser.add_argument("--verbose", action="store_true", help="print the log on standard error")
    parser.add_argument(
        "--log-file", metavar="FILE", type=path_argument, help="append the log to a file"
    )
    parser.add_argument(
        "--debug", action="store_true", help="print the debug log, and a traceback on errors"
    )


def add_decisions(parser: argparse.ArgumentParser) -> None:
    """Add the option of quality control decisions."""
    parser.add_argument(
        "--qc", metavar="CSV", type=path_argument,
        help="decisions.csv saved in the page of discmri qc; rejected discs are left out",
    )  # fmt: skip


def decisions_of(args: argparse.Namespace) -> Decisions | None:
    """Quality control decisions; ``None`` if not given."""
    from discmri.results.decisions import read_decisions

    return None if args.qc is None else read_decisions(args.qc)


def add_mask_scheme(group: argparse._ArgumentGroup) -> None:
    """Add the option of the scheme of label maps."""
    group.add_argument(
        "--mask-scheme", metavar="SCHEME", default=_DEFAULTS.mask_scheme,
        choices=LazyChoices("discmri.measurement.segment.schemes", "SCHEMES"),
        help="meaning of the numbers in label maps; one of: %(choices)s (default: %(default)s)",
    )  # fmt: skip


def add_height_method(group: argparse._ArgumentGroup) -> None:
    """Add the option of the primary height definition."""
    group.add_argument(
        "--height-method", metavar="METHOD", default=_DEFAULTS.height_method,
        choices=LazyChoices("discmri.results.height", "HEIGHT_METHODS"),
        help="definition used for height_mm; one of: %(choices)s (default: %(default)s)",
    )  # fmt: skip
