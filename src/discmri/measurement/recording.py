"""Measurement of one study into one results folder, or a record of the reason for failure.

Used by ``discmri measure`` and for every study of a cohort.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from discmri.core.deferred import defer_seldom_used, import_pydicom
from discmri.core.errors import (
    NothingToMeasureError,
    ResultsError,
    SessionError,
    UnfinishedError,
    UsageError,
)
from discmri.core.progress import ProgressCallback
from discmri.core.second_process import second_process
from discmri.core.settings import Settings
from discmri.core.text import one_line

if TYPE_CHECKING:
    from discmri.measurement.pipeline import StudySteps
    from discmri.results.model import StudyResult
    from discmri.study import Study
    from discmri.study.deidentify import Pseudonyms

_USED_THERE = (
    "onnxruntime",
    "scipy.ndimage",
    "skimage.measure",
    "discmri.measurement.segment",
    "discmri.measurement.disc_values",
)
"""Modules that the second process imports while the first one reads."""


@dataclass(frozen=True)
class MeasurementRequest:
    """Input, settings and output of one measurement.

    Parameters
    ----------
    path
        A folder, zip or NIfTI file.
    folder
        The results folder.
    settings
        How it is measured.
    study_uid
        The study, if ``path`` holds several.
    overwrite
        Replace the results of an earlier run.
    key
        File with the key of :class:`discmri.study.deidentify.Pseudonyms` to replace names;
        ``None`` to keep them.
    """

    path: Path
    folder: Path
    settings: Settings
    study_uid: str | None = None
    overwrite: bool = False
    key: Path | None = None


def measure_into(
    request: MeasurementRequest,
    progress: ProgressCallback | None = None,
    two_processes: bool = False,
) -> StudyResult:
    """Read, measure and write a study.

    With ``two_processes`` a second process takes part, if the settings allow more than one thread.

    Raises
    ------
    UsageError
        If the request is wrong; nothing is written.
    NothingToMeasureError
        If nothing can be measured; a ``study.json`` with the reason is written.
    """
    defer_seldom_used()
    progress = progress or (lambda _text, _share: None)
    settings = request.settings
    if "dicom" in settings.formats:
        from discmri.results.dicom.read import require_highdicom

        require_highdicom("DICOM objects need highdicom")
    study: Study | None = None
    try:
        progress("reading headers", 0.0)
        more = two_processes and settings.threads > 1
        with second_process(_USED_THERE) if more else nullcontext() as second:
            import_pydicom()
            from discmri.study import read_study

            names = _pseudonyms(request)
            study = read_study(request.path, request.study_uid, settings.threads, names)
            from discmri.measurement.pipeline import StudySteps

            steps = StudySteps(study, settings, second)
            result = _measured(steps, lambda text, at: progress(text, 0.1 + 0.7 * at))
            progress("writing results", 0.8)
            result.write(request.folder, settings.formats, request.overwrite)
    except NothingToMeasureError as error:
        _write_failure(error, study, request)
        raise
    return result


def _pseudonyms(request: MeasurementRequest) -> Pseudonyms | None:
    if request.key is None:
        return None
    from discmri.study.deidentify import Pseudonyms

    return Pseudonyms.read(request.key)


def _measured(steps: StudySteps, progress: ProgressCallback) -> StudyResult:
    """Do all steps: the fit beside segmenting, bias field and alignment beside tracing."""
    from discmri.measurement.pipeline import STEPS

    if steps.settings.threads > 1:
        with ThreadPoolExecutor(2) as executor:
            fit = executor.submit(getattr, steps, "fitted")
            steps.advance("labels", progress)  # required by what follows
            fit.result()
            bias_field = executor.submit(getattr, steps, "bias_corrected")
            diffusion = executor.submit(getattr, steps, "diffusion")
            steps.advance("shapes", progress)
            bias_field.result()
            steps.advance("grades", progress)
            progress(*STEPS["diffusion"])
            diffusion.result()
    return steps.measure(progress)


def describe_error(error: Exception) -> tuple[str, int]:
    """Message and exit code of an error; any unknown type is an internal error.

    >>> describe_error(UsageError("no such option"))
    ('no such option', 2)
    """
    if isinstance(error, UsageError):
        return str(error), 2
    if isinstance(error, (NothingToMeasureError, ResultsError, SessionError)):
        return str(error), 3
    if isinstance(error, UnfinishedError):
        return str(error), 1
    if isinstance(error, OSError):
        what = f"the system reported ({error}); check free space and permissions and run it again"
        return what, 1
    if isinstance(error, MemoryError):
        return f"memory is too small ({error}); give a smaller study or more memory", 1
    what = f"{type(error).__name__}: {error}"
    return f"internal error ({what}); please report it with the output of --debug", 1


def without_folders(message: str, *paths: Path | None) -> str:
    """A message on one line with names instead of whole paths, to hide home folders.

    >>> without_folders("/home/ann/scan holds no MR", Path("/home/ann/scan"))
    'scan holds no MR'
    """
    text = one_line(message)
    for path in paths:
        if path is not None and path.name:
            text = text.replace(one_line(path), one_line(path.name))
    return text


def _write_failure(
    error: NothingToMeasureError, study: Study | None, request: MeasurementRequest
) -> None:
    from discmri.core.findings import Code, Finding, Severity
    from discmri.core.software import versions
    from discmri.results.model import StudyResult
    from discmri.results.provenance import Provenance

    message = without_folders(str(error), request.path, request.settings.masks)
    if request.key is not None:
        message = (
            "nothing could be measured; the reason is in the terminal"
            if study is None
            else (message.replace(request.path.name, "the study"))
        )
    reason = Finding(Code.NOTHING_TO_MEASURE, Severity.ERROR, message)
    noticed = () if study is None else study.findings
    findings = dict.fromkeys((reason, *noticed, *getattr(error, "findings", ())))
    StudyResult(
        subject_id="" if study is None else study.subject_id,
        study_uid="" if study is None else study.study_uid,
        study_date="" if study is None else study.study_date,
        series_uid="",
        records=(),
        numbering=None,
        numbering_probability=None,
        series=() if study is None else tuple(one.describe() for one in study.series),
        findings=tuple(findings),
        provenance=Provenance(versions(), request.settings),
        message=message,
    ).write(request.folder, overwrite=request.overwrite)
