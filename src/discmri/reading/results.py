"""Access of a session to results folders: discs, measured values and images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from discmri.core.errors import NothingToMeasureError, ResultsError, SessionError, UsageError
from discmri.core.levels import DiscLevel
from discmri.core.quality import DiscQuality
from discmri.reading.entry import sha256
from discmri.reading.plan import Case, PlannedDisc
from discmri.results.document import RECORD
from discmri.results.model import StudyResult
from discmri.results.provenance import Status
from discmri.results.read import from_json
from discmri.results.records import Measurement

if TYPE_CHECKING:
    from discmri.study import Series, Study

_STUDY_NAMES = ("{}/study", "{}", "{}.zip", "{}.nii.gz", "{}.nii")


@dataclass(frozen=True)
class DiscMetrics:
    """Measured values of one disc.

    Parameters
    ----------
    values
        Measurements by parameter name.
    evidence
        JSON-like facts that explain the suggested grade.
    flags
        Codes of warnings about the disc or the whole study.
    quality
        Whether the values can be used; ``None`` if unknown.
    """

    values: Mapping[str, Measurement]
    evidence: Mapping[str, Any] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    quality: DiscQuality | None = None

    def number(self, parameter: str) -> float | None:
        """A numeric value; ``None`` if missing."""
        found = self.values.get(parameter)
        return None if found is None or isinstance(found.value, str) else float(found.value)


def results_folders(paths: list[Path]) -> list[Path]:
    """Find results folders at or below paths.

    Parameters
    ----------
    paths
        Results folders, folders that contain them, or output folders of ``discmri batch``.

    Returns
    -------
    list of Path
        Resolved paths without duplicates, in the order of the input.

    Raises
    ------
    UsageError
        If a path is not a folder, or has no results.

    Examples
    --------
    >>> results_folders([Path("cohort-out/studies")])  # doctest: +SKIP
    [PosixPath('/data/cohort-out/studies/S01'), PosixPath('/data/cohort-out/studies/S02')]
    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            raise UsageError(f"{path} is not a folder; name results folders of discmri measure")
        if (path / RECORD).is_file():
            found.append(path)
            continue
        below = sorted(one.parent for one in path.glob(f"*/{RECORD}"))
        below = below or sorted(one.parent for one in path.glob(f"studies/*/{RECORD}"))  # a batch
        if not below:
            raise UsageError(
                f"{path} has no {RECORD}; give results folders of discmri measure, "
                "or a folder that contains them"
            )
        found += below
    return list(dict.fromkeys(one.resolve() for one in found))


def read_record(folder: Path) -> tuple[StudyResult, str]:
    """The result in a folder and the hash of its ``study.json``; ``SessionError`` if unreadable."""
    try:
        raw = (folder / RECORD).read_bytes()
        return from_json(raw, folder), sha256(raw)
    except (OSError, ResultsError) as error:
        raise SessionError(f"the results in {folder} cannot be used: {error}") from error


def case_of(key: str, folder: Path, relative: str, study: str) -> Case | None:
    """The case of a results folder; ``None`` if nothing was measured.

    ``relative`` and ``study`` are the paths of results and images for the plan.  Raises
    ``SessionError`` if the results cannot be read.
    """
    result, digest = read_record(folder)
    if result.status is not Status.MEASURED:
        return None
    discs = tuple(
        PlannedDisc(one.level, one.level.label_id, str(one.get("suggested_grade") or ""))
        for one in result.records
    )
    residual_discs, remnants = (
        tuple(
            PlannedDisc(one.level, one.level.label_id)
            for one in result.residual_discs
            if one.outlined is outlined
        )
        for outlined in (True, False)
    )
    pixels = {one.series_uid: one.pixels_sha256 for one in reversed(result.provenance.inputs)}
    return Case(
        key=key,
        subject_id=result.subject_id,
        study_uid=result.study_uid,
        study_date=result.study_date,
        series_uid=result.series_uid,
        discs=discs,
        residual_discs=residual_discs,
        remnants=remnants,
        results=relative,
        study=study,
        results_sha256=digest,
        input_sha256=pixels.get(result.series_uid, ""),
    )


def metrics(case: Case, folder: Path) -> dict[DiscLevel, DiscMetrics]:
    """Measured values by automatic level.

    Raises ``SessionError`` if the results are missing or were changed since planning.
    """
    result, digest = read_record(folder)
    if digest != case.results_sha256:
        raise SessionError(
            f"the results in {folder} are not those the session was planned with; "
            "put back the earlier ones or plan a new session"
        )
    return metrics_of(result)


def metrics_of(result: StudyResult) -> dict[DiscLevel, DiscMetrics]:
    """Measured values of a result by automatic level."""
    found = {}
    for one in result.records:
        flags = tuple(sorted({*result.flags(one.level), *result.study_flags}))
        found[one.level] = DiscMetrics(one.values, one.evidence, flags, one.quality)
    return found


def find_study(folder: Path, root: Path) -> Path:
    """Find the images of a results folder by its name.

    Parameters
    ----------
    folder
        Results of ``discmri measure``.
    root
        Folder with the images of all studies.

    Returns
    -------
    Path
        Folder or file of the study.

    Raises
    ------
    UsageError
        If there is no study of that name.

    Examples
    --------
    >>> find_study(Path("discmri-out/study"), Path("sample_phantoms/ge_residual_disc")).name
    'study'
    """
    for pattern in _STUDY_NAMES:
        candidate = root / pattern.format(folder.name)
        if candidate.exists():
            return candidate
    raise UsageError(
        f"{root} has no study named {folder.name}; give the right --study-root, "
        "or a table of results and study folders with --studies"
    )


def find_images(case: Case, path: Path) -> Study:
    """Read the study at a path, and check by its headers that it belongs to the case.

    Raises ``SessionError`` if it is missing or another study.
    """
    from discmri.study import read_study

    try:
        study = read_study(path, study_uid=case.study_uid or None)
    except (OSError, UsageError, NothingToMeasureError) as error:
        raise SessionError(f"the images of a case cannot be read: {error}") from error
    if study.study_uid != case.study_uid or _measured_series(case, study) is None:
        raise SessionError(
            f"{path} does not contain the images that were measured: "
            f"series {case.series_uid} is missing; give the right study"
        )
    return study


def open_images(case: Case, path: Path) -> Study:
    """Read the study at a path, and check that its pixels are the measured ones.

    Raises ``SessionError`` like :func:`find_images`, or if the pixels differ.
    """
    study = find_images(case, path)
    series = _measured_series(case, study)
    if series is not None and study.inputs(series).pixels_sha256 != case.input_sha256:
        raise SessionError(
            f"the pixels in {path} are not those that were measured; restore the images or "
            "measure again and plan a new session"
        )
    return study


def _measured_series(case: Case, study: Study) -> Series | None:
    chosen = study.choice.target
    if chosen is not None and chosen.uid == case.series_uid:
        return chosen
    return next((one for one in study.series if one.uid == case.series_uid), None)
