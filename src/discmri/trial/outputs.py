"""Output files of a trial besides the measured studies."""

from __future__ import annotations

from pathlib import Path

import discmri
from discmri.core.files import atomic_file, atomic_folder, resolved
from discmri.results.jsonable import dumps, jsonable
from discmri.trial.analysis import Analysis, analyse
from discmri.trial.answer import answers, plan
from discmri.trial.declaration import Declaration
from discmri.trial.plan import Trial
from discmri.trial.redcap import write_redcap
from discmri.trial.report import page
from discmri.trial.sdtm import write_sdtm
from discmri.trial.tables import write_tables
from discmri.trial.values_table import ValuesTable

SCHEMA_NAME = "discmri-trial-1"


def write_outputs(
    trial: Trial, analysis: Analysis, root: Path, name: str, source: ValuesTable | None = None
) -> tuple[str, ...]:
    """Write tables, report and record into an existing folder; return the names of the files.

    ``source`` is the table of values that was analysed; ``None`` for a measured trial.
    """
    files = (
        *write_tables(analysis, root, source),
        *write_redcap(analysis, root),
        *write_sdtm(analysis, root, name, trial.visits),
    )
    with atomic_file(root / "report.html") as fresh:
        fresh.write_text(page(trial, analysis, name), encoding="utf-8", newline="\n")
    with atomic_file(root / "trial.json") as fresh:
        text = dumps(record(trial, analysis, name))
        fresh.write_text(text, encoding="utf-8", newline="\n")
    return ("report.html", *files, "trial.json")


def analyse_table(
    table: ValuesTable,
    root: Path,
    declaration: Declaration | None,
    name: str,
    overwrite: bool = False,
) -> tuple[Analysis, tuple[str, ...]]:
    """Analyse a table of values, without images; write and return the same as for a measured trial.

    Raises ``UsageError`` if the folder exists without ``overwrite`` or cannot be written.
    """
    analysis = analyse(table.courses, table.trial.visits, table.reads, declaration)
    with atomic_folder(resolved(root), overwrite) as fresh:
        files = write_outputs(table.trial, analysis, fresh, name, table)
    return analysis, files


def record(trial: Trial, analysis: Analysis, name: str) -> dict[str, object]:
    """Record of the analysis, JSON-like."""
    return {
        "schema": SCHEMA_NAME,
        "name": name,
        "software": discmri.__version__,
        "visits": list(trial.visits),
        "answer": answers(analysis),
        "plan": dict(plan(analysis)),
        "rule": str(analysis.rule),
        "responders": [
            {
                "subject": one.subject,
                "level": one.level.value,
                "response": one.response.value,
                "reasons": list(one.reasons),
            }
            for one in analysis.judged
        ],
        "noise": {
            kind.value: {
                parameter: {
                    "sd_within_disc": jsonable(one.sd),
                    "pairs": one.pairs,
                    "discs": one.discs,
                    "freedom": jsonable(one.freedom),
                }
                for parameter, one in found.items()
            }
            for kind, found in analysis.noise.repeats.items()
        },
        "scans": [
            {
                "subject": course.subject.name,
                "visit": visit.name,
                "repeat": visit.measured.scan.repeat,
                "study_uid": jsonable(visit.measured.study_uid),
                "folder": f"measured/studies/{visit.measured.folder.name}",
                "reason": visit.measured.reason,
                "numbering": visit.numbering,
                "names": {own.value: frozen.value for frozen, own in visit.own_names.items()},
                "correlation": None
                if visit.registration is None
                else round(visit.registration.correlation, 4),
                "lead": None if visit.registration is None else round(visit.registration.lead, 4),
                "residual_mm": None
                if visit.registration is None
                else round(visit.registration.residual_mm, 3),
                "tilt_deg": None if visit.tilt_deg is None else round(visit.tilt_deg, 2),
            }
            for course in analysis.courses
            for visit in course.visits
        ],
    }
