"""The report of a trial as one offline page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import discmri
from discmri.core.levels import DiscLevel
from discmri.core.pages import render
from discmri.core.text import number, significant
from discmri.results.decisions import REASON
from discmri.results.export.csv_wide import Cells
from discmri.results.names import human, kinds, listed, titled, unit
from discmri.results.records import PARAMETER
from discmri.trial.analysis import Analysis
from discmri.trial.answer import FEW_MARK, answers, interval, p_text, plan
from discmri.trial.change import Change, Course, Visit
from discmri.trial.comparability import Comparability
from discmri.trial.grades import SUGGESTED, Shifts
from discmri.trial.groups import AnalysisRole, GroupEffect
from discmri.trial.noise import LEAST_REPEATS, Band
from discmri.trial.plan import Trial
from discmri.trial.plots import course_plot, overview_plot
from discmri.trial.tables import comparability_rows, shown

SHOWN = (
    "height_mm", "height_posterior_mm", "dhi_vb", "area_mm2", "volume_mm3", "signal_ratio_csf",
    "adc_disc_um2_ms", "adc_nucleus_um2_ms",
)  # fmt: skip
"""Parameters in the page besides those of the responder rule; ``long.csv`` has all."""
_MOST_TICKS = 8


@dataclass(frozen=True)
class DiscPicture:
    """One disc at one visit: caption, note, and PNG in base64 (may be empty)."""

    caption: str
    note: str
    png: str


def page(trial: Trial, analysis: Analysis, name: str) -> str:
    """The page as HTML; text from the input is escaped."""
    visits = trial.visits
    primary = analysis.rule.parameters
    changed = {one.parameter for one in analysis.changes}
    return render(
        "discmri.trial/report.html.j2",
        name=name,
        version=discmri.__version__,
        facts=_facts(trial, analysis),
        answers=answers(analysis),
        few=FEW_MARK,
        rule=str(analysis.rule),
        judged=analysis.judged,
        responders=[one for one in analysis.judged if one.response.value == "responder"],
        overview=[(human(p), overview_plot(analysis, p, visits)) for p in primary if p in changed],
        declared_effects=[_effect(one) for one in analysis.effects if _is_declared(one)],
        exploratory=[
            _effect(one)
            for one in analysis.effects
            if not _is_declared(one) and one.endpoint.parameter in _parameters(analysis)
        ],
        comparability=[_condition(row) for row in comparability_rows(analysis)],
        repeats=_repeats(analysis),
        own_noise=bool(analysis.noise.repeats),
        least_repeats=LEAST_REPEATS,
        plan=list(plan(analysis)),
        sections=[_section(course, analysis) for course in analysis.courses],
        shifts=[_shift(one) for one in analysis.shifts],
        suggested=SUGGESTED,
    )


def _condition(row: Cells) -> Cells:
    """A row of ``comparability.csv`` with human names of parameters."""
    return row | {"touches": kinds(str(row["touches"]).replace("*", "").split())}


def _facts(trial: Trial, analysis: Analysis) -> list[tuple[str, str]]:
    scans = [visit for course in analysis.courses for visit in course.visits]
    failed = sum(bool(visit.measured.reason) for visit in scans)
    verdicts = Counter(
        one.verdict.value
        for one in analysis.changes
        if one.treated and one.parameter in analysis.rule.parameters
    )
    counts = ", ".join(f"{count} {what}" for what, count in sorted(verdicts.items())) or "none"
    rejected = sum(disc.is_rejected for visit in scans for disc in visit.measured.discs.values())
    by_person = sum(
        disc.quality is not None and REASON["reject"] in disc.quality.reasons
        for visit in scans
        for disc in visit.measured.discs.values()
    )
    return [
        ("subjects", str(len(trial.subjects))),
        ("visits", ", ".join(trial.visits)),
        ("scans", f"{len(scans) - failed} measured" + (f", {failed} without" if failed else "")),
        ("repeat scans", str(sum(scan.repeat > 1 for scan in trial.scans))),
        ("discs excluded", _left_out(rejected, by_person)),
        (f"changes of treated discs in {listed(analysis.rule.parameters)}", counts),
    ]


def _left_out(rejected: int, by_person: int) -> str:
    if not rejected:
        return "none"
    return f"{rejected} rejected, {by_person} of them in quality control"


def _parameters(analysis: Analysis) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*analysis.rule.parameters, *SHOWN)))


def _is_declared(one: GroupEffect) -> bool:
    return one.role is not AnalysisRole.EXPLORATORY


def _effect(one: GroupEffect) -> dict[str, object]:
    parameter = one.endpoint.parameter
    digits = min(PARAMETER[parameter].decimals, 3)
    count = f"{one.subjects} / {one.controls}" if one.control else str(one.subjects)
    return {
        "role": one.role.value, "group": one.name, "endpoint": titled(parameter),
        "visit": one.endpoint.visit, "subjects": count,
        "estimate": number(one.found.estimate, digits),
        "interval": interval(one) + (f" {FEW_MARK}" if one.few else ""), "p": p_text(one.p),
        "holm": p_text(one.holm), "method": one.found.method, "note": one.note,
    }  # fmt: skip


def _repeats(analysis: Analysis) -> list[tuple[str, ...]]:
    return [
        (
            human(name), unit(name), kind.value.replace("_", " "),
            significant(one.sd, 3), str(one.pairs), str(one.discs), f"{one.freedom:.1f}",
            significant(one.half, 3),
        )
        for kind, found in analysis.noise.repeats.items()
        for name, one in found.items()
        if name in _parameters(analysis)
    ]  # fmt: skip


# ------------------------------------------------------------------ one subject
def _section(course: Course, analysis: Analysis) -> dict[str, object]:
    subject = course.subject
    own = [one for one in analysis.changes if one.subject == subject.name]
    lines = [
        _line(one)
        for parameter in _parameters(analysis)
        for one in own
        if one.parameter == parameter and one.level in course.levels
    ]
    places = _places(course)
    discs = [disc for visit in (course.baseline, *course.later) for disc in visit.discs.values()]
    plots = [
        (
            human(parameter),
            course_plot(course, parameter, [o for o in own if o.parameter == parameter], places),
        )
        for parameter in analysis.rule.parameters
        if course.baseline.discs and any(disc.number(parameter) is not None for disc in discs)
    ]
    return {
        "name": subject.name,
        "arm": subject.arm,
        "treated": ", ".join(level.value for level in subject.treated) or "no disc",
        "notes": _notes(course),
        "rows": [(level.value, _pictures(course, level, own)) for level in _drawn(course)],
        "plots": plots,
        "treated_lines": [one for one in lines if one["treated"]],
        "other_lines": [one for one in lines if not one["treated"]],
        "contrasts": _contrasts(course, analysis),
    }


def _drawn(course: Course) -> list[DiscLevel]:
    return [level for level in course.levels if any(key[1] is level for key in course.pictures)]


def _places(course: Course) -> list[float]:
    """Weeks if known for all of a few visits, otherwise equal steps."""
    visits = (course.baseline, *course.later)
    weeks = [visit.measured.scan.week for visit in visits]
    known = [week for week in weeks if week is not None]
    if len(known) == len(visits) and len(set(known)) == len(known) <= _MOST_TICKS:
        span = max(known) - min(known) or 1.0
        gaps = [b - a for a, b in pairwise(known)]
        if not gaps or min(gaps) > 0.1 * span:
            return known
    return [float(n) for n in range(len(visits))]


def _notes(course: Course) -> list[str]:
    notes = []
    for visit in course.visits:
        if visit.measured.reason:
            notes.append(f"{visit.name}: no result ({visit.measured.reason})")
        elif visit.numbering:
            notes.append(f"{visit.name}: {visit.numbering}")
    return notes


def _pictures(course: Course, level: DiscLevel, own: Sequence[Change]) -> tuple[DiscPicture, ...]:
    pictures = []
    for visit in (course.baseline, *course.later):
        png = course.pictures.get((visit.measured.scan.name, level), "")
        pictures.append(
            DiscPicture(f"{visit.name}, {visit.measured.day}", _below(visit, level, own), png)
        )
    return tuple(pictures)


def _below(visit: Visit, level: DiscLevel, own: Sequence[Change]) -> str:
    if visit.measured.reason:
        return "no result"
    if level not in visit.discs:
        return "not found"
    height = visit.discs[level].number("height_mm")
    text = "no height" if height is None else f"{height:.2f} mm"
    for one in own:
        if (one.visit, one.level, one.parameter) == (visit.name, level, "height_mm"):
            text += f" ({one.change:+.2f}, {one.verdict.value})"
    return text


def _line(one: Change) -> dict[str, object]:
    digits = min(PARAMETER[one.parameter].decimals, 3)
    band = one.band
    return {
        "level": one.level.value,
        "treated": one.treated,
        "visit": one.visit,
        "parameter": titled(one.parameter),
        "before": shown(one.before, one.parameter),
        "after": shown(one.after, one.parameter),
        "change": ("+" if one.change > 0 else "") + number(one.change, digits),
        "percent": "" if one.percent is None else f"{one.percent:+.1f} %",
        "sd": "" if band is None else significant(band.sd, 2),
        "band": "" if band is None else f"±{significant(band.half, 2)}",
        "source": "" if band is None else band.source,
        "origin": "" if band is None else band.origin.value,
        "parts": "" if band is None else _parts(band),
        "verdict": one.verdict.value,
        "reasons": one.reasons,
    }


def _parts(band: Band) -> str:
    return ", ".join(f"{one.name} ±{significant(one.half, 2)}" for one in band.parts)


def _contrasts(course: Course, analysis: Analysis) -> tuple[tuple[str, ...], ...]:
    rows = []
    for one in analysis.contrasts:
        if one.subject != course.subject.name or one.parameter not in analysis.rule.parameters:
            continue
        digits = min(PARAMETER[one.parameter].decimals, 3)
        bad = one.comparability is Comparability.NOT_COMPARABLE
        rows.append(
            (
                one.level.value, one.visit, titled(one.parameter), number(one.treated_change, digits),
                f"{number(one.untreated_change, digits)} ({one.untreated} discs)",
                number(one.difference, digits),
                f"{number(one.low, digits)} to {number(one.high, digits)}",
                "not comparable" if bad else "excludes zero" if one.clear else "includes zero",
            )
        )  # fmt: skip
    return tuple(rows)


def _shift(one: Shifts) -> dict[str, object]:
    return {
        "reader": one.reader,
        "title": f"{one.visit}, {'treated' if one.treated else 'untreated'} discs",
        "grades": one.grades,
        "rows": list(zip(one.grades, one.counts, strict=True)),
        "left_out": one.not_comparable,
    }
