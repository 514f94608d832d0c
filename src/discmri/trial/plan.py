"""The plan of a trial: subjects, visits, scans, treated discs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from functools import cached_property
from pathlib import Path

from discmri.cohort import Cohort, StudyInput
from discmri.core.levels import DiscLevel


class RepeatKind(Enum):
    """Kind of a repeat scan, which determines the part of the noise it shows."""

    SAME_SESSION = "same_session"  # the patient stayed on the table
    SAME_DAY = "same_day"  # got up and was positioned again
    OTHER_DAY = "other_day"


@dataclass(frozen=True)
class Scan:
    """One study of one subject at one visit.

    Parameters
    ----------
    subject, visit
        As in the list.
    path
        Folder, zip or NIfTI file.
    date
        Date of the scan, if listed.
    week
        Weeks since the start of treatment, if listed.
    repeat
        1 for the scan of the visit, 2 or more for repeats.
    repeat_kind
        Kind of a repeat; ``None`` for the scan of the visit.
    rest_min
        Rest before the scan, min, if known.
    rise_h
        Clock time of rising on that day, h, if known.
    study_uid, masks, mask_scheme, lowest_disc
        As in a list of ``discmri batch``.
    line
        Line in the list.
    """

    subject: str
    visit: str
    path: Path
    date: date | None = None
    week: float | None = None
    repeat: int = 1
    repeat_kind: RepeatKind | None = None
    rest_min: float | None = None
    rise_h: float | None = None
    study_uid: str | None = None
    masks: Path | None = None
    mask_scheme: str | None = None
    lowest_disc: DiscLevel | None = None
    line: int = 0

    @property
    def name(self) -> str:
        """Name in tables of studies; unique in a trial.

        >>> Scan("S01", "week 12", Path(), repeat=2).name
        'S01 / week 12 / repeat 2'
        """
        again = f" / repeat {self.repeat}" if self.repeat > 1 else ""
        return f"{self.subject} / {self.visit}{again}"

    @property
    def moment(self) -> tuple[float, float]:
        """Sorting key of the visits of a subject: week if given, then date."""
        day = float(self.date.toordinal()) if self.date else 0.0
        return (day / 7 if self.week is None else self.week, day)

    def entry(self) -> StudyInput:
        """The scan as a study of a cohort."""
        return StudyInput(
            self.name, self.path, self.study_uid, self.masks, self.mask_scheme, self.lowest_disc
        )


@dataclass(frozen=True)
class Subject:
    """One person of a trial.

    Parameters
    ----------
    name
        As in the list.
    scans
        Scans in order of time, repeats last within a visit.
    treated
        Treated discs; may be empty.
    arm
        As in the list; empty without arms.
    """

    name: str
    scans: tuple[Scan, ...]
    treated: tuple[DiscLevel, ...] = ()
    arm: str = ""

    @property
    def first_scans(self) -> tuple[Scan, ...]:
        """One scan per visit, in order, without repeats."""
        return tuple(scan for scan in self.scans if scan.repeat == 1)

    @property
    def baseline(self) -> Scan:
        """The scan of the first visit."""
        return self.first_scans[0]


@dataclass(frozen=True)
class Trial:
    """All subjects of a trial.

    Parameters
    ----------
    subjects
        In the order of the list.
    unused_columns
        Columns of the list that are not used.
    """

    subjects: tuple[Subject, ...]
    unused_columns: tuple[str, ...] = ()
    _known: Mapping[str, Subject] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_known", {one.name: one for one in self.subjects})

    def subject(self, name: str) -> Subject:
        """A subject by name."""
        return self._known[name]

    @property
    def scans(self) -> tuple[Scan, ...]:
        """Scans of all subjects."""
        return tuple(scan for subject in self.subjects for scan in subject.scans)

    @cached_property
    def visits(self) -> tuple[str, ...]:
        """Names of all visits, earliest first."""
        places: dict[str, list[int]] = {}
        for subject in self.subjects:
            for n, scan in enumerate(subject.first_scans):
                places.setdefault(scan.visit, []).append(n)
        weeks = {scan.visit: scan.week for scan in reversed(self.scans) if scan.week is not None}
        return tuple(
            sorted(places, key=lambda v: (weeks.get(v, 0.0), sum(places[v]) / len(places[v])))
        )

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of the arms, in the order of the list."""
        return tuple(dict.fromkeys(subject.arm for subject in self.subjects))

    def cohort(self) -> Cohort:
        """All scans as the studies of a cohort."""
        return Cohort(tuple(scan.entry() for scan in self.scans))
