"""Texts of the dock: measured values, grading scale, warnings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from discmri.core.findings import MEANINGS, Code
from discmri.core.grade import Grade, ModifiedPfirrmannGrade
from discmri.core.text import deviation, number, printable
from discmri.napari.panel import MetricRow
from discmri.reading import DiscMetrics, DiscState, Judgement, Mode
from discmri.results.grade_text import criteria, reasons
from discmri.results.report_text import quality_text, readable

RULES = {
    Mode.OPEN: "Open session: everything is shown.",
    Mode.LOCKED: "Locked session: measured values are shown after grading.",
    Mode.BLINDED: "Blinded session: images and labels only.",
}
"""Information shown to readers, by mode."""
_SHOWN: Mapping[str, int] = {
    "height_mm": 1,
    "height_anterior_mm": 1,
    "height_middle_mm": 1,
    "height_posterior_mm": 1,
    "dhi_ap": 2,
    "dhi_vb": 2,
    "width_ap_mm": 1,
    "wedge_deg": 1,
    "listhesis_mm": 1,
    "signal_ratio_csf": 2,
    "adc_disc_um2_ms": 2,
    "adc_nucleus_um2_ms": 2,
    "suggested_grade": 0,
    "suggested_grade_probability": 2,
}
"""Parameters in the dock with their decimals."""


def metric_rows(
    metrics: DiscMetrics, edited: Mapping[str, float] | None = None
) -> tuple[MetricRow, ...]:
    """The values of a disc without missing ones; a value missing after an edit is a dash."""
    quality = quality_text(metrics.quality)
    rows = [MetricRow("Quality", quality, "")] if quality else []
    for name, decimals in _SHOWN.items():
        automatic = _value(metrics, name, decimals)
        after = ""
        if edited is not None and name in edited:
            after = number(edited[name], decimals)
        elif edited is not None and metrics.number(name) is not None:
            after = "–"
        if automatic or after:
            rows.append(MetricRow(readable(name), automatic or "–", after))
    if edited is not None and "suggested_signal" in edited:
        grade = _grade(edited["suggested_signal"], edited["suggested_collapse"])
        rows.append(MetricRow("Suggested grade, edited", "", str(grade)))
    return tuple(rows)


def _value(metrics: DiscMetrics, name: str, decimals: int) -> str:
    found = metrics.values.get(name)
    if found is None:
        return ""
    if isinstance(found.value, str):
        return printable(found.value)
    text = number(float(found.value), decimals)
    return text if found.sd is None else f"{text} ± {deviation(found.sd, decimals)}"


def _grade(signal: float, collapse: float) -> Grade:
    return Grade(round(signal), round(collapse))


def evidence(metrics: DiscMetrics) -> tuple[str, ...]:
    """Reasons for the suggested grade, as sentences."""
    signal, collapse = (metrics.number(f"suggested_{part}") for part in ("signal", "collapse"))
    lines = [] if signal is None or collapse is None else criteria(_grade(signal, collapse))
    grade: Any = metrics.evidence.get("grade")
    if isinstance(grade, Mapping):
        lines += reasons(grade)
    return tuple(lines)


def flags(metrics: DiscMetrics) -> tuple[str, ...]:
    """Warnings about the disc, as sentences."""
    known = {code.value: MEANINGS[code] for code in Code}
    return tuple(known.get(flag, flag) for flag in metrics.flags)


def why_hidden(mode: Mode, state: DiscState) -> str:
    """Reason why measured values of a disc are hidden."""
    if mode is Mode.BLINDED:
        return "Measured values are not shown in a blinded session."
    if mode is Mode.LOCKED and state is not DiscState.DONE:
        return "Measured values are shown after the disc is graded and revealed (Enter)."
    return "Nothing was measured on this disc."


def told_truth(name: str, judgement: Judgement, truth: Grade) -> str:
    """Feedback on a wrong grade in a practice session.

    >>> told_truth("L4-L5", Grade(4), Grade(5, 7))
    'L4-L5: your grade 4, true grade 7. Signal 5: dark. Collapse 7: 30 to 60 % reduction of height.'
    """
    why = [line for line in criteria(truth) if truth.collapse or not line.startswith("No ")]
    return f"{name}: your grade {judgement}, true grade {truth}. {' '.join(why)}"


def scale() -> tuple[tuple[str, str, str, str], ...]:
    """The modified Pfirrmann scale (Griffith 2007): grade, signal, posterior annulus, height.

    >>> scale()[6]
    ('7', 'hypointense', 'indistinct', '30 to 60 % reduction')
    """
    return tuple(
        (str(one.value), one.nucleus, one.posterior_annulus, one.height)
        for one in ModifiedPfirrmannGrade
    )
