"""Writing of a results folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from discmri.core.errors import UsageError
from discmri.core.files import atomic_folder, resolved
from discmri.results.document import files_of
from discmri.results.export import EXPORTERS, ON_REQUEST
from discmri.results.provenance import Status

if TYPE_CHECKING:
    from discmri.results.model import StudyResult


def write(
    result: StudyResult,
    folder: str | Path,
    formats: Sequence[str] = (),
    overwrite: bool = False,
) -> Path:
    """Write a result into a folder atomically.

    Parameters, returned path and errors are those of :meth:`StudyResult.write`.
    """
    unknown = [name for name in formats if name not in EXPORTERS]
    if unknown:
        raise UsageError(f"unknown format {unknown[0]!r}; choose from: {', '.join(EXPORTERS)}")
    chosen = {*formats, "json"} if formats else set(EXPORTERS) - ON_REQUEST
    if result.status is Status.NOTHING:
        chosen = {"json"}
    target = resolved(Path(folder))
    with atomic_folder(target, overwrite, own_files=files_of) as fresh:
        for name, export in EXPORTERS.items():
            if name in chosen:
                noticed = export(result, fresh) or ()
                if noticed:
                    result = replace(result, findings=(*result.findings, *noticed))
    return target
