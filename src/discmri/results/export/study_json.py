"""``study.json``: everything that is known of one study and how it came about."""

from __future__ import annotations

import hashlib
import json
import math
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from importlib import resources
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import discmri
from discmri.core.findings import MEANINGS, Finding
from discmri.results.records import PARAMETERS, DiscRecord, Measurement
from discmri.results.residual import ResidualDisc, residual_discs

if TYPE_CHECKING:
    from discmri.results.model import StudyResult

SCHEMA_NAME = "discmri-study-1"
NOTICE = "Research software, not a medical device. A suggested grade is for a reader to decide."


@dataclass(frozen=True)
class Failure:
    """A study that gave no result.

    Parameters
    ----------
    message
        One line: what was wrong, where, what to do.
    findings
        What was noticed on the way; at least one says why nothing was measured.
    settings
        Every setting, JSON-like.
    subject_id, study_uid, study_date
        As far as known, else empty.
    series
        Description of the series found, JSON-like.
    """

    message: str
    findings: tuple[Finding, ...]
    settings: Mapping[str, object] = field(default_factory=dict)
    subject_id: str = ""
    study_uid: str = ""
    study_date: str = ""
    series: tuple[Mapping[str, object], ...] = ()


def export(result: StudyResult, folder: Path) -> None:
    """Write ``study.json``, with a hash of every file already in the folder.

    Parameters
    ----------
    result
        What was measured.
    folder
        An existing folder.
    """
    _write(document(result) | {"files": _hashes(folder)}, folder)


def export_failure(failure: Failure, folder: Path) -> None:
    """Write ``study.json`` for a study that gave no result."""
    _write(failure_document(failure), folder)


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) that ``study.json`` obeys."""
    text = resources.files("discmri.results.export").joinpath("schema/study.schema.json")
    loaded: dict[str, Any] = json.loads(text.read_text(encoding="utf-8"))
    return loaded


def document(result: StudyResult) -> dict[str, object]:
    """A result as JSON-like data, without the hashes of the files."""
    provenance = result.provenance
    return {
        "schema": SCHEMA_NAME,
        "notice": NOTICE,
        "status": "measured",
        "message": "",
        "subject_id": plain(result.subject_id),
        "study_uid": plain(result.study_uid),
        "study_date": plain(result.study_date),
        "series_uid": plain(result.series_uid),
        "numbering": result.labels.numbering.value,
        "numbering_confidence": result.labels.numbering_confidence,
        "discs": [_disc(result, record) for record in result.records],
        "residual_discs": [_residual(disc) for disc in residual_discs(result.labels)],
        **_findings(result.findings),
        "parameters": _dictionary(),
        "series": plain(result.series),
        "settings": plain(provenance.settings),
        "versions": plain(provenance.versions),
        "segmenter": plain(provenance.segmenter),
        "inputs": plain(provenance.inputs),
        "diffusion": plain(provenance.diffusion),
        "files": {},
    }


def failure_document(failure: Failure) -> dict[str, object]:
    """A failed study as JSON-like data with the same keys as a measured one."""
    versions = {"discmri": discmri.__version__, "python": platform.python_version()}
    return {
        "schema": SCHEMA_NAME,
        "notice": NOTICE,
        "status": "nothing_to_measure",
        "message": plain(failure.message),
        "subject_id": plain(failure.subject_id),
        "study_uid": plain(failure.study_uid),
        "study_date": plain(failure.study_date),
        "series_uid": "",
        "numbering": "",
        "numbering_confidence": None,
        "discs": [],
        "residual_discs": [],
        **_findings(failure.findings),
        "parameters": {},
        "series": plain(failure.series),
        "settings": plain(failure.settings),
        "versions": versions,
        "segmenter": "",
        "inputs": [],
        "diffusion": {},
        "files": {},
    }


def dumps(data: Mapping[str, object]) -> str:
    """JSON text as ``study.json`` holds it."""
    return json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def plain(value: object) -> Any:
    """JSON-like copy of nested data: arrays to lists, enums to values, NaN to ``None``.

    Of a path only the name is kept, so that no home folder is told.

    >>> plain({"b": (0, 800.0), "masks": Path("/home/ann/a.nii"), 3: float("nan")})
    {'b': [0, 800.0], 'masks': 'a.nii', '3': None}
    """
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(entry) for key, entry in value.items()}
    if hasattr(value, "tolist"):  # numpy's arrays and scalars
        return plain(value.tolist())
    if isinstance(value, (set, frozenset)):
        return sorted((plain(entry) for entry in value), key=str)
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        return [plain(entry) for entry in value]
    return _plain_scalar(value)


def _plain_scalar(value: object) -> bool | int | float | str | None:
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return float(f"{value:.9g}") if math.isfinite(value) else None
    text = value.name if isinstance(value, PurePath) else str(value)
    return text.encode("utf-8", "replace").decode("utf-8")


def _disc(result: StudyResult, record: DiscRecord) -> dict[str, object]:
    units = {parameter.name: parameter.unit for parameter in PARAMETERS}
    values = {
        parameter.name: _value(record.values[parameter.name], units[parameter.name])
        for parameter in PARAMETERS
        if parameter.name in record.values
    }
    return {
        "level": record.level.value,
        "label_id": record.level.label_id,
        "flags": list(result.flags(record.level)),
        "values": values,
        "evidence": plain(record.evidence),
    }


def _residual(disc: ResidualDisc) -> dict[str, object]:
    return {
        "level": disc.level.value,
        "label_id": disc.level.label_id,
        "centre_mm": [round(float(one), 3) for one in disc.centre_mm],
        "depth_mm": round(disc.depth_mm, 3),
        "height_mm": round(disc.height_mm, 3),
    }


def _value(measurement: Measurement, unit: str) -> dict[str, object]:
    return {
        "value": plain(measurement.value),
        "unit": unit,
        "method": measurement.method,
        "sd": plain(measurement.sd),
    }


def _findings(findings: Iterable[Finding]) -> dict[str, object]:
    found = list(findings)
    codes = sorted({finding.code for finding in found}, key=lambda code: code.value)
    return {
        "findings": [_finding(finding) for finding in found],
        "meanings": {code.value: MEANINGS[code] for code in codes},
    }


def _finding(finding: Finding) -> dict[str, object]:
    entry: dict[str, object] = {
        "code": finding.code.value,
        "severity": finding.severity.value,
        "text": plain(finding.text),
    }
    if finding.level is not None:
        entry["level"] = finding.level.value
    if finding.series_uid is not None:
        entry["series_uid"] = plain(finding.series_uid)
    return entry


def _dictionary() -> dict[str, object]:
    return {
        parameter.name: {
            "unit": parameter.unit,
            "decimals": parameter.decimals,
            "meaning": parameter.meaning,
        }
        for parameter in PARAMETERS
    }


def _hashes(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "study.json")
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(files)
    }


def _write(data: Mapping[str, object], folder: Path) -> None:
    (folder / "study.json").write_text(dumps(data), encoding="utf-8", newline="\n")
