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
    """What came of a table.

    Parameters
    ----------
    analysis
        Its conclusions.
    files
        Names of the files in the folder.
    """

    analysis: Analysis
    files: tuple[str, ...]


def analyse_table(
    table: ValuesTable,
    root: Path,
    declaration: Declaration | None = None,
    name: str = "trial",
    overwrite: bool = False,
) -> Reanalysis:
    """Analyse a table as a measured trial is analysed, and write the same files.

    Parameters
    ----------
    table
        From :func:`discmri.trial.values_table.read_values`.
    root
        The folder; appears whole or not at all.
    declaration
        What is asked.
    name
        Of the trial.
    overwrite
        Replace the files of an earlier analysis.

    Raises
    ------
    UsageError
        Where the folder exists or cannot be written.
    """
    analysis = analyse(table.courses, table.trial.visits, table.reads, declaration)
    with atomic_folder(resolved(root), overwrite) as fresh:
        files = write_outputs(table.trial, analysis, fresh, name, table)
    return Reanalysis(analysis, files)
