"""Tables on standard output, with rules on a terminal, plain otherwise."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from discmri.core.text import one_line


def show_table(
    header: Sequence[str], rows: Sequence[Sequence[object]], right: frozenset[int] = frozenset()
) -> None:
    """Print a table without control characters; ``right`` are indices of right-aligned columns."""
    cells = [[one_line(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _framed(header, cells, right)
        return
    widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]
    for row in (header, *cells):
        aligned = (
            text.rjust(width) if n in right else text.ljust(width)
            for n, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join(aligned).rstrip())


def _framed(header: Sequence[str], cells: Sequence[Sequence[str]], right: frozenset[int]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for n, name in enumerate(header):
        table.add_column(Text(name), justify="right" if n in right else "left", overflow="fold")
    for row in cells:
        table.add_row(*(Text(text) for text in row))
    Console(file=sys.stdout).print(table)
