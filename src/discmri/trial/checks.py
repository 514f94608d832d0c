"""Checks of a trial before anything is measured."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from discmri.core.errors import DiscmriError
from discmri.core.progress import ProgressCallback
from discmri.measurement.recording import without_folders
from discmri.study import read_study
from discmri.study.source import clean_text
from discmri.trial.comparability import Comparability, Difference, ScanPair, differences
from discmri.trial.conditions import Conditions, of_inspection
from discmri.trial.issues import Issue, IssueSeverity
from discmri.trial.plan import RepeatKind, Scan, Trial


@dataclass(frozen=True)
class Inspected:
    """Header data of one scan."""

    scan: Scan
    subject_id: str  # as in the headers, like the next two
    study_uid: str
    study_date: str
    conditions: Conditions


def check_trial(
    trial: Trial, needs_masks: bool = False, progress: ProgressCallback | None = None
) -> list[Issue]:
    """Check the headers of every scan; nothing is measured.

    Parameters
    ----------
    trial
        From :func:`discmri.trial.read_listing`.
    needs_masks
        Whether every scan needs a label map.
    progress
        Called for each scan.

    Returns
    -------
    list of Issue
        Errors, warnings and notes.

    Examples
    --------
    >>> for issue in check_trial(read_trial(Path("trial.csv"))):  # doctest: +SKIP
    ...     print(issue)
    S02, week 12: its label map week12.nii.gz does not exist
    """
    issues: list[Issue] = []
    inspected: dict[str, Inspected] = {}
    scans = trial.scans
    for n, scan in enumerate(scans):
        if progress is not None:
            progress(f"checking {scan.name}", n / len(scans))
        found = _inspect(scan, needs_masks)
        if isinstance(found, Inspected):
            inspected[scan.name] = found
            issues += _own(found)
        else:
            issues += found
    issues += _diffusion(inspected.values())
    issues += _identities(inspected.values())
    issues += _pairs(trial, inspected)
    issues += _repeats(trial)
    return issues


def _inspect(scan: Scan, needs_masks: bool) -> Inspected | list[Issue]:
    problems = []
    if needs_masks and scan.masks is None:
        problems.append("has no label map (column masks)")
    if scan.masks is not None and not scan.masks.is_file():
        problems.append(f"its label map {scan.masks.name} does not exist")
    if not scan.path.exists():
        text = f"its study {clean_text(scan.path)} does not exist; paths are relative to the list"
        return [*(Issue(IssueSeverity.ERROR, scan.name, one) for one in (text, *problems))]
    try:
        study = read_study(scan.path, study_uid=scan.study_uid, threads=1)
        study.target()
    except DiscmriError as error:
        problems.append(without_folders(str(error), scan.path))
    if problems:
        return [Issue(IssueSeverity.ERROR, scan.name, text) for text in problems]
    described = study.describe()
    return Inspected(
        scan, study.subject_id, study.study_uid, study.study_date,
        of_inspection(described, scan.rest_min, scan.rise_h),
    )  # fmt: skip


def _own(found: Inspected) -> Iterator[Issue]:
    scan = found.scan
    if scan.date is not None and found.study_date:
        header = found.study_date
        if scan.date.strftime("%Y%m%d") != header:
            text = f"date {scan.date.isoformat()} in the list, {header} in the headers; correct the list"
            yield Issue(IssueSeverity.WARNING, scan.name, text)


def _diffusion(inspected: Iterable[Inspected]) -> Iterator[Issue]:
    """Scans without ADC; one issue if no scan has any."""
    every = list(inspected)
    without = [one.scan.name for one in every if one.conditions.diffusion is None]
    text = "has no usable diffusion images: no ADC"
    if len(without) == len(every) > 1:
        yield Issue(IssueSeverity.WARNING, "", "no scan has usable diffusion images: no ADC")
        return
    for name in without:
        yield Issue(IssueSeverity.WARNING, name, text)


def _identities(inspected: Iterable[Inspected]) -> Iterator[Issue]:
    by_study: dict[str, list[Inspected]] = defaultdict(list)
    by_patient: dict[str, list[Inspected]] = defaultdict(list)
    by_subject: dict[str, list[Inspected]] = defaultdict(list)
    for one in inspected:
        by_study[one.study_uid].append(one)
        by_patient[one.subject_id].append(one)
        by_subject[one.scan.subject].append(one)
    for same in by_study.values():
        if len(same) > 1:
            names = " and ".join(one.scan.name for one in same)
            text = "are the same examination (same Study Instance UID); correct a path"
            yield Issue(IssueSeverity.ERROR, names, text)
    for patient, same in by_patient.items():
        names_of = sorted({one.scan.subject for one in same})
        if patient and len(names_of) > 1:
            text = f"have the same patient {patient} in the headers; correct a path"
            yield Issue(IssueSeverity.ERROR, f"subjects {' and '.join(names_of)}", text)
    for subject, same in by_subject.items():
        patients = sorted({one.subject_id for one in same})
        if len(patients) > 1:
            text = f"has several patients in the headers: {', '.join(patients)}; check the paths"
            yield Issue(IssueSeverity.WARNING, f"subject {subject}", text)


def _pairs(trial: Trial, inspected: Mapping[str, Inspected]) -> Iterator[Issue]:
    for subject in trial.subjects:
        first = inspected.get(subject.baseline.name)
        if first is None:
            continue
        for scan in subject.scans[1:]:
            later = inspected.get(scan.name)
            if later is None or scan is subject.baseline:
                continue
            for found in differences(ScanPair(first.conditions, later.conditions)):
                yield _issue(found, f"{scan.name} against {subject.baseline.visit}")


def _issue(found: Difference, where: str) -> Issue:
    bad = found.verdict is Comparability.NOT_COMPARABLE
    parts = ", ".join(name.rstrip("_") for name in found.touches)
    text = f"{found.what}: {found.text} → {parts}: {found.verdict.value}"
    return Issue(IssueSeverity.WARNING if bad else IssueSeverity.NOTE, where, text)


def _repeats(trial: Trial) -> Iterator[Issue]:
    from discmri.trial.noise import LEAST_REPEATS

    kinds = [scan.repeat_kind for scan in trial.scans if scan.repeat > 1]
    if kinds.count(RepeatKind.OTHER_DAY) < LEAST_REPEATS:
        counted = ", ".join(f"{kinds.count(kind)} {kind.value}" for kind in RepeatKind)
        text = (
            f"{len(kinds)} repeat scans ({counted}); with {LEAST_REPEATS} or more on another day the "
            "noise band is estimated from the trial, otherwise it includes published figures"
        )
        yield Issue(IssueSeverity.NOTE, "", text)
