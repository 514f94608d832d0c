"""The reasons for a suggested grade as sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from discmri.core.grade import Grade, ModifiedPfirrmannGrade, ReferenceKind

_HEIGHT_KEYS = {"height_mm", "reference_height_mm", "reference_sd_mm", "height_loss"}
_REFERENCES = {
    ReferenceKind.SPINE.value: "from the depth of the discs and the healthier discs of this spine",
    ReferenceKind.DEPTH.value: "from the depth of the discs alone",
}
_BY_NUMBER = "csf and presacral fat"
_SEEN = {
    1: "uniformly bright, like the brightest normal discs",
    2: "bright, but darker than the brightest normal discs or not uniform",
    3: "grey, the inner and outer fibres of the posterior annulus distinct",
    4: "grey, the inner and outer fibres of the posterior annulus not distinct",
    5: "dark",
}
_RULES = {
    _BY_NUMBER: "by comparison with cerebrospinal fluid and presacral fat",
    "csf and marrow": "predicted by a model of radiologists' grades, from ratios to cerebrospinal "
    "fluid and marrow and the variation of the signal within the disc",
    "csf": "predicted by a model of radiologists' grades, from ratios to cerebrospinal fluid alone "
    "(marrow missing)",
    "marrow": "predicted by a model of radiologists' grades, from ratios to marrow alone "
    "(cerebrospinal fluid missing or not brighter than marrow)",
}
_CHANGED = {
    "inner_to_csf": "{:.2f} of the signal of cerebrospinal fluid",
    "inner_to_marrow": "{:.2f} of the signal of marrow",
    "height_mm": "a height of {:.1f} mm",
}
PROBABLE = 0.5
"""A grade of smaller probability is called uncertain."""


def criteria(grade: Grade) -> list[str]:
    """Criteria of the two parts of a grade.

    >>> criteria(Grade.parse("7"))
    ['Signal 5: dark.', 'Collapse 7: 30 to 60 % reduction of height.']
    """
    signal = f"Signal {grade.signal}: {_SEEN[grade.signal]}."
    if not grade.collapse:
        return [signal, "No collapse part."]
    loss = ModifiedPfirrmannGrade(grade.collapse).height
    return [signal, f"Collapse {grade.collapse}: {loss} of height."]


def reasons(evidence: Mapping[str, Any]) -> list[str]:
    """Sentences about the evidence of a suggested grade; missing entries are skipped."""
    lines = []
    if "grade_probability" in evidence:
        lines.append(_probability(evidence))
    if "inner_to_csf" in evidence or "inner_to_marrow" in evidence:
        lines += _signal(evidence)
    if evidence.keys() >= _HEIGHT_KEYS:
        lines.append(_height(evidence))
    changes = evidence.get("changes")
    if changes:
        lines.append(_changes(changes))
    near = evidence.get("borderline")  # of results before the model
    if near:
        lines.append(
            f"Close to a threshold; the neighbouring grade is possible: {', '.join(near)}."
        )
    return lines


def _probability(evidence: Mapping[str, Any]) -> str:
    chance = float(evidence["grade_probability"])
    others = [
        f"{name} {100 * share:.0f} %" for name, share in evidence.get("alternatives", {}).items()
    ]
    text = f"Probability {100 * chance:.0f} %"
    if others:
        text += f" (next: {', '.join(others)})"
    doubt = "; below 50 %: the grade is uncertain" if chance < PROBABLE else ""
    return f"{text}{doubt}."


def _signal(evidence: Mapping[str, Any]) -> list[str]:
    shares = []
    if "inner_to_csf" in evidence:
        csf = f", {evidence['csf']}" if "csf" in evidence else ""
        shares.append(f"{evidence['inner_to_csf']:.2f} of the signal of cerebrospinal fluid{csf}")
    if "inner_to_marrow" in evidence:
        shares.append(f"{evidence['inner_to_marrow']:.2f} of that of marrow")
    fat = evidence.get("fat_to_csf")
    beside = f"; presacral fat has {fat:.2f} of cerebrospinal fluid" if _is_number(fat) else ""
    lines = [f"The nucleus and inner annulus have {' and '.join(shares)}{beside}."]
    rule = _RULES.get(str(evidence.get("comparators")))
    if rule is not None:
        limits = ""
        if evidence["comparators"] == _BY_NUMBER and "like_csf" in evidence:
            limits = f": 1 from {evidence['like_csf']:.2f}, 2 from {evidence['fat_to_csf']:.2f}"
        lines.append(f"Signal part {rule}{limits}.")
    limit = evidence.get("distinct_from", evidence.get("thresholds", {}).get("annulus distinct"))
    if "distinctness" in evidence:
        needed = "" if limit is None else f" (distinct from {limit:.2f})"
        outer = evidence.get("outer_posterior_to_csf")
        start = f"The outer posterior annulus has {outer:.2f}; the" if _is_number(outer) else "The"
        lines.append(
            f"{start} step from inner to outer fibres is {evidence['distinctness']:.2f}{needed}."
        )
    return lines


def _height(evidence: Mapping[str, Any]) -> str:
    kind = _REFERENCES.get(str(evidence.get("reference_kind")), "")
    loss = float(evidence["height_loss"])
    source = f", {kind}" if kind else ""
    text = (
        f"Height {evidence['height_mm']:.1f} mm against an expected "
        f"{evidence['reference_height_mm']:.1f} ± {evidence['reference_sd_mm']:.1f} mm{source}: "
        f"{_lower(loss)}"
    )
    best = evidence.get("height_loss_estimate")
    if best is None:  # of results before the model
        return f"{text}."
    normal = evidence.get("normal_height_loss")
    return (
        f"{text}. With the uncertainty of the expected height: {_lower(float(best))} "
        f"(for a dark disc grade 6 from {100 * float(normal or 0):.0f} %, 7 from 30 %, 8 above "
        "60 %; in a disc with signal part 1 to 4 a loss below 30 % is ignored)."
    )


def _lower(loss: float) -> str:
    return f"{abs(100 * loss):.0f} % {'lower' if loss >= 0 else 'higher'}"


def _changes(changes: Sequence[Mapping[str, Any]]) -> str:
    parts = []
    for one in changes:
        text = _CHANGED[one["value"]]
        what = text.format(float(one["limit"]))
        parts.append(f"{one['grade']} {'from' if one['above'] else 'below'} {what}")
    return f"With all else unchanged, the suggested grade would be: {'; '.join(parts)}."


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float))
