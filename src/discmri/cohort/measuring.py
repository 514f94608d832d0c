"""What a worker does with one study: measure it, unless that has been done already."""

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
"""What the tables of a cohort are made of."""


class StudyStatus(Enum):
    """What became of a study."""

    MEASURED = "measured"
    NOTHING = "nothing_to_measure"
    FAILED = "failed"  # tried again by the next run


@dataclass(frozen=True)
class StudyOutcome:
    """What became of one study.

    Parameters
    ----------
    name
        The study's.
    status
        Measured, or why not.
    reason
        One line, empty where measured.
    """

    name: str
    status: StudyStatus
    reason: str = ""


@dataclass(frozen=True)
class StudyJob:
    """One study to measure, as it travels to a worker.

    Parameters
    ----------
    entry
        The study, with absolute paths.
    settings
        Of this study.
    root
        The cohort's output folder, absolute.
    limits
        What its process may take.
    context
        Hash of settings and software, from :func:`context_of`; a worker must find the same.
    """

    entry: StudyInput
    settings: Settings
    root: Path
    limits: Limits
    context: str

    @property
    def folder(self) -> Path:
        """Where its results go."""
        return self.root / "studies" / self.entry.folder_name

    @property
    def note(self) -> Path:
        """Where it is noted what the results were made of."""
        return self.root / ".batch" / f"{self.entry.folder_name}.json"


@dataclass(frozen=True)
class RunRecord:
    """What results were made of, so that a later run can tell whether they still hold.

    Parameters
    ----------
    context
        Hash of settings and software.
    digest, stamp
        Of the input files.
    status, reason
        What became of the study.
    record
        Hash of the results that tables are made of.
    """

    context: str
    digest: str
    stamp: str
    status: str
    reason: str
    record: str

    def outcome(self, name: str) -> StudyOutcome:
        """What a table says of it."""
        return StudyOutcome(name, StudyStatus(self.status), self.reason)


def context_of(entry: StudyInput, settings: Settings) -> str:
    """Hash of everything but the input's bytes that makes a result what it is."""
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
    """Measure a study in a process of its own; never raises for what a study can do."""
    try:
        return isolated(measure_study, job, job.limits, stop)
    except ProcessEndedError as error:
        return StudyOutcome(job.entry.name, StudyStatus.FAILED, _reason(error, job))


def earlier_outcome(job: StudyJob) -> StudyOutcome | None:
    """What an earlier run made of it, where settings, software and input have not changed."""
    note = _read(job)
    if note is None or note.context != job.context:
        return None
    try:
        unchanged = note.stamp == stamp(input_files(job.entry.path, job.settings.masks))
    except (OSError, DiscmriError):
        return None
    return note.outcome(job.entry.name) if unchanged else None


def measure_study(job: StudyJob) -> StudyOutcome:
    """Measure a study into its folder and note what the results were made of.

    Of two processes that are given the same study, the second waits and finds it done.
    """
    name = job.entry.name
    if context_of(job.entry, job.settings) != job.context:
        text = (
            f"this worker runs other software than the batch was started with (discmri "
            f"{discmri.__version__}); install the same versions everywhere"
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
    """The note of an earlier run, where it can be believed: the results are still there."""
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
