"""HTML of a result for notebooks."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from typing import TYPE_CHECKING

from discmri.core.text import NOTICE, number, one_line
from discmri.results.records import PARAMETER

if TYPE_CHECKING:
    from discmri.results.model import StudyResult

_COLUMNS = {
    "level": "Level",
    "height_mm": "Height (mm)",
    "height_sd_mm": "± (mm)",
    "signal_ratio_csf": "Signal/CSF",
    "adc_disc_um2_ms": "ADC (µm²/ms)",
    "suggested_grade": "Suggested grade",
    "quality": "Quality",
    "flags": "Flags",
}


def result_html(result: StudyResult) -> str:
    """Table of the discs and overview, self-contained."""
    if result.message:
        return f"<p>Nothing was measured: {escape(one_line(result.message))}</p>"
    head = "".join(f"<th>{title}</th>" for title in _COLUMNS.values())
    body = "".join(
        "<tr>" + "".join(f"<td>{_cell(row[name], name)}</td>" for name in _COLUMNS) + "</tr>"
        for row in result.rows()
    )
    title = ", ".join(filter(None, (result.subject_id, result.study_date))) or "study"
    return (
        f"<p>{escape(one_line(title))}</p>"
        '<div style="display:flex;gap:1em;align-items:flex-start">'
        f"<table><tr>{head}</tr>{body}</table>{_picture(result)}</div><p>{escape(NOTICE)}</p>"
    )


def _cell(value: object, name: str) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return number(value, min(2, PARAMETER[name].decimals))
    return escape(one_line(value))


def _picture(result: StudyResult) -> str:
    """The overview; empty if the result has no figures."""
    png = None if result.images is None else result.overview
    if png is None:
        return ""
    data = b64encode(png).decode("ascii")
    return f'<img alt="outlines" style="max-height:32em" src="data:image/png;base64,{data}">'
