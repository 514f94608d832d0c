"""Registration of the visits of one subject, and pictures.

This reads the images again, in one process per subject.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from discmri.cohort import Limits
from discmri.cohort.isolated import ProcessEndedError, isolated
from discmri.core.levels import DiscLevel
from discmri.core.volume import Volume
from discmri.results.outline import DiscBorder
from discmri.study import read_study
from discmri.trial.pictures import GreyWindow, draw, window_of
from discmri.trial.plan import Scan, Subject
from discmri.trial.registration import Registration, Spine, read_spine, register_visit

ScanFolder = tuple[Scan, Path]
"""A measured scan and its results folder."""


@dataclass(frozen=True)
class SubjectJob:
    """One subject to register."""

    subject: Subject
    scans: tuple[ScanFolder, ...]  # measured scans; the levels of the first one are used for all
    limits: Limits  # limits of the process


@dataclass(frozen=True, eq=False)
class FollowUp:
    """Registrations and pictures of one subject."""

    registrations: Mapping[str, Registration] = field(default_factory=dict)  # by name of the scan
    # PNG, base64, by name of the scan and level at the first visit
    pictures: Mapping[tuple[str, DiscLevel], str] = field(default_factory=dict)
    problem: str = ""  # reason why images could not be read; otherwise empty
    # tilt of slices relative to the first visit from a table, by name of the scan
    tilts_deg: Mapping[str, float] = field(default_factory=dict)


def run_job(job: SubjectJob, stop: threading.Event | None = None) -> FollowUp:
    """Register one subject in its own process; a failure is stored in ``problem``."""
    try:
        return isolated(follow_subject, job, job.limits, stop)
    except ProcessEndedError as error:
        return FollowUp(problem=str(error))


def follow_subject(job: SubjectJob) -> FollowUp:
    """Carry the levels of the first scan to the others and draw the treated discs."""
    scan, _ = job.scans[0]
    first = _opened(job.scans[0])
    names = {disc.level: disc.level for disc in first[0]}
    registrations = {scan.name: Registration(names, np.eye(4), 1.0, 1.0)}
    wanted = _drawn(job.subject, first[0])
    windows = {disc.level: window_of(first[1], first[0], disc) for disc in wanted}
    pictures = _pictures(scan, first, names, wanted, windows)
    for scan_folder in job.scans[1:]:
        scan, _ = scan_folder
        later = _opened(scan_folder)
        registrations[scan.name] = found = register_visit(first, later)
        if scan.repeat == 1:
            pictures |= _pictures(scan, later, found.names, wanted, windows)
    return FollowUp(registrations, pictures)


def _opened(scan_folder: ScanFolder) -> tuple[Spine, Volume]:
    scan, folder = scan_folder
    study = read_study(scan.path, study_uid=scan.study_uid, threads=1)
    return read_spine(folder), study.read(study.target())


def _drawn(subject: Subject, spine: Spine) -> tuple[DiscBorder, ...]:
    """Treated discs; without any, all discs from L1-L2 downwards."""
    lumbar = [disc for disc in spine if disc.level.above.value.startswith("L")]
    return tuple(disc for disc in lumbar if not subject.treated or disc.level in subject.treated)


def _pictures(
    scan: Scan,
    visit: tuple[Spine, Volume],
    names: Mapping[DiscLevel, DiscLevel],
    wanted: tuple[DiscBorder, ...],
    windows: Mapping[DiscLevel, GreyWindow],
) -> dict[tuple[str, DiscLevel], str]:
    spine, image = visit
    here = {names[disc.level]: disc for disc in spine if disc.level in names}
    return {
        (scan.name, first.level): draw(image, spine, here[first.level], first, windows[first.level])
        for first in wanted
        if first.level in here
    }
