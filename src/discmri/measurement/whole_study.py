"""Every step of a study at once: ``discmri.measure``."""

from __future__ import annotations

from discmri.core.settings import Settings
from discmri.measurement.pipeline import ProgressCallback, StudySteps
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
        Defaults where not given.
    progress
        Called before each step.

    Returns
    -------
    StudyResult
        Values, findings, provenance and images.

    Raises
    ------
    NothingToMeasureError
        Where the study holds no sagittal series, or the series no disc.
    UsageError
        Where the settings name a segmenter, scheme or height method that does not exist.

    Examples
    --------
    >>> import discmri
    >>> study = discmri.read_study("study_dir")  # doctest: +SKIP
    >>> discmri.measure(study).write("out")  # doctest: +SKIP
    """
    return StudySteps(study, settings or Settings()).measure(progress)
