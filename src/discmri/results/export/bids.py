"""``bids/``: the result as a BIDS derivative dataset of one subject.

BIDS labels are letters and digits.  Other characters of a Patient ID are removed, and
``participants.tsv`` keeps the original.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from discmri.core.facts import Role
from discmri.core.labels import NumberingMethod
from discmri.core.levels import CANAL_LABEL, MEASURED_LEVELS, DiscLevel, Vertebra
from discmri.core.quality import Quality
from discmri.core.text import NOTICE, pseudonym
from discmri.results.export.csv_wide import COLUMNS, cell
from discmri.results.jsonable import dumps
from discmri.results.label_map import nifti_gz
from discmri.results.records import METHOD_COLUMNS, PARAMETER

if TYPE_CHECKING:
    from discmri.core.facts import SeriesInput
    from discmri.results.model import StudyResult

BIDS_VERSION = "1.10.0"
PARTICIPANTS = "participants.tsv"
PARTICIPANT_COLUMNS = ("participant_id", "subject_id")
_KEPT_ENTITY = re.compile(r"(acq|ce|rec|dir|run)-[A-Za-z0-9]+")
"""Entities kept from the name of a BIDS source image."""
_MEANINGS = {
    "subject_id": "Patient ID, or the subject's name in a BIDS dataset.",
    "study_uid": "Study Instance UID.",
    "study_date": "Date of the examination, YYYYMMDD.",
    "series_uid": "Series that was segmented and measured.",
    "level": "Disc, named by the vertebrae above and below it.",
    "label_id": "Number of the disc in the label map.",
    "numbering": "Source of the disc levels.",
    "numbering_probability": "Probability that the levels are correct, given five lumbar vertebrae.",
    "flags": "Codes of warnings that affect the main values of this disc.",
    "study_flags": "Codes of warnings about the whole study.",
    "quality": "Whether the values of this disc can be used.",
    "quality_reasons": "Codes of the warnings behind the quality.",
}
_LEVELS: Mapping[str, Iterable[str]] = {
    "level": [level.value for level in MEASURED_LEVELS],
    "numbering": [method.value for method in NumberingMethod],
    "quality": [verdict.value for verdict in Quality],
}
_README = f"""Discs measured by discmri.

*_desc-discs_dseg.nii.gz  label map; the .tsv file has the names of the labels and the values
                          of each disc, the .json file the meaning of every column
*_desc-fit_ADC.nii.gz     ADC fitted to the diffusion images, um^2/ms
{PARTICIPANTS}          subject identifier of each label

{NOTICE}
"""


@dataclass(frozen=True)
class BidsName:
    """Subject and session in the file names of one study."""

    subject: str
    session: str = ""  # empty if the source has none

    @property
    def folder(self) -> Path:
        """``sub-X/ses-Y``, relative to the dataset."""
        return Path(*self._words)

    def file(self, kind: str, entities: str, end: str) -> Path:
        """A file of the study, relative to the dataset.

        >>> BidsName("01", "2").file("anat", "acq-sag", "desc-discs_dseg.tsv").as_posix()
        'sub-01/ses-2/anat/sub-01_ses-2_acq-sag_desc-discs_dseg.tsv'
        """
        return self.folder / kind / "_".join(word for word in (self.prefix, entities, end) if word)

    @property
    def prefix(self) -> str:
        """``sub-X_ses-Y``, the beginning of every file name of the study."""
        return "_".join(self._words)

    @property
    def _words(self) -> tuple[str, ...]:
        return (f"sub-{self.subject}", *([f"ses-{self.session}"] if self.session else []))


def export(result: StudyResult, folder: Path) -> None:
    """Write ``bids/``: label map, table of values, fitted ADC and their descriptions."""
    root = folder / "bids"
    name = name_of(result.subject_id, result.study_uid)
    write_head(root, result.provenance.versions["discmri"], [result.study_uid])
    write_participants(root, [(f"sub-{name.subject}", cell(result.subject_id))])
    dseg = name.file("anat", _entities(_segmented(result), "acq-sag"), "desc-discs_dseg")
    base = root / dseg
    base.parent.mkdir(parents=True)
    base.with_suffix(".nii.gz").write_bytes(result.label_map.to_bytes())
    _write(base.with_suffix(".tsv"), _table(_label_rows(result)))
    _write(base.with_suffix(".json"), dumps(_label_facts(result)))
    if result.fitted_adc is not None:
        adc = result.fitted_adc
        base = root / name.file("dwi", _entities(_diffusion(result), ""), "desc-fit_ADC")
        base.parent.mkdir(parents=True)
        image = nifti_gz(adc.array.astype(np.float32), adc.affine)
        base.with_suffix(".nii.gz").write_bytes(image)
        _write(base.with_suffix(".json"), dumps(_adc_facts(result)))


def write_head(root: Path, version: str, study_uids: Iterable[str]) -> None:
    """Make the folder of the dataset with its description and README."""
    root.mkdir(exist_ok=True)
    description: dict[str, object] = {
        "Name": "Lumbar discs measured by discmri",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "discmri", "Version": version}],
    }
    uids = [uid for uid in study_uids if re.fullmatch(r"[0-9.]+", uid)]
    if uids:
        description["SourceDatasets"] = [{"URL": f"urn:oid:{uid}"} for uid in uids]
    _write(root / "dataset_description.json", dumps(description))
    _write(root / "README", _README)


def write_participants(root: Path, rows: Iterable[Sequence[str]]) -> None:
    """Write ``participants.tsv``: label and original identifier of each subject."""
    _write(root / PARTICIPANTS, _table([PARTICIPANT_COLUMNS, *rows]))
    meanings = {
        "participant_id": {"Description": "Label of the subject in this dataset."},
        "subject_id": {"Description": "Patient ID, or the subject's name, in the images."},
    }
    _write(root / "participants.json", dumps(meanings))


def name_of(subject_id: str, study_uid: str) -> BidsName:
    """BIDS labels of a study; the session is that of a BIDS source.

    A Patient ID without letters and digits gives a reproducible pseudonym.

    >>> name_of("PHANTOM-0007", "1.2.3"), name_of("sub-01", "sub-01_ses-2")
    (BidsName(subject='PHANTOM0007', session=''), BidsName(subject='01', session='2'))
    """
    subject = re.sub(r"[^A-Za-z0-9]", "", subject_id.removeprefix("sub-"))
    session = re.search(r"_ses-([A-Za-z0-9]+)", study_uid)
    return BidsName(
        subject or pseudonym(subject_id or study_uid) or "unknown",
        session.group(1) if session else "",
    )


def _segmented(result: StudyResult) -> SeriesInput | None:
    return next(iter(result.provenance.inputs), None)


def _diffusion(result: StudyResult) -> SeriesInput | None:
    return next((one for one in result.provenance.inputs if one.role is Role.DWI), None)


def _entities(source: SeriesInput | None, otherwise: str) -> str:
    """Entities of the name of a BIDS source, which distinguish images of one session."""
    if source is None or not source.sop_instance_uids:
        return otherwise
    name = source.sop_instance_uids[0].rsplit("/", 1)[-1]
    if not name.startswith("sub-"):
        return otherwise
    return "_".join(word for word in name.split("_") if _KEPT_ENTITY.fullmatch(word))


def _label_rows(result: StudyResult) -> list[Sequence[str]]:
    """A header and a row per label in the map; discs with every column of ``discs.csv``."""
    measured = {row["label_id"]: row for row in result.rows()}
    rows: list[Sequence[str]] = [("index", "name", *COLUMNS)]
    for number in np.unique(result.label_map.array).tolist():
        row = measured.get(number, {})
        if number:
            name = str(row.get("level") or _NAMES.get(number, number))
            rows.append((str(number), name, *(cell(row.get(one), one) for one in COLUMNS)))
    return rows


def _table(rows: Iterable[Sequence[str]]) -> str:
    """Tab-separated text with ``n/a`` for empty cells."""
    return "".join("\t".join(one or "n/a" for one in row) + "\n" for row in rows)


def _label_facts(result: StudyResult) -> dict[str, object]:
    facts: dict[str, object] = {
        "Description": "Discs and bones found on sagittal T2, with the values of each disc.",
        "SourceSeries": result.series_uid,
        "Segmenter": result.provenance.segmenter,
        "index": {"Description": "Number in the label map.", "Format": "integer"},
        "name": {"Description": "Disc, vertebra (S1: the sacrum) or canal."},
    }
    if result.provenance.settings.segmenter != "masks":  # the origin of a given map is unknown
        facts["Manual"] = False
    return facts | {column: _column_facts(column) for column in COLUMNS}


def _column_facts(column: str) -> dict[str, object]:
    if column in METHOD_COLUMNS:
        return {"Description": f"Method of {METHOD_COLUMNS[column]}."}
    if column not in PARAMETER:
        facts: dict[str, object] = {"Description": _MEANINGS[column]}
        if column in _LEVELS:
            facts["Levels"] = {one: one for one in _LEVELS[column]}
        return facts
    facts = {"Description": PARAMETER[column].meaning}
    unit = PARAMETER[column].unit
    return facts if unit in ("", "1", "{ratio}") else facts | {"Units": _power(unit)}


def _power(unit: str) -> str:
    """A unit in BIDS notation.

    >>> _power("um2/ms"), _power("mm")
    ('um^2/ms', 'mm')
    """
    return re.sub(r"([a-z])([0-9])", r"\1^\2", unit)


def _adc_facts(result: StudyResult) -> dict[str, object]:
    facts = result.provenance.diffusion
    return {
        "Description": "Apparent diffusion coefficient, mono-exponential weighted least squares.",
        "Units": "um^2/ms",
        "SkullStripped": False,
        "SourceSeries": "" if facts is None else facts.series_uid,
        "BValues": [] if facts is None else list(facts.b_s_per_mm2 or ()),
    }


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


_NAMES = {
    CANAL_LABEL: "canal",
    **{bone.label_id: bone.value for bone in Vertebra},
    **{disc.label_id: disc.value for disc in DiscLevel},
}
