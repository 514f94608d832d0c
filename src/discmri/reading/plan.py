"""What a session is: its cases, its readers, what they may see and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from discmri.core.levels import DiscLevel


class Mode(Enum):
    """What a reader may see; fixed when the session is planned."""

    OPEN = "open"
    """Identity, date and metrics are visible."""
    LOCKED = "locked"
    """Metrics of a disc are shown after it was graded; both states are kept."""
    BLINDED = "blinded"
    """No metrics, no identity, no date; the visits of all subjects are shuffled."""

    @property
    def shows_identity(self) -> bool:
        """Whether subject and date may be shown."""
        return self is not Mode.BLINDED

    def shows_metrics(self, revealed: bool) -> bool:
        """Whether the metrics of a disc may be shown, before or after it was revealed."""
        return self is Mode.OPEN or (self is Mode.LOCKED and revealed)


class Order(Enum):
    """In which order a reader meets the cases."""

    PER_READER = "per-reader"
    """Shuffled, for each reader anew."""
    COMMON = "common"
    """Shuffled once, the same for all readers."""
    AS_GIVEN = "as-given"
    """As the results folders were named."""


@dataclass(frozen=True)
class PlannedDisc:
    """One disc of a case.

    Parameters
    ----------
    level
        Its automatic level: the key under which it is read, whatever a reader calls it.
    label_id
        Its number in ``labels.nii.gz``.
    suggested_grade
        The automatic suggestion, empty where there is none.
    """

    level: DiscLevel
    label_id: int
    suggested_grade: str = ""


@dataclass(frozen=True)
class Case:
    """One measured study.

    Parameters
    ----------
    key
        Name inside the session, such as ``c012``; tells nothing of the subject.
    subject_id, study_uid, study_date, series_uid
        As the results folder has them.
    discs
        Those that were measured, cranial to caudal.
    results, study
        Results folder and images, relative to the plan's root, with ``/``; ``study`` is empty
        where the images were not named.
    results_sha256
        Hash of ``study.json``, which in turn holds those of the other files.
    input_sha256
        Hash of the pixel values of the series that was segmented.
    residual_discs
        Found and not measured: a residual S1-S2 disc.  It is read only where a reader's
        numbering makes a lumbar disc of it.
    """

    key: str
    subject_id: str
    study_uid: str
    study_date: str
    series_uid: str
    discs: tuple[PlannedDisc, ...]
    results: str
    study: str
    results_sha256: str
    input_sha256: str
    residual_discs: tuple[PlannedDisc, ...] = ()

    @property
    def all_discs(self) -> tuple[PlannedDisc, ...]:
        """Measured and residual discs, cranial to caudal."""
        return (*self.discs, *self.residual_discs)

    @property
    def visit(self) -> tuple[str, str, str]:
        """Subject, date and study: what reads are keyed by outside the session."""
        return self.subject_id, self.study_date, self.study_uid


@dataclass(frozen=True)
class Showing:
    """A case as one reader meets it.

    Parameters
    ----------
    case
        Key of the case.
    occasion
        1, or 2 for a hidden repeat.
    """

    case: str
    occasion: int = 1

    @property
    def item(self) -> str:
        """Its name in the rows.

        >>> Showing("c012", 2).item
        'c012.2'
        """
        return f"{self.case}.{self.occasion}"


@dataclass(frozen=True)
class Plan:
    """A session as planned; the first row of the store, sealed like every other.

    Parameters
    ----------
    session_id
        Random name of the session.
    title
        For people; not shown in blinded mode.
    mode, order, seed
        See there.
    repeats
        Share of cases that every reader meets twice, as asked for.
    readers
        Names.
    cases
        In the order they were given.
    sequences
        Per reader, the showings in the order they are met.
    root
        Folder that results and studies are relative to, absolute.
    root_from_session
        The same, relative to the folder of the session's file; empty for a database server.
    practice
        Whether its discs are synthetic and their suggested grades the true ones, to be told after
        each grade.
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
    _by_key: dict[str, Case] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._by_key.update({case.key: case for case in self.cases})

    def case(self, key: str) -> Case:
        """The case with a key."""
        return self._by_key[key]

    def case_of(self, item: str) -> Case:
        """The case of a showing, by the showing's name."""
        return self._by_key[item.rpartition(".")[0]]

    def showings(self, reader: str) -> tuple[Showing, ...]:
        """What a reader meets; for an adjudicator, every case once."""
        return self.sequences.get(reader, tuple(Showing(case.key) for case in self.cases))


def occasion_of(item: str) -> int:
    """1, or 2 for a hidden repeat, from the name of a showing.

    >>> occasion_of("c012.2")
    2
    """
    return int(item.rpartition(".")[2])


def to_content(plan: Plan) -> dict[str, Any]:
    """JSON-like form, as the first row holds it."""
    return {
        "session_id": plan.session_id,
        "title": plan.title,
        "mode": plan.mode.value,
        "order": plan.order.value,
        "seed": plan.seed,
        "repeats": plan.repeats,
        "readers": list(plan.readers),
        "cases": [_case_content(case) for case in plan.cases],
        "sequences": {
            reader: [showing.item for showing in showings]
            for reader, showings in plan.sequences.items()
        },
        "root": plan.root,
        "root_from_session": plan.root_from_session,
    } | ({"practice": True} if plan.practice else {})


def _case_content(case: Case) -> dict[str, Any]:
    names = (
        "key", "subject_id", "study_uid", "study_date", "series_uid", "results", "study",
        "results_sha256", "input_sha256",
    )  # fmt: skip
    content = {name: getattr(case, name) for name in names} | {"discs": _listed(case.discs)}
    if case.residual_discs:  # absent where there is none, as in plans of earlier versions
        content["residual_discs"] = _listed(case.residual_discs)
    return content


def _listed(discs: tuple[PlannedDisc, ...]) -> list[list[Any]]:
    return [[disc.level.value, disc.label_id, disc.suggested_grade] for disc in discs]


def from_content(content: Mapping[str, Any]) -> Plan:
    """The inverse of :func:`to_content`."""
    cases = tuple(
        Case(**one | {name: _planned(one.get(name, ())) for name in ("discs", "residual_discs")})
        for one in content["cases"]
    )
    sequences = {
        reader: tuple(Showing(item.rpartition(".")[0], occasion_of(item)) for item in items)
        for reader, items in content["sequences"].items()
    }
    return Plan(
        session_id=content["session_id"],
        title=content["title"],
        mode=Mode(content["mode"]),
        order=Order(content["order"]),
        seed=content["seed"],
        repeats=content["repeats"],
        readers=tuple(content["readers"]),
        cases=cases,
        sequences=sequences,
        root=content["root"],
        root_from_session=content["root_from_session"],
        practice=content.get("practice", False),
    )


def _planned(listed: Iterable[Sequence[Any]]) -> tuple[PlannedDisc, ...]:
    return tuple(PlannedDisc(DiscLevel(level), number, grade) for level, number, grade in listed)


MODES = tuple(mode.value for mode in Mode)
ORDERS = tuple(order.value for order in Order)
