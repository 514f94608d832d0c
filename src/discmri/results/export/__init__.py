"""Writers of results, one per format.

To add a format, write one file with a function of type :data:`Exporter` and add one line to
:data:`EXPORTERS`.  An exporter writes its file or sub-folder into an existing folder and never reads
the clock, so that two runs give identical bytes.  ``tests/test_members.py`` runs every exporter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from discmri.results.export import (
    bids,
    csv_long,
    csv_wide,
    dicom,
    figures_png,
    nifti_labels,
    outlines_json,
    report_html,
    study_json,
)

if TYPE_CHECKING:
    from discmri.core.findings import Finding
    from discmri.results.model import StudyResult

__all__ = ["EXPORTERS", "ON_REQUEST", "Exporter"]

Exporter = Callable[["StudyResult", Path], "Sequence[Finding] | None"]
"""Takes a result and an existing folder, writes into the folder, and may return findings."""

EXPORTERS: Mapping[str, Exporter] = {
    "csv": csv_wide.export,
    "csv-long": csv_long.export,
    "nifti": nifti_labels.export,
    "outlines": outlines_json.export,
    "png": figures_png.export,
    "html": report_html.export,
    "dicom": dicom.export,
    "bids": bids.export,
    "json": study_json.export,  # last, because it lists the files of the others
}
ON_REQUEST = frozenset({"dicom", "bids"})
"""Formats that are written only on request."""
