"""The analysis of a trial from a table of values, without images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from discmri.core.files import atomic_folder, resolved
from discmri.trial.analysis import Analysis, analyse
from discmri.trial.declaration import Declaration
from discmri.trial.outputs import write_outputs
from discmri.trial.values_table import ValuesTable


@dataclass(frozen=True)
class Reanalysis:
    """Result of the analysis of a table."""

    analysis: Analysis
    files: tuple[str, ...]  # names of the files that were written


def analyse_table(
    table: ValuesTable,
    root: Path,
    declaration: Declaration | None = None,
    name: str = "trial",
    overwrite: bool = False,
) -> Reanalysis:
    """Analyse a table like a measured trial, and write the same files into a folder, atomically.

    Raises ``UsageError`` if the folder exists without ``overwrite`` or cannot be written.
    """
    analysis = analyse(table.courses, table.trial.visits, table.reads, declaration)
    with atomic_folder(resolved(root), overwrite) as fresh:
        files = write_outputs(table.trial, analysis, fresh, name, table)
    return Reanalysis(analysis, files)
