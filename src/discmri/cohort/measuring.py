"""Measurement of one study by a worker, unless an earlier result is still valid."""

from __future__ import annotations

import hashlib
import json
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from enum import Enum
from pathlib import Path

import discmri
from discmri.cohort.inputs import digest, input_files, stamp
from discmri.cohort.isolated import Limits, ProcessEndedError, isolated
from discmri.cohort.studies import StudyInput
from discmri.core.errors import DiscmriError, NothingToMeasureError, ResultsError, UsageError
from discmri.core.files import atomic_file
from discmri.core.locks import locked
from discmri.core.settings import Settings
from discmri.core.software import package_sha256, versions
from discmri.measurement.recording import MeasurementRequest, measure_into, without_folders
from discmri.results.document import RECORD, decoded
from discmri.results.jsonable import jsonable

NEEDED_FORMATS = ("csv", "json")
"""Formats that the tables of a cohort need."""


class StudyStatus(Enum):
    """Outcome of a study."""

    MEASURED = "measured"
    NOTHING = "nothing_to_measure"
    FAILED = "failed"  # repeated by the next run


@dataclass(frozen=True)
class StudyOutcome:
    """Outcome of one study.

    Parameters
    ----------
    name
        Name of the study.
    status
        Measured, nothing to measure, or failed.
    reason
        Reason in one line; empty if measured.
    """

    name: str
    status: StudyStatus
    reason: str = ""


@dataclass(frozen=True)
class StudyJob:
    """One study to measure, as sent to a worker."""

    entry: StudyInput  # the study, with absolute paths
    settings: Settings
    root: Path  # output folder of the cohort, absolute
    limits: Limits  # limits of its process
    context: str  # hash of settings and software, from context_of; that of the worker must be equal

    @property
    def folder(self) -> Path:
        """Results folder of the study."""
        return self.root / "studies" / self.entry.folder_name

    @property
    def note(self) -> Path:
        """File with the record of the run."""
        return self.root / ".batch" / f"{self.entry.folder_name}.json"


@dataclass(frozen=True)
class RunRecord:
    """Record of a run, by which a later run decides whether the results are still valid."""

    context: str  # hash of settings and software
    digest: str  # hash of names and bytes of the input files
    stamp: str  # hash of their names, sizes and times
    status: str  # outcome of the study
    reason: str
    record: str  # hash of the results used in tables

    def outcome(self, name: str) -> StudyOutcome:
        """Outcome for tables."""
        return StudyOutcome(name, StudyStatus(self.status), self.reason)


def context_of(entry: StudyInput, settings: Settings) -> str:
    """Hash of everything that determines a result except the bytes of the input."""
    parts = {
        "settings": {one.name: jsonable(getattr(settings, one.name)) for one in fields(settings)},
        "input": [
            jsonable(entry.path.name),
            jsonable(entry.study_uid),
        ],  # the name may name the subject
        "package": package_sha256(),
        "versions": dict(versions()),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def run_job(job: StudyJob, stop: threading.Event | None = None) -> StudyOutcome:
    """Measure a study in its own process; any failure is an outcome."""
    try:
        return isolated(measure_study, job, job.limits, stop)
    except ProcessEndedError as error:
        return StudyOutcome(job.entry.name, StudyStatus.FAILED, _reason(error, job))


def earlier_outcome(job: StudyJob) -> StudyOutcome | None:
    """Outcome of an earlier run, if settings, software and input have not changed."""
    note = _read(job)
    if note is None or note.context != job.context:
        return None
    try:
        unchanged = note.stamp == stamp(input_files(job.entry.path, job.settings.masks))
    except (OSError, DiscmriError):
        return None
    return note.outcome(job.entry.name) if unchanged else None


def measure_study(job: StudyJob) -> StudyOutcome:
    """Measure a study into its folder and write the record of the run.

    If two processes get the same study, the second waits and uses the result of the first.
    """
    name = job.entry.name
    if context_of(job.entry, job.settings) != job.context:
        text = (
            f"this worker has other software than the batch (discmri {discmri.__version__}); "
            "install the same versions everywhere"
        )
        return StudyOutcome(name, StudyStatus.FAILED, text)
    with locked(job.note.with_suffix(".lock")):
        try:
            files = input_files(job.entry.path, job.settings.masks)
            seen, bytes_read = stamp(files), digest(files)
            before = _read(job)
            if before is None or (before.context, before.digest) != (job.context, bytes_read):
                job.note.unlink(missing_ok=True)
                outcome = _measured(job)
            else:
                outcome = before.outcome(name)
            if stamp(input_files(job.entry.path, job.settings.masks)) == seen:
                _note(job, outcome, seen, bytes_read)
        except UsageError as error:
            return StudyOutcome(name, StudyStatus.FAILED, _reason(error, job))
    return outcome


def _measured(job: StudyJob) -> StudyOutcome:
    request = MeasurementRequest(
        job.entry.path, job.folder, job.settings, job.entry.study_uid, overwrite=True
    )
    try:
        measure_into(request)
    except NothingToMeasureError as error:
        return StudyOutcome(job.entry.name, StudyStatus.NOTHING, _reason(error, job))
    return StudyOutcome(job.entry.name, StudyStatus.MEASURED)


def _note(job: StudyJob, outcome: StudyOutcome, seen: str, bytes_read: str) -> None:
    note = RunRecord(
        job.context, bytes_read, seen, outcome.status.value, outcome.reason, _record(job.folder)
    )
    with atomic_file(job.note) as fresh:
        fresh.write_text(json.dumps(asdict(note), indent=1) + "\n", encoding="utf-8")


def _read(job: StudyJob) -> RunRecord | None:
    """The record of an earlier run, if its results are unchanged."""
    with suppress(OSError, ResultsError):
        note = decoded(job.note.read_bytes(), RunRecord, job.note.name)
        if note.record == _record(job.folder):
            return note
    return None


def _record(folder: Path) -> str:
    total = hashlib.sha256((folder / RECORD).read_bytes())
    table = folder / "discs.csv"
    if table.is_file():
        total.update(table.read_bytes())
    return total.hexdigest()


def _reason(error: Exception, job: StudyJob) -> str:
    return without_folders(str(error), job.entry.path, job.settings.masks, job.root)
