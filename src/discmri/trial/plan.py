"""A trial as its list says it: subjects, visits, scans, treated discs."""

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
    """How a repeat scan was made, and so which part of the noise it shows."""

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
        Of the scan, where the list says it.
    week
        Since the start of treatment, where the list says it.
    repeat
        1 for the scan of the visit, 2 and up for repeats that show the noise.
    repeat_kind
        How a repeat was made; ``None`` for the scan of the visit.
    rest_min
        Minutes of rest before the scan, where known.
    rise_h
        Clock time of getting up on that day, hours, where known.
    study_uid, masks, mask_scheme, lowest_disc
        As in a list of ``discmri batch``.
    line
        Its line in the list.
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
        """What tables of studies call it; unique in a trial.

        >>> Scan("S01", "week 12", Path(), repeat=2).name
        'S01 / week 12 / repeat 2'
        """
        again = f" / repeat {self.repeat}" if self.repeat > 1 else ""
        return f"{self.subject} / {self.visit}{again}"

    @property
    def moment(self) -> tuple[float, float]:
        """Sorts the visits of a subject: the week where there is one, then the date."""
        day = float(self.date.toordinal()) if self.date else 0.0
        return (day / 7 if self.week is None else self.week, day)

    def entry(self) -> StudyInput:
        """The same as a study of a cohort."""
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
        First visit first; of one visit the repeats come last.
    treated
        Discs that were treated; empty for a control.
    arm
        As in the list; empty where there are none.
    """

    name: str
    scans: tuple[Scan, ...]
    treated: tuple[DiscLevel, ...] = ()
    arm: str = ""

    @property
    def first_scans(self) -> tuple[Scan, ...]:
        """One scan per visit, in order; what changes are measured between."""
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
        """Of all subjects."""
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
