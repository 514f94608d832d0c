"""Estimates and confusion matrices as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from discmri.agreement import AgreementResult
from discmri.agreement.ratings import SCALES, Comparison, Scale
from discmri.results.export.csv_wide import cell, write_table

_ESTIMATES = (
    "parameter", "comparison", "level", "statistic", "value", "low", "high", "unit", "subjects",
    "discs", "raters", "few_subjects",
)  # fmt: skip


def write_estimates(found: Sequence[AgreementResult], path: Path) -> None:
    """One row per parameter, comparison, level and statistic."""
    rows = [
        [
            cell(one.comparison.parameter),
            cell(one.comparison.name),
            estimate.level,
            estimate.statistic,
            _digits(estimate.value),
            *map(_digits, estimate.interval or (None, None)),
            estimate.unit,
            str(estimate.subjects),
            str(estimate.discs),
            estimate.raters,
            "yes" if estimate.few else "no",
        ]
        for one in found
        for estimate in one.estimates
    ]
    write_table(path, _ESTIMATES, rows)


def write_confusion(found: Sequence[AgreementResult], path: Path) -> None:
    """One row per cell of each confusion matrix, empty cells included."""
    header = (
        "parameter",
        "comparison",
        "level",
        "row_rater",
        "row",
        "column_rater",
        "column",
        "discs",
    )
    write_table(path, header, _confusion_rows(found))


def _confusion_rows(found: Sequence[AgreementResult]) -> Iterator[list[str]]:
    for one in found:
        scale = SCALES.get(one.comparison.parameter)
        if scale is None or len(one.comparison.columns) != 2:
            continue
        first, second = one.comparison.columns
        for level, stratum in one.comparison.strata():
            table = confusion(stratum, scale)
            for i, row in enumerate(scale.words):
                for j, column in enumerate(scale.words):
                    yield [
                        cell(one.comparison.parameter), cell(one.comparison.name), level,
                        cell(first), row, cell(second), column, str(table[i, j]),
                    ]  # fmt: skip


def confusion(comparison: Comparison, scale: Scale) -> NDArray[np.int_]:
    """(K, K) numbers of discs by category of the first (rows) and second column (columns)."""
    table = np.zeros((len(scale.categories), len(scale.categories)), dtype=np.int_)
    place = {float(value): n for n, value in enumerate(scale.categories)}
    for first, second in comparison.values[comparison.used]:
        table[place[float(first)], place[float(second)]] += 1
    return table


def _digits(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
