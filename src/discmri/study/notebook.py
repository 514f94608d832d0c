"""HTML of a study for notebooks."""

from __future__ import annotations

from html import escape

from discmri.core.facts import StudyFacts
from discmri.core.text import one_line


def study_html(facts: StudyFacts) -> str:
    """A table of the series with role and reasons; those that are measured are bold."""
    chosen = facts.measured
    used = {chosen.target, *chosen.diffusion, chosen.adc_map}
    rows = []
    for one in facts.series:
        cells = (
            "" if one.number is None else one.number,
            " ".join(filter(None, (one.description, one.part))),
            one.role.value,
            one.slices,
            "; ".join(filter(None, (*one.reasons, one.problem))),
        )
        tag = "th" if one.uid in used and one.usable else "td"
        rows.append("".join(f"<{tag}>{escape(one_line(cell))}</{tag}>" for cell in cells))
    head = "".join(f"<th>{name}</th>" for name in ("No.", "Series", "Role", "Slices", "Why"))
    title = ", ".join(filter(None, (facts.subject_id, facts.study_date))) or "study"
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<p>{escape(one_line(title))}</p><table><tr>{head}</tr>{body}</table>"
