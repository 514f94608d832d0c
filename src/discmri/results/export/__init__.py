"""Results as files.

To add a format: write one file with a function of type :data:`Exporter` and add one line to
:data:`EXPORTERS`.  A member writes its file (or sub-folder) into a folder that exists; it never
reads the clock, so two runs give identical bytes.  ``tests/test_members.py`` runs every member.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from discmri.results.export import (
    csv_long,
    csv_wide,
    figures_png,
    nifti_labels,
    outlines_json,
    report_html,
    study_json,
)

if TYPE_CHECKING:
    from discmri.results.model import StudyResult

__all__ = ["EXPORTERS", "Exporter"]

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
