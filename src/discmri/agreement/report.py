"""The agreement report: one offline page, results first, then the items of GRRAS."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import discmri
from discmri.agreement import (
    FEW_SUBJECTS,
    GRADE_STATISTICS,
    RANDOM,
    VALUE_STATISTICS,
    AgreementResult,
    Estimate,
    Resampling,
    analyse,
)
from discmri.agreement.csv_estimates import confusion, write_confusion, write_estimates
from discmri.agreement.drift import drift, drift_cells, write_drift
from discmri.agreement.grras import items, named, title
from discmri.agreement.random_raters import COEFFICIENT
from discmri.agreement.ratings import ALL_LEVELS, SCALES, Rating
from discmri.agreement.repeatability import reproducibility_coefficient
from discmri.agreement.sources import RatingSource
from discmri.core.errors import UsageError
from discmri.core.files import atomic_folder, resolved
from discmri.core.pages import render
from discmri.core.text import number

FEW_MARK, RANDOM_MARK = "†", "r"


@dataclass(frozen=True)
class StatisticsTable:
    """A table of statistics in the page: one statistic per row, one comparison or level per column."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix in the page; each cell has the number of discs and its share of the row."""

    caption: str
    row_rater: str
    column_rater: str
    words: tuple[str, ...]
    rows: tuple[tuple[str, tuple[tuple[int, float], ...]], ...]


def write_report(
    sources: Sequence[RatingSource],
    folder: Path,
    resampling: Resampling | None = None,
    overwrite: bool = False,
    rescans: bool = False,
) -> list[AgreementResult]:
    """Analyse and write ``report.html``, ``agreement.csv``, ``confusion.csv`` and ``drift.csv``.

    The folder is written atomically.  With ``rescans``, "raters" are scans of the same disc.
    Raises ``UsageError`` if nothing can be compared, or the folder exists without ``overwrite`` or
    cannot be written.
    """
    chosen = resampling or Resampling()
    found = analyse([rating for source in sources for rating in source.ratings], chosen, rescans)
    if not found:
        raise UsageError(
            "nothing can be compared: no disc has values of two raters, of a repeat, or of a rater "
            "and the automatic measurement"
        )
    with atomic_folder(resolved(folder), overwrite) as fresh:
        write_estimates(found, fresh / "agreement.csv")
        write_confusion(found, fresh / "confusion.csv")
        write_drift(drift(one for source in sources for one in source.ratings), fresh / "drift.csv")
        text = page(sources, found, chosen, rescans)
        (fresh / "report.html").write_text(text, encoding="utf-8")
    return found


def page(
    sources: Sequence[RatingSource],
    found: Sequence[AgreementResult],
    resampling: Resampling,
    rescans: bool = False,
) -> str:
    """The page as HTML; text from the input is escaped."""
    ratings = [rating for source in sources for rating in source.ratings]
    return render(
        "discmri.agreement/report.html.j2",
        title=title(list(dict.fromkeys(one.comparison.parameter for one in found))),
        sources=[source.name for source in sources],
        notes=[source.note for source in sources if source.note],
        items=items(sources, found, resampling, rescans),
        numbers=_numbers(ratings),
        distribution=_distribution(ratings),
        pooled=_pooled(found),
        matrices=_matrices(found),
        plots=_plots(found),
        drift=_drift(ratings),
        by_level=[_by_level(one) for one in found],
        meanings=_meanings(found),
        few_mark=FEW_MARK,
        few_subjects=FEW_SUBJECTS,
        few_used=any(one.few for each in found for one in each.estimates),
        version=discmri.__version__,
    )


def _drift(ratings: Sequence[Rating]) -> StatisticsTable | None:
    """Grades over reading order and sittings; ``None`` without times."""
    rows = tuple(tuple(drift_cells(one)) for one in drift(ratings))
    header = (
        "Reader", "Reads", "Discs", "Mean difference", "Within one", "Change per 100 reads", "from",
        "to",
    )  # fmt: skip
    return StatisticsTable("Over reading order and sittings", header, rows) if rows else None


def _numbers(ratings: Sequence[Rating]) -> StatisticsTable:
    """Numbers of discs with a value by parameter and rater, first occasion and repeat."""
    raters = list(dict.fromkeys(one.rater for one in ratings))
    rows = []
    for parameter in dict.fromkeys(one.parameter for one in ratings):
        counted = Counter(
            (one.rater, one.occasion) for one in ratings if one.parameter == parameter
        )
        cells = [
            f"{counted[rater, 1]} + {counted[rater, 2]}" if counted[rater, 2] else counted[rater, 1]
            for rater in raters
        ]
        rows.append((named(parameter), *(str(cell or "") for cell in cells)))
    return StatisticsTable(
        "Discs with a value (first occasion + repeat)", ("", *raters), tuple(rows)
    )


def _distribution(ratings: Sequence[Rating]) -> StatisticsTable | None:
    """Numbers of discs by rater and grade, first occasion."""
    scale = SCALES["grade"]
    given = [one for one in ratings if one.parameter == scale.parameter and one.occasion == 1]
    if not given:
        return None
    rows = [
        (rater, *(_share(given, rater, value) for value in scale.categories))
        for rater in dict.fromkeys(one.rater for one in given)
    ]
    header = ("Rater", *(f"Grade {word}" for word in scale.words))
    return StatisticsTable("Discs by grade, first occasion", header, tuple(rows))


def _share(given: Sequence[Rating], rater: str, value: int) -> str:
    return str(sum(one.rater == rater and one.value == value for one in given) or "")


def _pooled(found: Sequence[AgreementResult]) -> list[StatisticsTable]:
    """One table per parameter, all levels together."""
    tables = []
    for parameter in dict.fromkeys(one.comparison.parameter for one in found):
        chosen = [one for one in found if one.comparison.parameter == parameter]
        rows = {one.comparison.name: one.of(ALL_LEVELS) for one in chosen}
        tables.append(_table(named(parameter), rows))
    return tables


def _by_level(one: AgreementResult) -> StatisticsTable:
    levels = list(dict.fromkeys(estimate.level for estimate in one.estimates))
    caption = f"{named(one.comparison.parameter)}: {one.comparison.name}"
    return _table(caption, {level: one.of(level) for level in levels})


def _table(caption: str, columns: Mapping[str, Sequence[Estimate]]) -> StatisticsTable:
    """One statistic per row, because there are more statistics than comparisons or levels."""
    every = [one for estimates in columns.values() for one in estimates]
    unit = next((one.unit for one in every if one.unit), "")
    cells = [
        {"Subjects": str(some[0].subjects), "Discs": str(some[0].discs)}
        | {one.statistic: _shown(one) for one in some}
        for some in columns.values()
    ]
    names = ("Subjects", "Discs", *dict.fromkeys(one.statistic for one in every))
    rows = tuple((name, *(cell.get(name, "") for cell in cells)) for name in names)
    return StatisticsTable(f"{caption} ({unit})" if unit else caption, ("", *columns), rows)


def _shown(one: Estimate) -> str:
    if one.value is None:
        return "–"
    if one.interval is None:
        return number(one.value, 2)
    low, high = one.interval
    mark = f" {FEW_MARK}" if one.few else ""
    random = f" {RANDOM_MARK}" if one.raters == RANDOM else ""
    return f"{number(one.value, 2)}\n{number(low, 2)} to {number(high, 2)}{mark}{random}"


def _matrices(found: Sequence[AgreementResult]) -> list[Matrix]:
    """Confusion matrices of comparisons of two columns of grades."""
    matrices = []
    for one in found:
        comparison, scale = one.comparison, SCALES.get(one.comparison.parameter)
        if scale is None or len(comparison.columns) != 2:
            continue
        table = confusion(comparison, scale)
        totals = np.maximum(table.sum(axis=1), 1)
        rows = tuple(
            (word, tuple((int(cell), int(cell) / int(total)) for cell in row))
            for word, row, total in zip(scale.words, table, totals, strict=True)
        )
        caption = f"{named(comparison.parameter)}: {comparison.name}"
        matrices.append(Matrix(caption, *comparison.columns, scale.words, rows))
    return matrices


def _plots(found: Sequence[AgreementResult]) -> list[tuple[str, str]]:
    """Captions and difference plots of comparisons of two columns of measured values."""
    from discmri.agreement.plots import difference_plot

    return [
        (f"{named(one.comparison.parameter)}: {one.comparison.name}", difference_plot(one))
        for one in found
        if one.comparison.parameter not in SCALES and len(one.comparison.columns) == 2
    ]


def _meanings(found: Sequence[AgreementResult]) -> list[tuple[str, str]]:
    used = {estimate.statistic for one in found for estimate in one.estimates}
    return [
        (name, (inspect.getdoc(statistic) or "").partition("\n")[0])
        for name, statistic in {
            **GRADE_STATISTICS,
            **VALUE_STATISTICS,
            COEFFICIENT: reproducibility_coefficient,
        }.items()
        if name in used
    ]
