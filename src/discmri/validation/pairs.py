"""Measured discs matched with the true ones.

Discs are matched by position if results have label maps and the truth has positions, otherwise by
name.  By position, a disc with a wrong name is one error of naming and does not affect the errors
of its values.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from discmri.cohort.studies import StudyInput
from discmri.core.errors import UsageError
from discmri.core.grade import Grade
from discmri.core.levels import MEASURED_LEVELS, DiscLevel
from discmri.core.tables import read_table
from discmri.core.volume import Array
from discmri.results.decisions import AppliedDecisions, Decisions, JudgedDisc, QcVerdict
from discmri.results.height import column_of
from discmri.results.label_map import LabelMap
from discmri.results.records import PARAMETERS
from discmri.simulation.cohort import CENTRE_COLUMNS, SCAN_COLUMNS

NEAR_MM = 12.0
"""Largest distance between the centres of a measured and a true disc that match; neighbours are more
than twice as far apart."""
UNCERTAINTIES = {"height_mm": "height_sd_mm"}
"""Columns with the standard uncertainty of another column."""
JUDGED = tuple(
    level for level in MEASURED_LEVELS if level not in (DiscLevel.T10_T11, DiscLevel.T11_T12)
)
"""Levels that are compared; the image often cuts discs above T12-L1."""
_NO_VALUES = ("height_sd_mm", "adc_disc_sd_um2_ms", "adc_voxels", "adc_rejected_voxels",
              "adc_residual_mm", "confidence")  # fmt: skip
_NUMBERS = {one.name for one in PARAMETERS if one.unit} | set(CENTRE_COLUMNS)

TextCells = Mapping[str, str]


@dataclass(frozen=True)
class ValuePair:
    """One measured value and the true one."""

    study: str
    level: str  # the true one
    parameter: str  # column of the value
    truth: float  # in the unit of the parameter, like measured and sd
    measured: float
    sd: float | None  # stated standard uncertainty; None without one
    groups: Mapping[str, str]  # true grade and scan parameters of the disc, by name
    subject: str  # the subject of the results; the study if they have none

    @property
    def error(self) -> float:
        """Measured minus true."""
        return self.measured - self.truth


@dataclass(frozen=True)
class GradePair:
    """The true grade of one disc and the suggested one."""

    subject: str
    level: str  # the true one
    truth: Grade
    suggested: Grade | None  # None without a suggestion


@dataclass(frozen=True)
class DiscMatch:
    """One true disc and the measured disc that matches it."""

    truth: TextCells  # row of the truth
    found: TextCells | None  # row of the results; None if the disc was missed

    @property
    def misnamed(self) -> bool:
        """Whether it was found with another name."""
        return self.found is not None and self.found["level"] != self.truth["level"]

    @property
    def measured_as(self) -> tuple[str, str]:
        """Study, and level in the results; the true level if the disc was missed."""
        return self.truth["study"], (self.found or self.truth)["level"]

    @property
    def subject(self) -> str:
        """The subject of the results; the study if they have none."""
        return (self.found or {}).get("subject_id") or self.truth["study"]


@dataclass(frozen=True)
class TruthComparison:
    """Results matched with the truth."""

    matches: tuple[DiscMatch, ...]  # every true disc that is compared
    extra: tuple[tuple[str, str], ...]  # false discs, as (study, level)
    failed: Mapping[str, str]  # studies without a result, with the reason
    by_place: bool  # whether discs were matched by position instead of name
    notes: tuple[str, ...] = ()  # sentences on missing cells and on decisions

    def pairs(self) -> list[ValuePair]:
        """Every value that both tables have."""
        return [pair for match in self.matches for pair in _values(match)]

    def grades(self) -> list[GradePair]:
        """Every disc that was found and has a true grade."""
        return [
            GradePair(
                match.subject,
                match.truth["level"],
                Grade.parse(match.truth["grade"]),
                Grade.parse(said) if (said := match.found["suggested_grade"]) else None,
            )
            for match in self.matches
            if match.found is not None and match.truth["grade"]
        ]


def compare(results: Path, truth: Path, decisions: Decisions | None = None) -> TruthComparison:
    """Match results with the truth.

    ``results`` is the folder of a batch, or its ``cohort.csv``; ``truth`` is the folder of a
    phantom cohort, or a CSV with the columns ``study`` and ``level`` and the known values, with the
    column names of the results.  Discs rejected in ``decisions`` are not compared and do not count
    as missed.

    Raises ``UsageError`` if a table cannot be read or lacks a column, or if the tables have no
    study in common.
    """
    found, of_found = _table(results, "cohort.csv", ("study", "status", "level"), ("study",))
    known, of_known = _table(truth, "truth.csv", ("study", "level"), ("study", "level"))
    measured = _by_study(row for row in found if row["level"])
    failed = {row["study"]: row.get("reason", "") for row in found if not row["level"]}
    expected = _by_study(known)
    if not set(expected) & ({*measured, *failed}):
        first, other = next(iter(expected)), next(iter([*measured, *failed]), "none")
        raise UsageError(
            f"{truth} and {results} have no study in common (for example {first!r} and {other!r}); "
            "use the same names in their columns study"
        )
    folder = results if results.is_dir() else results.parent
    matches: list[DiscMatch] = []
    extra: list[tuple[str, str]] = []
    by_place = all(row.get(column) for row in known for column in CENTRE_COLUMNS)
    for study, true_rows in expected.items():
        rows = measured.get(study, [])
        centres = _centres(folder, study, rows) if by_place and rows else {}
        by_place = by_place and (bool(centres) or not rows)
        partners = _partners(true_rows, rows, centres)
        matches += [DiscMatch(row, partners.get(n)) for n, row in enumerate(true_rows)]
        used = {row["level"] for row in partners.values()}
        extra += [(study, row["level"]) for row in rows if row["level"] not in used]
    applied = None if decisions is None else decisions.applied(map(_judged, filter(_named, found)))
    rejected = set() if applied is None else _rejected(applied)
    judged = {level.value for level in JUDGED}
    return TruthComparison(
        tuple(
            match
            for match in matches
            if match.truth["level"] in judged and match.measured_as not in rejected
        ),
        tuple(one for one in extra if one[1] in judged and one not in rejected),
        {study: why for study, why in failed.items() if study in expected},
        by_place,
        tuple(filter(None, (of_found, of_known, *(applied.sentences() if applied else ())))),
    )


def _rejected(applied: AppliedDecisions) -> set[tuple[str, str]]:
    """Study and level of rejected discs, including those that the results already omit."""
    gone = [one.disc for one in applied.unknown if one.verdict is QcVerdict.REJECT]
    keys = (*applied.rejected, *((disc.study, disc.level) for disc in gone))
    return {(study, level.value) for study, level in keys}


def _named(row: TextCells) -> bool:
    return bool(row["level"])


def _judged(row: TextCells) -> JudgedDisc:
    height = row.get("height_mm", "")
    return JudgedDisc(
        row["study"], DiscLevel(row["level"]), row.get("study_uid", ""),
        float(height) if height else None,
    )  # fmt: skip


def _partners(
    true_rows: Sequence[TextCells], rows: Sequence[TextCells], centres: Mapping[str, Array]
) -> dict[int, TextCells]:
    """The matching measured rows, by the index of the true row."""
    if not centres:
        by_name = {row["level"]: row for row in rows}
        return {
            n: by_name[row["level"]] for n, row in enumerate(true_rows) if row["level"] in by_name
        }
    where = np.array([[float(row[column]) for column in CENTRE_COLUMNS] for row in true_rows])
    best: dict[int, tuple[float, TextCells]] = {}
    for row in rows:
        if row["level"] not in centres:
            continue
        distances = np.linalg.norm(where - centres[row["level"]], axis=1)
        n = int(distances.argmin())
        if distances[n] < min(NEAR_MM, best.get(n, (np.inf, row))[0]):
            best[n] = (float(distances[n]), row)
    return {n: row for n, (_, row) in best.items()}


def _centres(folder: Path, study: str, rows: Iterable[TextCells]) -> dict[str, Array]:
    """Centres of the measured discs from the study's label map; empty without one."""
    path = folder / "studies" / StudyInput(study, Path()).folder_name / "labels.nii.gz"
    if not path.is_file():
        return {}
    labels = LabelMap.from_bytes(path.read_bytes())
    middles = {row["level"]: labels.centroid_mm(DiscLevel(row["level"]).label_id) for row in rows}
    return {name: middle for name, middle in middles.items() if middle is not None}


def _values(match: DiscMatch) -> Iterable[ValuePair]:
    if match.found is None:
        return
    groups = {name: match.truth[name] for name in ("grade", *SCAN_COLUMNS) if match.truth.get(name)}
    for parameter in PARAMETERS:
        name = parameter.name
        truth, measured = _true_value(match, name), match.found.get(name, "")
        if not parameter.unit or name in _NO_VALUES or not truth or not measured:
            continue
        stated = match.found.get(UNCERTAINTIES.get(name, ""), "")
        yield ValuePair(
            match.truth["study"], match.truth["level"], name, float(truth), float(measured),
            float(stated) if stated else None, groups, match.subject,
        )  # fmt: skip


def _true_value(match: DiscMatch, name: str) -> str:
    """The true value; for the primary height that of the definition used for it."""
    method = "" if match.found is None else match.found.get("height_method", "")
    return match.truth.get(name, "") or match.truth.get(column_of(name, method), "")


def _by_study(rows: Iterable[TextCells]) -> dict[str, list[TextCells]]:
    studies: dict[str, list[TextCells]] = defaultdict(list)
    for row in rows:
        studies[row["study"]].append(row)
    return dict(studies)


def _table(
    path: Path, name: str, needed: Sequence[str], filled: Sequence[str]
) -> tuple[list[TextCells], str]:
    """Rows with checked numbers, grades and levels, and a note on missing cells."""
    file = path / name if path.is_dir() else path
    if not file.exists():
        raise UsageError(f"{file} does not exist; name a folder that holds {name}, or the file")
    table = read_table(file, needed)
    if not table.rows:
        raise UsageError(f"{file} has no rows; there is nothing to compare")
    rows: list[TextCells] = []
    seen: dict[tuple[str, DiscLevel | None], int] = {}
    for row in table.rows:
        cells = {name: row.text(name) for name in row} | {name: row.filled(name) for name in filled}
        for column in _NUMBERS & cells.keys():
            value = row.value(column)
            cells[column] = "" if value is None else repr(value)
        for column in ("grade", "suggested_grade"):
            cells[column] = str(row.grade(column) or "")
        level = row.level("level")
        first = seen.setdefault((cells["study"], level), row.line)
        if first != row.line:
            problem = f"this disc of {cells['study']} is in line {first} already; keep one"
            raise row.error("level", problem)
        rows.append(cells | {"level": level.value if level else ""})
    return rows, table.note
