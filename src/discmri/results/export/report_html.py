"""``report.html``: one self-contained page for a person."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from discmri.results.model import StudyResult


def export(result: StudyResult, folder: Path) -> None:
    """Write ``report.html``: styles and pictures inside, no scripts, nothing from the network.

    Parameters
    ----------
    result
        What was measured.
    folder
        An existing folder.
    """
    (folder / "report.html").write_text(page(result), encoding="utf-8", newline="\n")


def page(result: StudyResult) -> str:
    """The page as HTML, every text from the input escaped."""
    from jinja2 import Environment, StrictUndefined

    from discmri.results.report_text import content

    template = resources.files("discmri.results.export").joinpath("templates/report.html.j2")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(template.read_text(encoding="utf-8")).render(content(result))
