"""The layout of ``study.json``: writing and parsing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from discmri.core.errors import ResultsError
from discmri.core.facts import SeriesFacts, SeriesInput
from discmri.core.findings import MEANINGS, Finding
from discmri.core.levels import MEASURED_LEVELS, DiscLevel
from discmri.core.quality import Quality
from discmri.core.settings import Settings
from discmri.core.text import NOTICE
from discmri.results.jsonable import jsonable, present
from discmri.results.provenance import DiffusionFacts, Status
from discmri.results.records import PARAMETERS, DiscRecord

if TYPE_CHECKING:
    from discmri.results.model import StudyResult

RECORD = "study.json"
"""Name of the file that marks a results folder."""
SCHEMA_NAME = "discmri-study-1"
"""Name and version of the layout; the version increases when a key is removed or changes meaning."""

T = TypeVar("T")
_Line = Annotated[str, Meta(pattern="^[^\\u0000-\\u001f\\u007f]*$")]
_Name = Annotated[str, Meta(pattern="^[a-z0-9_]+$")]
_Words = Annotated[str, Meta(min_length=1)]
_Share = Annotated[float, Meta(ge=0, le=1)]
_UNITS = sorted({parameter.unit for parameter in PARAMETERS})
_MEASURED = {"enum": [level.value for level in MEASURED_LEVELS]}
_RESIDUAL = {"enum": [level.value for level in DiscLevel if not level.is_measured]}


class StoredValue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One value of one disc."""

    value: int | float | str
    unit: Annotated[str, Meta(extra_json_schema={"enum": _UNITS})]
    method: str
    sd: Annotated[float, Meta(ge=0)] | None


class StoredDisc(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One disc."""

    level: Annotated[DiscLevel, Meta(extra_json_schema=_MEASURED)]
    label_id: int
    flags: Annotated[tuple[_Name, ...], Meta(extra_json_schema={"uniqueItems": True})]
    values: dict[_Name, StoredValue]
    evidence: dict[str, Any]
    quality: Quality | None = None  # since 0.2, as are the reasons
    quality_reasons: tuple[_Name, ...] = ()


class StoredResidualDisc(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A disc that is shown and not measured."""

    level: Annotated[DiscLevel, Meta(extra_json_schema=_RESIDUAL)]
    label_id: int
    centre_mm: tuple[float, float, float]
    depth_mm: Annotated[float, Meta(gt=0)]
    height_mm: Annotated[float, Meta(gt=0)]
    outlined: bool = True  # False if found within the sacrum; since 0.2


class StoredParameter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Unit, decimals and meaning of a parameter."""

    unit: str
    decimals: Annotated[int, Meta(ge=0)]
    meaning: _Words


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of ``study.json``."""

    schema: Literal["discmri-study-1"]
    notice: _Words
    status: Status
    message: str
    subject_id: _Line
    study_uid: _Line
    study_date: Annotated[str, Meta(pattern="^([0-9]{8})?$")]
    series_uid: _Line
    numbering: Literal["sacrum", "reader", "masks", "assumed", ""]
    numbering_probability: _Share | None = msgspec.field(name="numbering_confidence")
    discs: tuple[StoredDisc, ...]
    findings: tuple[Finding, ...]
    meanings: dict[_Name, _Words]
    parameters: dict[_Name, StoredParameter]
    series: tuple[SeriesFacts, ...]
    settings: Settings
    versions: dict[str, str]
    segmenter: str
    inputs: tuple[SeriesInput, ...]
    diffusion: DiffusionFacts
    files: dict[str, Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]]
    residual_discs: tuple[StoredResidualDisc, ...] = ()  # since 0.2
    numbering_signs: dict[_Name, float] = {}  # since 0.2
    study_flags: tuple[_Name, ...] = ()  # since 0.2


def document(result: StudyResult, files: Mapping[str, str] | None = None) -> dict[str, object]:
    """A result as JSON-like data.

    ``files`` has the hexadecimal SHA-256 of the other files of the folder, by relative path.
    """
    provenance = result.provenance
    measured = result.status is Status.MEASURED
    codes = sorted({finding.code for finding in result.findings}, key=lambda code: code.value)
    facts = {
        "schema": SCHEMA_NAME,
        "notice": NOTICE,
        "status": result.status,
        "message": result.message,
        "subject_id": result.subject_id,
        "study_uid": result.study_uid,
        "study_date": result.study_date,
        "series_uid": result.series_uid,
        "numbering": "" if result.numbering is None else result.numbering,
        "numbering_confidence": result.numbering_probability,
        "numbering_signs": dict(result.numbering_signs),
        "discs": [_disc(result, record) for record in result.records],
        "residual_discs": [
            {"level": one.level, "label_id": one.level.label_id, **jsonable(one)}
            for one in result.residual_discs
        ],
        "study_flags": result.study_flags,
        "findings": result.findings,
        "meanings": {code.value: MEANINGS[code] for code in codes},
        "parameters": _dictionary() if measured else {},
        "series": result.series,
        "settings": provenance.settings,
        "versions": provenance.versions,
        "segmenter": provenance.segmenter,
        "inputs": provenance.inputs,
        "diffusion": present(jsonable(provenance.diffusion)) if provenance.diffusion else {},
        "files": files or {},
    }
    found: dict[str, object] = jsonable(facts)
    return found


def parse(text: bytes, name: str) -> Document:
    """Read the text of a ``study.json``, called ``name`` in messages.

    Raises ``ResultsError`` if it is not a ``study.json``, or one of another version.
    """
    known = decoded(text, _Head, name).schema
    if not known.startswith("discmri-study-"):
        raise ResultsError(f"{name} was not written by discmri measure; name its results folder")
    if known != SCHEMA_NAME:
        raise ResultsError(
            f"{name} has the layout {known}, this version reads {SCHEMA_NAME}; measure the study "
            "again with this version (discmri measure STUDY -o FOLDER --overwrite)"
        )
    return decoded(text, Document, name)


def files_of(folder: Path) -> frozenset[str]:
    """Relative paths that an earlier run wrote into a folder; empty if it is no results folder."""
    try:
        found = parse((folder / RECORD).read_bytes(), str(folder))
    except (OSError, ResultsError):
        return frozenset()
    return frozenset({RECORD, *found.files})


def decoded(text: bytes, kind: type[T], name: str) -> T:
    """Typed data from JSON text; ``ResultsError`` if it is not JSON of that type."""
    try:
        return msgspec.json.decode(text, type=kind, dec_hook=_path)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ResultsError(f"{name} cannot be read ({error}); measure the study again") from error


class _Head(msgspec.Struct):
    schema: str = ""


def _path(kind: type, value: Any) -> Any:
    return kind(value)


def _disc(result: StudyResult, record: DiscRecord) -> dict[str, object]:
    quality = record.quality
    return {
        "level": record.level,
        "label_id": record.level.label_id,
        "flags": result.flags(record.level),
        "quality": None if quality is None else quality.verdict,
        "quality_reasons": () if quality is None else quality.reasons,
        "values": {
            parameter.name: {
                "value": found.value,
                "unit": parameter.unit,
                "method": found.method,
                "sd": found.sd,
            }
            for parameter in PARAMETERS
            if (found := record.values.get(parameter.name)) is not None
        },
        "evidence": record.evidence,
    }


def _dictionary() -> dict[str, object]:
    return {
        parameter.name: {
            "unit": parameter.unit,
            "decimals": parameter.decimals,
            "meaning": parameter.meaning,
        }
        for parameter in PARAMETERS
    }
