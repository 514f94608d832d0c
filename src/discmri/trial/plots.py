"""Plots of values over the visits with noise bands, and of power."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from discmri.core.levels import DiscLevel
from discmri.results.names import titled
from discmri.results.pictures.charts import chart, embedded
from discmri.trial.analysis import Analysis
from discmri.trial.change import Change, Course, Verdict
from discmri.trial.responders import Response

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from discmri.trial.power import Rates

TREATED, OTHER, BAND = "#0b6e99", "#b4bfca", "#dcecf3"
RESPONDED, NOT_RESPONDED = "#0b6e99", "#d1833b"
RESPONDED_DISC = "#4f9d69"


def course_plot(
    course: Course, parameter: str, changes: Sequence[Change], places: Sequence[float]
) -> str:
    """All discs of one subject over the visits; PNG, base64.

    The band is around the first value of the treated disc; hollow points are not comparable.
    """
    figure, axes = _axes(3.7, 2.5)
    visits = (course.baseline, *course.later)
    bad = {(one.visit, one.level) for one in changes if one.verdict is Verdict.NOT_COMPARABLE}
    halves = {one.level: one.band.half for one in changes if one.band is not None}
    for level in course.levels:
        treated = level in course.subject.treated
        points = [
            (at, value, (visit.name, level) in bad)
            for at, visit in zip(places, visits, strict=True)
            if level in visit.discs and (value := visit.discs[level].number(parameter)) is not None
        ]
        if not points:
            continue
        if treated and level in halves and points[0][0] == places[0]:
            first = points[0][1]
            axes.axhspan(first - halves[level], first + halves[level], color=BAND, zorder=0)
        colour = TREATED if treated else OTHER
        _line(axes, points, colour, 2.0 if treated else 1.0)
        at, value, _ = points[-1]
        axes.annotate(
            level.value, (at, value), xytext=(5, 0), textcoords="offset points", fontsize=7,
            color=colour if treated else "#6b7885", va="center",
        )  # fmt: skip
    _finish(axes, places, [visit.name for visit in visits], titled(parameter))
    return embedded(figure)


def overview_plot(analysis: Analysis, parameter: str, visits: Sequence[str]) -> str:
    """Changes of all discs of all subjects since the first visit; PNG, base64."""
    figure, axes = _axes(5.4, 3.3)
    responses = {(one.subject, one.level): one.response for one in analysis.judged}
    own = [one for one in analysis.changes if one.parameter == parameter]
    axes.axhline(0, color="#8a97a5", lw=0.8, zorder=1)
    lines: dict[tuple[str, DiscLevel], list[Change]] = {}
    for one in own:
        if one.level.above.value.startswith("L"):
            lines.setdefault((one.subject, one.level), []).append(one)
    said: set[str] = set()
    for key, line in sorted(lines.items(), key=lambda item: item[1][0].treated):
        points = [(0.0, 0.0, False)] + [
            (float(visits.index(one.visit)), one.change, one.verdict is Verdict.NOT_COMPARABLE)
            for one in line
        ]
        if line[0].treated:
            _bands(axes, line, visits, "" if _BAND_LABEL in said else _BAND_LABEL)
            said.add(_BAND_LABEL)
        colour, label = OTHER, "untreated disc"
        if line[0].treated:
            responded = responses.get(key) is Response.RESPONDER
            colour = RESPONDED if responded else NOT_RESPONDED
            label = "treated, responder" if responded else "treated, non-responder"
        _line(axes, points, colour, 1.9 if line[0].treated else 0.8, "" if label in said else label)
        said.add(label)
    _finish(axes, range(len(visits)), list(visits), f"change of {titled(parameter)}")
    if said:
        axes.legend(fontsize=7, frameon=False, loc="upper left")
    return embedded(figure)


_BAND_LABEL = "noise band of each treated disc"


def _bands(axes: Axes, line: Sequence[Change], visits: Sequence[str], label: str) -> None:
    """The noise band of each change of a disc as a bar around zero."""
    known = [one for one in line if one.band is not None]
    axes.vlines(
        [float(visits.index(one.visit)) for one in known],
        [-one.band.half for one in known if one.band],
        [one.band.half for one in known if one.band],
        color=BAND, lw=7, zorder=0, label=label or "_",
    )  # fmt: skip


def _line(
    axes: Axes, points: Sequence[tuple[float, float, bool]], colour: str, width: float,
    label: str = "",
) -> None:  # fmt: skip
    axes.plot(
        [p[0] for p in points], [p[1] for p in points], color=colour, lw=width, zorder=2,
        label=label or None,
    )  # fmt: skip
    for at, value, bad in points:
        axes.plot(
            at, value, "o", ms=4.2, color=colour, mfc="white" if bad else colour, mew=1.1, zorder=3
        )


def _axes(width: float, height: float) -> tuple[Figure, Axes]:
    figure, axes = chart(width, height, 130)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=7.5)
    return figure, axes


def _finish(axes: Axes, places: Sequence[float], names: Sequence[str], title: str) -> None:
    axes.set_xticks(list(places), list(names), fontsize=7.5)
    span = max(places) - min(places) if len(places) > 1 else 1.0
    axes.set_xlim(min(places) - 0.05 * span, max(places) + 0.16 * span)
    axes.set_title(title, fontsize=8.5, loc="left")


def power_plot(found: Sequence[Rates], parameter: str) -> bytes:
    """Power and verdicts on single discs against the true effect; PNG."""
    from io import BytesIO

    figure, axes = _axes(5.4, 3.3)
    places = [one.effect for one in found]
    for label, colour, shares in (
        ("p of the primary question ≤ 0.05", TREATED, [one.rejected for one in found]),
        ("treated disc beyond noise", RESPONDED_DISC, [one.beyond_treated for one in found]),
        ("responder", NOT_RESPONDED, [one.responders for one in found]),
        ("other disc beyond noise", OTHER, [one.beyond_others for one in found]),
    ):
        axes.plot(places, [100 * share for share in shares], "o-", ms=4, color=colour, label=label)
    axes.axhline(5, color="#8a97a5", lw=0.8, ls=":")
    axes.set_ylim(-2, 102)
    axes.set_xlabel(f"true effect on {titled(parameter)}", fontsize=8)
    axes.set_ylabel("% of trials, or of discs", fontsize=8)
    axes.legend(fontsize=7, frameon=False)
    content = BytesIO()
    figure.savefig(content, format="png", metadata={"Software": None}, bbox_inches="tight")
    return content.getvalue()
