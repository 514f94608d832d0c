"""The reasons for a suggested grade as sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from discmri.core.grade import Grade, ModifiedPfirrmannGrade, ReferenceKind

_SIGNAL_KEYS = {"inner_to_csf", "outer_posterior_to_csf", "distinctness", "csf", "fat_to_csf"}
_HEIGHT_KEYS = {"height_mm", "reference_height_mm", "reference_sd_mm", "height_loss"}
_REFERENCES = {
    ReferenceKind.BASELINE.value: "the same disc at baseline",
    ReferenceKind.SPINE.value: "from the depth of the discs and the healthier discs of this spine",
    ReferenceKind.DEPTH.value: "from the depth of the discs alone",
}


def criteria(grade: Grade) -> list[str]:
    """What the scale says of the two parts of a grade.

    >>> criteria(Grade.parse("7"))
    ['Signal 5: hypointense, equal to the outer fibres of the annulus.',
     'Collapse 7: 30 to 60 % reduction of height.']
    """
    signal = f"Signal {grade.signal}: {ModifiedPfirrmannGrade(grade.signal).nucleus}."
    if not grade.collapse:
        return [signal, "No collapse: the height counts as normal."]
    loss = ModifiedPfirrmannGrade(grade.collapse).height
    return [signal, f"Collapse {grade.collapse}: {loss} of height."]


def reasons(evidence: Mapping[str, Any]) -> list[str]:
    """Sentences for the evidence that the grading leaves; what is absent is not mentioned."""
    lines = []
    if evidence.keys() >= _SIGNAL_KEYS:
        lines += _signal(evidence)
    if evidence.keys() >= _HEIGHT_KEYS:
        lines.append(_height(evidence))
    near = evidence.get("borderline")
    if near:
        lines.append(
            f"Close to a threshold, so the neighbouring grade is possible: {', '.join(near)}."
        )
    return lines


def _signal(evidence: Mapping[str, Any]) -> list[str]:
    fat = evidence["fat_to_csf"]
    beside = f"fat has {fat:.2f}" if isinstance(fat, float) else "there is no fat to compare with"
    limit = evidence.get("thresholds", {}).get("annulus distinct")
    needed = "" if limit is None else f" (distinct from {limit:.2f})"
    return [
        f"The nucleus and inner annulus have {evidence['inner_to_csf']:.2f} of the signal of "
        f"cerebrospinal fluid, {evidence['csf']}; {beside}.",
        f"The outer posterior annulus has {evidence['outer_posterior_to_csf']:.2f}; the step from "
        f"inner to outer fibres is {evidence['distinctness']:.2f}{needed}.",
    ]


def _height(evidence: Mapping[str, Any]) -> str:
    kind = _REFERENCES.get(str(evidence.get("reference_kind")), "")
    loss = float(evidence["height_loss"])
    change = f"{abs(100 * loss):.0f} % {'lower' if loss >= 0 else 'higher'}"
    source = f", {kind}" if kind else ""
    return (
        f"Height {evidence['height_mm']:.1f} mm against an expected "
        f"{evidence['reference_height_mm']:.1f} ± {evidence['reference_sd_mm']:.1f} mm{source}: "
        f"{change}."
    )
