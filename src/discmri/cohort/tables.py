"""The results of all studies as tables: ``cohort.csv`` and ``cohort.parquet``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from discmri.cohort.measuring import StudyJob, StudyOutcome, StudyStatus
from discmri.core.files import atomic_file
from discmri.core.findings import Finding
from discmri.core.levels import DiscLevel
from discmri.core.quality import DiscQuality, Quality
from discmri.results.decisions import AppliedDecisions, JudgedDisc
from discmri.results.export.csv_wide import AFTER, BEFORE, cell, write_table
from discmri.results.model import StudyResult
from discmri.results.read import read_results
from discmri.results.records import METHOD_COLUMNS, PARAMETER, measured_columns

DISC_COLUMNS = (*BEFORE, *measured_columns(), *AFTER)
COLUMNS = ("study", "status", "reason", *DISC_COLUMNS)
"""Columns of the table: outcome of the study, then the columns of ``discs.csv``."""


@dataclass(frozen=True)
class StudyRows:
    """Rows of one study."""

    outcome: StudyOutcome
    # cells of `discs.csv` by column, cranial to caudal; empty without a result
    discs: tuple[dict[str, str], ...]
    subject_id: str = ""  # empty if unknown, like the next two
    study_uid: str = ""
    study_date: str = ""
    report: str = ""  # path of the report, relative to the folder of the cohort; may be empty
    # warnings about each disc, including those about the whole study
    warnings: tuple[tuple[Finding, ...], ...] = ()
    # levels left out because they were rejected in quality control
    rejected: tuple[DiscLevel, ...] = ()

    def rows(self) -> Iterator[dict[str, str]]:
        """One row per disc, or one row with the reason why there is none."""
        facts = {
            "study": cell(self.outcome.name),
            "status": self.outcome.status.value,
            "reason": cell(self.outcome.reason),
        }
        if self.discs:
            yield from (facts | disc for disc in self.discs)
            return
        yield facts | {
            "subject_id": self.subject_id,
            "study_uid": self.study_uid,
            "study_date": self.study_date,
        }


def collect(job: StudyJob, outcome: StudyOutcome) -> StudyRows:
    """Rows of one study, read from its results folder."""
    if outcome.status is StudyStatus.FAILED:
        return StudyRows(outcome, ())
    page = job.folder / "report.html"
    report = page.relative_to(job.root).as_posix() if page.is_file() else ""
    return rows_of(outcome, read_results(job.folder), report)


def rows_of(outcome: StudyOutcome, result: StudyResult, report: str = "") -> StudyRows:
    """Rows of one result."""
    discs = tuple({name: cell(row[name], name) for name in DISC_COLUMNS} for row in result.rows())
    return StudyRows(
        outcome,
        discs,
        cell(result.subject_id),
        cell(result.study_uid),
        cell(result.study_date),
        report,
        tuple(result.warnings(record.level) for record in result.records),
    )


def judged_discs(study: StudyRows) -> list[JudgedDisc]:
    """The discs of a study for decisions of quality control."""
    return [
        JudgedDisc(
            study.outcome.name, DiscLevel(disc["level"]), study.study_uid,
            float(disc["height_mm"]) if disc["height_mm"] else None,
        )
        for disc in study.discs
    ]  # fmt: skip


def after_decisions(study: StudyRows, applied: AppliedDecisions) -> StudyRows:
    """A study without its rejected discs; the quality of doubted discs is at most "check"."""
    name = study.outcome.name
    out = tuple(level for named, level in applied.rejected if named == name)
    kept = [
        (disc | _quality(disc, applied, name), warnings)
        for disc, warnings in zip(study.discs, study.warnings, strict=True)
        if DiscLevel(disc["level"]) not in out
    ]
    outcome = study.outcome
    if study.discs and not kept:
        outcome = replace(outcome, reason="all discs were rejected in quality control")
    discs, warnings = tuple(disc for disc, _ in kept), tuple(one for _, one in kept)
    return replace(study, outcome=outcome, discs=discs, warnings=warnings, rejected=out)


def _quality(disc: dict[str, str], applied: AppliedDecisions, study: str) -> dict[str, str]:
    before = None
    if disc["quality"]:
        reasons = tuple(filter(None, disc["quality_reasons"].split(";")))
        before = DiscQuality(Quality(disc["quality"]), reasons)
    after = applied.quality(study, DiscLevel(disc["level"]), before)
    if after is None:
        return {}
    return {"quality": after.verdict.value, "quality_reasons": ";".join(after.reasons)}


def write_csv(studies: Sequence[StudyRows], path: Path) -> None:
    """Write ``cohort.csv``."""
    rows = (row for study in studies for row in study.rows())
    with atomic_file(path) as fresh:
        write_table(fresh, COLUMNS, ([row.get(name, "") for name in COLUMNS] for row in rows))


def write_parquet(studies: Sequence[StudyRows], path: Path) -> bool:
    """Write ``cohort.parquet``: the same cells with their types; ``False`` without pyarrow.

    Empty cells are null.
    """
    if find_spec("pyarrow") is None:
        return False
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [row for study in studies for row in study.rows()]
    types = {str: pa.string(), float: pa.float64(), int: pa.int64()}
    columns = {}
    for name in COLUMNS:
        kind = type_of(name)
        cells = [row.get(name, "") for row in rows]
        values = [kind(text) if text else None for text in cells]
        columns[name] = pa.array(values, types[kind])
    with atomic_file(path) as fresh:
        pq.write_table(pa.table(columns), fresh, compression="zstd")
    return True


def type_of(column: str) -> type[str] | type[float] | type[int]:
    """Type of the cells of a column.

    >>> type_of("height_mm"), type_of("adc_voxels"), type_of("suggested_grade")
    (<class 'float'>, <class 'int'>, <class 'str'>)
    """
    if column == "label_id":
        return int
    if column == "numbering_probability":
        return float
    parameter = None if column in METHOD_COLUMNS else PARAMETER.get(column)
    if parameter is None or not parameter.unit:
        return str
    return float if parameter.decimals else int
