"""Errors of results compared with the truth, as one page and two tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from discmri.core.errors import NothingToMeasureError
from discmri.core.files import atomic_folder
from discmri.core.levels import MEASURED_LEVELS
from discmri.core.pages import render
from discmri.core.text import number
from discmri.results.decisions import Decisions
from discmri.results.export.csv_wide import cell, write_table
from discmri.results.names import human, titled, unit
from discmri.results.pictures.canvas import LEVEL_COLOURS
from discmri.results.pictures.charts import chart, embedded
from discmri.results.records import PARAMETER
from discmri.simulation.cohort import SCAN_COLUMNS
from discmri.validation.pairs import TruthComparison, ValuePair, compare
from discmri.validation.statistics import ErrorSummary, GradeTable, grade_table, summaries

GROUPS = ("level", "grade", *SCAN_COLUMNS)
"""Kinds of groups for which errors are listed."""
_SHOWN_GROUPS = ("level", "grade", "vendor")
_SHOWN_BY_GROUP = ("height_mm", "adc_disc_um2_ms")


@dataclass(frozen=True)
class Naming:
    """Errors of finding and naming discs."""

    discs: int  # numbers of discs
    found: int
    misnamed: int
    missed: int
    extra: int  # false discs
    studies: int
    misnamed_studies: int  # studies in which a disc has a wrong name
    failed: Mapping[str, str]  # studies without a result, with the reason


@dataclass(frozen=True)
class Validation:
    """The comparison of results with the truth."""

    comparison: TruthComparison
    pairs: tuple[ValuePair, ...]
    errors: tuple[ErrorSummary, ...]  # errors of every parameter, over all discs and by group
    grades: GradeTable | None  # None without grades
    naming: Naming

    def overall(self) -> list[ErrorSummary]:
        """One line per parameter, over all discs."""
        return [one for one in self.errors if not one.grouped_by]


def validate(results: Path, truth: Path, decisions: Decisions | None = None) -> Validation:
    """Compare results with the truth, as :func:`discmri.validation.pairs.compare` takes them.

    Raises ``UsageError`` if a table cannot be read or does not match the other,
    ``NothingToMeasureError`` if the tables have no value in common.
    """
    comparison = compare(results, truth, decisions)
    pairs = comparison.pairs()
    if not pairs:
        raise NothingToMeasureError(
            f"{results} and {truth} have no value in common; use the column names of discs.csv in "
            "the truth, and check that studies were measured"
        )
    return Validation(
        comparison,
        tuple(pairs),
        tuple(summaries(pairs, GROUPS)),
        grade_table(comparison.grades()),
        _naming(comparison),
    )


def _naming(comparison: TruthComparison) -> Naming:
    wrong = [match for match in comparison.matches if match.misnamed]
    measured = [m for m in comparison.matches if m.truth["study"] not in comparison.failed]
    return Naming(
        discs=len(measured),
        found=sum(match.found is not None for match in measured),
        misnamed=len(wrong),
        missed=sum(match.found is None for match in measured),
        extra=len(comparison.extra),
        studies=len({match.truth["study"] for match in measured}),
        misnamed_studies=len({match.truth["study"] for match in wrong}),
        failed=comparison.failed,
    )


def write_validation(validation: Validation, folder: Path, overwrite: bool = False) -> None:
    """Write ``validation.html``, ``validation.csv`` and ``pairs.csv`` into a folder, atomically.

    Raises ``UsageError`` if the folder exists without ``overwrite`` or cannot be written.
    """
    with atomic_folder(folder, overwrite) as fresh:
        _write_summary(validation, fresh / "validation.csv")
        _write_pairs(validation, fresh / "pairs.csv")
        text = page(validation)
        (fresh / "validation.html").write_text(text, encoding="utf-8", newline="\n")


def _write_summary(validation: Validation, path: Path) -> None:
    rows = [
        ["" if value is None else _six(value) for value in asdict(one).values()]
        for one in validation.errors
    ]
    write_table(path, tuple(asdict(validation.errors[0])), rows)


def _six(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _write_pairs(validation: Validation, path: Path) -> None:
    names = sorted({name for pair in validation.pairs for name in pair.groups})
    header = ("study", "subject_id", "level", "parameter", "truth", "measured", "sd", *names)
    rows = [
        [
            cell(pair.study), cell(pair.subject), pair.level, pair.parameter, _six(pair.truth), _six(pair.measured),
            "" if pair.sd is None else _six(pair.sd), *(cell(pair.groups.get(n)) for n in names),
        ]
        for pair in validation.pairs
    ]  # fmt: skip
    write_table(path, header, rows)


# ------------------------------------------------------------------ page
def page(validation: Validation) -> str:
    """The page as HTML with its pictures, without scripts and network access."""
    overall = validation.overall()
    by_group = [
        (PARAMETER[name].meaning, human(name), kind, lines)
        for name in _SHOWN_BY_GROUP
        for kind in _SHOWN_GROUPS
        if (lines := _lines(validation, name, kind))
    ]
    return render(
        "discmri.validation/validation.html.j2",
        naming=validation.naming,
        by_place=validation.comparison.by_place,
        notes=validation.comparison.notes,
        overall=[_line(one, titled(one.parameter)) for one in overall],
        by_group=by_group,
        plots=[(human(one.parameter), _plot(validation.pairs, one)) for one in overall],
        grades=validation.grades,
        grade_figures=_figures(validation.grades),
        percent=lambda share: f"{100 * share:.0f} %",
    )


def _figures(grades: GradeTable | None) -> list[tuple[str, str, str]]:
    """Name, value and interval of each statistic of the grades."""
    return [
        (one.statistic, number(one.value, 2), span(low, high, 2))
        for one in (grades.figures if grades else ())
        if one.value is not None
        for low, high in [one.interval or (None, None)]
    ]


def _lines(validation: Validation, parameter: str, kind: str) -> list[dict[str, str]]:
    return [
        _line(one, one.group)
        for one in validation.errors
        if (one.parameter, one.grouped_by) == (parameter, kind)
    ]


def _line(one: ErrorSummary, name: str) -> dict[str, str]:
    """The texts of one row of a table."""
    parameter = PARAMETER[one.parameter]
    digits = min(parameter.decimals, 2 if parameter.unit == "mm" else 3)
    percent = ""
    if one.bias_percent is not None and one.sd_percent is not None:
        percent = f"{number(one.bias_percent, 1)} ± {number(one.sd_percent, 1)}"
    coverage = ""
    if one.within_1_sd is not None and one.within_2_sd is not None:
        coverage = f"{100 * one.within_1_sd:.0f} / {100 * one.within_2_sd:.0f}"
    return {
        "name": name,
        "discs": str(one.discs),
        "bias": number(one.bias, digits),
        "interval": span(one.bias_low, one.bias_high, digits),
        "sd": "" if one.sd is None else number(one.sd, digits),
        "limits": span(one.limit_low, one.limit_high, digits),
        "limits_low": span(one.limit_low_from, one.limit_low_to, digits),
        "limits_high": span(one.limit_high_from, one.limit_high_to, digits),
        "worst": number(one.worst, digits),
        "percent": percent,
        "coverage": coverage,
    }


def span(low: float | None, high: float | None, digits: int) -> str:
    """``low to high`` with ``digits`` decimals; empty if one is missing."""
    return "" if low is None or high is None else f"{number(low, digits)} to {number(high, digits)}"


def _plot(pairs: Sequence[ValuePair], one: ErrorSummary) -> str:
    """Bland-Altman plot of one parameter as a PNG in base64.

    The horizontal axis is the truth instead of the mean, because the truth has no error.
    """
    figure, axes = chart(4.6, 3.2, 110)
    own = [pair for pair in pairs if pair.parameter == one.parameter]
    for level in MEASURED_LEVELS:
        some = [pair for pair in own if pair.level == level.value]
        if some:
            axes.scatter(
                [pair.truth for pair in some], [pair.error for pair in some], s=14, lw=0.4,
                color=LEVEL_COLOURS[level], edgecolor="#1d2733", label=level.value, zorder=3,
            )  # fmt: skip
    axes.axhline(0.0, color="#9aa7b4", lw=0.8)
    axes.axhline(one.bias, color="#0b5c8a", lw=1.4)
    for limit in (one.limit_low, one.limit_high):
        if limit is not None:
            axes.axhline(limit, color="#0b5c8a", lw=1.0, ls="--")
    in_unit = f" ({unit(one.parameter)})" if unit(one.parameter) else ""
    axes.set_xlabel(f"truth{in_unit}", fontsize=8)
    axes.set_ylabel(f"measured - truth{in_unit}", fontsize=8)
    axes.tick_params(labelsize=8)
    axes.legend(
        fontsize=6.5, ncols=4, frameon=False, loc="upper center", bbox_to_anchor=(0.5, 1.16)
    )
    spread = float(np.abs([pair.error for pair in own]).max()) or 1.0
    axes.set_ylim(-1.15 * spread, 1.15 * spread)
    return embedded(figure)
