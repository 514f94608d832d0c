"""One subject followed from visit to visit: names frozen and carried, pictures drawn.

This part looks at the images again; it runs in a process of its own per subject.
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
from discmri.trial.pictures import Window, draw, window_of
from discmri.trial.plan import Scan, Subject
from discmri.trial.registration import Registration, Spine, read_spine, register_visit

ScanFolder = tuple[Scan, Path]
"""A measured scan whose images are to be looked at again, and its results folder."""


@dataclass(frozen=True)
class SubjectJob:
    """One subject.

    Parameters
    ----------
    subject
        Whom.
    scans
        Measured scans; the first one's names are the subject's.
    limits
        What its process may take.
    """

    subject: Subject
    scans: tuple[ScanFolder, ...]
    limits: Limits


@dataclass(frozen=True, eq=False)
class FollowUp:
    """What was found of a subject's visits.

    Parameters
    ----------
    registrations
        By name of the scan.
    pictures
        PNG, base64, by name of the scan and frozen name of the disc.
    problem
        Why the images could not be looked at; empty where they could.
    tilts_deg
        By name of the scan, where a table says how otherwise its slices cut the spine.
    """

    registrations: Mapping[str, Registration] = field(default_factory=dict)
    pictures: Mapping[tuple[str, DiscLevel], str] = field(default_factory=dict)
    problem: str = ""
    tilts_deg: Mapping[str, float] = field(default_factory=dict)


def run_job(job: SubjectJob, stop: threading.Event | None = None) -> FollowUp:
    """Follow one subject in a process of its own; never raises for what a scan can do."""
    try:
        return isolated(follow_subject, job, job.limits, stop)
    except ProcessEndedError as error:
        return FollowUp(problem=str(error))


def follow_subject(job: SubjectJob) -> FollowUp:
    """Carry the names of the first scan to the others and draw the treated discs."""
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
    """The treated discs; of a control, all from L1-L2 down."""
    lumbar = [disc for disc in spine if disc.level.above.value.startswith("L")]
    return tuple(disc for disc in lumbar if not subject.treated or disc.level in subject.treated)


def _pictures(
    scan: Scan,
    visit: tuple[Spine, Volume],
    names: Mapping[DiscLevel, DiscLevel],
    wanted: tuple[DiscBorder, ...],
    windows: Mapping[DiscLevel, Window],
) -> dict[tuple[str, DiscLevel], str]:
    spine, image = visit
    here = {names[disc.level]: disc for disc in spine if disc.level in names}
    return {
        (scan.name, first.level): draw(image, spine, here[first.level], first, windows[first.level])
        for first in wanted
        if first.level in here
    }
