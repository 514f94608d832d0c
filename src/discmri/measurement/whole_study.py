"""All steps of a study at once: ``discmri.measure``."""

from __future__ import annotations

from discmri.core.progress import ProgressCallback
from discmri.core.settings import Settings
from discmri.measurement.pipeline import StudySteps
from discmri.results.model import StudyResult
from discmri.study import Study


def measure(
    study: Study, settings: Settings | None = None, progress: ProgressCallback | None = None
) -> StudyResult:
    """Measure every lumbar disc of a study.

    Parameters
    ----------
    study
        From :func:`discmri.read_study`.
    settings
        Default settings if not given.
    progress
        Called before each step with its name and the share that is done, 0 to 1.

    Returns
    -------
    StudyResult
        Values, findings, provenance and images.

    Raises
    ------
    NothingToMeasureError
        If the study has no usable sagittal series, or the series no disc.
    UsageError
        If the segmenter, scheme or height method of the settings does not exist.
    DicomError
        If pixel values cannot be decoded.

    Examples
    --------
    >>> import discmri
    >>> study = discmri.read_study("study_dir")  # doctest: +SKIP
    >>> discmri.measure(study).write("out")  # doctest: +SKIP
    """
    return StudySteps(study, settings or Settings()).measure(progress)
