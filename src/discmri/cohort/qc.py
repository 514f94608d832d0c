"""``qc.html``: every measured disc with its outline, to accept, doubt or reject."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from discmri.cohort.measuring import StudyOutcome, StudyStatus
from discmri.cohort.read import RECORD as BATCH
from discmri.cohort.read import read_cohort
from discmri.cohort.tables import rows_of
from discmri.core.errors import NothingToMeasureError, UsageError
from discmri.core.files import atomic_folder
from discmri.core.findings import MEANINGS, Finding
from discmri.core.levels import DiscLevel
from discmri.core.pages import render_scripted
from discmri.results.decisions import COLUMNS, QcVerdict
from discmri.results.document import RECORD
from discmri.results.model import StudyResult
from discmri.results.pictures.canvas import LEVEL_COLOURS
from discmri.results.read import read_results

PAGE = "qc.html"


@dataclass(frozen=True)
class ResultsFolder:
    """Results of one study."""

    name: str  # name in tables and decisions
    folder: Path


def find_results(paths: Sequence[Path]) -> tuple[ResultsFolder, ...]:
    """Find results folders at or below output folders of measure, batch or trial.

    Studies have their names in the batch, otherwise the names of their folders.  Raises
    ``UsageError`` if a path has no results, or two studies have the same name.
    """
    found = [one for path in paths for one in _found(path)]
    if not found:
        raise NothingToMeasureError("none of the studies was measured; there is nothing to review")
    name, count = Counter(one.name for one in found).most_common(1)[0]
    if count > 1:
        here = [str(one.folder) for one in found if one.name == name]
        raise UsageError(
            f"{here[0]} and {here[1]} have the same name {name!r}; make a page of each, or rename "
            "one folder"
        )
    return tuple(found)


def _found(path: Path) -> Iterator[ResultsFolder]:
    for root in (path, path / "measured"):
        if (root / BATCH).is_file():
            yield from (
                ResultsFolder(one.name, one.folder)
                for one in read_cohort(root)
                if one.status is StudyStatus.MEASURED
            )
            return
    if (path / RECORD).is_file():
        yield ResultsFolder(path.resolve().name, path)
        return
    inside = sorted(path.glob(f"*/{RECORD}"))
    if not inside:
        raise UsageError(
            f"{path} has no results; give an output folder of discmri measure, batch or trial"
        )
    yield from (ResultsFolder(one.parent.name, one.parent) for one in inside)


def write_qc(paths: Sequence[Path], folder: Path, overwrite: bool = False) -> tuple[int, int]:
    """Write the page; return the numbers of studies and of discs.

    The folder is written atomically; the page links to pictures in the results folders.  Raises
    ``UsageError`` if a path has no results or the folder cannot be written, ``ResultsError`` if
    results cannot be read.
    """
    studies = find_results(paths)
    data = content(studies, folder)
    with atomic_folder(folder, overwrite) as fresh:
        text = render_scripted("discmri.cohort/qc.html.j2", "discmri.cohort/qc.js", data)
        (fresh / PAGE).write_text(text, encoding="utf-8", newline="\n")
    return len(studies), sum(len(one["discs"]) for one in data["studies"])


def content(studies: Sequence[ResultsFolder], folder: Path) -> dict[str, Any]:
    """Data for the script; paths of pictures are relative to the folder of the page."""
    shown = [_study(one, folder) for one in studies]
    codes = {code for one in shown for part in (one, *one["discs"]) for code in part["flags"]}
    return {
        "columns": list(COLUMNS),
        "verdicts": [one.value for one in QcVerdict],
        "flags": [
            {"code": code.value, "meaning": text}
            for code, text in MEANINGS.items()
            if code.value in codes
        ],
        "studies": shown,
    }


def _study(one: ResultsFolder, page: Path) -> dict[str, Any]:
    result = read_results(one.folder)
    rows = rows_of(StudyOutcome(one.name, StudyStatus.MEASURED), result)
    figures = one.folder / "figures"
    drawn = {path.stem for path in figures.glob("*.png")} if figures.is_dir() else set()
    return {
        "name": one.name,
        "subject": result.subject_id,
        "uid": result.study_uid,
        "date": result.study_date,
        "folder": _reference(one.folder, page),
        "report": (one.folder / "report.html").is_file(),
        "overview": "overview" in drawn,
        "flags": sorted(result.study_flags),
        "discs": [
            _disc(result, row, warnings, drawn)
            for row, warnings in zip(rows.discs, rows.warnings, strict=True)
        ],
    }


def _disc(
    result: StudyResult, row: dict[str, str], warnings: Sequence[Finding], drawn: set[str]
) -> dict[str, Any]:
    level = DiscLevel(row["level"])
    own = [finding for finding in warnings if finding.level is level]
    return {
        "level": level.value,
        "colour": LEVEL_COLOURS[level],
        "quality": row["quality"],
        "flags": sorted({one.code.value for one in own}),
        "said": [finding.text for finding in own],
        "height": row["height_mm"],
        "sd": row["height_sd_mm"],
        "grade": row["suggested_grade"],
        "confidence": float(row["confidence"]) if row["confidence"] else None,
        "pictures": [name for name in (level.value, f"{level.value}-adc") if name in drawn],
    }


def _reference(folder: Path, page: Path) -> str:
    """Link to a folder, relative if both are on the same drive."""
    there, here = folder.resolve(), page.resolve()
    if there.anchor != here.anchor:
        return there.as_uri()
    return Path(os.path.relpath(there, here)).as_posix()
