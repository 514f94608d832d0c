"""The plan of a session: cases, readers, mode and order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any

import msgspec

from discmri.core.levels import DiscLevel


class Mode(Enum):
    """Information that readers may see; fixed when the session is planned."""

    OPEN = "open"
    """Identity, date and measured values are visible."""
    LOCKED = "locked"
    """Measured values of a disc are shown after it was graded; both grades are kept."""
    BLINDED = "blinded"
    """No measured values, identity or date; the visits of all subjects are shuffled."""

    @property
    def shows_identity(self) -> bool:
        """Whether subject and date may be shown."""
        return self is not Mode.BLINDED

    def shows_metrics(self, revealed: bool) -> bool:
        """Whether the measured values of a disc may be shown, before or after the reveal."""
        return self is Mode.OPEN or (self is Mode.LOCKED and revealed)


class Order(Enum):
    """Order of the cases."""

    PER_READER = "per-reader"
    """Shuffled separately for each reader."""
    COMMON = "common"
    """Shuffled once, the same for all readers."""
    AS_GIVEN = "as-given"
    """In the order of the results folders given."""


@dataclass(frozen=True)
class PlannedDisc:
    """One disc of a case."""

    level: DiscLevel  # automatic level, which identifies the disc in all entries
    label_id: int  # label id in `labels.nii.gz`
    suggested_grade: str = ""  # automatic suggestion; empty if missing


@dataclass(frozen=True)
class Case:
    """One measured study."""

    key: str  # neutral name in the session, such as `c012`
    subject_id: str
    study_uid: str
    study_date: str
    series_uid: str
    discs: tuple[PlannedDisc, ...]  # measured discs, cranial to caudal
    results: str  # folder, relative to the root of the plan, with `/`
    study: str  # images, in the same form; empty without images
    results_sha256: str  # hash of `study.json`, which has the hashes of the other files
    input_sha256: str  # hash of the pixels of the segmented series
    # A residual S1-S2 disc, not measured. It is read only if the numbering of a reader makes it a
    # lumbar disc.
    residual_discs: tuple[PlannedDisc, ...] = ()
    # A residual S1-S2 disc that was found within the sacrum: shown, never read, and not counted as
    # the lowest disc.
    remnants: tuple[PlannedDisc, ...] = ()

    @property
    def all_discs(self) -> tuple[PlannedDisc, ...]:
        """Measured and residual discs, cranial to caudal."""
        return (*self.discs, *self.residual_discs)

    @property
    def visit(self) -> tuple[str, str, str]:
        """Subject, date and study: the key of reads outside the session."""
        return self.subject_id, self.study_date, self.study_uid


@dataclass(frozen=True)
class Showing:
    """One presentation of a case to a reader."""

    case: str  # key of the case
    occasion: int = 1  # 1, or 2 for a hidden repeat

    @property
    def item(self) -> str:
        """Name of the presentation in the entries.

        >>> Showing("c012", 2).item
        'c012.2'
        """
        return f"{self.case}.{self.occasion}"


@dataclass(frozen=True)
class Plan:
    """The plan of a session, stored as its first entry.

    Parameters
    ----------
    session_id
        Random identifier of the session.
    title
        Title for display; not shown in blinded mode.
    mode, order, seed
        As in :class:`SessionOptions`.
    repeats
        Requested share of cases that are presented twice to each reader, 0 to 0.5.
    readers
        Names of the readers.
    cases
        Cases in the order of the input.
    sequences
        Presentations in reading order, by reader.
    root
        Absolute folder to which paths of results and studies are relative.
    root_from_session
        This folder relative to that of the session file; empty for a database server.
    practice
        Whether the discs are synthetic; their suggested grades are then the true grades, shown
        after each read.
    """

    session_id: str
    title: str
    mode: Mode
    order: Order
    seed: int
    repeats: float
    readers: tuple[str, ...]
    cases: tuple[Case, ...]
    sequences: Mapping[str, tuple[Showing, ...]]
    root: str
    root_from_session: str = ""
    practice: bool = False

    @cached_property
    def _by_key(self) -> dict[str, Case]:
        return {case.key: case for case in self.cases}

    def case(self, key: str) -> Case:
        """The case with the given key."""
        return self._by_key[key]

    def case_of(self, item: str) -> Case:
        """The case of a presentation."""
        return self._by_key[item.rpartition(".")[0]]

    def showings(self, reader: str) -> tuple[Showing, ...]:
        """Presentations to a reader in order; for an adjudicator, every case once."""
        return self.sequences.get(reader, tuple(Showing(case.key) for case in self.cases))


def occasion_of(item: str) -> int:
    """Occasion of a presentation: 1, or 2 for a hidden repeat.

    >>> occasion_of("c012.2")
    2
    """
    return int(item.rpartition(".")[2])


_DISCS = ("discs", "residual_discs", "remnants")


def to_content(plan: Plan) -> dict[str, Any]:
    """JSON-like form for the first entry."""
    content: dict[str, Any] = msgspec.to_builtins(plan)
    for case in content["cases"]:
        for name in _DISCS:
            case[name] = [list(disc.values()) for disc in case[name]]
            if (
                name != "discs" and not case[name]
            ):  # as in plans of earlier versions, as is practice
                del case[name]
    content["sequences"] = {
        reader: [showing.item for showing in showings]
        for reader, showings in plan.sequences.items()
    }
    if not plan.practice:
        del content["practice"]
    return content


def from_content(content: Mapping[str, Any]) -> Plan:
    """The inverse of :func:`to_content`."""
    cases = tuple(
        Case(**one | {name: _planned(one.get(name, ())) for name in _DISCS})
        for one in content["cases"]
    )
    sequences = {
        reader: tuple(Showing(item.rpartition(".")[0], occasion_of(item)) for item in items)
        for reader, items in content["sequences"].items()
    }
    given = {
        "mode": Mode(content["mode"]),
        "order": Order(content["order"]),
        "readers": tuple(content["readers"]),
        "cases": cases,
        "sequences": sequences,
    }
    return Plan(**{**content, **given})


def _planned(listed: Iterable[Sequence[Any]]) -> tuple[PlannedDisc, ...]:
    return tuple(PlannedDisc(DiscLevel(level), number, grade) for level, number, grade in listed)


MODES = tuple(mode.value for mode in Mode)
ORDERS = tuple(order.value for order in Order)
