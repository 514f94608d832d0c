"""``board.html``: every value of every disc of every study on one page, offline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from discmri.cohort.tables import StudyRows, type_of
from discmri.core.files import atomic_file
from discmri.core.findings import MEANINGS, Finding
from discmri.core.levels import MEASURED_LEVELS, DiscLevel
from discmri.core.pages import render_scripted
from discmri.results.names import human, unit
from discmri.results.records import PARAMETERS


def write_board(studies: Sequence[StudyRows], path: Path, notes: Sequence[str] = ()) -> None:
    """Write the page; links to reports are relative to its folder."""
    with atomic_file(path) as fresh:
        fresh.write_text(page(studies, notes), encoding="utf-8", newline="\n")


def page(studies: Sequence[StudyRows], notes: Sequence[str] = ()) -> str:
    """The page as HTML with embedded data, styles and script."""
    return render_scripted(
        "discmri.cohort/board.html.j2",
        "discmri.cohort/board.js",
        content(studies),
        notes=notes,
        studies=len(studies),
        measured=sum(bool(study.discs) for study in studies),
        discs=sum(len(study.discs) for study in studies),
    )


def content(studies: Sequence[StudyRows]) -> dict[str, object]:
    """Data for the script, as compact lists instead of mappings."""
    order = [level.value for level in MEASURED_LEVELS]
    seen = {disc["level"] for study in studies for disc in study.discs}
    levels = [level for level in _cranial_to_caudal(order) if level in seen]
    kinds = {_kind(one): one for s in studies for of_disc in s.warnings for one in of_disc}
    number = {kind: n for n, kind in enumerate(sorted(kinds))}
    return {
        "parameters": [
            {
                "name": p.name, "title": human(p.name), "unit": unit(p.name),
                "numeric": bool(p.unit), "decimals": p.decimals, "meaning": p.meaning,
            }
            for p in PARAMETERS
        ],
        "levels": levels,
        "flags": [
            {
                "code": kinds[kind].code.value,
                "meaning": MEANINGS[kinds[kind].code],
                "touches": [n for n, p in enumerate(PARAMETERS) if kinds[kind].touches(p.name)],
            }
            for kind in number
        ],
        "studies": [
            [s.outcome.name, s.outcome.status.value, s.outcome.reason, s.subject_id, s.study_date,
             s.report, _numbers(number, (one for of_disc in s.warnings[:1] for one in of_disc
                                         if one.level is None))]
            for s in studies
        ],
        "discs": [
            [n, levels.index(disc["level"]),
             _numbers(number, (one for one in warnings if one.level is not None)),
             [_value(disc, p.name) for p in PARAMETERS],
             disc["quality"], disc["quality_reasons"]]
            for n, study in enumerate(studies)
            for disc, warnings in zip(study.discs, study.warnings, strict=True)
        ],
    }  # fmt: skip


def _cranial_to_caudal(levels: Sequence[str]) -> list[str]:
    """Levels in anatomical order, including those of a sixth lumbar body."""
    last = [DiscLevel.L5_L6.value, DiscLevel.L5_S1.value, DiscLevel.L6_S1.value]
    return [level for level in levels if level not in last] + last


def _kind(finding: Finding) -> tuple[str, tuple[str, ...]]:
    """Key of flags that are listed once: code and affected values."""
    return finding.code.value, finding.values or ()


def _numbers(
    number: Mapping[tuple[str, tuple[str, ...]], int], findings: Iterable[Finding]
) -> list[int]:
    return sorted({number[_kind(one)] for one in findings})


def _value(disc: Mapping[str, str], name: str) -> float | int | str | None:
    text = disc[name]
    return type_of(name)(text) if text else None
