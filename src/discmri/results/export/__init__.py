"""Results as files.

To add a format: write one file with a function of type :data:`Exporter` and add one line to
:data:`EXPORTERS`.  A member writes its file (or sub-folder) into a folder that exists; it never
reads the clock, so two runs give identical bytes.  ``tests/test_members.py`` runs every member.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from discmri.core.errors import UsageError
from discmri.core.files import atomic_folder, resolved
from discmri.results.export import (
    csv_long,
    csv_wide,
    figures_png,
    nifti_labels,
    outlines_json,
    report_html,
    study_json,
)
from discmri.results.export.study_json import Failure

if TYPE_CHECKING:
    from discmri.results.model import StudyResult

__all__ = ["EXPORTERS", "Exporter", "Failure", "write", "write_failure"]

Exporter = Callable[["StudyResult", Path], None]
"""A result and an existing folder in; a file in that folder out."""

EXPORTERS: Mapping[str, Exporter] = {
    "csv": csv_wide.export,
    "csv-long": csv_long.export,
    "nifti": nifti_labels.export,
    "outlines": outlines_json.export,
    "png": figures_png.export,
    "html": report_html.export,
    "json": study_json.export,  # last: it lists what the others wrote
}


def write(
    result: StudyResult,
    folder: str | Path,
    formats: Sequence[str] = (),
    overwrite: bool = False,
) -> Path:
    """Write a result into a folder that appears whole or not at all.

    Parameters
    ----------
    result
        What was measured.
    folder
        Where to; parents are made.
    formats
        Names from :data:`EXPORTERS`; empty means all.  ``study.json`` is always written.
    overwrite
        Replace the files of an earlier run; anything else in the folder is kept.

    Returns
    -------
    pathlib.Path
        The folder, absolute.

    Raises
    ------
    UsageError
        Where a format is unknown, the folder exists without ``overwrite``, or it cannot be
        written.
    """
    unknown = [name for name in formats if name not in EXPORTERS]
    if unknown:
        raise UsageError(f"no format is called {unknown[0]!r}; choose from: {', '.join(EXPORTERS)}")
    chosen = {*formats, "json"} if formats else set(EXPORTERS)
    target = resolved(Path(folder))
    with atomic_folder(target, overwrite) as fresh:
        for name, export in EXPORTERS.items():
            if name in chosen:
                export(result, fresh)
    return target


def write_failure(failure: Failure, folder: str | Path, overwrite: bool = False) -> Path:
    """Write only ``study.json`` with the findings: the record of a study without results.

    Parameters
    ----------
    failure
        What is known of the study and why nothing could be measured.
    folder, overwrite
        As in :func:`write`.

    Returns
    -------
    pathlib.Path
        The folder, absolute.

    Raises
    ------
    UsageError
        As in :func:`write`.
    """
    target = resolved(Path(folder))
    with atomic_folder(target, overwrite) as fresh:
        study_json.export_failure(failure, fresh)
    return target
