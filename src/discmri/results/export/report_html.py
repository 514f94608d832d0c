"""``report.html``: one self-contained page for readers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from discmri.core.pages import render

if TYPE_CHECKING:
    from discmri.results.model import StudyResult


def export(result: StudyResult, folder: Path) -> None:
    """Write ``report.html`` with embedded styles and pictures, without scripts."""
    (folder / "report.html").write_text(page(result), encoding="utf-8", newline="\n")


def page(result: StudyResult) -> str:
    """The page as HTML; text from the input is escaped."""
    from discmri.results.report_text import content

    return render("discmri.results.export/report.html.j2", **content(result))
